class Meta(type):
    def __new__(mcls, name, bases, space):
        return super().__new__(mcls, name, bases, space)
    def __call__(cls, *args):
        return super().__call__(*args)
class Thing(metaclass=Meta):
    def __init__(self, n):
        self.n = n
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
class More(Thing):
    pass
print(More(3).n)

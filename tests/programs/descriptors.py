class D:
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, obj, owner=None):
        return self if obj is None else obj.__dict__.get(self.name, 0)
    def __set__(self, obj, value):
        obj.__dict__[self.name] = value * 2
class C:
    d = D()
    def __getattr__(self, name):
        if name == "magic":
            return "yes"
        raise AttributeError(name)
c = C()
c.d = 4
print(c.d, c.magic, hasattr(c, "other"))

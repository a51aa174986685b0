class Base:
    kind = "base"
    def __init__(self, x):
        self.x = x
    def get(self):
        return self.x
    @classmethod
    def make(cls, x):
        return cls(x)
    @staticmethod
    def helper(x):
        return x + 1
    @property
    def double(self):
        return self.x * 2
    @double.setter
    def double(self, value):
        self.x = value // 2
class Child(Base):
    def get(self):
        return super().get() + 100
c = Child.make(5)
c.double = 42
print(c.get(), c.double, Child.helper(1))

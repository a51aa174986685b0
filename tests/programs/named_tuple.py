from collections import namedtuple
P = namedtuple("P", "x y")
class Q(P):
    def length(self):
        return (self.x ** 2 + self.y ** 2) ** 0.5
print(P(1, 2), Q(3, 4).length())

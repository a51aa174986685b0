import dataclasses, enum
@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    def __post_init__(self):
        self.n = self.norm()
    def norm(self):
        return self.x ** 2 + self.y ** 2
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    def describe(self):
        return self.name.lower()
print(Point(3, 4).n, Point(1) == Point(1), Colour.RED.describe())

"""Small objects that call each other: methods, properties, a subclass."""


class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def add(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def scale(self, by):
        return Vector(self.x * by, self.y * by)

    @property
    def square(self):
        return self.x * self.x + self.y * self.y


class Body:
    def __init__(self, name, mass):
        self.name, self.mass = name, mass
        self.place, self.speed = Vector(0.0, 0.0), Vector(1.0, 0.5)

    def move(self, seconds):
        self.place = self.place.add(self.speed.scale(seconds))

    @property
    def energy(self):
        return self.mass * self.speed.square / 2


class Rocket(Body):
    def __init__(self, name, mass, fuel):
        super().__init__(name, mass)
        self.fuel = fuel

    def move(self, seconds):
        if self.fuel > 0:
            self.fuel -= 1
            self.speed = self.speed.scale(1.001)
        super().move(seconds)


def work(n):
    bodies = [Body("stone", 3), Rocket("one", 2, n // 2), Body("moon", 70), Rocket("two", 1, n)]
    energy = 0.0
    for _ in range(n):
        for body in bodies:
            body.move(0.01)
            energy += body.energy
    return energy

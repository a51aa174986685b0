class V:
    def __init__(self, x):
        self.x = x
    def __add__(self, other):
        return V(self.x + other.x)
    def __eq__(self, other):
        return self.x == other.x
    def __hash__(self):
        return hash(self.x)
    def __lt__(self, other):
        return self.x < other.x
    def __repr__(self):
        return f"V({self.x})"
    def __len__(self):
        return self.x
    def __getitem__(self, i):
        if i >= self.x:
            raise IndexError
        return i
    def __contains__(self, i):
        return i == self.x
    def __bool__(self):
        return self.x != 0
print(V(1) + V(2), sorted([V(3), V(1), V(2)]), {V(1): 1}[V(1)], list(V(3)), 4 in V(4), bool(V(0)))

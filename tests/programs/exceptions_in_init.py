class Bad:
    def __init__(self):
        self.step()
    def step(self):
        raise RuntimeError("bad")
try:
    Bad()
except RuntimeError:
    print("not made")

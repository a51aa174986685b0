import contextlib
class Door:
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        return exc[0] is ValueError
with Door():
    raise ValueError
@contextlib.contextmanager
def section(name):
    print("begin", name)
    try:
        yield name
    finally:
        print("end", name)
with section("a") as a, section("b"):
    print(a)
try:
    with section("c"):
        raise KeyError
except KeyError:
    print("key")

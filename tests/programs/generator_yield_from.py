def inner(n):
    got = yield n
    return got * 2
def outer():
    a = yield from inner(1)
    b = yield from inner(2)
    return a + b
g = outer()
print(next(g), g.send(10))
try:
    g.send(20)
except StopIteration as stop:
    print(stop.value)

def count(n):
    for i in range(n):
        yield i
    return "end"
print(list(count(4)))
g = count(2)
print(next(g), next(g))
try:
    next(g)
except StopIteration as stop:
    print(stop.value)

def f(x):
    return x + 1
print([f(x) for x in range(3)], {f(x) for x in range(3)}, {x: f(x) for x in range(3)})
print([[f(x * y) for x in range(2)] for y in range(2)])

def average():
    total, n, mean = 0, 0, None
    while True:
        x = yield mean
        total, n = total + x, n + 1
        mean = total / n
g = average()
next(g)
print([g.send(x) for x in (10, 20, 60)])
g.close()

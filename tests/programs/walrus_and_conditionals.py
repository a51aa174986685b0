def f(x):
    return x % 3
print([y for x in range(6) if (y := f(x))])
print(f(1) or f(2), f(3) and f(4), f(5) if f(6) else f(7))

def f(a, b=2, *args, c, d=4, **kwargs):
    return (a, b, args, c, d, sorted(kwargs))
print(f(1, c=3), f(1, 2, 3, 4, c=5, z=6, y=7))
print(f(*range(4), **{"c": 1}))

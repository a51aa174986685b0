twice = lambda f: lambda x: f(f(x))
print(twice(lambda x: x + 3)(7))
print(sorted([3, 1, 2], key=lambda x: -x))

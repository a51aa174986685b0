def square(x):
    return x * x
print(sum(square(x) for x in range(5)))
print(max((square(x) for x in range(3)), default=None))

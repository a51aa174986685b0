import functools
def add(a, b):
    return a + b
print(functools.reduce(add, range(6)), functools.partial(add, 5)(6))
@functools.lru_cache(maxsize=None)
def slow(n):
    return n * n
print(slow(3), slow(3), slow(4))

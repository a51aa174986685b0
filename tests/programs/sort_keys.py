def key(x):
    return -x
def compare(a, b):
    return a - b
import functools
print(sorted(range(5), key=key), sorted([3, 1, 2], key=functools.cmp_to_key(compare)))
print(list(map(key, range(3))), list(filter(key, range(3))), max([1, 2], key=key))

def key(x):
    if x == 2:
        raise ValueError("no")
    return x
try:
    sorted([3, 2, 1], key=key)
except ValueError:
    print("sorted failed")

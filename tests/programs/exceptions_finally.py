def f(x):
    try:
        if x:
            raise ValueError
        return "return"
    finally:
        g()
def g():
    return None
def swallow():
    try:
        raise ValueError
    finally:
        return "swallowed"
print(f(0))
try:
    f(1)
except ValueError:
    print("raised")
print(swallow())

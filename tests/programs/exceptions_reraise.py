def f():
    try:
        raise ValueError("first")
    except ValueError:
        raise
def g():
    try:
        f()
    except ValueError as error:
        raise error
try:
    g()
except ValueError:
    print("ok")

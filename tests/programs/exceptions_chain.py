def a():
    raise KeyError("a")
def b():
    try:
        a()
    except KeyError as error:
        raise ValueError("b") from error
def c():
    try:
        b()
    except ValueError:
        raise TypeError("c")
try:
    c()
except TypeError as error:
    print(type(error.__context__).__name__, type(error.__context__.__cause__).__name__)

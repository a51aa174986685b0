def check(x):
    assert x > 0, message(x)
def message(x):
    return f"bad {x}"
check(1)
try:
    check(-1)
except AssertionError as error:
    print(error)

import functools
@functools.singledispatch
def show(x):
    return "object"
@show.register(int)
def show_int(x):
    return "int"
@show.register(str)
def show_str(x):
    return "str"
print(show(1), show("a"), show(2.0))

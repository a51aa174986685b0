import functools
def log(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper
def times(n):
    def wrap(f):
        def inner(x):
            return [f(x) for _ in range(n)]
        return inner
    return wrap
@log
@times(3)
def double(x):
    return 2 * x
print(double(4))

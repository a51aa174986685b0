def f(x):
    try:
        y = 10 // x
    except ZeroDivisionError:
        return handle()
    else:
        return use(y)
def handle():
    return "zero"
def use(y):
    return y
print(f(0), f(5))

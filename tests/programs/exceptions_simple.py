def fail(x):
    raise ValueError(x)
def middle(x):
    return fail(x)
for x in range(2):
    try:
        middle(x)
    except ValueError as error:
        print("caught", error)

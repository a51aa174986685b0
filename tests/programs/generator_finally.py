def resource():
    try:
        yield 1
        yield 2
    finally:
        release()
def release():
    print("released")
for x in resource():
    print(x)
    break
g = resource()
next(g)
del g

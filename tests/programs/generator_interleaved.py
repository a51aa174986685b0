def gen(name, n):
    for i in range(n):
        yield name, i
a, b = gen("a", 3), gen("b", 3)
for x in zip(a, b):
    print(x)
del a, b

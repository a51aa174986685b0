out = 0
for i in range(300):
    space = {}
    exec(f"def f{i}(x):\n    return x + {i}", space)
    out += space[f"f{i}"](1)
print(out)

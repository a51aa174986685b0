def f(x):
    return x + 1
exec("def g(x):\n    return f(x) * 2\nprint(g(3))")
print(eval("f(10)"))
code = compile("h = lambda: f(1)\nprint(h())", "made", "exec")
exec(code, {"f": f, "__name__": "made"})

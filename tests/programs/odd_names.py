def ünïcode(α):
    return α
print(ünïcode(1))
space = {"__name__": "weird\ud800name"}
exec(compile("def f():\n    return 1\nf()", "fi\udcffle", "exec"), space)
exec(compile("def f():\n    return 1\nf()", "none", "exec"), {"__name__": 7})
exec(compile("def f():\n    return 1\nf()", "none", "exec"), {})
print("ok")

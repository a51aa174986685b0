def careful():
    while True:
        try:
            yield "ok"
        except ValueError as error:
            yield f"caught {error}"
g = careful()
print(next(g), g.throw(ValueError("x")), next(g))
try:
    g.throw(KeyError("y"))
except KeyError as error:
    print("out", error)

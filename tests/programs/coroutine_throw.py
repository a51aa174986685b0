class Later:
    def __await__(self):
        yield
async def inner():
    try:
        await Later()
    except ValueError:
        return "handled"
async def outer():
    return await inner()
c = outer()
c.send(None)
try:
    c.throw(ValueError())
except StopIteration as stop:
    print(stop.value)

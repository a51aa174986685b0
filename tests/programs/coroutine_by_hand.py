class Later:
    def __await__(self):
        got = yield "asked"
        return got
async def work():
    a = await Later()
    b = await Later()
    return a + b
c = work()
print(c.send(None), c.send(1))
try:
    c.send(2)
except StopIteration as stop:
    print(stop.value)

import threading
def gen():
    yield 1
    yield 2
g = gen()
print(next(g))
def go_on():
    print(next(g))
t = threading.Thread(target=go_on)
t.start()
t.join()
print(list(g))

import threading
barrier = threading.Barrier(3)
def work():
    barrier.wait()
    for i in range(50):
        step(i)
def step(i):
    return i
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")

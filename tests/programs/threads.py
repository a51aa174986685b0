import threading
def work(n, out):
    out[n] = square(n)
def square(n):
    return n * n
out = {}
threads = [threading.Thread(target=work, args=(n, out)) for n in range(4)]
for t in threads:
    t.start()
    t.join()
print(sorted(out.items()))

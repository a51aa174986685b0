# A worker thread ends by an exception, and its work is missing.
# Our own.
import queue
import sys
import threading

threading.excepthook = lambda hook: sys.stderr.write("a thread has ended\n")


def resize(picture):
    width, height = picture["size"]
    return {"name": picture["name"], "ratio": width / height}


def worker(jobs, done):
    while True:
        picture = jobs.get()
        if picture is None:
            return
        done.append(resize(picture))


def main():
    jobs, done = queue.Queue(), []
    for name, size in (("a", (4, 3)), ("b", (5, 0)), ("c", (1, 1)), ("d", (2, 1))):
        jobs.put({"name": name, "size": size})
    jobs.put(None)
    thread = threading.Thread(target=worker, args=(jobs, done), name="resizer")
    thread.start()
    thread.join()
    print("resized", len(done), "of 4")


main()

# question: It resized 1 of 4. Which picture ended the thread?
# record: as by default
# $ relive exc
#   ZeroDivisionError: division by zero
#   resize(picture={'name': 'b', 'size': (5, 0)})
#   it ended thread 2 "resizer"

# A context manager returns a true value from __exit__, and so hides each error.
# Our own.


class Timer:
    def __init__(self):
        self.ticks = 0

    def __enter__(self):
        self.ticks += 1
        return self

    def __exit__(self, kind, error, traceback):
        self.ticks += 1
        return self.ticks


def write(rows, target):
    for row in rows:
        target[row["id"]] = row


def load(rows, target):
    with Timer():
        write(rows, target)
    return len(target)


print("loaded", load([{"id": 1}, {"name": "b"}, {"id": 3}], {}))

# question: load() loads 1 of 3 rows, and says nothing. Why?
# record: --level lines
# $ relive exc
#   KeyError: 'id'
#   row = {'name': 'b'}
#   discarded in __main__:load by the with on line 24

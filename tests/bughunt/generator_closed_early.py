# A generator that is left by a break never runs its last lines.
# Our own.


class Log:
    def __init__(self):
        self.lines = []

    def batches(self, rows, size):
        batch = []
        for row in rows:
            batch.append(row)
            if len(batch) == size:
                yield batch
                batch = []
        self.lines.append(f"rest {batch}")
        yield batch


def first_large(log, rows):
    for batch in log.batches(rows, 2):
        if sum(batch) > 10:
            return batch
    return []


log = Log()
print(first_large(log, [1, 2, 30, 4, 5]), log.lines)

# question: Log.batches() should log the rest, and log.lines is empty. Why?
# record: --level lines
# $ relive frame batches#1
#   14    x2              yield batch
#   ! GeneratorExit came in
#   16            self.lines.append

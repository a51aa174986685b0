# "is" compares objects: it holds for small numbers only.
# Our own.


def read(text):
    return [int(word) for word in text.split()]


def count_changes(before, after):
    changes = 0
    for old, new in zip(before, after):
        if old is not new:
            changes += 1
    return changes


print("changed", count_changes(read("7 100 5000"), read("7 100 5000")))

# question: Nothing changed, and count_changes() finds 1. At which number?
# record: --level lines
# $ relive frame count_changes#1
#   12    x3          if old is not new:
#   13    x1              changes += 1
#   first with changes=0, old=5000, new=5000

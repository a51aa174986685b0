# A generator is read by a check, and is empty when it is read again.
# From a fix of vdirsyncer.


def changed(items, since):
    return (name for name, time in items if time > since)


def count(names):
    return sum(1 for _ in names)


def upload(names, target):
    for name in names:
        target.append(name)
    return len(target)


def synchronize(items, since):
    names = changed(items, since)
    if count(names) == 0:
        return "nothing to do"
    return f"uploaded {upload(names, [])} of {len(items)}"


print(synchronize([("a", 3), ("b", 9), ("c", 8)], since=5))

# question: synchronize() prints "uploaded 0 of 3", and two items are newer than 5. Why?
# record: as by default
# $ relive tree --calls --func synchronize
#   count(names=<generator object changed.<locals>.<genexpr>>) -> 2
#   upload(names=<generator object changed.<locals>.<genexpr>>, target=[]) -> 0

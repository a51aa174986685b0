# zip() ends with the shorter list, so a comparison passes where a value is missing.
# From a fix of seaborn.


def is_close(one, other):
    return abs(one - other) < 0.01


def equal(expected, found):
    return all(is_close(one, other) for one, other in zip(expected, found))


def check(name, expected, found):
    print(name, "passed" if equal(expected, found) else "FAILED")


check("mean", [1.0, 2.0, 3.0], [1.0, 2.0])
check("sum", [6.0], [5.0])

# question: The check "mean" passed, and a value is missing. Why?
# record: as by default
# $ relive tree --calls
#   equal(expected=[1.0, 2.0, 3.0], found=[1.0, 2.0]) -> True
#   is_close(one=2.0, other=2.0) -> True

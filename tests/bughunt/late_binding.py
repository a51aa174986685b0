# Functions made in a loop share its variable, and all see its last value.
# From a fix of mlx-lm.


def make_getters(rows):
    getters = []
    for row in rows:
        getters.append(lambda: row["id"])
    return getters


def checkpoint(rows):
    getters = make_getters(rows)
    saved = []
    for get in getters:
        saved.append(get())
    return saved


print(checkpoint([{"id": 7}, {"id": 8}, {"id": 9}]))

# question: checkpoint() prints [9, 9, 9] and not [7, 8, 9]. Why?
# record: --level lines
# $ relive tree --calls
#   make_getters.<locals>.<lambda>() -> 9
# $ relive line late_binding.py:8
#   row={'id': 7}
#   make_getters.<locals>.<lambda>  row={'id': 9}

# The number of pages is rounded down, so the last rows are on none.
# Our own.


def page_count(rows, size):
    return rows // size


def page(rows, number, size):
    return rows[(number - 1) * size : number * size]


def show_all(rows, size):
    shown = []
    for number in range(1, page_count(len(rows), size) + 1):
        shown += page(rows, number, size)
    return shown


rows = [f"row {number}" for number in range(1, 8)]
print(len(show_all(rows, 3)), "of", len(rows))

# question: show_all() shows 6 of 7 rows. Why not all?
# record: as by default
# $ relive tree --calls --func show_all
#   page_count(rows=7, size=3) -> 2

# An except clause for one bad row hides the misspelt name of a column.
# Our own.


def amount(row):
    return row["count"] * row["prize"]


def total(rows):
    found = 0
    for row in rows:
        try:
            found += amount(row)
        except Exception:
            continue
    return found


print("total", total([{"count": 2, "price": 5}, {"count": 1, "price": 20}]))

# question: The total is 0 and should be 30. Why?
# record: --level lines
# $ relive exc
#   KeyError: 'prize'
#   amount(row={'count': 2, 'price': 5})
#   caught in __main__:total at swallowed_exception.py:14

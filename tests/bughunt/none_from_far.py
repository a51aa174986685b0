# A function that returns nothing for one case fails far away from there.
# Our own.

RATES = {"cup": 20, "tea": 7}


def rate(item):
    if item["kind"] in RATES:
        return RATES[item["kind"]]


def prepare(items):
    return [{"name": item["name"], "rate": rate(item)} for item in items]


def taxes(rows):
    return [row["rate"] * 2 for row in rows]


def main():
    rows = prepare([{"name": "mug", "kind": "cup"}, {"name": "mint", "kind": "herb"}])
    print(taxes(rows))


main()

# question: It ends with "TypeError: unsupported operand type(s)". Where does the None come from?
# record: as by default
# $ relive why
#   taxes(rows=[{'name': 'mug', 'rate': 20}, {'name': 'mint', 'rate': None}])
#   rate(item={'name': 'mint', 'kind': 'herb'})
#   rate -> None

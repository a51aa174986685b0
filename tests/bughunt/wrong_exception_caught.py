# A missing entry is expected, and an error inside of the reader looks the same.
# Our own.


def read_rate(table, currency):
    row = table[currency]
    return row["rate"] / row["per"]


def convert(amount, table, currency):
    try:
        rate = read_rate(table, currency)
    except KeyError:
        rate = 1.0
    return amount * rate


table = {"EUR": {"rate": 1.1, "per": 1}, "JPY": {"rate": 0.7, "Per": 100}}
for currency in ("EUR", "JPY"):
    print(currency, round(convert(100, table, currency), 2))

# question: 100 JPY are 100.0, as if there was no rate. Why?
# record: --level lines
# $ relive exc
#   KeyError: 'per'
#   read_rate(
#   row = {'rate': 0.7, 'Per': 100}
#   caught in __main__:convert

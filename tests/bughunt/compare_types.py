# A number from a form is a text, and equal to no number.
# Our own.


def parse_form(text):
    return dict(pair.split("=") for pair in text.split("&"))


def find(orders, number):
    for order in orders:
        if order["number"] == number:
            return order
    return None


def answer(orders, query):
    order = find(orders, parse_form(query)["number"])
    return order["state"] if order else "no such order"


print(answer([{"number": 17, "state": "sent"}, {"number": 18, "state": "open"}], "number=18"))

# question: Order 18 is there, and the answer is "no such order". Why?
# record: as by default
# $ relive tree --calls
#   find(...{'number': 18, 'state': 'open'}], number='18') -> None

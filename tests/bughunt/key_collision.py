# Two parts are joined without a separator, so two orders have one key.
# Our own.


def key(customer, number):
    return f"{customer}{number}"


class Book:
    def __init__(self):
        self.orders = {}

    def add(self, customer, number, amount):
        self.orders[key(customer, number)] = amount


def main():
    book = Book()
    for customer, number, amount in ((1, 23, 50), (2, 1, 10), (12, 3, 70)):
        book.add(customer, number, amount)
    print(len(book.orders), "orders, sum", sum(book.orders.values()))


main()

# question: Three orders of 50, 10 and 70 were added, and the sum is 80. Where is 50?
# record: as by default
# $ relive tree --calls
#   key(customer=1, number=23) -> '123'
#   key(customer=12, number=3) -> '123'

# An AttributeError inside of a property falls through to __getattr__, which names the property.
# From a fix of elasticsearch-dsl.


class Document:
    def __init__(self, **fields):
        self._fields = fields

    def __getattr__(self, name):
        if name in self._fields:
            return self._fields[name]
        raise AttributeError(f"no field {name}")


class Order(Document):
    @property
    def total(self):
        return sum(line.prise for line in self.lines)


class Line(Document):
    pass


def report(orders):
    for order in orders:
        print(order.number, getattr(order, "total", "unknown"))


report([Order(number=1, lines=[Line(price=5), Line(price=7)])])

# question: The total of order 1 is printed as "unknown". Why, as Order has a property total?
# record: --level lines
# $ relive exc
#   AttributeError: no field prise
#   Order.total(self=Order(
#   line = Line(_fields={'price': 5})

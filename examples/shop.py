"""A small shop: three orders, one of which goes wrong."""


class OutOfStock(Exception):
    """There is not enough of it."""


STOCK = {"tea": 10, "cup": 2, "spoon": 40}
PRICES = {"tea": 4.5, "cup": 12.0, "spoon": 2.25}


def price(item, count):
    return PRICES[item] * count


def take(item, count):
    if STOCK[item] < count:
        raise OutOfStock(item)
    STOCK[item] -= count


def discount(total):
    return total * 0.9 if total > 50 else total


def order(lines):
    total = 0.0
    for item, count in lines:
        take(item, count)
        total += price(item, count)
    return discount(total)


def main():
    orders = [
        [("tea", 2), ("spoon", 6)],
        [("cup", 1), ("tea", 9)],
        [("cup", 1)],
    ]
    for number, lines in enumerate(orders, 1):
        try:
            print(f"order {number}: {order(lines):.2f}")
        except OutOfStock as error:
            print(f"order {number}: sorry, not enough of {error}")


if __name__ == "__main__":
    main()

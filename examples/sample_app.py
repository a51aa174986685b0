"""A small shop with a login: what `examples/filters/dev.toml` is shown on."""

import json


class User:
    def __init__(self, name, password):
        self.name = name
        self.password = password
        self.orders = []


def login(name, password):
    """Answers a token for a user."""
    user = User(name, password)
    token = "tok-" + password[::-1]
    return user, token


def price(item, count):
    return {"apple": 3, "pear": 4}.get(item, 9) * count


def order(user, item, count, card):
    total = price(item, count)
    user.orders.append({"item": item, "count": count, "card": card})
    note = f"paid with {card}"
    if total > 50:
        raise ValueError(f"too much for {card}")
    return total, note


def debug_dump(user):
    return json.dumps([order["item"] for order in user.orders])


def main():
    user, token = login("ada", "correct horse battery")
    for item, count in (("apple", 2), ("pear", 1), ("melon", 9)):
        try:
            order(user, item, count, "4111 1111 1111 1111")
        except ValueError as error:
            print("refused:", type(error).__name__)
    print(debug_dump(user), len(token))


if __name__ == "__main__":
    main()

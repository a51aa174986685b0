"""The program of verbs-1.relive, the golden recording from which each verb has an answer here."""

import threading


class Cart:
    limit = 3

    def __init__(self):
        self.items = []

    def add(self, name, price):
        self.items.append((name, price))
        return len(self.items)


def total(cart, rate):
    found = 0
    for _, price in cart.items:
        found += price
    if rate > 1:
        raise ValueError(f"rate {rate}")
    return found + found * rate


def order(names, rate):
    cart = Cart()
    for number, name in enumerate(names):
        cart.add(name, number * 10)
    try:
        return total(cart, rate)
    except ValueError:
        print("refused", rate)
        return None


def serve(rate):
    print("total", order(["tea", "milk", "rice"], rate))


worker = threading.Thread(target=serve, args=(0.5,), name="worker")
worker.start()
worker.join()
serve(0)
serve(2)
total(Cart(), 3)

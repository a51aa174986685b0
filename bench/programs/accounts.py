"""Objects that hold lists."""


class Account:
    def __init__(self, name):
        self.name, self.balance, self.log = name, 0, []

    def post(self, amount, note):
        self.balance += amount
        self.log.append((note, amount, self.balance))
        return self.balance


def work(n):
    accounts = [Account("a" + str(i)) for i in range(10)]
    for i in range(n):
        accounts[i % 10].post(i, "note")

# Two threads read a balance, and each writes its own sum: one payment is lost.
# Our own.
import threading


class Account:
    def __init__(self):
        self.balance = 100
        self.both_read = threading.Barrier(2)

    def read(self):
        balance = self.balance
        self.both_read.wait()
        return balance

    def write(self, balance):
        self.balance = balance


def pay_in(account, amount):
    before = account.read()
    account.write(before + amount)


def main():
    account = Account()
    threads = [threading.Thread(target=pay_in, args=(account, amount)) for amount in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("all paid in" if account.balance == 130 else "a payment is lost")


main()

# question: 10 and 20 are paid in to a balance of 100, and "a payment is lost". How?
# record: as by default
# $ relive tree --calls
#   Account.read(self=Account(balance=100, both_read=<threading.Barrier>)) -> 100
#   Account.write(self=Account(balance=..., both_read=<threading.Barrier>), balance=110)

# A sum of decimal fractions is compared for equality.
# Our own.


class Account:
    def __init__(self):
        self.balance = 0.0

    def pay_in(self, amount):
        self.balance += amount

    def is_settled(self, due):
        return self.balance == due


def settle(amounts, due):
    account = Account()
    for amount in amounts:
        account.pay_in(amount)
    return "settled" if account.is_settled(due) else "still due"


print(settle([0.1, 0.2, 0.3], due=0.6))
print(settle([0.5, 0.25], due=0.75))

# question: 0.1, 0.2 and 0.3 were paid in, and 0.6 is "still due". Why?
# record: --level lines
# $ relive tree --calls
#   Account.is_settled(self=Account(balance=0.6000000000000001), due=0.6) -> False

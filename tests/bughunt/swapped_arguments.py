# Two arguments of one type are handed over in the wrong order.
# From a fix of chanjo.


class Accounts:
    def __init__(self, **balances):
        self.balances = balances

    def transfer(self, source, target, amount):
        self.balances[source] -= amount
        self.balances[target] += amount


def pay(accounts, buyer, seller, amount):
    accounts.transfer(seller, buyer, amount)


accounts = Accounts(ann=100, shop=500)
pay(accounts, "ann", "shop", 30)
print(accounts.balances)

# question: ann bought something for 30 and has 130 now. Why?
# record: as by default
# $ relive tree --calls
#   pay(accounts=..., buyer='ann', seller='shop', amount=30)
#   Accounts.transfer(self=..., source='shop', target='ann', amount=30)

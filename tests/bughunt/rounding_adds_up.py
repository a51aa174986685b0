# Each line is rounded before the sum.
# Our own.


def tax(cents):
    return round(cents * 0.07)


def invoice(prices):
    total = 0
    for price in prices:
        total += tax(price)
    return total


print("tax", invoice([7] * 10), "and not", round(70 * 0.07))

# question: The tax of invoice() is 0 and not 5. Where is it lost?
# record: as by default
# $ relive tree --calls --func invoice
#   tax(cents=7) -> 0

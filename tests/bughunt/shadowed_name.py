# An inner loop uses the name of the outer loop's limit.
# Our own.

PRICES = {"tea": [(10, 3), (50, 2)], "cup": [(5, 9)]}


def price(item, count):
    cost = 0
    for count_from, each in PRICES[item]:
        if count >= count_from:
            cost = each
    return cost


def invoice(lines, limit):
    accepted = []
    for item, count in lines:
        for limit, _ in PRICES[item]:
            if count >= limit:
                accepted.append((item, count))
                break
        if len(accepted) >= limit:
            break
    return sum(price(item, count) * count for item, count in accepted)


print("to pay", invoice([("cup", 5), ("tea", 50), ("cup", 6), ("cup", 7), ("cup", 8)], limit=3))

# question: invoice() has a limit of 3 lines, and "to pay" is that of 5. Where did the limit change?
# record: --level lines
# $ relive history invoice limit
#   3  at the call
#   5  shadowed_name.py:18 > for limit, _ in PRICES[item]:

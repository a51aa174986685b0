# A local day is compared with a day in UTC.
# Our own.
import datetime

UTC = datetime.timezone.utc
WEST = datetime.timezone(datetime.timedelta(hours=-8))


def day_of(order):
    return order["time"].date()


def orders_of(orders, day):
    return [order["number"] for order in orders if day_of(order) == day]


def order(number, *when):
    return {"number": number, "time": datetime.datetime(*when, tzinfo=WEST).astimezone(UTC)}


orders = [order(1, 2024, 3, 31, 9, 0), order(2, 2024, 3, 31, 18, 30)]
print(orders_of(orders, datetime.date(2024, 3, 31)))

# question: Both orders are of March 31, and orders_of() finds only the first. Why?
# record: as by default
# $ relive tree --calls --func orders_of
#   day_of(order={'number': 2, ...) -> datetime.date(2024, 4, 1)

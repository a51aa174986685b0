# The stock is kept under clean names, and asked for under a name with a space.
# Our own.


def normalise(name):
    return name.lower()


class Stock:
    def __init__(self):
        self.counts = {}

    def add(self, name, count):
        name = normalise(name.strip())
        self.counts[name] = self.counts.get(name, 0) + count

    def get(self, name):
        return self.counts.get(normalise(name), 0)


def main():
    stock = Stock()
    for line in "Tea;5\nCup ;3".splitlines():
        name, count = line.split(";")
        stock.add(name, int(count))
    for line in "tea\ncup ".splitlines():
        print(line, stock.get(line))


main()

# question: Three cups were added, and get() answers 0 for "cup ". Why?
# record: as by default
# $ relive tree --calls
#   Stock.add(self=Stock(counts={'tea': 5}), name='Cup ', count=3)
#   normalise(name='Cup') -> 'cup'
#   normalise(name='cup ') -> 'cup '

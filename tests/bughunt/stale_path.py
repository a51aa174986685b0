# A value that is computed once does not follow the name that it was computed from.
# From a fix of datalad-next.


class Item:
    def __init__(self, name):
        self.name = name
        self._path = None

    @property
    def path(self):
        if self._path is None:
            self._path = "/data/" + self.name
        return self._path


def rename(item, name):
    item.name = name


def save(item, disk):
    disk[item.path] = item.name


def main():
    disk = {}
    item = Item("draft")
    save(item, disk)
    rename(item, "final")
    save(item, disk)
    print(disk)


main()

# question: The item "final" is saved as /data/draft. Why?
# record: --level lines
# $ relive tree --calls
#   Item.path(self=Item(name='final', _path='/data/draft')) -> '/data/draft'

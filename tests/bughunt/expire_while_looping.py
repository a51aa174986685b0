# A store drops expired entries from the dict that it walks over.
# From a fix of mitmproxy.


class Store:
    def __init__(self):
        self.entries = {}
        self.now = 0

    def put(self, name, lifetime):
        self.now += 1
        self.entries[name] = self.now + lifetime
        self.expire()

    def expire(self):
        for name, until in self.entries.items():
            if until <= self.now:
                del self.entries[name]


def main():
    store = Store()
    for name, lifetime in (("a", 9), ("b", 2), ("c", 1), ("d", 9), ("e", 9)):
        store.put(name, lifetime)
    print(len(store.entries), "entries")


main()

# question: It ends with "RuntimeError: dictionary changed size during iteration". Which entry
#   was dropped, and at which put()?
# record: --level lines
# $ relive exc
#   Store.put(self=Store(entries={'a': 10, 'b': 4, 'c': 4}, now=3), name='d', lifetime=9)
#   name = 'b'

# A cache takes a default of 0 for "no default", so two different calls have one key.
# From a fix of Flask-Caching.
import inspect


class Cache:
    def __init__(self):
        self.known = {}

    def key(self, function, arguments):
        parts = []
        for name, parameter in inspect.signature(function).parameters.items():
            default = parameter.default
            if name in arguments:
                parts.append((name, arguments[name]))
            elif default and default is not inspect.Parameter.empty:
                parts.append((name, default))
            else:
                parts.append((name, None))
        return tuple(parts)

    def call(self, function, **arguments):
        key = self.key(function, arguments)
        if key not in self.known:
            self.known[key] = function(**arguments)
        return self.known[key]


def price(cents, discount=0):
    return "on request" if discount is None else cents - discount


cache = Cache()
print("with discount None:", cache.call(price, cents=500, discount=None))
print("without discount:", cache.call(price, cents=500))

# question: "without discount" prints "on request" and not 500. Why, as price() has a default?
# record: as by default
# $ relive tree --calls
#   arguments={'cents': 500, 'discount': None}) -> (('cents', 500), ('discount', None))
#   arguments={'cents': 500}) -> (('cents', 500), ('discount', None))

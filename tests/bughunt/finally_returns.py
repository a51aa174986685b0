# A return in a finally block discards whatever was raised.
# From a fix of pyeapi.


def load_section(config, name):
    return {key: int(value) for key, value in config[name].items()}


def load(config, name, default):
    section = dict(default)
    try:
        section.update(load_section(config, name))
    finally:
        return section


def main():
    config = {"server": {"port": "8080"}, "pool": {"size": "2O"}}
    for name in ("server", "pool"):
        print(name, load(config, name, {"port": 80, "size": 1}))


main()

# question: The pool has size 1 and not 20, and no error was printed. Why?
# record: --level lines
# $ relive exc
#   ValueError: invalid literal for int() with base 10: '2O'
#   discarded in __main__:load by the return on line 14

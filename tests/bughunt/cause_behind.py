# The error that ends the program says little; its cause says all.
# Our own.


class ConfigError(Exception):
    pass


def parse(line):
    name, value = line.split("=")
    return name.strip(), int(value)


def load(lines):
    found = {}
    for line in lines:
        try:
            name, value = parse(line)
        except ValueError as error:
            raise ConfigError("the configuration cannot be read") from error
        found[name] = value
    return found


def main():
    load(["port = 80", "workers = 4", "timeout = 3=0", "size = 1"])


main()

# question: It ends with "ConfigError: the configuration cannot be read". Which line is wrong?
# record: --level lines
# $ relive exc
#   because of exception 2, ValueError: too many values to unpack
#   parse(line='timeout = 3=0')

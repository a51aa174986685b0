# A copy of nested defaults is shallow: what one section sets is a default for the next.
# From a fix of circus.

DEFAULTS = {"workers": 1, "env": {"PATH": "/bin"}}


def read_section(name, options):
    section = DEFAULTS.copy()
    for key, value in options.items():
        if key.startswith("env."):
            section["env"][key[4:]] = value
        else:
            section[key] = value
    return section


def main():
    web = read_section("web", {"workers": 4, "env.DEBUG": "1"})
    mail = read_section("mail", {"workers": 2})
    print("web", web)
    print("mail", mail)


main()

# question: Why has mail an env with DEBUG, which only web sets?
# record: --level lines
# $ relive tree --calls
#   read_section(name='mail', ...) -> {'workers': 2, 'env': {'PATH': '/bin', 'DEBUG': '1'}}
# $ relive frame read_section#1
#   8    x1      section = DEFAULTS.copy()
#   11    x1              section["env"][key[4:]] = value

"""Programs whose origins are known, since whoever writes a line writes down what it means.

A `Writer` appends statements to a text. With each it notes the way of the value that it binds: the
hops (how, line) back to where it came from, and the end."""

HEAD = """\
class Thing:
    def __init__(self):
        self.mark = None

class Box:
    def __init__(self, held=None):
        self.held = held
    def get(self):
        return self.held
    def put(self, thing):
        self.held = thing
    def __enter__(self):
        return self.held
    def __exit__(self, *how):
        return None
    @property
    def inside(self):
        return self.held

def same(thing):
    return thing

def twice(first, second=None, *, third=None):
    kept = first
    passed = same(kept)
    return passed

def pair(one, two):
    return one, two

def choose(one, two):
    if one is None:
        return two
    return one

def each(things):
    for thing in things:
        yield thing

async def later(thing):
    return thing

COUNT = 70000

def main():
"""
LINES = HEAD.splitlines()


def line_of(text):
    return LINES.index(text) + 1


GET, PUT, ENTER, SAME = 9, 11, 13, line_of("    return thing")
INSIDE = LINES.index("    def inside(self):") + 2
HELD = line_of("        self.held = held")
KEPT, PASSED = line_of("    kept = first"), line_of("    passed = same(kept)")
RETURN_PASSED = line_of("    return passed")
PAIR = line_of("    return one, two")
NAMES = ("v1", "v2", "v3")
EACH = line_of("        yield thing")
FOR_EACH = line_of("    for thing in things:")


class Writer:
    """A program that grows, and its questions: (name, line before which it is bound, hops, end).
    Few names hold objects, since the recorder compares eight of them at each line."""

    def __init__(self, random):
        self.random, self.lines, self.ways = random, list(LINES), {}
        self.questions, self.count = [], 0

    @property
    def text(self):
        return "\n".join([*self.lines, "    return None", "", "main()", ""])

    def put(self, text):
        """Appends a line of main(), and returns its number."""
        self.lines.append("    " + text)
        return len(self.lines)

    def name(self, prefix="v"):
        """A name for what is bound next: another one than that of any()."""
        if prefix != "v":
            return prefix
        self.count += 1
        return self.random.choice([name for name in NAMES if name != self.other])

    def know(self, name, hops, end, is_thing=True):
        if is_thing:
            self.ways[name] = (hops, end)
        self.questions.append((name, len(self.lines) + 1, hops, end))
        return name

    def any(self):
        """A name that holds a Thing, and its way."""
        self.other = self.random.choice(sorted(self.ways))
        return self.other, self.ways[self.other]

    # ---- statements ----

    def make(self):
        self.other = None
        name = self.name()
        line = self.put(f"{name} = Thing()")
        return self.know(name, [("bound", line)], "created")

    def alias(self):
        other, (hops, end) = self.any()
        name = self.name()
        line = self.put(f"{name} = {other}")
        self.know(name, [("bound", line), *hops], end)

    def unpack(self):
        two, _ = self.any()
        one, (hops, end) = self.any()
        name, rest = self.name(), self.name("rest")
        line = self.put(f"{name}, {rest} = {one}, {two}")
        self.know(name, [("bound", line), *hops], end)

    def call(self):
        other, (hops, end) = self.any()
        name = self.name()
        line = self.put(f"{name} = same({other})")
        self.know(name, [("bound", line), ("result", SAME), ("argument", line), *hops], end)

    def call_named(self):
        other, (hops, end) = self.any()
        name = self.name()
        line = self.put(f"{name} = twice(second=None, first={other})")
        way = [("bound", line), ("result", RETURN_PASSED), ("bound", PASSED), ("result", SAME),
               ("argument", PASSED), ("bound", KEPT), ("argument", line), *hops]  # fmt: skip
        self.know(name, way, end)

    def call_over_lines(self):
        other, (hops, end) = self.any()
        name = self.name()
        first = self.put(f"{name} = same(")
        self.put(f"    {other}")
        self.put(")")
        way = [("bound", first), ("result", SAME), ("argument", first), *hops]
        self.know(name, way, end)

    def unpack_result(self):
        one, _ = self.any()
        two, (hops, end) = self.any()
        name, rest = self.name(), self.name("rest")
        line = self.put(f"{rest}, {name} = pair({one}, {two})")
        way = [("bound", line), ("result", PAIR), ("argument", line), *hops]
        self.know(name, way, end)

    def attribute(self):
        other, (hops, end) = self.any()
        box, name = self.name("box"), self.name()
        self.put(f"{box} = Box()")
        stored = self.put(f"{box}.held = {other}")
        line = self.put(f"{name} = {box}.held")
        self.know(name, [("bound", line), ("attribute", stored), *hops], end)

    def made_with(self):
        other, (hops, end) = self.any()
        box, name = self.name("box"), self.name()
        made = self.put(f"{box} = Box({other})")
        line = self.put(f"{name} = {box}.held")
        way = [("bound", line), ("attribute", HELD), ("argument", made), *hops]
        self.know(name, way, end)

    def method(self):
        other, (hops, end) = self.any()
        box, name = self.name("box"), self.name()
        self.put(f"{box} = Box()")
        stored = self.put(f"{box}.put({other})")
        line = self.put(f"{name} = {box}.get()")
        way = [("bound", line), ("result", GET), ("attribute", PUT), ("argument", stored), *hops]
        self.know(name, way, end)

    def getter(self):
        other, (hops, end) = self.any()
        box, name = self.name("box"), self.name()
        self.put(f"{box} = Box()")
        stored = self.put(f"{box}.held = {other}")
        line = self.put(f"{name} = {box}.inside")
        way = [("bound", line), ("result", INSIDE), ("attribute", stored), *hops]
        self.know(name, way, end)

    def with_block(self):
        other, (hops, end) = self.any()
        box, name = self.name("box"), self.name()
        made = self.put(f"{box} = Box({other})")
        line = self.put(f"with {box} as {name}:")
        self.put("    pass")
        way = [("bound", line), ("result", ENTER), ("attribute", HELD), ("argument", made), *hops]
        self.know(name, way, end)

    def item(self):
        other, (hops, end) = self.any()
        items, name = self.name("items"), self.name()
        self.put(f"{items} = [None, None]")
        stored = self.put(f"{items}[1] = {other}")
        line = self.put(f"{name} = {items}[1]")
        self.know(name, [("bound", line), ("item", stored), *hops], end)

    def key(self):
        other, (hops, end) = self.any()
        items, name = self.name("items"), self.name()
        stored = self.put(f"{items} = {{'a': None, 'b': {other}}}")
        line = self.put(f"{name} = {items}['b']")
        self.know(name, [("bound", line), ("item", stored), *hops], end)

    def appended(self):
        other, (hops, end) = self.any()
        items, name = self.name("items"), self.name()
        self.put(f"{items} = []")
        stored = self.put(f"{items}.append({other})")
        line = self.put(f"{name} = {items}[0]")
        self.know(name, [("bound", line), ("item", stored), *hops], end)

    def loop(self):
        other, (hops, end) = self.any()
        items, name = self.name("items"), self.name()
        stored = self.put(f"{items} = [None, {other}]")
        line = self.put(f"for {name} in {items}:")
        self.put("    pass")
        self.know(name, [("bound", line), ("item", stored), *hops], end)

    def yielded(self):
        other, (hops, end) = self.any()
        items, name = self.name("items"), self.name()
        stored = self.put(f"{items} = [{other}]")
        line = self.put(f"for {name} in each({items}):")
        self.put("    pass")
        way = [("bound", line), ("yielded", EACH), ("bound", FOR_EACH), ("item", stored), *hops]
        self.know(name, way, end)

    def chosen(self):
        other, (hops, end) = self.any()
        name, none = self.name(), self.name("none")
        self.put(f"{none} = None")
        line = self.put(f"{name} = {none} or {other}")
        self.know(name, [("bound", line), *hops], end)

    def bound_again(self):
        other, (hops, end) = self.any()
        name = self.name()
        self.put(f"{name} = {other}")
        self.put(f"{name} = {other}")
        line = self.put(f"{name} = {other}")
        self.know(name, [("bound", line), *hops], end)

    def number(self):
        name, again = self.name("n"), self.name("m")
        value = self.random.choice([1, 7, 300, 12345])
        line = self.put(f"{name} = {value}")
        copied = self.put(f"{again} = {name}")
        self.know(again, [("bound", copied), ("bound", line)], "literal", False)

    def of_module(self):
        name = self.name("n")
        line = self.put(f"{name} = COUNT")
        where = line_of("COUNT = 70000")
        self.know(name, [("bound", line), ("bound", where)], "literal", False)

    def computed(self):
        other, name = self.name("n"), self.name("m")
        self.put(f"{other} = 4")
        line = self.put(f"{name} = {other} * 1000 + 1")
        self.know(name, [("bound", line)], "computation", False)

    def default(self):
        name = self.name("n")
        line = self.put(f"{name} = twice(5)")
        way = [("bound", line), ("result", RETURN_PASSED), ("bound", PASSED), ("result", SAME),
               ("argument", PASSED), ("bound", KEPT), ("argument", line)]  # fmt: skip
        self.know(name, way, "literal", False)

    def forget(self):
        """Frees an object, so that its address may be used again."""
        name = self.name("gone")
        self.put(f"{name} = Thing()")
        self.put(f"{name} = None")

    def forget_box(self):
        name = self.name("gone")
        other, _ = self.any()
        self.put(f"{name} = Box({other})")
        self.put(f"{name} = None")


STATEMENTS = sorted(
    name for name, what in vars(Writer).items()
    if callable(what) and name not in ("__init__", "put", "name", "know", "any")
)  # fmt: skip


def write(random, count):
    """Returns (text, questions) of a program of so many statements."""
    writer = Writer(random)
    writer.make()
    chosen = [*STATEMENTS, *random.choices(STATEMENTS, k=max(0, count - len(STATEMENTS)))]
    random.shuffle(chosen)
    for statement in chosen:
        getattr(writer, statement)()
    return writer.text, writer.questions

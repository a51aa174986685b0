"""Values that are shown again: each reference means what would have been shown."""

import json
import re
import subprocess
import sys

import pytest
from conftest import TESTS, dump, relive

# Starts a recording in which each reference is compared with the showing that it stands for.
CHECKED = """
import runpy, sys
import relive
from relive import _core
_core.show_again(2)
relive.start(sys.argv[1], force=True, level=sys.argv[3])
try:
    runpy.run_path(sys.argv[2], run_name="__main__")
except BaseException:
    pass
relive.stop()
sys.stderr.write("\\nrefs %d %d" % _core.show_again(1))
"""
PROGRAMS = [
    "classes", "closures", "context_managers", "cycles", "dataclass_enum", "decorators",
    "descriptors", "finalizers", "generator_send", "metaclass", "named_tuple", "operators",
    "single_dispatch", "tasks", "thread_pool", "weakrefs",
]  # fmt: skip
CHANGES = """
import collections, dataclasses, enum, random

@dataclasses.dataclass
class Tag:
    id: object

class Color(enum.Enum):
    RED = 1
    BLUE = "b"

class Text(str):
    pass

class Other:
    pass

class Third(Other):
    def __eq__(self, other):
        return self is other

class Slots:
    __slots__ = ("a", "b")

Point = collections.namedtuple("Point", "x y")
dice = random.Random(7)

def text(n):
    return "".join(dice.choices("ab", k=n))

def atom():
    return dice.choice([
        None, True, dice.randrange(9), dice.randrange(1 << 20), dice.randrange(1 << 50),
        -dice.randrange(1 << 90), dice.random(), text(3), text(20), text(400), text(2).encode(),
        "\\u00e4" + text(3), "\\u20ac" + text(2), Text(text(5)), complex(dice.randrange(3), 1),
        Color.RED, Color.BLUE, len, atom, Other, Other(), Third(),
        Other().__init__, str(dice.randrange(4)),
        float(dice.randrange(4)), Tag(dice.randrange(3)), Point(dice.randrange(3), text(1)),
    ])

def container():
    return dice.choice([
        [atom() for _ in range(dice.randrange(6))], tuple(atom() for _ in range(dice.randrange(4))),
        {text(1): atom() for _ in range(dice.randrange(5))}, {dice.randrange(4), text(2)},
        frozenset([text(1)]), collections.deque([atom() for _ in range(dice.randrange(70))]),
        collections.OrderedDict(a=atom()), collections.Counter(text(9)), range(dice.randrange(5)),
        [[[atom()], atom()], {1: [atom()]}], Tag([atom()]), Tag(Tag(atom())),
        collections.defaultdict(list, a=[atom()]), ([text(2)], Tag([1])),
    ])

def value():
    return atom() if dice.random() < 0.6 else container()

def names():
    return ["a", "b", "c", "list", "n%d" % dice.randrange(3)]

class Thing:
    def __init__(self):
        self.a, self.b, self.c, self.list = value(), value(), container(), [1]

def change(o):
    what = dice.randrange(12)
    name = dice.choice(names()) if not isinstance(o, Slots) else dice.choice(["a", "b"])
    inner = getattr(o, name, None)
    if what == 0 and name != "a" and hasattr(o, name):
        delattr(o, name)
    elif what <= 4:
        setattr(o, name, value())
    elif isinstance(inner, (list, collections.deque)):
        dice.choice([lambda: inner.append(value()), lambda: inner.clear(),
                     lambda: inner and inner.pop(), lambda: inner.insert(0, atom())])()
    elif isinstance(inner, dict):
        inner[text(1)] = dice.randrange(3)
    elif isinstance(inner, set):
        inner.symmetric_difference_update([text(2)])
    elif isinstance(inner, Tag):
        inner.id = value()
    elif isinstance(inner, Other) and type(inner) in (Other, Third):
        inner.__class__ = Third if type(inner) is Other else Other
    elif what == 6:
        Other.__name__ = text(2)
    elif what == 7:
        Other.__qualname__ = Other.__name__ = text(2)
    elif what == 8:
        Other.__eq__ = (lambda s, o: s is o) if what % 2 else object.__eq__
    elif what == 9 and not isinstance(o, Slots):
        o.__dict__ = dict(o.__dict__)
    elif what == 10 and not isinstance(o, Slots):
        vars(o)[text(1)] = atom()

def show(o):
    return o

def pair(a, b):
    return b

def main():
    things = [Thing() for _ in range(5)] + [Slots(), {}, [], collections.deque()]
    for o in things[5:6]:
        o.a = o.b = 1
    for turn in range(600):
        o = things[dice.randrange(6)]
        show(o), show(o)
        if turn % 3 == 0:
            change(o)
        if turn % 50 == 0:
            things[dice.randrange(5)] = Thing()
        pair(o, things[dice.randrange(9)])
        if isinstance(things[-2], list):
            things[-2].append(atom())
            del things[-2][:-4]
            show(things[-2]), show(things[-2])

main()
"""


def checked(tmp_path, program, level="values"):
    """Records a program. Returns (references that were right, that were wrong)."""
    out = tmp_path / "out.relive"
    done = subprocess.run(
        [sys.executable, "-c", CHECKED, str(out), str(program), level],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        cwd=str(tmp_path), timeout=120, check=True,
    )  # fmt: skip
    assert relive("check", out).returncode == 0
    right, wrong = done.stderr.rpartition("refs ")[2].split()
    return int(right), int(wrong)


def test_programs(tmp_path):
    for name in PROGRAMS:
        assert checked(tmp_path, TESTS / "programs" / (name + ".py"))[1] == 0, name


@pytest.mark.parametrize("level", ["values", "lines"])
def test_whatever_changes(tmp_path, level):
    path = tmp_path / "changes.py"
    path.write_text(CHANGES)
    right, wrong = checked(tmp_path, path, level)
    assert wrong == 0 and right > 300


# Objects of which fields change, one or more at a time, from one showing to the next.
FIELDS = """
import collections, dataclasses

@dataclasses.dataclass
class Inner:
    n: int

class Plain:
    def __init__(self):
        show(self)
        self.a, self.b, self.c, self.d = 1, "text", [1], None
        show(self)

class Slots:
    __slots__ = ("a", "b", "c", "d")

class Other:
    pass

class Many:
    def __init__(self):
        for n in range(14):
            setattr(self, "f%d" % n, n)

def show(o):
    return o

def pair(o, p):
    return o

VALUES = [
    5, 1 << 70, 2.5, "x", "y" * 150, "y" * 149 + "z", b"b", None, True, (1, 2), [1, "a"], [], {},
    {"k": [1]}, {1, 2}, collections.deque([1]), Inner(1), Inner(2), len, Plain, "\u00e4\u20ac",
]

def change(o, names):
    for turn, value in enumerate(VALUES * 2):
        for name in names:
            setattr(o, name, value)
            show(o), show(o)
        setattr(o, names[0], turn)
        setattr(o, names[-1], value)
        show(o), pair(o, o)

def grow(o):
    for n in range(40):
        o.c.append(n)
        show(o), show(o)
        o.c = o.c[-5:]
        show(o)

def remove(o):
    for n in range(20):
        o.b = n
        show(o), show(o)
        del o.b
        show(o), show(o)

def cross(o, p):
    for n in range(10):
        o.a, p.a = p, n
        show(o), show(p), pair(o, p), pair(p, o)
        o.a = o
        show(o), show(o)

def crowd():
    many = [Plain() for _ in range(5)]
    for n in range(30):
        for o in many:
            o.b = ["%d" % n + "t" * 180 for _ in range(4)]
            o.d = {k: "%d" % n + "u" * 180 for k in range(3)}
        all_of(*many), all_of(*many)
        many[n % 5].a = n
        all_of(*many)

def all_of(a, b, c, d, e):
    pass

def numbers(o, p):
    floats = [0.0, -0.0, 1.5, 1.0, float("nan"), float("inf"), 2.0 ** 60, 2.0 ** -60]
    for n in range(20):
        for o.a in floats + [n, "text"] + floats:
            show(o), show(o)
        for o.b, o.d in zip(floats + [float("1.5")], floats[::-1] + [o.d]):
            o.a = float("1.5")
            show(o), pair(o, p)

# Fields that get an instance that is not opened, and change their classes.
def references(o):
    things = [Plain(), Many(), Plain(), Other(), Other(), len]
    for n in range(60):
        o.a, o.b = things[n % 6], things[n * n % 6]
        show(o), show(o)
        o.a = Other()
        show(o), show(o)
        if n == 30:
            Other.__qualname__ = "Renamed"
            show(o), show(o)
        if n == 40:
            Other.__eq__ = lambda self, other: self is other
            Other.__hash__ = None
            show(o), show(o)

# An event opens eight instances. The last one has fields with more of them.
def bounds(o):
    row = [Inner(n) for n in range(7)]
    for n in range(9):
        for count in range(8):
            o.a, o.b = n, count
            show(o), show(o)
            o.b = Inner(n)
            many_of(*row[:count] + [o]), show(o), show(o)

def many_of(*all):
    args = list(all) + [None] * (8 - len(all))
    eight_of(*args)

def eight_of(a, b, c, d, e, f, g, h):
    pass

slots = Slots()
slots.a = slots.b = slots.c = slots.d = 0
for o in (Plain(), slots):
    show(o), show(o), show(o)
    change(o, ["a", "b", "d"])
    o.c = []
    grow(o)
    remove(o)
    cross(o, Plain())
    numbers(o, Plain())
    references(o)
    bounds(o)
many = Many()
change(many, ["f0", "f9", "f13"])
vars(many)
change(many, ["f0", "f9", "f13"])
for n in range(20):
    Plain()
crowd()
"""


def test_fields_that_change(tmp_path):
    path = tmp_path / "fields.py"
    path.write_text(FIELDS)
    right, wrong = checked(tmp_path, path)
    assert wrong == 0 and right > 500


# Objects without a field, at addresses that come again; more objects than there are numbers.
BARE = """
class One:
    def __init__(self, n):
        self.n = n

class Two:
    def __init__(self, n):
        show(self)
        self.a = self.b = n

class Late:
    __slots__ = ("a", "b")
    def __init__(self, n):
        self.a = n

def show(o):
    return o

def turn(n, keep):
    for kind in (One, Two, Late, One, Two, Two):
        o = kind(n)
        show(o), show(o)
        if keep:
            kept.append(o)

def all_again():
    for o in kept:
        show(o)

kept = []
for n in range(300):
    turn(n, n % 4 == 0)
    if n % 30 == 29:
        all_again(), all_again()
One.__qualname__ = "Renamed"
for n in range(60):
    turn(n, 0)
kept = kept[:200]
for n in range(8):
    all_again()
for n in range(90):
    kept.append(Two(n))
for o in [One(n) for n in range(1500)]:
    show(o), show(o), show(o)
for n in range(90):
    kept.append(Two(n))
"""


def test_bare_objects(tmp_path):
    path = tmp_path / "bare.py"
    path.write_text(BARE)
    right, wrong = checked(tmp_path, path)
    assert wrong == 0 and right > 900


SECRETS = """
import sys, relive
from relive import _core
_core.show_again(int(sys.argv[2]))

class Thing:
    pass

def show(o):
    return o

def all_of(a, b, c, d, e, f):
    pass

def run():
    things = [Thing() for _ in range(6)]
    for o in things:
        o.a, o.b, o.c = 1, "b" * 100, "plain"
        show(o), show(o), show(o)
    for n in range(30):
        for o in things:
            o.a = n
            o.b = ["%d" % n + "t" * 190 for _ in range(4)]
            o.c = "password=hunter%d" % n if n % 3 == 0 else ["%d" % n + "u" * 190] * 4
            show(o)
            o.c = "password=h%d" % (n % 7) if n % 3 == 1 else "plain"
            show(o), show(o), show(o)
        all_of(*things)

with relive.record(sys.argv[1], level="values", force=True):
    run()
"""


def with_and_without_references(tmp_path, program, counts, hidden):
    """Records a program twice. All that is shown, and the counts that `info` prints, are equal."""
    path = tmp_path / "program.py"
    path.write_text(program)
    found = []
    for mode in ("0", "1"):
        out = tmp_path / (mode + ".relive")
        subprocess.run([sys.executable, str(path), str(out), mode], timeout=60, check=True)
        _, events = dump(out)
        text = json.dumps([[event.get("args"), event.get("value")] for event in events])
        assert hidden not in text and "redacted" in text
        counted = re.search(counts, relive("info", out).stdout).group()
        found.append((re.sub(r'"id": \d+', "", text), counted))
    assert found[0] == found[1]
    assert not found[0][1].startswith(b"0 ")


def test_secrets_in_fields_that_change(tmp_path):
    """Nothing is shown, or counted twice, where a field becomes a secret."""
    with_and_without_references(tmp_path, SECRETS, rb"[\d,]+ texts redacted", "hunter")


TAKEN_OUT = """
import sys, relive
from relive import _core
_core.show_again(int(sys.argv[2]))

class Thing:
    def __init__(self, n):
        self.n, self.secret, self.gone, self.plain = n, "word", "gone", 1.5

def show(o):
    return o

def run():
    things = [Thing(n) for n in range(6)]
    for turn in range(60):
        for o in things:
            show(o), show(o)
            if turn % 3 == 1:
                o.n = turn
                show(o)
            if turn % 3 == 2:
                o.secret = "word%d" % turn
                show(o)
            if turn % 5 == 2:
                o.n, o.secret, o.gone = [turn], ["x%d" % turn], [turn]
                show(o)

rules = [{"selector": "pkg:*", "value_patterns": [
    {"selector": "attr:secret", "action": "redact"}, {"selector": "attr:gone", "action": "drop"}]}]
scope = {"default_exec": "inherit", "default_value_action": "inherit", "rules": rules}
with relive.record(sys.argv[1], level="values", force=True,
                   trace_filter={"meta": {"name": "x", "version": 2}, "scope": scope}):
    run()
"""


def test_what_a_filter_takes_out_is_counted_at_each_showing(tmp_path):
    with_and_without_references(tmp_path, TAKEN_OUT, rb"[\d,]+ values redacted.*", "word")

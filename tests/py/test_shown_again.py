"""Values that are shown again: each reference means what would have been shown."""

import subprocess
import sys

import pytest
from conftest import TESTS, relive

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

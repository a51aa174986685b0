"""What is captured of values: equal to repr() within the bounds, never at the program's cost."""

import ast
import sys

import pytest
from conftest import run, usable_backends

import relive as package


def captured(record, source, *options):
    """The argument of each call of show() in a program."""
    done, _, events = record("def show(v): pass\n" + source, *options)
    assert done.returncode == 0, done.stderr
    return [e["args"]["v"] for e in events if e["kind"] == "call" and e["func"] == "__main__:show"]


def test_bounds(record):
    source = "show('x' * 300)\nshow(list(range(20)))\nshow([[[[1]]]])\nshow(b'y' * 300)\n"
    text, items, nested, data = captured(record, source)
    assert text["len"] == 300 and text["cut"] and text["r"] == "'" + "x" * 256 + "'..."
    assert items["len"] == 20 and items["r"] == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]"
    assert nested["r"] == "[[[<list of 1>]]]" and nested["cut"]
    assert data["len"] == 300 and data["cut"]
    options = ("--force", "--max-str", "4", "--max-items", "2", "--max-depth", "1")
    text, items, nested, data = captured(record, source.replace("range(20)", "range(3)"), *options)
    assert text["r"] == "'xxxx'..." and items["r"] == "[0, 1, ...]"
    assert nested["r"] == "[<list of 1>]" and data["r"] == "b'yyyy'..."


def test_huge_objects_cost_no_more(record):
    source = (
        "big = list(range(10**7)); text = 'ü' * 10**8; number = 1 << 4000000\n"
        "d = dict.fromkeys(range(10**6))\n"
        "for v in (big, text, number, d, [big] * 10, set(range(10**5))): show(v)\n"
    )
    told = captured(record, source)
    assert [v["len"] for v in told] == [10**7, 10**8, 4000001, 10**6, 10, 10**5]
    assert all(v["cut"] for v in told)


KNOWN = [
    ("datetime.datetime(2026, 11, 21, 16, 5)", "datetime.datetime(2026, 11, 21, 16, 5)"),
    ("datetime.date(2026, 1, 2)", "datetime.date(2026, 1, 2)"),
    ("datetime.time(1, 2, 3, 4)", "datetime.time(1, 2, 3, 4)"),
    ("datetime.timedelta(days=2)", "datetime.timedelta(days=2)"),
    ("decimal.Decimal('1.50')", "Decimal('1.50')"),
    ("pathlib.PurePosixPath('/a/b')", "PurePosixPath('/a/b')"),
    ("uuid.UUID(int=5)", "UUID('00000000-0000-0000-0000-000000000005')"),
    ("re.match('a+', 'aab')", "<re.Match object; span=(0, 2), match='aa'>"),
    ("collections.deque([1, 2])", "deque([1, 2])"),
    ("collections.OrderedDict(a=1)", "OrderedDict({'a': 1})"),
    ("collections.defaultdict(list, a=[1])", "defaultdict({'a': [1]})"),
    ("collections.Counter('aab')", "Counter({'a': 2, 'b': 1})"),
    ("types.MappingProxyType({'a': 1})", "mappingproxy({'a': 1})"),
    ("Color.RED", "<Color.RED: 1>"),
    ("Point(1, y='b')", "Point(x=1, y='b')"),
    ("Pair(1, 2)", "Pair(left=1, right=2)"),
    ("Slots()", "Slots(a=1)"),
    ("Plain()", "Plain(n=1, s='x')"),
    ("Money(5)", "Money(5)"),
    ("show", "<function show>"),
    ("Plain().method", "<bound method Plain.method>"),
    ("len", "<built-in function len>"),
    ("Plain", "<class 'Plain'>"),
    ("re", "<module 're'>"),
    ("bytearray(b'x')", "bytearray(b'x')"),
    ("memoryview(b'abc')", "<memory of 3 bytes>"),
    ("range(1, 9, 2)", "range(1, 9, 2)"),
    ("slice(1, None)", "slice(1, None, None)"),
    ("object()", "<object object>"),
    ("ValueError('x')", "ValueError('x')"),
    ("(i for i in ())", "<generator object <genexpr>>"),
    ("functools.partial(len)", "partial(func=<built-in function len>, args=(), keywords={})"),
]


def test_known_types(record):
    source = (
        "import collections, dataclasses, datetime, decimal, enum, functools, pathlib, re, types\n"
        "import uuid\n"
        "class Color(enum.Enum): RED = 1\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n    y: str = 'a'\n"
        "Pair = collections.namedtuple('Pair', 'left right')\n"
        "class Slots:\n    __slots__ = ('a', 'b')\n    def __init__(self): self.a = 1\n"
        "class Plain:\n    def __init__(self): self.n, self.s = 1, 'x'\n"
        "    def method(self): pass\n"
        "class Money(int): pass\n"
    ) + "".join(f"show({text})\n" for text, _ in KNOWN)
    told = [value["r"] for value in captured(record, source)]
    assert told == [text for _, text in KNOWN]


def test_a_long_text_of_a_known_type_is_marked_as_cut_on_a_character(record):
    paths = ("'é' * 400", "'a' + 'é' * 400", "'é' * 9")
    source = "import pathlib\n" + "".join(f"show(pathlib.PurePosixPath({p}))\n" for p in paths)
    shown = captured(record, source)
    assert [value["cut"] for value in shown] == [True, True, False]
    assert [value["r"].rstrip("aé').") for value in shown] == ["PurePosixPath("] * 3
    assert shown[1]["r"].startswith("PurePosixPath('aé") and shown[2]["r"].endswith("é')")


def test_bounds_are_tighter_inside_instances(record):
    source = (
        "import dataclasses\n"
        "class Node:\n    def __init__(self, of): self.of = of\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "row = list(range(9))\n"
        "for one in (Node(Node(1)), Node(Point(1)), Node({}), Node(row), [Node(row)] * 2, row):\n"
        "    show(one)\n"
    )
    told = [value["r"] for value in captured(record, source)]
    assert told == [
        "Node(of=<__main__.Node>)", "Node(of=Point(x=1))", "Node(of={})",
        "Node(of=[0, 1, 2, 3, ...])", f"[{', '.join(['Node(of=[0, 1, 2, 3, ...])'] * 2)}]",
        repr(list(range(9))),
    ]  # fmt: skip


def test_a_wide_named_tuple_inside_an_instance(record):
    source = (
        "import collections\n"
        "Wide = collections.namedtuple('Wide', [f'f{i}' for i in range(200)])\n"
        "class Node:\n    def __init__(self, of): self.of = of\n"
        "show(Node(Wide(*range(200)))); show(5)\n"
    )
    wide, after = captured(record, source, "--max-items", "300")
    assert wide["r"].startswith("Node(of=Wide(f0=0") and "f199=199" in wide["r"]
    assert after["r"] == "5" and not wide["cut"]


def test_attributes_are_in_the_order_of_vars(record):
    source = (
        "class C:\n"
        "    def __init__(self):\n"
        "        self.label = 1; self.parent = 2; self.marks = 3\n"
        "    def drop(self): del self.label; self.label = 4\n"
        "one = C(); show(one)\n"
        "two = C(); two.drop(); show(two)\n"
        "three = C.__new__(C); three.marks = 1; three.label = 2; show(three)\n"
        "import sys; print(list(vars(one)), list(vars(two)), list(vars(three)), file=sys.stderr)\n"
    )
    told = captured(record, source)
    assert [v["r"] for v in told] == [
        "C(label=1, parent=2, marks=3)",
        "C(parent=2, marks=3, label=4)",
        "C(marks=1, label=2)",
    ]


def test_fields_beyond_the_bounds_are_counted(record):
    source = (
        "class Wide:\n"
        "    def __init__(self, n): vars(self).update((f'f{i}', i) for i in range(n))\n"
        "show(Wide(10)); show(Wide(11)); show(Wide(2000))\n"
    )
    told = captured(record, source)
    assert [(value["len"], value["cut"]) for value in told] == [
        (10, False),
        (11, True),
        (2000, True),
    ]
    assert all("f9=9" in value["r"] and "f10" not in value["r"] for value in told)


# The names at each place change with the keys of an instance, with its type, and with the type that
# has an address.
OTHER_NAMES = """
def attributes(value):
    slots = [n for k in type(value).__mro__ for n in getattr(k, '__slots__', ())]
    shown = [(n, getattr(value, n)) for n in slots if hasattr(value, n)]
    shown += getattr(value, '__dict__', {}).items()
    return ', '.join('%s=%r' % pair for pair in shown)
def check(value):
    told.append(attributes(value)); show(value)
told = []
class Kind: pass
for names in ('abc', 'abd', 'cba', 'xabc', 'a', 'abc'):
    value = Kind()
    for i, name in enumerate(names): setattr(value, name, i)
    check(value)
    del value.__dict__[names[0]]; value.__dict__['y'] = 1
    check(value)
    value.__dict__ = {name * 2: 3 for name in names}
    check(value)
for i in range(40):
    names = ['n%d' % ((i * k) % 7) for k in (1, 2, 3)]
    names = tuple(sorted(set(names)))
    check(type('Brief', (), {'__slots__': names})())
    slotted = type('Brief', (), {'__slots__': names})()
    for name in names: setattr(slotted, name, name + 'v')
    check(slotted); del slotted
    plain = type('Brief', (), {})()
    for name in names[::-1]: setattr(plain, name, name + 'v')
    check(plain); del plain
print(told)
"""


def test_names_of_fields_are_those_of_the_instance(record):
    done, _, events = record("def show(v): pass\n" + OTHER_NAMES)
    told = ast.literal_eval(done.stdout.decode())
    calls = [e for e in events if e["kind"] == "call" and e["func"] == "__main__:show"]
    assert [e["args"]["v"]["r"].split("(", 1)[1] for e in calls] == [text + ")" for text in told]


def test_a_name_is_shown_as_it_is_now(record):
    source = (
        "def first(): pass\nclass Kind: pass\n"
        "for name in ('a', 'b', 'gh' + 'p_' + 'x' * 36):\n"
        "    first.__qualname__ = Kind.__qualname__ = name\n"
        "    show(first); show(Kind)\n"
    )
    told = captured(record, source)
    assert [value["r"] for value in told[:4]] == [
        "<function a>", "<class 'a'>", "<function b>", "<class 'b'>"
    ]  # fmt: skip
    assert all(value["redacted"] for value in told[4:])


HOSTILE = """
import sys, weakref
ran = []
class Meta(type):
    def __getattribute__(cls, name):
        ran.append(('meta', name)); return type.__getattribute__(cls, name)
    def __instancecheck__(cls, other): ran.append('instancecheck'); return True
class Hostile(metaclass=Meta):
    def __repr__(self): ran.append('repr'); raise RuntimeError
    __str__ = __format__ = __bytes__ = __repr__
    def __len__(self): ran.append('len'); return 1 << 60
    def __eq__(self, other): ran.append('eq'); raise RuntimeError
    def __hash__(self): ran.append('hash'); return 1
    def __getattr__(self, name): ran.append('getattr'); raise RuntimeError
    def __iter__(self): ran.append('iter'); return self
    def __next__(self): ran.append('next'); return 1
    def __bool__(self): ran.append('bool'); raise RuntimeError
    @property
    def __class__(self): ran.append('class'); raise RuntimeError
    @property
    def loops(self):
        while True: pass
class List(list):
    def __iter__(self): ran.append('iter'); raise RuntimeError
    def __getitem__(self, i): ran.append('getitem'); raise RuntimeError
    def __len__(self): ran.append('len'); return -1
class Dict(dict):
    def items(self): ran.append('items'); raise RuntimeError
    def __missing__(self, key): ran.append('missing'); raise RuntimeError
class Text(str):
    def __str__(self): ran.append('str'); raise RuntimeError
    def encode(self, *a): ran.append('encode'); raise RuntimeError
class Number(int):
    def __int__(self): ran.append('int'); raise RuntimeError
    def __index__(self): ran.append('index'); raise RuntimeError
class Error(Exception):
    def __str__(self): ran.append('str'); raise RuntimeError
    @property
    def args(self): ran.append('args'); raise RuntimeError
class Half:
    __slots__ = ('never', 'dead')
def f(value, *rest, **more):
    kept = [value]
    return value
h = object.__new__(Hostile)
looped = List(); list.append(looped, looped)
d = Dict(); dict.__setitem__(d, 'self', d); dict.__setitem__(d, h, 1)
ran.clear()
others = Text('x'), Number(7), Half(), (h, h), Hostile, Error('m')
for value in (h, [h], {'k': h}, looped, d, *others):
    f(value); f(1, value); f(1, k=value)
def boom():
    try: raise Error('m')
    except Error as e: saved = e
    raise Error('n')
try: boom()
except Error: pass
class Dying:
    def __del__(self): f(self)
x = Dying(); del x
print(ran)
"""


@pytest.mark.parametrize("level", ["values", "lines"])
@pytest.mark.parametrize("backend", usable_backends())
def test_hostile_objects_are_never_run(record, backend, level):
    if backend == "setprofile" and level == "lines":
        pytest.skip("setprofile does not see lines")
    done, headers, _ = record(HOSTILE, "--backend", backend, "--level", level)
    assert (done.returncode, done.stdout) == (0, b"[]\n"), done.stderr
    assert headers[0]["is_complete"] and not headers[0]["losses"]


LIFETIMES = """
import gc, sys, weakref
log = []
class Noisy:
    def __init__(self, name): self.name = name
    def __del__(self): log.append('del ' + self.name)
def watch(o, name): return weakref.ref(o, lambda _: log.append('dead ' + name))
def f(o, more):
    w = watch(o, 'arg')
    o = None
    log.append('after arg')
    box = [Noisy('in list')]
    w2 = watch(box[0], 'item')
    box.clear()
    log.append('after clear')
    return Noisy('result')
r = f(Noisy('argument'), [Noisy('inner')])
log.append('returned')
r = None
def gen():
    local = Noisy('generator')
    got = yield Noisy('yielded')
    log.append('resumed')
g = gen(); next(g); log.append('yield done'); g.close(); log.append('closed')
def boom():
    local = Noisy('unwound')
    raise ValueError(Noisy('in exception'))
try: boom()
except ValueError: log.append('caught')
log.append('after')
def counts(o): return sys.getrefcount(o)
thing = object()
log.append(str(counts(thing)))
log.append(str([counts(o) for o in (thing, [thing])]))
gc.collect()
print('\\n'.join(log))
"""


@pytest.mark.parametrize("level", ["calls", "values", "lines"])
@pytest.mark.parametrize("backend", usable_backends())
def test_no_object_lives_longer(record, tmp_path, backend, level):
    if backend == "setprofile" and level == "lines":
        pytest.skip("setprofile does not see lines")
    if backend == "evalhook" and sys.version_info[:2] == (3, 11):
        pytest.skip("a frame evaluator of 3.11 gets copies of arguments (docs/compat.md)")
    program = tmp_path / "plain.py"
    program.write_text(LIFETIMES)
    plain = run(sys.executable, program)
    done, _, _ = record(LIFETIMES, "--backend", backend, "--level", level)
    assert done.stdout == plain.stdout and plain.returncode == 0


def test_identity_is_kept(record):
    a, b, c = captured(record, "x = [1]\nshow(x)\ny = {'k': x}\nshow(y)\nx.append(2)\nshow(x)\n")
    assert a["id"] == c["id"] != b["id"] and c["r"] == "[1, 2]"


def test_calls_level_keeps_no_values(record):
    _, _, events = record("def f(a): return a\nf('secret')\n", "--level", "calls")
    assert not any("args" in event or "value" in event for event in events)


def test_parameters_of_every_kind(record):
    source = (
        "def f(a, /, b, *args, c, d=4, **kw):\n    def inner(): return a, kw\n    return inner\n"
        "f(1, 2, 3, c=5, e=6)\n"
        "def g(self): return lambda: self\ng('cell')\n"
        "f2 = lambda x, *, y=None: x\nf2([1], y={'z': 1})\n"
    )
    for backend in usable_backends():
        _, _, events = record(source, "--backend", backend, "--force")
        told = {
            event["func"]: {name: value["r"] for name, value in event["args"].items()}
            for event in events
            if event["kind"] == "call" and "args" in event and "__main__" in event["func"]
        }
        assert told["__main__:f"] == {
            "a": "1", "b": "2", "c": "5", "d": "4", "args": "(3,)", "kw": "{'e': 6}",
        }  # fmt: skip
        assert told["__main__:g"] == {"self": "'cell'"}
        assert told["__main__:<lambda>"] == {"x": "[1]", "y": "{'z': 1}"}


def test_sent_yielded_and_thrown(record):
    source = (
        "def gen():\n    got = yield 1\n    try:\n        yield got\n"
        "    except KeyError:\n        pass\n    return 'end'\n"
        "g = gen(); next(g); g.send([2])\n"
        "try: g.throw(KeyError('k'))\nexcept StopIteration as e: assert e.value == 'end'\n"
    )
    for backend in usable_backends():
        _, headers, events = record(source, "--backend", backend, "--force")
        own = [event for event in events if event.get("func") == "__main__:gen"]
        told = [(e["kind"], e["value"]["r"]) for e in own if "value" in e]
        assert told == [("yield", "1"), ("resume", "[2]"), ("yield", "[2]"), ("return", "'end'")]
        if "throw" in headers[0]["meta"]["capabilities"] and backend in ("monitoring", "evalhook"):
            thrown = next(event for event in own if event["kind"] == "throw")
            assert (thrown["exc"]["type"], thrown["exc"]["message"]) == ("KeyError", "'k'")


def test_exceptions_with_their_chain(record):
    source = (
        "def f():\n    try: raise KeyError('k')\n"
        "    except KeyError as e: raise ValueError('bad') from e\n"
        "def g():\n    try: f()\n    except ValueError: raise OSError(2, 'gone', 'name')\n"
        "def h():\n    try: g()\n    except OSError: raise RuntimeError('x') from None\n"
        "try: h()\nexcept RuntimeError: pass\n"
    )
    _, _, events = record(source)
    left = {
        e["func"]: e["exc"] for e in events if e["kind"] == "unwind" and "__main__" in e["func"]
    }
    assert left["__main__:f"]["message"] == "bad"
    assert left["__main__:f"]["cause"]["type"] == "KeyError"
    assert left["__main__:f"]["cause"]["message"] == "'k'"
    assert left["__main__:g"]["message"] == "[Errno 2] gone: 'name'"
    assert left["__main__:g"]["context"]["message"] == "bad"
    assert left["__main__:h"]["suppress_context"] and left["__main__:h"]["cause"] is None


def test_tables_of_pandas(record):
    pytest.importorskip("pandas")
    source = (
        "import pandas\ndef f(table, column, empty): pass\n"
        "f(pandas.DataFrame({'a': [1, 2, 3], 'b': [4.5, 5, 6]}), pandas.Series([1, 2]),"
        " pandas.DataFrame())\n"
    )
    done, _, _ = record(source, events=False)
    assert done.returncode == 0, done.stderr
    recording = package.open(done.args[done.args.index("-o") + 1])
    codes = [row[0] for row in recording.codes() if row[1:3] == ("__main__", "f")]
    (event,) = recording.select(["call"], codes=codes)
    assert {name: value["r"] for name, value in event["args"].items()} == {
        "table": "<DataFrame 3 x 2: a, b>", "column": "<Series 2>", "empty": "<DataFrame 0 x 0>",
    }  # fmt: skip

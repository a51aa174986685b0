"""What may happen between the showing of an object and a reference to it.

Each program passes an object and the text that it must be shown as. So an event says itself
whether it is right, in a ring, in a child or in half a file."""

import json
import sys

import pytest
from conftest import dump, relive, run, two_versions

PROGRAM = """
import collections, gc, itertools, json, os, random, sys, threading, weakref
import relive
from relive import _core

class Thing:
    def __init__(self, n=0):
        self.n, self.name = n, "thing"

class Other(Thing):
    pass

class Slots:
    __slots__ = ("a", "b", "__weakref__")
    def __init__(self, n=0):
        self.a, self.b = n, "slots"

def fields(o):
    if isinstance(o, Slots):
        return [(name, getattr(o, name)) for name in ("a", "b") if hasattr(o, name)]
    return [(name, value) for name, value in vars(o).items() if isinstance(name, str)]

def text_of(o):
    words = ", ".join("%%s=%%r" %% pair for pair in fields(o))
    return type(o).__qualname__.rpartition(".")[2] + "(" + words + ")"

def show(o, text): pass

def see(o, times=3):
    for _ in range(times):
        show(o, text_of(o))

def report():
    os.write(1, b"refs %%d %%d\\n" %% _core.show_again(2))

%s

_core.show_again(2)
relive.start(sys.argv[1], force=True, **json.loads(sys.argv[2]))
main()
relive.stop()
report()
"""


def rules(*rules):
    """Returns a filter. What makes the texts is not recorded: it would see the objects, too."""
    unseen = [
        {"selector": f"obj:__main__.{name}", "exec": "skip"} for name in ("fields", "text_of")
    ]
    scope = {"default_exec": "inherit", "default_value_action": "inherit"}
    return {"meta": {"name": "x", "version": 2}, "scope": dict(scope, rules=[*unseen, *rules])}


@pytest.fixture
def shows(tmp_path):
    """shows(source, least=..., **settings) -> all events of a program.

    No reference in it is wrong, and at least so many are right."""

    def do(source, *rule, least=1, status=0, path=None, **settings):
        program, out = tmp_path / "prog.py", tmp_path / "out.relive"
        program.write_text(PROGRAM % source)
        settings = dict({"level": "values", "trace_filter": rules(*rule)}, **settings)
        done = run(sys.executable, program, out, json.dumps(settings), cwd=tmp_path)
        assert done.returncode == status, done.stderr.decode()
        counts = [line.split()[1:] for line in done.stdout.splitlines()]
        assert all(wrong == b"0" for right, wrong in counts), counts
        if status == 0:
            assert sum(int(right) for right, wrong in counts) >= least
            assert relive("check", out).returncode == 0
        _, events = dump(path or out)
        expect_texts(events)
        return events

    return do


def expect_texts(events):
    """Each object is shown as the text beside it."""
    for event in events:
        args = event.get("args", {})
        if event["kind"] == "call" and "v" in args.get("text", {}):
            assert args["o"]["r"] == args["text"]["v"], event


def calls_of(events, name):
    return [e for e in events if e["kind"] == "call" and e["func"] == f"__main__:{name}"]


def test_a_call_that_is_taken_back_gives_no_number(shows):
    events = shows(
        """
def quick(o, text): pass

def main():
    for turn, ways in enumerate(itertools.product([show, quick], repeat=6)):
        o = Thing(turn)
        for at, way in enumerate(ways):
            if at == 3:
                o.n = -turn
            way(o, text_of(o))
""",
        {"selector": "obj:__main__.quick", "min_duration": "50s"},
        least=50,
    )
    assert len(calls_of(events, "show")) == 6 * 32
    assert len(calls_of(events, "quick")) < 10  # whose slot went to the writer meanwhile


def test_a_forked_child_knows_no_number(shows):
    events = shows(
        """
def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        report()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

def child(o, depth):
    see(o, 2)
    o.n += 1
    see(o)
    see(Thing(-1))
    if depth:
        fork(lambda: child(o, depth - 1))
    see(o)

def main():
    o = Thing(1)
    see(o)
    fork(lambda: child(o, 2))
    see(o)
    thread = threading.Thread(target=fork, args=(lambda: child(o, 0),))
    thread.start()
    thread.join()
    see(o)
""",
        least=20,
    )
    assert len({event["pid"] for event in events}) == 5


def test_two_value_sets(shows):
    events = shows(
        """
class Wide(Thing):
    def __init__(self, n):
        self.a, self.b, self.c, self.d, self.text = n, n + 1, [n, [n]], "word", "long text"

def few(o, text): pass
def short(o, text): pass
def flat(o, text): pass
def hide(o, text): pass
def drop(o, text): pass

def main():
    things, ways = [Wide(n) for n in range(4)], [show, few, short, flat, hide, drop]
    for turn in range(600):
        o = things[turn * 7 % 5 % 4]
        if turn % 9 == 0:
            o.a = turn
        text, way = text_of(o), ways[turn * 5 % 7 % 6]
        if way is few:
            text = "Wide(a=%r, b=%r, ...)" % (o.a, o.b)
        elif way is short:
            text = text.replace("'long text'", "'long '...")
        elif way is flat:
            text = text.replace(repr(o.c), "<list of 2>")
        elif way is hide:
            text = text.replace("'word'", "<redacted>")
        elif way is drop:
            text = text.replace(" d='word',", "")
        for _ in range(3):
            way(o, text) if way is not short else way(o, [text])
""",
        {"selector": "obj:__main__.few", "max_items": 2},
        {"selector": "obj:__main__.short", "max_str": 5},
        {"selector": "obj:__main__.flat", "max_depth": 1},
        {
            "selector": "obj:__main__.hide",
            "value_patterns": [{"selector": "attr:d", "action": "redact"}],
        },
        {
            "selector": "obj:__main__.drop",
            "value_patterns": [{"selector": "attr:d", "action": "drop"}],
        },
        least=500,
    )
    for name, word in (("few", "..."), ("flat", "<list of 2>"), ("hide", "<redacted>")):
        shown = [call["args"]["o"]["r"] for call in calls_of(events, name)]
        assert len(shown) > 50 and all(word in text for text in shown)
    shown = [call["args"]["o"]["r"] for call in calls_of(events, "short")]
    assert len(shown) > 50 and all(text.endswith("text='long '...)") for text in shown)
    (counts,) = [event for event in events if event["kind"] == "filter"]
    for name, key in (("hide", "value_redactions"), ("drop", "value_drops")):
        assert counts[key]["attribute"] == len(calls_of(events, name)), counts


def test_while_callbacks_listen_objects_are_shown_in_full(shows):
    events = shows(
        """
from relive.backends import create_backend

def main():
    o = Thing(1)
    for turn in range(3):
        see(o)
        before = _core.show_again(2)
        with create_backend("auto", include_patterns=["__main__"]) as backend:
            see(o)
            o.n += 1
            see(o)
        assert before[0] and _core.show_again(2) == (0, 0)
        shown = [e.args for e in backend.get_events() if e.function_name == "show" and e.args]
        assert len(shown) == 6 and all(args["o"] == args["text"] for args in shown), shown
    see(o)
"""
    )
    assert len(calls_of(events, "show")) == 30


def test_a_preview_is_set_in_between(shows):
    events = shows(
        """
def passes(o): pass

def main():
    o, inside = Thing(1), Other(2)
    inside.o = (1, o)
    see(o)
    passes(inside), passes(inside), passes(inside)
    relive.preview(Thing)(lambda o: "seen %d" % o.n)
    for _ in range(3):
        show(o, "seen 1")
        show(inside, "Other(n=2, name='thing', o=(1, seen 1))")
    relive.preview(Other)(lambda o: "other")
    for _ in range(3):
        show(inside, "other")
""",
    )
    assert len(calls_of(events, "show")) == 12


TURNS = """
def main():
    things = [Thing(n) for n in range(700)]
    for turn in range(8):
        for o in things:
            see(o, 2)
        for o in things[turn::3]:
            o.n += 1
"""


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)", "relive.snapshot('copy.relive')"])
def test_a_ring_wraps_between_a_showing_and_a_reference(shows, tmp_path, end):
    path = tmp_path / "copy.relive" if "copy" in end else None
    status = -9 if "kill" in end else 0
    events = shows(TURNS + f"    {end}\n", ring="64K", status=status, path=path, least=2000)
    assert 100 < len(calls_of(events, "show")) < 8000
    assert any(event["kind"] == "loss" or event["seq"] for event in events[:1])


@two_versions
def test_a_file_that_grows(shows, tmp_path):
    shows(
        TURNS.replace("for turn in", "import subprocess\n    for turn in")
        + """
        with open("live%d" % turn, "wb") as file:
            words = [sys.executable, "-m", "relive", "dump", sys.argv[1]]
            env = {key: text for key, text in os.environ.items() if "RELIVE" not in key}
            subprocess.call(words, stdout=file, env=env)
""",
        buffer="64K",
        least=2000,
    )
    for turn in (0, 3, 7):
        lines = (tmp_path / f"live{turn}").read_text().splitlines()
        events = list(map(json.loads, lines[1:]))
        expect_texts(events)
        assert len(calls_of(events, "show")) > 1000 * (turn + 1)


def test_an_object_at_the_address_of_another(shows):
    shows(
        """
def main():
    seen = set()
    for n in range(400):
        o = [Thing, Other, Slots, Thing][n % 4](n // 3)
        if n % 4 != 2:
            o.f = n / 7
        see(o)
        seen.add(id(o))
        del o
    assert len(seen) < 300
    for n in range(60):
        made = type("Made%d" % (n // 4), (Thing,), {} if n % 3 else {"__slots__": ()})
        see(made(n))
        del made
        gc.collect()
""",
        least=200,
    )


def test_a_value_at_the_address_of_another(shows):
    shows(
        """
MAKERS = [
    lambda k: k + 0.25,
    lambda k: (1 << 70) + k,
    lambda k: complex(k, 1),
    lambda k: "%d" % (10**20 + k),
    lambda k: "%0150d" % k,
    lambda k: "\\U0001f600".join(["%02d" % k] * 40),
    lambda k: b"%090d" % k,
]

def main():
    o, again = Thing(1), dict.fromkeys(MAKERS, 0)
    for turn in range(40):
        for make in MAKERS:
            o.n = make(turn)
            see(o)
            before, o.n = id(o.n), None
            o.n = make(turn + 41)
            again[make] += id(o.n) == before
            see(o)
    if sys.version_info >= (3, 15):
        del again[MAKERS[2]]  # a complex number gets another address there
    assert min(again.values()) > 10, again
""",
        least=200,
    )


def test_a_type_that_changes(shows):
    shows(
        """
class Inner(Thing):
    pass

class Named(collections.namedtuple("Named", "x y")):
    __slots__ = ()

def show_class(kind, label): pass
def show_inside(o, inside): pass

def main():
    o, inner, names = Thing(1), Inner(2), [a + b for a in "AB" for b in "xyz"]
    for turn in range(60):
        name = names[turn % 6]
        if turn % 2:
            Thing.__qualname__ = name
        elif turn % 3 == 0:
            Thing.__name__ = Thing.__qualname__ = name
        else:
            Thing.__name__ = name
        see(o)
        show_class(Thing, "<class '%s'>" % Thing.__qualname__)
        show_class(Thing, "<class '%s'>" % Thing.__qualname__)
        setattr(Thing, name, turn)
        o.inner = inner
        inner.name  # looks up in the class, which gets a version by that
        show_inside(o, False), show_inside(o, False)
        Inner.__eq__ = lambda self, other: True
        inner.name
        show_inside(o, True), show_inside(o, True)
        del Inner.__eq__, o.inner
        o.__class__ = Other if turn % 5 else Thing
        see(o)
        o.__class__ = Thing
        setattr(o, name, turn)  # keys that the instances share
        see(o)
        see(Thing(turn))
        delattr(o, name)
        see(o)
    for turn in range(1200):  # no versions are left from 3.12 on
        Thing.turn = turn
    for turn in range(20):
        Thing.__qualname__ = names[turn % 6]
        see(o)
        Named._fields = ("x", "y") if turn % 2 else ("y", "x")
        named = Named(1, turn)
        for _ in range(3):
            show(named, "Named(%s=1, %s=%d)" % (*Named._fields, turn))
""",
        least=200,
    )


def test_a_module_that_changes(shows):
    shows(
        """
import types

def main():
    o = Thing(1)
    for turn in range(80):
        if turn % 20 == 0:
            o.module = types.ModuleType("first")
        names = vars(o.module)
        if turn % 20 == 13:
            names.clear()
            names["other"] = 1
        see(o)
        o.module.__name__ = "m%d" % (turn // 3)
        see(o)
        o.module.more = turn
        see(o)
""",
        least=100,
    )


def test_long_texts_that_change(shows):
    shows(
        """
def main():
    o = Thing(1)
    for turn in range(80):
        k = turn % 4
        o.wide = "\\U0001f600" * 50 + str(k)
        see(o)
        o.wide, o.long = "".join([o.wide, ""]), "x" * 150 + str(k // 2)
        o.bytes = b"y" * 90 + b"%d" % k
        see(o)
        o.long = o.long[:75] + o.long[75:]
        see(o)
""",
        least=200,
    )


def test_an_instance_that_changes(shows):
    shows(
        """
class Dict(dict):
    pass

def change(o, turn):
    how = turn % 14
    if how == 0:
        o.__dict__["n"] = turn
    elif how == 1:
        o.__dict__ = {"n": turn, "name": "other"}
    elif how == 2:
        vars(o).update(more=turn)
    elif how == 3:
        vars(o).pop("more")
    elif how == 4:
        vars(o).clear()
    elif how == 5:
        o.__dict__ = Dict(n=turn)
    elif how == 6:
        o.__dict__ = dict(vars(o), name=str(turn))
    elif how == 7:
        o.__dict__.setdefault("list", []).append(turn)
    elif how == 8:
        o.list.append(turn)
    elif how == 9:
        o.list[0] = -turn
    elif how == 10:
        o.list = {"list": [turn]}
    elif how == 11:
        o.list["list"].append(turn)
    elif how == 12:
        vars(o)[turn] = "a key that is no name"
    elif how == 13:
        del o.__dict__
        o.n = turn / 2

def main():
    for _ in range(3):
        o, slots, ends = Thing(), Slots(), []
        for turn in range(70):
            change(o, turn)
            see(o, 2)
            ends.append(weakref.ref(slots, lambda ref: see(o, 2)))
            if turn % 4 == 3:
                del slots.a
            else:
                slots.a = turn // 2 if turn % 4 else [turn]
            see(slots)
            if turn % 7 == 6:
                slots = Slots()
                see(slots)
    # What is shown lies behind entries that are not.
    o = Thing()
    for n in range(20):
        vars(o)[n] = n
    o.last = [1]
    for turn in range(20):
        o.last.append(0) if turn % 2 else o.last.pop()
        see(o)
""",
        least=200,
    )


def test_threads_have_numbers_of_their_own(shows):
    events = shows(
        """
lock = threading.Lock()
things = [Thing(n) for n in range(5)]

def work(seed):
    dice = random.Random(seed)
    for turn in range(150):
        with lock:
            o = dice.choice(things)
            see(o, 2)
            if turn % 3 == 0:
                dice.choice(things).n = turn
    see(Thing(seed))

def main():
    for _ in range(2):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
""",
        least=500,
    )
    assert len({event["thread"] for event in calls_of(events, "show")}) == 8


HOSTILE = """
import ctypes, functools, types

class Meta(type):
    def __getattribute__(cls, name): raise RuntimeError(name)
    def __eq__(cls, other): raise RuntimeError
    __hash__ = type.__hash__

class Evil(metaclass=Meta):
    def __getattribute__(self, name): raise RuntimeError(name)
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): raise RuntimeError
    def __repr__(self): raise RuntimeError
    def __len__(self): raise RuntimeError
    def __bool__(self): raise RuntimeError

class Text(str):
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): return 7

class Number(int):
    def __index__(self): raise RuntimeError

class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.py_object)]

class Ends:
    def __init__(self, o): self.o = o
    def __del__(self): self.o.n = [self.o.n]; passes(self.o)

class Many:
    __slots__ = ["s%d" % n for n in range(100)] + ["__dict__"]

def passes(o): return o

def nested(n, end):
    for _ in range(n):
        end = [end]
    return end

def main():
    dice = random.Random(5)
    evil, many, bare = Evil(), Many(), Thing()
    for n in range(0, 100, 7):
        setattr(many, "s%d" % n, n)
    cycle = Thing()
    cycle.me, cycle.all = cycle, [cycle, {"me": cycle}]
    wide = types.SimpleNamespace(**{"f%d" % n: n for n in range(90)})
    odd = Thing()
    odd.n = lambda: 0
    odd.name = Text("x")
    holder = Thing()
    odd_things = [
        evil, many, bare, cycle, wide, odd, holder, Pair(1, holder), functools.partial(show, bare),
        threading.local(), types.MappingProxyType(vars(bare)), collections.OrderedDict(a=bare),
        collections.deque([bare], 3), {1, Text("y")},
        bytearray(b"x"), memoryview(b"xy"), nested(90, bare), passes, Thing, Meta, threading.Lock(),
        iter([bare]), (n for n in [bare]), KeyError(bare), Number(7), Text("z"), sys, main.__code__,
        type("", (), {})(), type("\\u00e9" * 300, (Thing,), {})(), weakref.proxy(bare), ...,
        frozenset([Number(1)]), super(Other, Other()), property(passes), [].append, bare.__init__,
    ]
    values = [
        lambda: evil, lambda: [evil] * 3, lambda: nested(40, 1), lambda: b"x" * 5000,
        lambda: "\\u20ac" * 999, lambda: 1 << 5000, lambda: bare, lambda: Thing, lambda: cycle,
        lambda: "token=" + "a1B2" * 9, lambda: {"password": "s3cret-one"}, lambda: float("nan"),
        lambda: Text(dice.random()), lambda: None, lambda: {1: {2: {3: {4: {}}}}}, lambda: [],
    ]
    for turn in range(TURNS):
        o = dice.choice(odd_things)
        passes(o), passes(o)
        dice.choice([
            lambda: setattr(holder, dice.choice(["n", "name", "x"]), dice.choice(values)()),
            lambda: setattr(holder, "n", Ends(holder)),
            lambda: setattr(many, "s%d" % dice.randrange(100), dice.choice(values)()),
            lambda: hasattr(many, "s%d" % (turn % 100)) and delattr(many, "s%d" % (turn % 100)),
            lambda: setattr(wide, "f%d" % dice.randrange(95), dice.choice(values)()),
            lambda: cycle.all.append(dice.choice([cycle, cycle.all, 1])),
            lambda: cycle.all.clear(),
            lambda: odd_things[11].move_to_end(dice.choice(list(odd_things[11]))),
            lambda: odd_things[11].update({turn % 5: [turn]}),
            lambda: odd_things[12].append(dice.choice(values)()),
            lambda: odd_things[13].add(-dice.randrange(2, 9)),
            lambda: vars(bare).clear() if turn % 2 else bare.__init__(turn),
            lambda: passes(holder),
        ])()
"""


@pytest.mark.parametrize(("level", "turns"), [("values", 2000), ("lines", 300)])
def test_hostile_objects(shows, level, turns):
    shows(HOSTILE.replace("TURNS", str(turns)), level=level, least=turns // 3)

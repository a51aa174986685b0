"""Origins of variables that functions share, and of what instances are called with. The certain
hops are compared with a live run that numbers its objects."""

import sys

import live_chains
import pytest
from conftest import relive

import relive as api

PROGRAM = """
def show(held):
    return held
def make(rate, names):
    factor = rate * 2
    own = {"rate": rate}
    def inner(x):
        use = own
        show(names)
        return show([x, factor, use])
    return inner
def counter(start):
    count, log = start, [start]
    def bump(n):
        nonlocal count, log
        count = count + n
        log = [*log, count]
        return log
    def read():
        seen = count
        return show(log), seen
    return bump, read
def outer(first):
    def between():
        def deeper():
            got = first
            return show(got)
        return deeper
    return between
def shadow(value):
    def other(value):
        def inside():
            return show(value)
        return inside
    return other
class Adder:
    def __init__(self, base):
        self.base = base
    def __call__(self, x, *rest):
        held = self.base
        return [x, held, rest]
class Twice(Adder):
    def __call__(self, x):
        return super().__call__(x)
def body(rows):
    class Inside:
        taken = rows
        def rows_of(self):
            return show(rows)
    return Inside().rows_of()
f = make(21, ["a"])
g = make(5, ["b"])
h = make(21, ["c"])
for number in range(3):
    f(number), g(number), h(number)
bump, read = counter(5)
bump2, read2 = counter(70)
for number in (7, 8):
    bump(number), bump2(number)
    read(), read2()
outer(["one"])()()
outer(("two", []))()()
shadow(["wrong"])(["right"])()
add, twice = Adder(["base"]), Twice(["twice"])
for number in range(2):
    got = add(["given"])
    show(got[1])
    done = twice({"x": 1})
    show(done)
body([["row"]])
body([["row", 2]])
adders = [Adder([number]) for number in range(3)]
made = [one([number]) for number, one in enumerate(adders)]
show(made[1])
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closures")
    (folder / "app.py").write_text(PROGRAM)
    done = relive("record", "--level", "lines", "-o", "app.relive", "app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    with api.open(folder / "app.relive") as found:
        yield found


# the question: (call, line, how sure) of each hop, and the end
WAYS = {
    "factor@inner#1": ([("make#3", "factor = rate * 2", "one of")], "computation"),
    "factor@inner#2": ([("make#2", "factor = rate * 2", "only one")], "computation"),
    "use@inner#2": (
        [("inner#2", "use = own", "certain"), ("make#2", 'own = {"rate": rate}', "certain")],
        "computation",
    ),
    "held@show#1": (
        [("show#1", "show(names)", "certain"),
         ("make#1", 'f = make(21, ["a"])', "certain")],
        "literal",
    ),
    "held@show#5": (
        [("show#5", "show(names)", "certain"),
         ("make#3", 'h = make(21, ["c"])', "certain")],
        "literal",
    ),
    "seen@read#1": (
        [("read#1", "seen = count", "only one"), ("bump#1", "count = count + n", "only one")],
        "computation",
    ),
    "seen@read#4": (
        [("read#4", "seen = count", "only one"), ("bump#4", "count = count + n", "only one")],
        "computation",
    ),
    "got@deeper#1": (
        [("deeper#1", "got = first", "certain"),
         ("outer#1", 'outer(["one"])()()', "certain")],
        "literal",
    ),
    "value@inside#1": ([("other#1", 'shadow(["wrong"])(["right"])()', "certain")], "computation"),
    "x@Adder.__call__#1": ([("Adder.__call__#1", 'got = add(["given"])', "certain")], "literal"),
    "got@end": (
        [(None, 'got = add(["given"])', "certain"),
         ("Adder.__call__#3", "return [x, held, rest]", "certain")],
        "computation",
    ),
    "done@end": (
        [(None, 'done = twice({"x": 1})', "certain"),
         ("Twice.__call__#2", "return super().__call__(x)", "certain"),
         ("Adder.__call__#4", "return [x, held, rest]", "certain")],
        "computation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", WAYS)
def test_the_way_leads_through_what_functions_share(recording, question):
    found = recording.origin(*question.split("@"))
    wanted, end = WAYS[question]
    assert [(hop.call, hop.source, hop.confidence) for hop in found.hops] == wanted
    assert found.end == end


def test_an_equal_value_in_another_call_is_named(recording):
    (hop,) = recording.origin("factor", "inner#1").hops
    (other,) = hop.candidates
    assert {hop.position, other.position} == {
        event["position"] if "position" in event else f"T{event['thread']}@{event['seq']}"
        for event in recording.events()
        if event["kind"] == "write" and event.get("name") == "factor"
        and event["value"]["r"] == "42" and event["func"].endswith(":make")
    }  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no co_qualname")
def test_certain_hops_hold_the_object_that_the_live_program_has(recording, tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM)
    calls = live_chains.live_calls(sys.executable, [tmp_path], [tmp_path / "app.py"], tmp_path)
    counts, wrong = live_chains.compare(recording, calls)
    assert not wrong
    assert counts["chains"] >= 30 and counts["hops"] > counts["chains"], counts

"""Rows of Recording have names: functions, sums, threads. Counted again from the events."""

import ast
from collections import Counter

from conftest import relive

from relive import api, rows

TEXT = """\
import json

class Cart:
    def add(self, item, *more):
        total = item
        return total

def numbers(most):
    yield from range(most)

async def wait(how):
    return how

def drive(made):
    try:
        made.send(None)
    except StopIteration as error:
        return error.value

def broken(x):
    raise KeyError(x)

cart = Cart()
for one in range(3):
    cart.add(one, 1)
print(sum(numbers(4)), drive(wait(5)), json.dumps([1]))
try:
    broken(1)
except KeyError:
    pass
"""


def record(folder):
    (folder / "cart.py").write_text(TEXT)
    out = folder / "out.relive"
    assert relive("record", "-o", out, folder / "cart.py").returncode == 0
    return out


def calls_of(events):
    return Counter(event["func"] for event in events if event["kind"] == "call")


def test_functions_have_the_names_and_parameters_of_their_source(tmp_path):
    out = record(tmp_path)
    want = {}
    for node in ast.walk(ast.parse(TEXT)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = [arg.arg for arg in node.args.args]
            names += [node.args.vararg.arg] if node.args.vararg else []
            want[node.name] = (node.lineno, names)
    with api.open(out) as recording:
        own = [row for row in recording.codes() if row.file.endswith("cart.py")]
        found = {row.qualname.rpartition(".")[2]: row for row in own}
        for name, (line, names) in want.items():
            row = found[name]
            assert (row.line, row.names[: len(names)]) == (line, names)
            assert row.parameter_names == names[: row.parameters]
            assert recording.code(row.code) == row[1:6]
            assert row.func == ":".join(recording.code(row.code)[:2])
        kinds = {name: row.kind for name, row in found.items()}
        assert kinds == {
            "<module>": "module", "Cart": "class body", "add": "function",
            "numbers": "generator", "wait": "coroutine", "drive": "function", "broken": "function",
        }  # fmt: skip
        skipped = recording.skipped()
        assert all(isinstance(row, rows.SkippedFunction) for row in skipped)
        assert {row.code for row in skipped}.isdisjoint(row.code for row in recording.codes())
        assert any(row.module.startswith("json") and row.reason >= 0 for row in skipped)


def test_sums_have_the_calls_that_the_events_have(tmp_path):
    with api.open(record(tmp_path)) as recording:
        events = list(recording.events())
        want = calls_of(events)
        names = {row.code: row.func for row in recording.codes()}
        totals = recording.functions()
        assert {names[row.code]: row.calls for row in totals} == want
        assert {names[row.code] for row in totals if row.unwinds} == {"__main__:broken"}
        assert all(row.total_ns >= row.self_ns and row.open == 0 for row in totals)
        tree = recording.tree()
        assert Counter({names[row.code]: row.calls for row in tree if row.code}) == want
        assert all(-1 <= row.parent < place for place, row in enumerate(tree))
        (main,) = (row.code for row in recording.codes() if row.kind == "module")
        callees = {names[row.code]: row.calls for row in recording.callees([main])}
        inside = ("__main__:<module>", "__main__:wait")  # drive() starts the coroutine
        assert callees == {name: count for name, count in want.items() if name not in inside}
        add = next(row.code for row in recording.codes() if row.qualname == "Cart.add")
        assert [(row.code, row.calls) for row in recording.callers([add])] == [(main, 3)]
        calls, more = recording.nested_calls(codes=[add], limit=2)
        assert [(one.call["func"], one.end["kind"]) for one in calls] == [
            ("__main__:Cart.add", "return")
        ] * 2
        assert more == 1
        broken = [event for event in events if event.get("func") == "__main__:broken"]
        last = broken[-1]
        (stack,) = recording.stacks_at([(1, last["seq"] - 1)])
        assert [names[one.code] for one in stack] == ["__main__:<module>", "__main__:broken"]
        assert [row.file.rpartition("/")[2] for row in recording.sources()] == ["cart.py"]
        assert recording.threads()[1]["is_main"] and recording.totals()["kinds"]["call"]
        assert recording.check()["events"] == recording.header["events"]

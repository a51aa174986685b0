"""`relive callers` and `callees`: sums over the folded tree, beside a count from all events."""

import collections
import json

import pytest
from conftest import ROOT, TESTS, dump, relive, two_versions

pytestmark = two_versions
PROGRAMS = ["mutual_recursion", "generators", "classes", "coroutines", "exceptions_chain"]


def from_events(events):
    """{(caller, callee): calls}: direct recursion is no call from elsewhere."""
    func, owner, found = {}, {}, collections.Counter()
    for event in events:
        if event["kind"] != "call":
            continue
        func[event["frame"]] = event["func"]
        caller = func.get(event["parent"])
        if caller == event["func"]:
            caller = owner[event["parent"]]
        owner[event["frame"]] = caller
        found[caller, event["func"]] += 1
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_function_has_the_callers_and_callees_that_its_events_have(name, tmp_path):
    out = tmp_path / "out.relive"
    relive("record", "-o", out, TESTS / "programs" / f"{name}.py", cwd=tmp_path)
    edges = from_events(dump(out)[1])
    names = {name for pair in edges for name in pair if name}
    for func in sorted(names)[:6]:
        for verb, side in (("callers", 1), ("callees", 0)):
            done = relive(verb, func, out, "--json", "--limit", "0")
            rows = [json.loads(line) for line in done.stdout.splitlines()][1:]
            expected = collections.Counter()
            for pair, calls in edges.items():
                if pair[side] == func:
                    expected[pair[1 - side] or "(no recorded function)"] += calls
            sums = collections.Counter()
            for row in rows:  # two functions may have one name
                sums[row["func"]] += row["calls"]
            assert sums == expected
            assert done.returncode == (0 if expected else 1)
            assert all(row["self_ns"] <= row["total_ns"] for row in rows)


def test_what_a_user_sees(tmp_path):
    out = tmp_path / "shop.relive"
    relive("record", "-o", out, ROOT / "examples" / "shop.py", cwd=tmp_path)
    callers = relive("callers", "take", out).stdout.decode().splitlines()
    assert callers[0] == "callers of __main__:take"
    assert callers[2].split()[0] == "5" and "__main__:order" in callers[2]
    assert callers[2].endswith("! 1 left by an exception")
    callees = relive("callees", "order", out).stdout.decode()
    assert [line.split()[0] for line in callees.splitlines()[2:]] == ["5", "4", "2"]
    by_line = relive("callees", "shop.py:28", out).stdout.decode()
    assert by_line.splitlines()[0] == "called by __main__:order"
    wrong = relive("callers", "tak", out)
    assert wrong.returncode == 2 and b"take" in wrong.stderr
    nothing = relive("callees", "price", out)
    assert nothing.returncode == 1


def test_recursion_counts_its_time_once(tmp_path):
    (tmp_path / "r.py").write_text(
        "def a(n):\n    return b(n - 1) if n else 0\n"
        "def b(n):\n    return a(n - 1) if n else 0\n"
        "def deep(n):\n    return deep(n - 1) if n else 0\n"
        "a(20)\ndeep(30)\n"
    )
    out = tmp_path / "r.relive"
    relive("record", "-o", out, "r.py", cwd=tmp_path)

    def rows(verb, func):
        done = relive(verb, func, out, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()][1:]

    whole = rows("callees", "<module>")
    total = {row["func"]: row["total_ns"] for row in whole}
    inner = rows("callers", "b")
    assert [row["calls"] for row in inner] == [10] and inner[0]["total_ns"] <= total["__main__:a"]
    deep = [row for row in whole if row["func"] == "__main__:deep"]
    assert deep[0]["depth"] == 31 and deep[0]["calls"] == 31

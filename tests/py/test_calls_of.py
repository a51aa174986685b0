"""relive calls: numbers, callers, values and times are those of a plain reading; pages join."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import plain_calls
import pytest
from conftest import clean_environ, relive, two_versions

import relive as api
from relive import cli

pytestmark = two_versions
PROGRAM = """
import asyncio, os, threading

class Order:
    def __init__(self, id, items): self.id, self.items = id, items

def price(item, qty, password="hunter2"):
    if qty < 0:
        raise ValueError("no such amount")
    return {"sku": item, "qty": qty, "order": Order(qty, [qty, item])}

def fact(n):
    return n * fact(n - 1) if n else 1

def steps(n):
    for i in range(n):
        got = yield i
    return n * 10

async def fetch(n):
    await asyncio.sleep(0)
    return fact(n)

async def main():
    return await asyncio.gather(*[fetch(n) for n in range(6)])

def work(k):
    for i in range(12):
        try:
            price("sku-%d" % (i % 3), i - 3 + k)
        except ValueError:
            pass
    for one in steps(k): fact(one)

threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
for one in threads: one.start()
for one in threads: one.join()
work(4)
asyncio.run(main())
left = steps(3)
next(left)
os._exit(0)
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls_of")
    (folder / "shop.py").write_text(PROGRAM)
    done = relive("record", "-o", "out.relive", "--level", "lines", "shop.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out.relive"


def run_here(*words):
    """(status, stdout, stderr) of `relive calls`, in this process: there are many."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(["calls", *map(str, words)])
    return status, out.getvalue(), err.getvalue()


def ask(*words, status=0):
    ended, out, err = run_here(*words)
    assert ended == status, err
    return out


def rows(*words, status=0):
    lines = [json.loads(line) for line in ask(*words, "--json", status=status).splitlines()]
    assert lines[0] == {"schema": "relive.calls", "version": 1}
    return lines[1:-1], lines[-1]["totals"]


@pytest.mark.parametrize("name", ["price", "fact", "steps", "fetch", "main", "work"])
def test_calls_are_those_of_a_plain_reading(name, out):
    found, totals = rows(name, out, "--limit", "0")
    expected = plain_calls.read(str(out), f"__main__:{name}")
    assert totals["calls"] == len(found) == len(expected) > 0
    for row, one in zip(found, expected):
        assert row["call"] == f"{name}#{one['n']}"
        if one["end"] is None:
            one.update(end="open", total_ns=row["total_ns"])
        one["args"] = one["args"] or ({} if name == "main" else None)
        assert {key: row[key] for key in one} == one


def test_a_where_expression_picks_what_python_picks(out):
    found, _ = rows("price", out, "--limit", "0")
    least = min(row["total_ns"] for row in found)
    for expression, passes in (
        ("qty > 2", lambda row: row["args"]["qty"]["v"] > 2),
        ("item == 'sku-1' and qty % 2", lambda row: row["args"]["item"]["v"] == "sku-1"
         and row["args"]["qty"]["v"] % 2),
        ("ret['qty'] >= 5", lambda row: row["end"] == "return" and row["args"]["qty"]["v"] >= 5),
        ("ret['order'].items[0] == 1", lambda row: row["args"]["qty"]["v"] == 1),
        ("exc == 'ValueError'", lambda row: row["end"] == "raise"),
        ("re(message, '^no such')", lambda row: row["end"] == "raise"),
        ("exc is None and call.n < 20", lambda row: row["end"] == "return" and row["n"] < 20),
        ("thread == 1", lambda row: row["thread"] == 1),
        ("caller == 'work'", lambda row: True),
        (f"total > {least}", lambda row: row["total_ns"] > least),
        ("self_t <= total and call.t > 0", lambda row: True),
        ("type(ret) == 'dict'", lambda row: row["end"] == "return"),
    ):  # fmt: skip
        picked, totals = rows("price", out, "--limit", "0", "--where", expression)
        assert picked == [row for row in found if passes(row)], expression
        assert totals["passed"] == len(picked) and totals["calls"] == len(found)


def test_what_is_redacted_is_never_equal(out):
    for expression in ("password == 'hunter2'", "password != 'x'", "password < 'z'",
                       "not (password == 'x')", "len(password) == 7", "password in ('hunter2',)",
                       "re(password, 'h')"):  # fmt: skip
        found, totals = rows("price", out, "--where", expression, status=1)
        assert not found and totals["unknown"] == totals["calls"]
        assert totals["reasons"] == {"redacted": totals["calls"]}
    text = ask("price", out, "--where", "password == 'hunter2'", status=1)
    assert text == "0 of 48 calls of price; 48 not known (48 redacted)\n"


def test_a_parameter_wins_and_call_names_the_other(out):
    assert len(rows("fact", out, "--where", "n == 3", "--limit", "0")[0]) > 1
    (row,), _ = rows("fact", out, "--where", "call.n == 3")
    assert row["n"] == 3


def test_one_call_is_picked(out):
    every, _ = rows("fact", out, "--limit", "0")
    big = [row for row in every if row["args"]["n"]["v"] >= 2]
    for words, expected in (
        (["--first"], big[0]), (["--last"], big[-1]), (["--nth", "3"], big[2]),
    ):  # fmt: skip
        assert rows("fact", out, "--where", "n >= 2", *words)[0] == [expected]
    assert rows("fact#4", out)[0] == [every[3]]
    assert rows("fact#4", out, "--where", "n > 1000", status=1)[0] == []
    assert ask("fact", out, "--where", "n >= 2", "--count").startswith(
        f"{len(big)} of {len(every)}"
    )


def test_groups_count_values(out):
    groups, totals = rows("price", out, "--group", "item")
    every, _ = rows("price", out, "--limit", "0")
    counts = {}
    for row in every:
        value = row["args"]["item"]["v"]
        counts.setdefault(value, [0, row["call"], row["position"]])[0] += 1
    assert {g["value"]["v"]: [g["calls"], g["call"], g["position"]] for g in groups} == counts
    kinds, _ = rows("price", out, "--group", "(exc, type(ret))", "--where", "exc is None")
    assert [kind["value"]["r"] for kind in kinds] == ["(None, 'dict')"]
    raised, totals = rows("price", out, "--group", "ret['qty']", "--limit", "0")
    assert totals["no_answer"] == totals["reasons"]["no result"] > 0
    assert sum(row["calls"] for row in raised) + totals["no_answer"] == totals["calls"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--group", "n"], ["--group", "n", "--json"]])
def test_pages_joined_are_the_answer(form, out):
    whole = ask("fact", out, *form, "--limit", "0")
    for bounds in (["--limit", "5"], ["--max-bytes", "300"], ["--limit", "0", "--max-bytes", "1"]):
        joined, cursor, pages = "", [], 0
        while cursor is not None:
            status, page, said = run_here("fact", out, *form, *bounds, *cursor)
            assert status == 0, said
            joined += page
            pages += 1
            if "300" in bounds:
                assert len(page) <= 300 or page.count("\n") <= 2
            named = re.search(r"--cursor (\S+)", said)
            cursor = ["--cursor", named.group(1)] if named else None
        assert joined == whole and (pages > 1 or "300" in bounds)
    status, _, said = run_here("fact", out, "--where", "n", "--cursor", "3.00000000")
    assert status == 2 and "another question" in said


def test_a_generator_and_an_open_call(out):
    found, totals = rows("steps", out)
    assert sorted(row["value"]["r"] for row in found[:-1]) == ["0", "10", "20", "40"]
    assert found[-1]["end"] == "open" and totals["open"] == 1
    assert ask("steps", out, "--where", "n == 3", "--limit", "9").count("open") == 2
    assert rows("steps", out, "--where", "ret >= 0")[1]["reasons"] == {"still open": 1}


def test_objects_of_the_python_interface(out):
    with api.open(out) as recording:
        calls = recording.calls("price", where="ret['qty'] == 3")
        found = list(calls)
        assert calls.counts.passed == len(found) == 4
        call = found[0]
        assert call.func == "__main__:price" and call.args["qty"]["v"] == 3
        assert call.end == "return" and call.total_ns >= call.self_ns > 0
        (again,) = recording.calls("price", number=call.number)
        assert again == call
        with pytest.raises(api.ReliveError):
            recording.calls("nothing_of_that_name")


def test_several_processes(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os, sys\ndef f(x): return x\nf(1)\npid = os.fork()\n"
        "f(2 if pid else 3)\nif pid: os.waitpid(pid, 0)\n"
    )
    done = relive("record", "-o", "out.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, totals = rows("f", tmp_path / "out.relive")
    assert [row["args"]["x"]["v"] for row in found] == [1, 2, 3] and totals["calls"] == 3
    assert all(re.fullmatch(r"P\d+:f#\d", row["call"]) for row in found)
    assert len({row["pid"] for row in found}) == 2
    assert rows("f", tmp_path / "out.relive", "--where", "x > 1", "--last")[0] == [found[-1]]


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    (folder / "app.py").write_text(
        "def f(x): return -x\ndef g(n):\n    for i in range(n): f(i)\n"
        "def outer(n): return g(n)\nouter(60000)\n"
    )
    assert relive("record", "-o", "out.relive", "app.py", cwd=folder).returncode == 0
    return folder / "out.relive"


def test_the_last_and_the_nth_call_are_beyond_the_first_piece(tmp_path):
    """A piece of an answer ends after a million events, with a row or without."""
    (tmp_path / "app.py").write_text("def f(x): return -x\nfor i in range(520_000): f(i)\n")
    assert relive("record", "-o", "o.relive", "app.py", cwd=tmp_path).returncode == 0
    for words, value in (
        (["--last"], 519_999), (["--nth", "519999"], 519_998), (["--nth", "9"], 8),
        (["--where", "x > 519_990", "--first"], 519_991),
        (["--where", "x > 519_990", "--nth", "2"], 519_992),
        (["--where", "x < 30", "--last"], 29),
    ):  # fmt: skip
        found, _ = rows("f", tmp_path / "o.relive", *words)
        assert [row["args"]["x"]["v"] for row in found] == [value], words


def test_a_closed_pipe_is_quiet(long):
    with subprocess.Popen(
        [sys.executable, "-m", "relive", "calls", "f", str(long), "--limit", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environ(),
    ) as child:  # fmt: skip
        assert child.stdout.readline().startswith(b"f#1 ")
        child.stdout.close()
        assert child.stderr.read() == b"" and child.wait(60) == 0


def test_ctrl_c_is_quiet(long):
    with subprocess.Popen(
        [sys.executable, "-m", "relive", "calls", "f", str(long), "--limit", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environ(),
    ) as child:  # fmt: skip
        child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        time.sleep(0)
        child.stdout.read()
        assert child.stderr.read() == b"" and child.wait(60) in (130, -signal.SIGINT)


def test_a_call_that_is_open_long_does_not_hold_back_the_others(tmp_path):
    """Those that wait for it are given when they are too many; it comes when it has ended."""
    (tmp_path / "app.py").write_text(
        "def f(n, text):\n    if n:\n        for i in range(n): f(0, text)\n"
        "    return text\nf(9000, 'x' * 900)\n"
    )
    done = relive("record", "-o", "out.relive", "--max-str", "1000", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with api.open(tmp_path / "out.relive") as recording:
        order = [call.number for call in recording.calls("f")]
    assert sorted(order) == list(range(1, 9002)) and order[0] == 2
    place = order.index(1)
    assert order[:place] + order[place + 1 :] == list(range(2, 9002))

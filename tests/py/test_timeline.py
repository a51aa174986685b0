"""relive timeline, threads and tasks are those of a plain reading; pages join."""

import contextlib
import io
import json
import re

import plain_timeline
import pytest
from conftest import relive, two_versions

import relive as api
from relive import cli

pytestmark = two_versions
PROGRAM = """
import asyncio, os, queue, threading

def price(item, qty):
    if qty < 0:
        raise ValueError("no such amount")
    return item * qty

def work(jobs):
    while True:
        job = jobs.get()
        if job is None:
            return "done"
        try:
            price(*job)
        except ValueError:
            continue

def broken(jobs):
    price(3, -1)

async def fetch(n):
    await asyncio.sleep(0)
    if n == 2:
        raise KeyError("lost")
    return price(n, n)

async def forever():
    await asyncio.get_event_loop().create_future()

async def main():
    tasks = [asyncio.ensure_future(fetch(n)) for n in range(4)]
    hangs = asyncio.ensure_future(forever())
    gone = asyncio.ensure_future(forever())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait(tasks)
    os._exit(0)

jobs = queue.Queue()
for n in range(5):
    jobs.put((n, 2 - n))
jobs.put(None)
threading.excepthook = lambda *hook: None
for name, target in ("worker", work), ("broken", broken):
    one = threading.Thread(target=target, args=(jobs,), name=name)
    one.start()
    one.join()
threading.Thread(target=jobs.get, daemon=True, name="waits").start()
asyncio.run(main())
"""


@pytest.fixture(scope="module", params=["values", "lines"])
def out(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("timeline")
    (folder / "shop.py").write_text(PROGRAM)
    done = relive("record", "-o", "out.relive", "--level", request.param, "shop.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out.relive"


def run_here(*words):
    """(status, stdout, stderr) of a command, in this process: there are many."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([*map(str, words)])
    return status, out.getvalue(), err.getvalue()


def rows(*words, status=0):
    ended, out, err = run_here(*words, "--json")
    assert ended == status, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0] == {"schema": f"relive.{words[0]}", "version": 1}
    return lines[1:-1], lines[-1]["totals"]


def expected_rows(path):
    return plain_timeline.rows(str(path), lambda file: file.endswith("shop.py"))


def test_all_events_are_those_of_a_plain_reading(out):
    found, totals = rows("timeline", out, "--kinds", "all", "--limit", "0")
    expected = expected_rows(out)
    assert found == expected and totals["passed"] == len(expected) > 80


def test_options_pick(out):
    every = expected_rows(out)
    middle, last = every[len(every) // 3], every[len(every) // 2]
    for words, picks in (
        (["--thread", "2"], lambda row: row["thread"] == 2),
        (["--task", "3"], lambda row: row.get("task") == 3),
        (["--from", middle["position"]], lambda row: every.index(row) >= every.index(middle)),
        (["--to", last["position"]], lambda row: every.index(row) <= every.index(last)),
        (["--where", "kind == 'return' and func == 'price' and ret > 1"],
         lambda row: row["kind"] == "return" and row["func"] == "__main__:price"
         and row["value"]["v"] > 1),
        (["--where", "qty < 0 or exc == 'KeyError'"],
         lambda row: row.get("args", {}).get("qty", {}).get("v", 0) < 0
         or row.get("exc_type", row.get("exc", {}).get("type")) == "KeyError"),
        (["--where", "call.n == 2 and thread == 1"],
         lambda row: row["thread"] == 1 and (row["call"] or "").endswith("#2")),
        (["--where", "total >= 0"], lambda row: row["total_ns"] is not None),
    ):  # fmt: skip
        found, totals = rows("timeline", out, "--kinds", "all", "--limit", "0", *words)
        assert found == [row for row in every if picks(row)], words
        assert len(found) > 0 and totals["unknown"] == totals["no_answer"] == 0
    name = next(row["name"] for row in every if row["kind"] == "task_start" and row["task"] == 3)
    by_name, _ = rows("timeline", out, "--kinds", "all", "--limit", "0", "--task", name)
    assert by_name == [row for row in every if row.get("task") == 3]


@pytest.mark.parametrize("words", [["calls", "price"], ["timeline"]])
def test_one_letter_is_never_silently_the_number_or_the_time(out, words):
    status, _, said = run_here(*words, out, "--where", "thread and t > 5")
    assert status == 2 and "there is no parameter t here; call.t is the time" in said
    assert "  thread and t > 5\n             ^\n" in said
    status, text, _ = run_here(*words, out, "--where", "call.n == 2 and call.t > 5")
    assert status == 0 and "price#2" in text and "price#1" not in text


def test_an_end_before_the_begin_is_refused(out):
    status, _, said = run_here("timeline", out, "--from", "T1@20", "--to", "T1@19")
    assert status == 2 and "--to T1@19 is before --from T1@20" in said


def test_by_default_calls_of_own_code_come_with_what_is_rare(out):
    found, _ = rows("timeline", out, "--limit", "0")
    kinds = {row["kind"] for row in found}
    assert {"call", "return", "unwind", "thread_start", "task_start"} <= kinds
    assert not kinds & {"line", "write", "raise", "task_switch", "yield", "resume"}
    status, text, _ = run_here("timeline", out, "--where", "func == 'price'", "--limit", "4")
    assert status == 0 and re.search(r"price#1\(item=0, qty=2\)", text)
    assert re.search(r"T2@\d+ .*price#1 -> 0 ", text)
    assert run_here("timeline", out, "--where", "func == 'nothing'")[0] == 1


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("verb", ["timeline", "threads", "tasks"])
def test_pages_joined_are_the_answer(verb, form, out):
    whole = run_here(verb, out, *form, "--limit", "0")[1]
    for bounds in (["--limit", "2"], ["--limit", "0", "--max-bytes", "500"]):
        joined, cursor, pages = "", [], 0
        while cursor is not None:
            status, page, said = run_here(verb, out, *form, *bounds, *cursor)
            assert status == 0, said
            joined += page
            pages += 1
            named = re.search(r"--cursor (\S+)", said)
            cursor = ["--cursor", named.group(1)] if named else None
        assert joined == whole and (pages > 1 or "500" in bounds)


def test_threads_are_those_of_a_plain_reading(out):
    found, totals = rows("threads", out, "--limit", "0")
    expected, _ = plain_timeline.lives(str(out))
    assert {row["number"] for row in found} == set(expected)
    for row in found:
        one = expected[row["number"]]
        assert (row["first"], row["last"], row["calls"]) == (
            one["first"], one["last"], one["calls"],
        )  # fmt: skip
        assert row["func"] == one.get("func")
        assert row["end"] in (
            ("ended", "exception") if one["ended"] else ("never finished", "idle", "exception")
        )
    by_name = {row["name"]: row for row in found}
    assert by_name["worker"]["end"] in ("ended", "idle") and by_name["broken"]["end"] == "exception"
    assert by_name["broken"]["exc_type"].endswith("ValueError")
    assert totals["threads"] == len(found) >= 3


def test_tasks_are_those_of_a_plain_reading(out):
    found, totals = rows("tasks", out, "--limit", "0")
    _, expected = plain_timeline.lives(str(out))
    assert [row["number"] for row in found] == list(expected)
    for row in found:
        one = expected[row["number"]]
        for key in ("first", "last", "calls", "name", "parent"):
            assert row[key] == one[key], key
        assert row["func"] == one.get("func")
        maker = row["maker"] or {"func": None, "line": None}
        assert (maker["func"], maker["line"]) == (one["maker"], one["line"])
        end = one["end"]
        if end is not None and end["kind"] == "return":
            assert row["end"] == "result" and row["value"] == end["value"]
        elif end is not None:
            assert row["end"] in ("exception", "cancelled") and row["exc_type"] == end["exc_type"]
        else:
            assert row["end"] in ("never finished", "not started")
    ends = [row["end"] for row in found]
    assert ends.count("exception") == 1 and ends.count("cancelled") == 1
    assert ends.count("never finished") == totals["never_finished"] == 2
    waits = {row["func"]: row["waits"] for row in found if row["waits"]}
    assert waits["__main__:forever"]["func"] == "__main__:forever"
    assert "Future" in waits["__main__:forever"]["value"]["t"]
    open_ones, _ = rows("tasks", out, "--open")
    assert open_ones == [row for row in found if row["end"] == "never finished"]


def test_a_task_waits_where_its_innermost_coroutine_does(tmp_path):
    (tmp_path / "app.py").write_text(
        "import asyncio, os\nasync def get(queue): return await queue.get()\n"
        "def numbers():\n    yield from range(3)\n"
        "async def work(queue):\n    for _ in numbers(): pass\n    return await get(queue)\n"
        "async def main():\n    task = asyncio.ensure_future(work(asyncio.Queue()))\n"
        "    await asyncio.sleep(0)\n    os._exit(0)\nasyncio.run(main())\n"
    )
    done = relive("record", "-o", "run.relive", "--level", "lines", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, _ = rows("tasks", tmp_path / "run.relive", "--open")
    (waits,) = [row["waits"] for row in found if row["func"] == "__main__:work"]
    assert waits["func"] == "__main__:get" and waits["line"] == 2
    assert waits["source"] == "async def get(queue): return await queue.get()"


def test_text_of_tasks_and_threads(out):
    _, text, _ = run_here("tasks", out)
    assert re.search(r'task \d+  "Task-\d+"  __main__:fetch  -> 1\n', text)
    assert re.search(r"! KeyError: 'lost'  at T1@\d+", text) and "cancelled" in text
    assert re.search(r"created by task 1 in __main__:main  shop.py:\d+  \(T1@\d+\)", text)
    assert re.search(r"waits at shop.py:\S+ in __main__:forever \(T1#\d+\) since T1@\d+  for", text)
    _, text, _ = run_here("threads", out)
    assert re.search(r'T3  "broken"  __main__:broken  ! ValueError: no such amount', text)


def test_the_python_interface(out):
    with api.open(out) as recording:
        tasks = recording.tasks()
        assert [task.end for task in tasks].count("cancelled") == 1
        found = list(recording.timeline(where="func == 'price'", thread=2))
        assert found[0].call == "__main__:price#1" and found[0].event["kind"] == "call"
        assert {entry.thread for entry in found} == {2}
        with pytest.raises(api.ReliveError, match=r"no kind of event 'cal'.*'call'"):
            recording.timeline(kinds=["cal"])


def test_errors_say_what_to_do(out):
    for words, says in (
        (["--where", "fun == 1"], "did you mean 'func'"),
        (["--kinds", "lines"], "did you mean 'line'"),
        (["--thread", "99"], "relive threads lists them"),
        (["--task", "Task-999"], "relive tasks lists them"),
        (["--process", "1"], "this run has"),
        (["--from", "nowhere#1"], "nothing of nowhere"),
    ):
        status, _, said = run_here("timeline", out, *words)
        assert status == 2 and says in said, said


def test_processes_are_merged_by_time(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os\ndef step(n): return n\ndef main():\n"
        "    for k in range(2):\n        pid = os.fork()\n        step(k)\n"
        "        if not pid: os._exit(0)\n        os.waitpid(pid, 0)\nmain()\n"
    )
    done = relive("record", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, totals = rows("timeline", tmp_path / "run.relive", "--limit", "0")
    assert len({row["pid"] for row in found}) == 3 and totals["passed"] == len(found)
    assert [row["t"] for row in found] == sorted(row["t"] for row in found)
    assert all(row["position"].startswith(f"P{row['pid']}:T") for row in found)
    second, _ = rows("timeline", tmp_path / "run.relive", "--limit", "0", "--from",
                     found[7]["position"], "--to", found[12]["position"])  # fmt: skip
    assert second == found[7:13]


def test_bodies_of_classes_and_modules_do_not_read_as_calls(tmp_path):
    (tmp_path / "shop.py").write_text("class Cart:\n    limit = 3\n    class Item: pass\n")
    (tmp_path / "app.py").write_text(
        "import shop\n\ndef Order(): return shop.Cart()\n\nOrder()\n"
        "class Order(shop.Cart): pass\nclass Bad(shop.Cart):\n    rate = {}['b']\n"
    )
    done = relive("record", "--level", "lines", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 1
    out = str(tmp_path / "run.relive")
    calls = run_here("tree", "--calls", "--all", out)[1]
    assert "shop.py:1 <module> (module body)  " in calls
    assert "shop.py:1 Cart (class body)  " in calls and "Cart.Item (class body)" in calls
    assert "app.py:3 Order() -> Cart(" in calls, "a name of a function and of a class is no body"
    events = run_here("timeline", out)[1]
    assert "shop:<module>#1 (module body) ended" in events and "Cart#1 (class body) ended" in events
    for words in (["why"], ["exc"], ["summary"], ["calls", "__main__:Bad"], ["frame", "Bad#1"]):
        assert "Bad (class body)" in run_here(*words, out)[1], words
    assert "Bad (class body)" in run_here("frame", "__main__:<module>#1", out)[1]

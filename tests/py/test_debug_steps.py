"""Steps: into, over, out, until; tasks; what is stepped through."""

import re

import pytest
from conftest import relive
from debugging import WORK

CALLS = """\
def inner(n):
    m = n + 1
    return m
def outer(n):
    a = inner(n)
    b = inner(a)
    return b
def raises():
    try:
        fails()
    except ValueError:
        caught = 1
    return caught
def fails():
    raise ValueError
def gen():
    yield 1
    yield 2
def uses():
    total = 0
    for value in gen():
        total += value
    return total
"""


@pytest.mark.parametrize(
    ("first", "steps", "call", "places"),
    [
        (5, "ooo", "outer(1)", [5, 6, 7]),
        (5, "iii", "outer(1)", [5, 2, 3, 6]),
        (5, "iuo", "outer(1)", [5, 2, 6, 7]),
        (2, "oooo", "outer(1)", [2, 3, 6, 7]),
        (2, "u", "outer(1)", [2, 6]),
        (10, "oooo", "raises()", [10, 11, 12, 13]),
        (10, "iooo", "raises()", [10, 15, 11, 12]),
        (17, "ooo", "uses()", [17, 22, 21, 22]),
        (17, "uoo", "uses()", [17, 22, 21, 22]),
        (22, "iii", "uses()", [22, 21, 18, 22]),
    ],
)
def test_steps(debug, first, steps, call, places):
    told = debug(
        CALLS + f"stop_at({first}, once=True)\nscript[:] = {list(steps)!r}\n{call}\ntell()"
    )
    found = [line for _, line, _ in told["stops"]]
    assert found[: len(places)] == places


def test_until_a_line_and_until_the_caller(debug):
    told = debug(
        WORK + "stop_at(2, once=True)\n"
        "script[:] = [lambda frame: runtime.step(STEP_UNTIL, 5 + OFFSET, frame)]\nwork(3)\ntell()"
    )
    assert [line for _, line, _ in told["stops"]] == [2, 5]


ASYNC = """\
import asyncio
async def step(n):
    await asyncio.sleep(0)
    return n
async def one():
    a = await step(1)
    b = await step(2)
    return a + b
async def other():
    for i in range(5):
        await asyncio.sleep(0)
        noise = i
async def main():
    return await asyncio.gather(one(), other())
"""


@pytest.mark.parametrize(("steps", "places"), [("oo", [6, 7, 8]), ("ioo", [6, 3, 4, 7])])
def test_a_step_over_an_await_stays_in_its_task(debug, steps, places):
    told = debug(
        ASYNC + f"stop_at(6, once=True)\nscript[:] = {list(steps)!r}\nasyncio.run(main())\ntell()"
    )
    assert [line for _, line, _ in told["stops"]] == places


def test_steps_of_the_thread_go_on_in_whichever_task_runs_next(debug):
    told = debug(
        "runtime.shutdown()\nassert runtime.initialize({'task_aware_stepping': False})\n"
        + ASYNC
        + "stop_at(8, once=True)\nscript[:] = list('oooo')\nasyncio.run(main())\ntell()"
    )
    found = [line for _, line, _ in told["stops"]]
    assert found[0] == 8 and set(found[1:]) & {12, 13, 14}, found  # other(), between


def test_what_filters_leave_out_is_not_stepped_into(tmp_path):
    for name in ("mine", "theirs"):
        (tmp_path / f"{name}.py").write_text("def f(n):\n    m = n + 1\n    return m\n")
    (tmp_path / "app.py").write_text(
        "import mine, theirs\ndef work():\n    a = theirs.f(1)\n    b = mine.f(a)\n    return b\n"
        "work()\n"
    )
    rules = '[meta]\nname = "mine"\nversion = 1\n[scope]\ndefault_exec = "trace"\n%s'
    skip = '[[scope.rules]]\nselector = "pkg:theirs"\nexec = "skip"\n'
    (tmp_path / "mine.toml").write_text(rules % ('default_value_action = "allow"\n' + skip))

    def places(*options):
        words = ["debug", *options, "-b", "app.py:3", "app.py"]
        done = relive(*words, cwd=tmp_path, stdin=b"s\ns\ns\nq\n")
        assert done.returncode in (0, 1), done.stderr
        return re.findall(r"(\w+)\.py\((\d+)\)", done.stdout.decode())

    assert places()[:3] == [("app", "3"), ("theirs", "1"), ("theirs", "2")]  # 1: its --Call--
    assert places("--trace-filter", "mine.toml")[:3] == [("app", "3"), ("app", "4"), ("mine", "1")]
    (tmp_path / ".relive").mkdir()
    (tmp_path / "mine.toml").rename(tmp_path / ".relive" / "trace-filter.toml")
    assert places()[1] == ("app", "4")
    assert places("--no-auto-filter")[1] == ("theirs", "1")
    assert places("--all-code")[1] == ("theirs", "1")
    (tmp_path / ".relive" / "trace-filter.toml").write_text("[meta\n")
    wrong = relive("debug", "app.py", cwd=tmp_path)
    assert wrong.returncode == 125 and b"trace-filter.toml" in wrong.stderr

"""--budget: the hottest functions go down a level, each step is an event, and nothing is lost."""

import json

import pytest
from conftest import relive

from relive import open as open_recording

PROGRAM = """
import sys

def hot(a, b):
    c = a + b
    return c

def lines(n):
    total = 0
    for i in range(n):
        total += hot(i, 1)
    return total

def generator(n):
    for i in range(n):
        yield hot(i, 2)

def cold(value):
    return value

lines(600000)
waiting = generator(3)
next(waiting)
print(lines(400000), cold("seen"), sum(waiting), sum(generator(100)))
"""


def budgeted(record, tmp_path, level, *options):
    """Returns what `info` reports about the program, and the recording."""
    done, _, _ = record(PROGRAM, "--level", level, "--force", *options, events=False)
    path = tmp_path / "out.relive"
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"80000200000 seen 7 5150\n"
    info = json.loads(relive("info", "--json", path).stdout.splitlines()[1])
    return info, open_recording(path)


@pytest.mark.parametrize("level", ["calls", "values", "lines"])
def test_steps_go_down_one_level_each_and_info_lists_them(record, tmp_path, level):
    info, recording = budgeted(record, tmp_path, level, "--budget", "1")
    steps = info["budget"]["steps"]
    assert info["budget"]["percent"] == 1 and steps
    order = ["counted", "calls", "values", "lines"]
    now = {}
    for step in steps:
        assert now.get(step["func"]) in (None, step["from"])
        assert order.index(step["from"]) - order.index(step["to"]) == 1
        now[step["func"]] = step["to"]
    assert now["__main__:hot"] == "counted"
    told = [event["func"] for event in recording.select(["budget"]) if "func" in event]
    assert told == [step["func"] for step in steps]
    text = relive("info", recording.path).stdout.decode()
    assert "budget    1 % of the program's own time" in text
    assert "__main__:hot from calls to counted" in text


def test_recorded_and_counted_is_what_happened(record, tmp_path):
    whole = budgeted(record, tmp_path, "calls")[0]
    info = budgeted(record, tmp_path, "calls", "--budget", "1")[0]
    assert info["losses"]["budget"] > 0 and set(info["losses"]) == {"budget"}
    kinds = dict(info["kinds"])
    kinds.pop("budget")
    assert sum(kinds.values()) + info["losses"]["budget"] == sum(whole["kinds"].values())
    assert kinds["call"] == kinds["return"]


def test_what_is_recorded_has_both_ends_and_its_values(record, tmp_path):
    _, recording = budgeted(record, tmp_path, "lines", "--budget", "1")
    others = [code[0] for code in recording.codes() if code[2] != "hot"]
    open_frames = set()
    for event in recording.select(["call", "return", "unwind"], codes=others):
        if event["kind"] == "call":
            open_frames.add(event["frame"])
        else:
            open_frames.remove(event["frame"])
    assert not open_frames
    cold = [code[0] for code in recording.codes() if code[2] == "cold"]
    assert [e["value"]["r"] for e in recording.select(["return"], codes=cold)] == ["'seen'"]


def test_a_program_within_the_budget_keeps_its_level(record):
    source = (
        "import time\ndef f():\n    return 1\nfor _ in range(50):\n    f()\n    time.sleep(0)\n"
    )
    _, _, events = record(source, "--budget", "1000")
    assert not [e for e in events if e["kind"] == "budget" and "func" in e]
    assert sum(e["kind"] == "call" for e in events) >= 51


@pytest.mark.parametrize("wrong", ["0.5", "-1", "1001", "much"])
def test_a_budget_that_is_no_percentage_is_refused(record, wrong):
    done, _, _ = record("pass", "--budget", wrong, made=False)
    assert done.returncode == 125 and b"a whole number from 1 to 1000" in done.stderr

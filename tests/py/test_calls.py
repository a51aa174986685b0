"""Single calls out of a recording: what C picks out is what a slow reading of all events gives."""

import json
import os
import random
import subprocess
import sys

import pytest
from conftest import relive, two_versions

import relive as api

pytestmark = two_versions
PROGRAM = """
import random, threading

def leaf(n):
    return n

def steps(n, below):
    for i in range(n):
        leaf(i)
        if below:
            yield from steps(n - 1, below - 1)
        yield i

def turns(seed):
    draw = random.Random(seed)
    open_ones = []
    for i in range(60):
        if draw.random() < 0.3:
            open_ones.append(steps(draw.randrange(1, 4), draw.randrange(2)))
        if open_ones:
            one = draw.choice(open_ones)
            try:
                next(one)
            except StopIteration:
                open_ones.remove(one)
        if draw.random() < 0.2:
            nested(draw.randrange(6))
    return open_ones

def nested(n):
    if n == 3:
        raise_it() if n % 2 == 0 else leaf(n)
    return nested(n - 1) if n else 0

def raise_it():
    raise KeyError(1)

left = []
threads = [threading.Thread(target=lambda k=k: left.append(turns(k))) for k in range(3)]
for thread in threads:
    thread.start()
    thread.join()
left.append(turns(9))
for one in left[0]:
    next(one, None)
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A recording with threads, and generators that take turns and move between threads."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "app.py").write_text(PROGRAM)
    done = relive("record", "-o", "out.relive", "--level", "values", "app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out.relive"


def model(events, codes, thread, depth, least, limit):
    """The answer from a plain reading: rows (level, start, end), how many more, and all rows."""
    callers, levels, inside, shown, ends, begun = {}, {}, {}, [], {}, []
    for event in events:
        frame = event.get("frame")
        if event["kind"] in ("return", "unwind"):
            ends[frame] = event
        if event["kind"] != "call" or (thread and event["thread"] != thread):
            continue
        begun.append(event)
        above = callers[frame] = event["parent"]
        inside[frame] = inside.get(above, codes is None) or (
            codes is not None and event["func"] in codes
        )
        levels[frame] = levels.get(above, -1) + inside[frame]
        if inside[frame] and not (depth and levels[frame] >= depth):
            shown.append(event)
    shown = [
        event
        for event in shown
        if event["frame"] not in ends or ends[event["frame"]]["t"] - event["t"] >= least
    ]
    paths = {}  # of a frame: its thread, then the starts of its callers there and its own
    for event in begun:
        above = callers[event["frame"]]
        while above in paths and inside[above] and paths[above][0] != event["thread"]:
            above = callers[above]
        before = paths[above] if inside.get(above) and above in paths else (event["thread"],)
        paths[event["frame"]] = (*before, event["seq"])
    shown.sort(key=lambda event: paths[event["frame"]])
    rows = [(levels[event["frame"]], event, ends.get(event["frame"])) for event in shown]
    return rows[:limit], max(0, len(rows) - limit), rows


def test_calls_are_those_of_a_plain_reading(out):
    events = list(api.open(out).events())
    draw = random.Random(7)
    recording = api.open(out)
    names = {row[0]: f"{row[1]}:{row[2]}" for row in recording.codes()}
    took = [1000, 10000, 100000]
    for _ in range(120):
        codes = draw.sample(sorted(names), 2) if draw.random() < 0.4 else None
        thread, depth = draw.choice([0, 0, 1, 2, 4, 77]), draw.choice([0, 0, 1, 2, 5])
        least, limit = draw.choice([0, 0, *took]), draw.choice([0, 1, 7, 60, 10**6])
        rows, more = recording.nested_calls(
            codes=codes, thread=thread, depth=depth, least=least, limit=limit
        )
        funcs = None if codes is None else {names[code] for code in codes}
        *expected, whole = model(events, funcs, thread, depth, least, limit)
        assert [list(rows), more] == expected, (codes, thread, depth, least, limit)
        if whole:
            number = draw.randrange(len(whole))
            last = whole[number][1]
            rows, more = recording.nested_calls(
                codes=codes, thread=thread, depth=depth, least=least, limit=limit,
                after=(last["thread"], last["seq"]),
            )  # fmt: skip
            rest = whole[number + 1 :]
            assert (list(rows), more) == (rest[:limit], max(0, len(rest) - limit))


def without_callers(rows):
    """Ends that were found from the other side have no caller, task and session."""
    left_out = {"parent", "task", "session"}
    return [
        (level, start, end and {key: end[key] for key in end if key not in left_out})
        for level, start, end in rows
    ]


def test_a_reading_that_is_cut_has_the_same_calls(out):
    draw = random.Random(8)
    recording = api.open(out)
    numbers = [row[0] for row in recording.codes()]
    cut = 0
    for _ in range(150):
        question = {
            "codes": draw.sample(numbers, 2) if draw.random() < 0.4 else None,
            "thread": draw.choice([0, 0, 1, 2, 4]), "depth": draw.choice([0, 0, 1, 2, 5]),
            "least": draw.choice([0, 0, 0, 1000]), "limit": draw.choice([0, 1, 3, 7, 20, 60]),
        }  # fmt: skip
        rows, more = recording.nested_calls(**question)
        rows = list(rows)
        found, left = recording.nested_calls(**question, may_cut=True)
        assert without_callers(found) == without_callers(rows), question
        assert left == more or (left is None and more > 0)
        cut += left is None
        if rows:
            last = draw.choice(rows)[1]
            question["after"] = last["thread"], last["seq"]
            rows = without_callers(recording.nested_calls(**question)[0])
            assert without_callers(recording.nested_calls(**question, may_cut=True)[0]) == rows
    assert cut > 20


def test_a_call_to_begin_behind_must_be_one(out):
    with pytest.raises(api.ReliveError, match="no call T1@1000000000 to begin behind"):
        api.open(out).nested_calls(after=(1, 10**9))


def test_the_limit_holds_for_all_threads_and_the_rest_is_counted(out):
    whole = relive("tree", "--calls", "--json", "--limit", "0", out).stdout.splitlines()[1:]
    calls = sum(event["kind"] == "call" for event in api.open(out).events())
    assert len(whole) == calls > 200 and len({json.loads(row)["thread"] for row in whole}) > 3
    done = relive("tree", "--calls", "--limit", "5", out)
    lines = [line for line in done.stdout.decode().splitlines() if "app.py" in line]
    assert len(lines) == 5
    assert f"{calls - 5:,} more lines".encode() in done.stderr


@pytest.mark.parametrize("option", ["--limit", "--depth", "--thread"])
def test_a_count_that_is_none_is_refused(option, out):
    for text in ("-1", "many", "1" * 40):
        done = relive("tree", option, text, out)
        assert done.returncode == 2 and b"is no number" in done.stderr, done.stderr


def test_a_terminal_is_shown_how_far_a_long_question_is(out):
    code = (
        "import sys, time, relive; from relive.cli import common\n"
        "with common.progress(relive.open(sys.argv[1])): time.sleep(0.9)\n"
        "print('answer')"
    )
    leader, follower = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], stdout=follower, stderr=follower, timeout=60
    )
    os.close(follower)
    shown = os.read(leader, 9999).decode()
    os.close(leader)
    assert done.returncode == 0
    assert "\rrelive: [--------------------] 0 %" in shown and shown.endswith("\r\x1b[Kanswer\r\n")

"""relive frame: one call whole, compared with a plain reading of all events of the recording."""

import collections
import itertools
import json
import random
import re

import format_reader
import pytest
from conftest import TESTS, relive

from relive import activations
from relive import open as open_recording

PROGRAMS = ["bughunt/shadowed_name", "bughunt/lease_of_another_task", "programs/generators",
            "programs/generator_throw", "programs/recursion", "programs/exceptions_finally",
            "programs/comprehensions", "programs/coroutines"]  # fmt: skip


class Plain:
    """What one activation did, in lists that nothing is left out of."""

    def __init__(self, events, frame):
        self.hits = collections.Counter()
        self.writes, self.calls = collections.defaultdict(list), collections.defaultdict(list)
        self.yields = []
        self.end, line, waiting = None, 0, {}
        for event in events:
            kind = event["kind"]
            if event.get("frame") == frame:
                if kind == "line":
                    line = event["line"]
                    self.hits[line] += 1
                elif kind == "write":
                    self.writes[line or event["line"], event["name"]].append(event["value"]["r"])
                elif kind == "yield":
                    self.yields.append(event.get("value", {}).get("r", ""))
                elif kind in ("return", "unwind"):
                    self.end = kind
                    break
            elif event.get("parent") == frame and kind == "call":
                waiting[event["frame"]] = line, event["func"]
            elif event.get("frame") in waiting and kind in ("return", "unwind"):
                line_of_call, func = waiting.pop(event["frame"])
                self.calls[line_of_call, func].append(event["frame"])
        for called, (line_of_call, func) in waiting.items():
            self.calls[line_of_call, func].append(called)


def kept(items):
    """Returns what a sequence keeps of these: [item, times] of equal neighbours."""
    runs = [[item, len(list(group))] for item, group in itertools.groupby(items)]
    return runs if len(runs) <= 4 else [*runs[:3], runs[-1]]


def shown(values):
    return [[item["r"], times] for item, times in values.rows]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("level", ["lines", "values"])
def test_a_call_is_what_a_plain_reading_says(name, level, tmp_path):
    path = tmp_path / "out.relive"
    relive("record", "-o", path, "--level", level, TESTS / f"{name}.py", cwd=tmp_path)
    events = list(format_reader.events(str(path)))
    frames = sorted({event["frame"] for event in events if event["kind"] == "call"})
    with open_recording(path) as recording:
        for frame in random.Random(name).sample(frames, min(12, len(frames))):
            plain, found = Plain(events, frame), activations.read(recording, frame)
            hits = {line.number: line.hits for line in found.lines.values() if line.hits}
            assert hits == plain.hits, frame
            assert (found.end or {}).get("kind") == plain.end
            writes = {(line.number, written): values for line in found.lines.values()
                      for written, values in line.writes.items()}  # fmt: skip
            assert {key: shown(values) for key, values in writes.items()} == {
                key: kept(values) for key, values in plain.writes.items()
            }
            calls = {(line.number, func): row.total for line in found.lines.values()
                     for func, row in line.calls.items()}  # fmt: skip
            if found.calls:  # no line is known
                func_of = [(row.rows[0][0].event["func"], row.total) for row in found.calls]
                calls = collections.Counter()
                for func, total in func_of:
                    calls[0, func] += total
            assert calls == {key: len(rows) for key, rows in plain.calls.items()}
            assert sum(line.yields.total for line in found.lines.values()) == len(plain.yields)


LOOP = """\
def find(rows, wanted):
    for number, row in enumerate(rows):
        if row == wanted:
            return number
        else:
            row = None
    # not there
    return -1
def main():
    find([7] * 6 + [9], 9)
    find([], 9)
    find(3, 9)
try: main()
except TypeError: pass
"""


def test_lines_of_a_loop_are_shown_once_with_their_values(record, tmp_path):
    record(LOOP, "--level", "lines")
    text = relive("frame", "find#1", cwd=tmp_path).stdout.decode().splitlines()
    assert text[0] == "__main__:find(rows=[7, 7, 7, 7, 7, 7, 9], wanted=9) -> 6"
    body = text[2:]
    assert body[0] == "    1        def find(rows, wanted):"
    loop = next(line for line in body if "enumerate" in line)
    assert loop.startswith("    2    x7      for number, row in enumerate(rows):")
    assert "number = 0, 1, 2, ..., 6  (7 values)" in "\n".join(body)
    hit = next(line for line in body if "return number" in line)
    assert hit.startswith("    4    x1              return number  ")
    assert hit.endswith("  first with number=6, row=9")
    assert "    8            return -1" in body


def test_how_a_call_ended_and_what_it_called(record, tmp_path):
    record(LOOP, "--level", "lines")
    failed = relive("frame", "find#3", cwd=tmp_path).stdout.decode().splitlines()
    assert failed[0].startswith("__main__:find(rows=3, wanted=9)  ! TypeError: 'int' object is not")
    assert failed[0].endswith("at line 2")
    main = relive("frame", "main#1", cwd=tmp_path).stdout.decode()
    position = main.partition("find(rows=[], wanted=9) -> -1  ")[2].split()[0]
    assert relive("frame", position, cwd=tmp_path).stdout.startswith(
        b"__main__:find(rows=[], wanted"
    )


def test_json_has_a_row_for_the_call_and_each_line(record, tmp_path):
    record(LOOP, "--level", "lines")
    lines = relive("frame", "find#1", "--json", cwd=tmp_path).stdout.splitlines()
    schema, call, *rows = map(json.loads, lines)
    assert schema == {"schema": "relive.frame", "version": 1}
    assert call["row"] == "call" and call["func"] == "__main__:find" and call["value"]["v"] == 6
    assert [row["line"] for row in rows] == [2, 3, 4, 6]
    assert [row["hits"] for row in rows] == [7, 7, 1, 6]
    number = rows[0]["writes"]["number"]
    assert number["total"] == 7 and number["skipped"] == 3
    assert [one["value"]["v"] for one in number["kept"]] == [0, 1, 2, 6]
    assert rows[3]["text"].strip() == "row = None"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("find#9", "there is no find#9: the last one is find#3"),
        ("fnd#1", "did you mean 'find'?"),
        ("find", "is no position"),
        ("start", "is in no frame"),
        ("T9#99", "nothing of frame T9#99 was recorded"),
    ],
)
def test_a_call_that_is_not_there(record, tmp_path, call, says):
    record(LOOP)
    done = relive("frame", call, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr.decode()


def test_without_lines_the_calls_are_shown_in_their_order(record, tmp_path):
    record("def f(n): return n\ndef g():\n    f(1)\n    for i in range(9): f(i)\ng()\n")
    text = relive("frame", "g#1", cwd=tmp_path).stdout.decode()
    assert "f(n=1) -> 1" in text and "... 6 more" in text and "f(n=8) -> 8" in text
    assert "its lines were not recorded (relive record --level lines)" in text


@pytest.mark.parametrize("count", [7, 12])
def test_changes_that_may_be_shown_late_are_announced(record, tmp_path, count):
    """With more containers than are compared before a line, a change shows at another line."""
    names = [f"v{number:02}" for number in range(count)]
    body = "".join(f"    {name} = [0]\n    n = {name} + [1]\n" for name in names)
    body += "".join(f"    {name}.append(1)\n" for name in names)
    record(f"def f():\n{body}    return len(n)\nf()\n", "--level", "lines")
    text = relive("frame", "f#1", tmp_path / "out.relive").stdout.decode()
    late = [
        line for line in text.splitlines()
        if re.search(r"v\d\d = \[0, 1\]", line) and ".append" in line
        and re.search(r"(v\d\d)\.append", line).group(1) not in line.partition(".append")[2]
    ]  # fmt: skip
    says = f"{count + 1} containers take turns in being compared"
    assert (says in text) == (count > 7) and (not late or says in text)

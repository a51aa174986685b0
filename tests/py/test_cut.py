"""`cut`: the part has the events of its interval as they were, and every verb reads it."""

import json
import random

import format_reader
import pytest
from conftest import PROGRAMS, TESTS, relive, two_versions
from test_pages import ask

import relive as api

pytestmark = two_versions
PROGRAM = """
import asyncio, threading
class Box:
    def __init__(self): self.items = []
shared = Box()
def leaf(n):
    shared.items.append(n)
    return [shared, n]
def work(n):
    for i in range(n):
        leaf(i)
    return n
async def job(n):
    leaf(n)
    await asyncio.sleep(0)
    work(3)
async def main():
    await asyncio.gather(*(job(n) for n in range(3)))
def steps(n):
    for i in range(n):
        yield leaf(i)
threads = [threading.Thread(target=work, args=(60,)) for _ in range(2)]
for thread in threads: thread.start()
for n in range(200): work(3)
asyncio.run(main())
list(steps(4))
for thread in threads: thread.join()
"""


def record(folder, *options, source=PROGRAM):
    (folder / "app.py").write_text(source)
    path = folder / "whole.relive"
    done = relive("record", *options, "-o", path, "app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return path


def without_place(event):
    """An event without what another clock line, and the begin of the part, change."""
    return {key: value for key, value in event.items() if key != "t"}


def expect_part(whole, path, first, last):
    """Checks a part against the events of the whole recording."""
    at = [(event["thread"], event["seq"]) for event in whole]
    begin, end = at.index(first), at.index(last)
    wanted = whole[begin : end + 1]
    with api.open(path) as part:
        events = list(part.events())
        checked = part.check()
        assert not checked["problems"] and part.header["is_complete"]
    added = [event for event in events if (event["thread"], event["seq"]) not in set(at[begin:])]
    assert {event["kind"] for event in added} <= {
        "thread_start", "already_running", "task_start", "task_switch",
    } | {event["kind"] for event in added if event.get("already_running")}  # fmt: skip
    found = [event for event in events if event not in added]
    assert [without_place(event) for event in found] == [without_place(event) for event in wanted]
    assert [event["t"] for event in found] == [event["t"] for event in wanted]
    return added


@pytest.mark.parametrize("options", [(), ("--level", "lines"), ("--level", "calls")], ids=str)
def test_a_part_has_the_events_of_its_interval(tmp_path, options):
    path = record(tmp_path, *options)
    whole = list(api.open(path).events())
    draw = random.Random(3)
    recording = api.open(path)
    for _ in range(12):
        begin, end = sorted(draw.sample(range(len(whole)), 2))
        first, last = ((whole[i]["thread"], whole[i]["seq"]) for i in (begin, end))
        part = recording.cut(tmp_path / "part.relive", "T%d@%d" % first, "T%d@%d" % last,
                             force=True)  # fmt: skip
        expect_part(whole, part.path, first, last)
        shown = [e for e in whole[begin : end + 1] if e["kind"] != "session_start"]
        assert part.events == len(shown)
        ended = {event["thread"] for event in whole[:begin] if event["kind"] == "thread_end"}
        threads = {event["thread"] for event in shown}
        threads |= {event["thread"] for event in whole[:begin]} - ended  # those that wait
        others = {event["thread"] for event in whole} - threads
        assert part.threads_left_out == len(others)
        assert part.left_out_before + part.left_out_after + part.events == sum(
            event["thread"] in threads for event in whole
        )


def test_what_was_open_is_open_when_the_part_begins(tmp_path):
    path = record(tmp_path)
    recording = api.open(path)
    whole = list(recording.events())
    draw = random.Random(5)
    for _ in range(10):
        begin = draw.randrange(20, len(whole) - 50)
        first, last = (f"T{whole[i]['thread']}@{whole[i]['seq']}" for i in (begin, begin + 40))
        part = api.open(recording.cut(tmp_path / "part.relive", first, last, force=True).path)
        for position in (first, last):
            before, after = recording.state(position), part.state(position)
            seen = {event["thread"] for event in whole[begin : begin + 41]}
            for thread in before.threads:
                frames = [(one.name, one.func, one.task) for one in thread.frames
                          if one.state != "waits"]  # fmt: skip
                found = [one for one in after.threads if one.number == thread.number]
                if found and thread.number in seen:
                    assert [(one.name, one.func, one.task) for one in found[0].frames
                            if one.state != "waits"] == frames  # fmt: skip


def test_times_and_counts_of_the_part_are_those_of_its_events(tmp_path):
    path = record(tmp_path)
    recording = api.open(path)
    part = api.open(recording.cut(tmp_path / "part.relive", "work#40", "work#80").path)
    calls = {}
    for event in part.events():
        if event["kind"] == "call" and not event.get("already_running"):
            calls[event["func"]] = calls.get(event["func"], 0) + 1
    rows = part.functions()
    found = {":".join(part.code(row[0])[:2]): row[1] for row in rows if row[1]}
    assert found == calls and calls["__main__:leaf"] > 50


def test_another_reader_reads_the_part(tmp_path):
    """The reader of the tests knows the format by its page alone."""
    path = record(tmp_path, "--level", "lines")
    part = api.open(path).cut(tmp_path / "part.relive", "30%", "60%")
    shown = list(api.open(part.path).events())
    assert format_reader.events(part.path) == shown
    assert len(shown) == part.events + part.events_of_begin


def test_every_verb_reads_a_part(tmp_path):
    path = record(tmp_path, "--level", "lines", "--output")
    status, text, _ = ask("cut", "--from", "work#20", "--to", "work#60", "-o",
                          tmp_path / "part.relive", path)  # fmt: skip
    assert status == 0 and "left out: " in text
    part = tmp_path / "part.relive"
    for words in (["info"], ["tree"], ["tree", "--calls"], ["calls", "leaf"], ["exc"],
                  ["line", "app.py:7"], ["frame", "leaf#last"], ["history", "leaf", "n"],
                  ["state", "end"], ["top"], ["cover", "app.py"], ["callers", "leaf"], ["check"],
                  ["dump"], ["diff", part], ["sessions"], ["gaps"]):  # fmt: skip
        status, text, said = ask(*words, part)
        assert status in (0, 1) and text and "damaged" not in said, (words, said)
    rows = [json.loads(row) for row in ask("check", "--json", part)[1].splitlines()]
    assert rows[1]["complete"] and not rows[1]["problems"]


def test_a_ring_a_killed_program_and_golden_files_can_be_cut(tmp_path):
    paths = [record(tmp_path, "--ring", "1MB")]
    whole = list(api.open(paths[0]).events())
    first, last = ((whole[i]["thread"], whole[i]["seq"]) for i in (10, len(whole) // 2))
    part = api.open(paths[0]).cut(tmp_path / "a.relive", "T%d@%d" % first, "T%d@%d" % last)
    expect_part(whole, part.path, first, last)
    source = f"{PROGRAM}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "app.py").write_text(source)
    killed = tmp_path / "killed.relive"
    relive("record", "-o", killed, "app.py", cwd=tmp_path)
    whole = list(api.open(killed).events())
    first, last = ((whole[i]["thread"], whole[i]["seq"]) for i in (100, len(whole) - 1))
    part = api.open(killed).cut(tmp_path / "b.relive", "T%d@%d" % first, "end")
    expect_part(whole, part.path, first, last)
    for path in sorted((TESTS / "golden" / "good").glob("*.relive")):
        whole = list(api.open(path).events())
        part = api.open(path).cut(tmp_path / "c.relive", "20%", "80%", force=True)
        ends = [tuple(map(int, text[1:].split("@"))) for text in (part.first, part.last)]
        expect_part(whole, part.path, *ends)


def test_a_reference_whose_first_showing_is_gone_is_put_in_full(tmp_path):
    """shared is shown again and again; in the part it has the value that the whole shows."""
    source = (
        "class Box:\n    def __init__(self): self.name = 'x' * 200\n"
        "def take(box): return box\nbox = Box()\nfor n in range(3000): take(box)\n"
    )
    path = record(tmp_path, source=source)
    whole = list(api.open(path).events())
    part = api.open(path).cut(tmp_path / "part.relive", "take#1000", "take#1100")
    ends = [tuple(map(int, text[1:].split("@"))) for text in (part.first, part.last)]
    expect_part(whole, part.path, *ends)
    assert path.stat().st_size > (tmp_path / "part.relive").stat().st_size


def test_what_makes_no_part_is_an_error(tmp_path):
    path = record(tmp_path)
    recording = api.open(path)
    for first, last, code in (("50%", "10%", "USAGE"), ("T9@1", "end", "NOT_FOUND")):
        with pytest.raises(api.ReliveError) as caught:
            recording.cut(tmp_path / "part.relive", first, last)
        assert code in caught.value.code and not (tmp_path / "part.relive").exists()
    with pytest.raises(api.ReliveError, match="exists already"):
        recording.cut(tmp_path / "app.py")
    with pytest.raises(api.ReliveError, match="the recording itself"):
        recording.cut(path, force=True)
    assert ask("cut", path)[0] == 2
    assert PROGRAMS and path.exists()

"""What a part knows of the time before it. At each position inside, the state and the numbers of
calls and lines are those of the whole recording."""

import json
import shutil
import struct

import format_reader
import pytest
import xxhash
from conftest import PROGRAMS, TESTS, relive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cut import record
from test_pages import ask

import relive as api
from relive import positions

NAMES = [program.stem for program in PROGRAMS]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Returns a function that gives a recording of a program, made once, and its events."""
    folder, made = tmp_path_factory.mktemp("whole"), {}

    def give(name, level):
        if (name, level) not in made:
            path = folder / f"{name}.{level}.relive"
            program = next(one for one in PROGRAMS if one.stem == name)
            relive("record", "--level", level, "-o", path, program, "a", "b", cwd=folder)
            whole = api.open(path)
            made[name, level] = whole, list(whole.events())
        return made[name, level]

    return give


def position_of(event):
    return f"T{event['thread']}@{event['seq']}"


def shown(state):
    """A state without times."""

    def frames(rows):
        return [
            (one.name, one.caller, one.func, one.line, one.thread, one.task, one.state,
             [(it.name, it.scope, it.state, it.value, it.recorded_at, it.is_parameter, it.at_call)
              for it in one.variables])
            for one in rows
        ]  # fmt: skip

    return (
        [(one.number, one.position, frames(one.frames)) for one in state.threads],
        frames(state.suspended),
        [(one.number, one.name, one.state) for one in state.tasks],
    )


def expect_same(whole, part, events, chosen):
    """Checks a part at chosen events: the state, the numbers of a call and of a line."""
    for event in chosen:
        position = position_of(event)
        assert shown(part.state(position)) == shown(whole.state(position)), position
        if event["kind"] == "call" and not event.get("already_running"):
            codes = [row[0] for row in positions.named_functions([whole], event["func"])[0]]
            place = event["thread"], event["seq"]
            number = whole.reader.call_numbers([codes], [place])
            assert part.reader.call_numbers([codes], [place]) == number
            assert position_of_text(part, f"{event['func']}#{number[0]}") == position
        elif event["kind"] == "line" and "<" not in event["file"]:
            runs = [
                one for one in events[: events.index(event) + 1]
                if one["kind"] == "line" and (one["file"], one["line"])
                == (event["file"], event["line"])
            ]  # fmt: skip
            text = f"{event['file']}:{event['line']}#{len(runs)}"
            assert position_of_text(part, text) == position


def position_of_text(recording, text):
    place = positions.find([recording], text)
    return f"T{place.thread}@{place.seq}"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_part_agrees_with_the_whole_at_each_position(recorded, tmp_path_factory, data):
    name, level = data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from(["lines", "values"]))
    whole, events = recorded(name, level)
    if len(events) < 4:
        return
    at = sorted(data.draw(st.lists(st.integers(0, len(events) - 1), min_size=2, max_size=3,
                                   unique=True)))  # fmt: skip
    first, last = at[0], at[-1]
    folder = tmp_path_factory.mktemp("parts")
    made = whole.cut(folder / "part.relive", position_of(events[first]), position_of(events[last]))
    if len(at) == 3:  # a part of a part
        with api.open(made.path) as middle:
            first = at[1]
            made = middle.cut(folder / "again.relive", position_of(events[first]), "end")
    with api.open(made.path) as part:
        inside = st.sampled_from(range(first, last + 1))
        chosen = {first, last, *data.draw(st.lists(inside, min_size=4, max_size=4))}
        expect_same(whole, part, events, [events[one] for one in sorted(chosen)])
        assert part.check()["missing_events"] == 0 and not part.problems()
        assert format_reader.events(made.path) == list(part.events())
    shutil.rmtree(folder)


PROGRAM = """
import sys, threading
class Box: pass
box = Box()
def price(n):
    return n * 2
def total(items, rate):
    sum_ = 0
    for item in items:
        sum_ += price(item)
    box.last = sum_
    return sum_ * rate
def count(n):
    for i in range(n):
        yield i
def wait(event, held):
    event.wait()
    return held
held = count(5)
next(held)
event = threading.Event()
thread = threading.Thread(target=wait, args=(event, [1]))
thread.start()
for n in range(3):
    total([1, 2, 3, 4], n)
list(held)
event.set()
thread.join()
"""


def test_verbs_know_what_was_before(tmp_path):
    whole = record(tmp_path, "--level", "lines", source=PROGRAM)
    part = tmp_path / "part.relive"
    status, text, _ = ask("cut", "--from", "price#7", "--to", "total#3", "-o", part, whole)
    assert status == 0 and "values" not in text
    rows = [json.loads(row) for row in ask("calls", "price", "--json", part)[1].splitlines()]
    assert [row["n"] for row in rows if "n" in row] == [7, 8]
    rows = [json.loads(row) for row in ask("calls", "total", "--json", part)[1].splitlines()]
    assert [(row["n"], row["already_running"]) for row in rows if "n" in row] == [
        (2, True), (3, False),
    ]  # fmt: skip
    assert "began and ended before this part" in ask("state", "price#3", part)[2]
    assert ask("state", "total#2", part)[0] == 0
    _, text, _ = ask("state", "price#7", part)
    assert "items = [1, 2, 3, 4]" in text and "(known at the begin of the part)" in text
    assert "wait  (T2#" in text.replace("__main__:", "") and "held = [1]" in text
    assert "suspended" in text and "n = 5" in text
    _, text, _ = ask("frame", "total#2", part)
    assert "items=[1, 2, 3, 4], rate=1" in text and "sum_=6" in text
    assert "began before this part" in text
    for words in (["line", "app.py:6"], ["history", "total", "sum_"]):
        of_whole = [json.loads(row) for row in ask(*words, "--json", whole)[1].splitlines()][1:]
        found = [json.loads(row) for row in ask(*words, "--json", part)[1].splitlines()][1:]
        kept = {row["position"] for row in found if "position" in row}
        places = [row for row in of_whole if row.get("position") in kept]
        mine = [row for row in found if row.get("position")]
        assert len(mine) == len(places) > 0
        for row, other in zip(mine[1:], places[1:]):  # the first one's line ran before
            unlike = {key for key in row if row[key] != other[key]}
            assert unlike <= {"t"}, (words, row, other)


def test_a_part_of_a_part_counts_from_the_begin_of_the_program(tmp_path):
    """Numbers of calls, of runs of a line, and the lines of callers are those of the whole."""
    whole = record(tmp_path, "--level", "lines", source=PROGRAM)
    part, again = tmp_path / "part.relive", tmp_path / "again.relive"
    api.open(whole).cut(part, "price#5", "end")
    api.open(part).cut(again, "price#7", "end")
    for path, first in ((part, 5), (again, 7)):
        rows = [json.loads(row) for row in ask("calls", "price", "--json", path)[1].splitlines()]
        found = [(row["n"], row["caller_line"]) for row in rows if "n" in row]
        assert found == [(n, 10) for n in range(first, 13)], path
        hits = [json.loads(row) for row in ask("line", "app.py:6", "--json", path)[1].splitlines()]
        assert [row["hit"] for row in hits[1:]] == list(range(first, 13)), path
        rows = [json.loads(row) for row in ask("line", "app.py:10", "--json", path)[1].splitlines()]
        assert rows[1]["hit"] == first + 1, path  # the one before price(first) was earlier
        assert ask("state", f"app.py:6#{first}", path)[0] == 0


def test_the_tree_of_a_part_has_calls_below_what_was_open(tmp_path):
    """SUMMARY is that of a reading of the events, and each call has the caller that it had."""
    whole = record(tmp_path, "--level", "lines", source=PROGRAM)
    part = api.open(whole).cut(tmp_path / "part.relive", "price#7", "total#3")
    with api.open(part.path) as found:
        names = {row[0]: found.code(row[0])[1] for row in found.tree() if row[0]}
        tree = [(names.get(row[0]), row[1], row[2], row[9]) for row in found.tree()]
        place = {name: at for at, (name, _, _, _) in enumerate(tree) if name}
        assert tree[place["price"]] == ("price", place["total"], 2, 0)
        assert tree[place["total"]][1] == place["<module>"]
        assert tree[place["total"]][3] == tree[place["<module>"]][3] == tree[place["wait"]][3] == 1
        price = next(one for one in found.events() if one.get("func") == "__main__:price")
        caller = found.reader.origin_caller(price["thread"], price["seq"])
        assert f"T1#{caller[0] & (1 << 40) - 1}" == price["parent"]


def test_replay_begins_with_what_was_before(tmp_path):
    whole = record(tmp_path, "--level", "lines", source=PROGRAM)
    part = tmp_path / "part.relive"
    ask("cut", "--from", "price#7", "-o", part, whole)
    words = ["-c", "goto price#8", "-c", "u", "-c", "p items, rate, sum_"]
    texts = [ask("replay", *words, path)[1] for path in (whole, part)]
    assert texts[0] == texts[1] and "[1, 2, 3, 4]" in texts[0]


@pytest.mark.parametrize("how", ["pack", "keep"])
def test_a_copy_of_a_part_knows_what_was_before(tmp_path, how):
    """Where calls, threads and a generator are open, and where the part is one of a part."""
    source = record(tmp_path, "--level", "lines", source=PROGRAM)
    whole = api.open(source)
    events = list(whole.events())
    for number, (begin, end) in enumerate([("price#3", "price#9"), ("price#7", "total#3")]):
        part, copy = tmp_path / f"part{number}.relive", tmp_path / f"copy{number}.relive"
        whole.cut(part, begin, end)
        if how == "pack":
            assert ask("pack", part, "-o", copy)[0] == 0
        else:
            api.open(part).reader.keep(str(copy), [])
        with api.open(copy) as made, api.open(part) as of:
            until = of.header["before"]
            inside = {
                position_of(one) for one in of.events() if one["seq"] >= until.get(one["thread"], 0)
            }
            chosen = [one for one in events if position_of(one) in inside]
            assert len(chosen) > 15 and made.header["before"] == of.header["before"]
            expect_same(whole, made, events, chosen[::3])
            assert made.check()["missing_events"] == 0 and not made.problems()
            assert list(made.events()) == list(of.events())


SECRET = """
import threading
class Account:
    def __init__(self, name, pet): self.name, self.pet = name, pet
def inner(n):
    return n + 1
def outer(account, place, note):
    held = {"place": place, "list": [place, 7]}
    copied = account
    for n in range(4):
        inner(n)
    return held
outer(Account("ada", "XK-4711-22339841"), "DE-0815-471199-3177", "of DE-0815-471199-3177 we know")
"""


def test_a_pack_of_a_part_takes_secrets_out_of_what_was_before(tmp_path):
    """They are in BEFORE alone: the part has no event with them."""
    source = record(tmp_path, "--level", "lines", "--no-source", source=SECRET)
    part = tmp_path / "part.relive"
    api.open(source).cut(part, "inner#2", "inner#3")
    text = ask("state", "inner#2", part)[1]
    assert text.count("DE-0815-471199-3177") > 1 and "XK-4711-22339841" in text
    for number, words in enumerate([["--redact", "^(place|pet)$"], ["--values", "none"]]):
        made = tmp_path / f"made{number}.relive"
        status, _, err = ask("pack", *words, part, "-o", made)
        assert status == 0, err
        text = ask("state", "inner#2", made)[1]
        assert (
            "DE-0815-471199-3177" not in text
            and "XK-4711-22339841" not in text
            and "redacted" in text
        )
        assert ("'ada'" in text) == (number == 0)
        plain = format_reader.Recording(made)
        blocks = b"".join(bytes(payload) for _, _, payload, _ in plain.blocks())
        assert b"DE-0815-471199-3177" not in blocks and b"XK-4711-22339841" not in blocks
        with api.open(made) as pack:
            assert [one["kind"] for one in pack.events()] == [
                one["kind"] for one in api.open(part).events()
            ]


def change_before(data, edit):
    """Returns a file with another BEFORE block, with right sums. It has no FOOTER, so that it is
    read block by block."""
    blocks = [(at, kind, payload) for kind, _, payload, at in Plain(data).blocks()]
    place = next(i for i, (_, kind, _) in enumerate(blocks) if kind == 14)
    payload = edit(bytes(blocks[place][2]))
    head = bytearray(data[blocks[place][0] : blocks[place][0] + 32])
    struct.pack_into("<HHIIQI", head, 4, 14, 0, len(payload), len(payload),
                     xxhash.xxh3_64_intdigest(payload), 0)  # fmt: skip
    struct.pack_into("<I", head, 28, xxhash.xxh3_64_intdigest(bytes(head[:28])) & 0xFFFFFFFF)
    body = payload + bytes(-len(payload) % 8)
    return data[: blocks[place][0]] + bytes(head) + body


class Plain(format_reader.Recording):
    """The blocks of bytes."""

    def __init__(self, data):
        self.data = data


GOLDEN = TESTS / "golden" / "good" / "part-1.relive"


def test_hostile_numbers_of_a_part_are_refused(tmp_path):
    """A count beyond the bytes, and each cut of the block, is a problem; the rest is read."""
    data = GOLDEN.read_bytes()
    path = tmp_path / "bad.relive"
    huge = b"\xff\xff\xff\xff\x0f"
    edits = [lambda plain: b"\x00" + huge + plain[1:], lambda plain: huge * 3]
    edits += [lambda plain, n=n: plain[:n] for n in range(0, 400, 7)]
    edits += [lambda plain, n=n: plain[:n] + b"\xff" + plain[n + 1 :] for n in range(1, 400, 7)]
    said = 0
    for edit in edits:
        path.write_bytes(change_before(data, edit))
        with api.open(path) as part:
            events = list(part.events())
            part.state("end")
            said += any("before the part" in problem for problem in part.problems())
            assert len(events) == part.header["events"]
            assert part.check()["blocks"]
        assert ask("pack", "--force", path, "-o", tmp_path / "packed.relive")[0] in (0, 3)
        with api.open(tmp_path / "packed.relive") as packed:
            assert len(list(packed.events())) == len(events)
            packed.state("end")
    assert said > 60
    assert "before the part" in ask("check", path)[1] or said


def test_an_old_part_and_a_whole_recording_say_nothing_of_before():
    for path in sorted((TESTS / "golden" / "good").glob("*.relive")):
        with api.open(path) as recording:
            assert (recording.header["before"] is None) == (path != GOLDEN)

"""The state at a position, against a plain reading of the same events."""

import json
import random
import re
import struct

import format_reader
import plain_instant
import pytest
import xxhash
from conftest import PROGRAMS, relive

import relive as api
from relive import positions
from relive.api import frame_text

AT_ONCE = 12  # programs of one test, so that few tests start


def canonical(state):
    """A State in the oracle's shape."""
    rows = []
    for frame in sum((thread.frames for thread in state.threads), ()) + state.suspended:
        variables = [
            (one.name, one.scope, one.state, one.value, one.recorded_at) for one in frame.variables
        ]
        rows.append((frame.name, frame.caller, frame.thread, frame.task, frame.line, frame.state,
                     frame.code, variables))  # fmt: skip
    return {
        "threads": [(thread.number, thread.position) for thread in state.threads],
        "tasks": [(task.number, task.name) for task in state.tasks],
        "frames": rows,
    }


def expected(state):
    rows = []
    for frame in state["frames"]:
        variables = [
            (name, ("local", "namespace", "global")[scope], known, value,
             f"T{thread}@{seq}" if thread else None)
            for name, scope, known, value, thread, seq in frame["variables"]
        ]  # fmt: skip
        caller = frame_text(frame["caller"]) if frame["caller"] else None
        rows.append((frame_text(frame["frame"]), caller, frame["thread"], frame["task"] or None,
                     frame["line"] or None, frame["state"], frame["code"], variables))  # fmt: skip
    return {
        "threads": [(thread, f"T{thread}@{seq}") for thread, seq in state["threads"]],
        "tasks": state["tasks"],
        "frames": rows,
    }


def compare(path, chosen):
    """Compares both at chosen places of the merged events; returns the states."""
    found = []
    with api.open(path) as recording:
        for event, state in plain_instant.states(path, chosen).values():
            position = f"T{event['thread']}@{event['seq']}"
            mine = recording.state(position)
            assert canonical(mine) == expected(state), (path, position)
            assert mine.position == position
            found.append(mine)
    return found


def choose(path, count, seed):
    total = len(plain_instant.order(path))
    return random.Random(seed).sample(range(total), min(total, count))


@pytest.mark.parametrize("level", ["values", "lines"])
@pytest.mark.parametrize("first", range(0, len(PROGRAMS), AT_ONCE))
def test_state_of_every_program(tmp_path, level, first):
    for program in PROGRAMS[first : first + AT_ONCE]:
        out = tmp_path / f"{program.stem}.relive"
        relive("record", "-o", out, "--level", level, program, "a", "b", cwd=tmp_path)
        compare(out, choose(out, 40, program.stem))


PROGRAM = """
import gc, os, signal, sys, threading
def count(n):
    total = 0
    for i in range(n):
        total += i
        yield total
def work(n):
    kept = []
    for value in count(n):
        kept.append(value)
        if value % 7 == 3:
            try:
                fail(value, kept)
            except ValueError:
                del value
    return kept
def fail(value, kept):
    raise ValueError(value)
def waits():
    g = count(3)
    next(g)
    return g
def many(rounds):
    for _ in range(rounds):
        threads = [threading.Thread(target=work, args=(20,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        held = waits()
        for thread in threads:
            thread.join()
        del held
        cycle = [waits()]
        cycle.append(cycle)
        del cycle
        gc.collect()
many(int(sys.argv[1]))
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def record_program(folder, *options, rounds, killed=False):
    (folder / "prog.py").write_text(PROGRAM)
    words = [rounds, "killed"] if killed else [rounds]
    relive("record", "-o", folder / "out.relive", "--level", "lines", *options, "prog.py", *words,
           cwd=folder)  # fmt: skip
    return folder / "out.relive"


def test_state_in_a_killed_file_and_a_ring(tmp_path):
    path = record_program(tmp_path, rounds=3, killed=True)
    assert not api.open(path).header["is_closed"]
    states = compare(path, choose(path, 40, 1))
    assert any(state.suspended for state in states)
    (tmp_path / "ring").mkdir()
    path = record_program(tmp_path / "ring", "--ring", "1MB", rounds=300)
    assert api.open(path).header["losses"]["ring"] > 0
    compare(path, choose(path, 25, 2))


GLOBALS = """
import threading
counter = 0
def work(n):
    global counter, late
    for i in range(n):
        counter += 1
        late = i
def outer():
    work(2)
    return counter
threads = [threading.Thread(target=work, args=(3,)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
outer()
"""


def test_a_change_of_a_global_holds_for_every_frame_that_has_it(tmp_path):
    (tmp_path / "prog.py").write_text(GLOBALS)
    path = tmp_path / "out.relive"
    relive("record", "-o", path, "--level", "lines", "--globals", "prog.py", cwd=tmp_path)
    compare(path, choose(path, 150, 1))
    with api.open(path) as recording:
        last = positions.find([recording], "outer#1")
        state = recording.state(f"T1@{last.seq - 1}")
        variables = state.threads[0].frames[0].variables
        found = {one.name: one.value["r"] for one in variables if one.value}
        assert (found["counter"], found["late"]) == ("6", "2")


def lose_chunks(path, share):
    """Makes padding of some chunks, each with a later one of its thread: events are lost in the
    middle of threads."""
    data, at, chunks = bytearray(path.read_bytes()), 128, {}
    while at + 32 <= len(data):
        kind, stored = struct.unpack_from("<H", data, at + 4)[0], format_reader.u32(data, at + 12)
        if kind == 4:
            chunks.setdefault(format_reader.u32(data, at + 32), []).append(at)
        at += 32 + (stored + 7) // 8 * 8
    followed = [at for of_thread in chunks.values() for at in of_thread[:-1]]
    assert followed
    for at in random.Random(3).sample(followed, max(1, int(len(followed) * share))):
        struct.pack_into("<H", data, at + 4, 1)
        check = xxhash.xxh3_64_intdigest(bytes(data[at : at + 28])) & 0xFFFFFFFF
        struct.pack_into("<I", data, at + 28, check)
    path.write_bytes(data)


def test_state_after_lost_events(tmp_path):
    path = record_program(tmp_path, rounds=250, killed=True)
    lose_chunks(path, 0.4)
    gaps = plain_instant.gaps(path)
    assert gaps
    # Right after a gap, and further on.
    near = [index for gap in gaps[:8] for index in (gap, gap + 1, gap + 30)]
    compare(path, near)
    with api.open(path) as recording:
        index = next(one for one in gaps if plain_instant.order(path)[one][1] > 0)
        thread, seq = plain_instant.order(path)[index]
        with pytest.raises(api.ReliveError, match=f"T{thread}@{seq} is the next event"):
            recording.state(f"T{thread}@{seq - 1}")
        last = recording.state("__main__:fail#last")
        assert "counts from the first one that was kept" in last.note


def test_positions_name_the_same_events(tmp_path):
    path = record_program(tmp_path, rounds=2)
    found = plain_instant.positions(path)
    chosen = [*random.Random(4).sample(sorted(found), 60), "start", "end", "100%"]
    with api.open(path) as recording:
        for text in chosen:
            place = positions.find([recording], text)
            assert (place.thread, place.seq) == found[text], text
        half = positions.find([recording], "50%")
        order = plain_instant.order(path)
        assert abs(order.index((half.thread, half.seq)) - len(order) // 2) <= 1
        event = recording.state("fail#2").event
        later = positions.find([recording], f"+{event['t'] / 1e6:.6f}ms")
        assert order.index((later.thread, later.seq)) >= order.index(
            (event["thread"], event["seq"])
        )


@pytest.mark.parametrize(
    ("position", "says"),
    [
        ("fayl#1", "did you mean 'fail'?"),
        ("fail#999", "there is no fail#999: the last one is fail#"),
        ("T1@999999", "the last event of its thread is T1@"),
        ("T99@1", "the threads are T1, T2"),
        ("prog.py:3#4", "there is no prog.py:3#4"),
        ("fail", "'fail#1' is the first time"),
        ("T1@", "is no position: write T1@48213"),
        ("101%", "is no position"),
        ("+3", "is no position"),
        ("exc:77", "relive exc lists"),
        ("P1:start", "there is no process 1"),
        ("+1ns", "the first event is at +"),
    ],
)
def test_a_position_that_is_none_says_what_is(position, says, recorded):
    done = relive("state", position, recorded)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr.decode()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return record_program(tmp_path_factory.mktemp("state"), rounds=1)


def test_a_name_of_several_functions_is_asked_back(record, tmp_path):
    record("class A:\n  def f(self): pass\nclass B:\n  def f(self): pass\nA().f()\nB().f()\n")
    done = relive("state", "f#1", tmp_path / "out.relive")
    assert b"f is several functions: __main__:A.f, __main__:B.f" in done.stderr
    assert b"__main__:B.f" in relive("state", "B.f#1", tmp_path / "out.relive").stdout


def test_other_verbs_print_positions_that_it_takes(recorded):
    words = [["exc"], ["line", "prog.py:12"], ["history", "work", "kept"], ["tree", "--calls"]]
    for verb in words:
        done = relive(*verb, "--json", recorded).stdout.decode().splitlines()
        rows = [json.loads(line) for line in done if '"schema"' not in line]
        for row in rows[:2]:
            first = relive("state", "--json", row["position"], recorded).stdout.splitlines()[1]
            assert json.loads(first)["position"] == row["position"]


def test_the_last_event_is_whole(recorded):
    done = relive("state", "end", recorded)
    assert done.returncode == 0 and not done.stderr, "its values are not taken for damaged"


def test_state_of_a_child_process(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import os\ndef f(x):\n    return x\nif os.fork() == 0:\n    f(5)\n    os._exit(0)\n"
        "os.wait()\n"
    )
    relive("record", "-o", "out.relive", "--level", "lines", "prog.py", cwd=tmp_path)
    done = relive("state", "f#1", "out.relive", cwd=tmp_path)
    assert b"f ran in another process: write P" in done.stderr, done.stderr
    position = done.stderr.decode().split("write ")[1].split()[0]
    done = relive("state", position, "out.relive", cwd=tmp_path).stdout.decode()
    assert done.startswith(position.partition(":")[0] + ":T1@") and "x = 5" in done


SHOP = """def price(items, password):
    total = 0
    for item in items:
        total += tax(item, items)
    del item
    return total
def tax(item, seen):
    return item
price([1, 2], "secret")
"""


def test_what_it_prints(record, tmp_path):
    record(SHOP, "--level", "lines")
    shown = relive("state", "tax#2", tmp_path / "out.relive").stdout.decode().splitlines()
    assert [re.sub(r"@\d+|\+[\d.]+ms", "", line) for line in shown] == [
        "T1  call  prog.py:7 __main__:tax  ",
        'thread 1 "MainThread", last event T1',
        "  prog.py:9  __main__:<module>  (T1#1)",
        '    > price([1, 2], "secret")',
        "      price = <function price>  (may have changed unseen)",
        "      tax = <function tax>  (may have changed unseen)",
        "  prog.py:4  __main__:price  (T1#2)",
        "    > total += tax(item, items)",
        "      items = [1, 2]  (may have changed unseen)",
        "      password  <redacted>",
        "      total = 1  (may have changed unseen)",
        "      item = 2",
        "  prog.py:?  __main__:tax  (T1#4)",
        "      item = 2",
        "      seen = [1, 2]",
    ]
    shown = relive("state", "tax#2", "--frames", "1", tmp_path / "out.relive").stdout.decode()
    assert "  ... 2 frames further out (--frames)\n  prog.py:?  __main__:tax" in shown
    shown = relive("state", "prog.py:6#1", tmp_path / "out.relive").stdout.decode()
    assert "item  <deleted>" in shown and "total = 3\n" in shown
    rows = relive("state", "prog.py:6#1", "--json", tmp_path / "out.relive").stdout.splitlines()
    rows = [json.loads(row) for row in rows]
    assert rows[0] == {"schema": "relive.state", "version": 1}
    frame = rows[-1]
    assert frame["func"] == "__main__:price" and frame["line"] == 6 and frame["depth"] == 1
    states = {one["name"]: one["state"] for one in frame["variables"]}
    assert states == {
        "items": "known", "password": "redacted", "total": "known", "item": "deleted",
    }  # fmt: skip

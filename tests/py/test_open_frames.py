"""What had not ended when the recording did counts until then, and all times add up."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from conftest import PROGRAMS, clean_environ, relive

import relive as api
from relive import cli
from relive.cli import common
from relive.cli.sessions import read

ENTER, LEAVE = {"call", "resume", "throw"}, {"return", "yield", "unwind"}
KINDS = sorted(ENTER | LEAVE)
SESSIONS = """\
import time
from relive import sessions
def work(n):
    return work(n - 1) if n else [time.sleep(0.001) for _ in range(3)]
with sessions.session("whole"):
    open("begun", "w").close()
    for n in range(1000):
        with sessions.session("part"):
            work(n % 5)
"""
SURE = {"generator_across_threads", "generator_recursive", "mutual_recursion", "recursion",
        "task_cancel", "tasks", "threads"}  # fmt: skip


def rows_of(verb, path, *options):
    done = relive(verb, "--json", *options, path)
    return [json.loads(line) for line in done.stdout.splitlines()[1:]]


def by_hand(recording):
    """{function: [own ns, total ns]} of a recording, from its events alone."""
    stacks, since, found = {}, {}, {}
    events = list(recording.events())

    def pass_time(thread, now):
        stack = stacks.setdefault(thread, [])
        gone = now - since.get(thread, now)
        since[thread] = now
        for name in {name for _, name in stack}:
            found.setdefault(name, [0, 0])[1] += gone
        if stack:
            found[stack[-1][1]][0] += gone

    for event in events:
        thread, kind = event["thread"], event["kind"]
        pass_time(thread, event["t"])
        stack = stacks[thread]
        if kind in ENTER:
            stack.append((event["frame"], event["func"]))
            found.setdefault(event["func"], [0, 0])
        elif kind in LEAVE:
            stack[:] = [entry for entry in stack if entry[0] != event["frame"]]
        elif kind == "thread_end":
            del stack[:]
    for thread in stacks:
        pass_time(thread, recording.header["end_ns"])
    return found, len(events)


def add_up(path):
    """Raises where the times of a recording contradict each other; how many frames are open."""
    with api.open(path) as recording:
        totals, nodes = recording.totals(), recording.tree()
        roots, own = {}, Counter()
        for i, (_, parent, _, total, mine, *_) in enumerate(nodes):
            roots[i] = roots.get(parent, i)
            own[roots[i]] += mine
            assert total >= mine
        for thread in totals["threads"]:
            span = thread["last_ns"] - thread["first_ns"]
            assert abs(own[thread["root"]] - span) <= 1000
        expected, events = by_hand(recording)
        functions = Counter(), Counter()
        for code, _, total, mine, _, is_open in recording.functions():
            name = ":".join(recording.code(code)[:2])
            functions[0][name] += mine
            functions[1][name] += total
            assert total >= mine and is_open >= 0
        unique = Counter(":".join(recording.code(row[0])[:2]) for row in recording.functions())
        for name, (mine, total) in expected.items():
            assert abs(functions[0][name] - mine) <= 1000 + events
            if unique[name] == 1:
                assert abs(functions[1][name] - total) <= 1000 + events
        for row in read(recording):
            assert 0 <= row["duration"] <= recording.header["end_ns"]
            for _, _, _, total, mine, *_ in recording.tree(row["session"]):
                assert total >= mine
        return sum(row[-1] for row in nodes)


def kill(program, path, moment, begun=None):
    """Kills a recorded program so many seconds after its file is there, or another one that it
    makes; whether it still ran."""
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", str(path), str(program)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environ(),
        cwd=os.path.dirname(path),
    )  # fmt: skip
    try:
        while not os.path.exists(begun or path) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(moment)
    finally:
        process.kill()
        process.wait()
    return process.returncode == -signal.SIGKILL


def is_sampled(program):
    return program.stem in SURE or random.Random(program.stem).random() < 0.1


@pytest.mark.parametrize("program", [*filter(is_sampled, PROGRAMS)], ids=lambda path: path.stem)
def test_times_add_up_in_a_killed_program(program, tmp_path):
    moments = random.Random(f"{program.stem} is killed")
    for i in range(2):
        path = str(tmp_path / f"{i}.relive")
        kill(program, path, moments.uniform(0, 0.1))
        add_up(path)


def test_times_add_up_in_a_program_with_sessions_that_is_killed(tmp_path):
    program, path = tmp_path / "sessions.py", str(tmp_path / "out.relive")
    program.write_text(SESSIONS)
    assert kill(program, path, 0.1, str(tmp_path / "begun"))
    assert add_up(path) > 0
    rows = rows_of("sessions", path, "--limit", "0")
    assert next(row["tag"] for row in rows if row["open"]) == "whole"
    assert b", open" in relive("sessions", path).stdout


HANGS = """\
import faulthandler, os, sys, threading, time
from functools import partial
def quick(): pass
def hangs(how):
    quick()
    time.sleep(0.25)
    how()
def left():
    time.sleep(60)
"""
ENDINGS = {
    "killed": "hangs(partial(os.kill, os.getpid(), 9))",
    "_exit": "hangs(partial(os._exit, 0))",
    "segfault": "hangs(faulthandler._sigsegv)",
    "exec": "hangs(partial(os.execv, sys.executable, [sys.executable, '-c', '']))",
    "daemon thread": "threading.Thread(target=left, daemon=True).start(); time.sleep(0.25)",
    "forked child": "os.fork() or hangs(partial(os._exit, 0)); os.wait()",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_frame_that_is_open_at_the_end_counts_until_then(how, tmp_path, capsys):
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(HANGS + ENDINGS[how] + "\n")
    relive("record", "-o", path, program, cwd=tmp_path)
    files = sorted(map(str, tmp_path.glob("*.relive")))
    assert sum(map(add_up, files)) >= 1
    function = "left" if how == "daemon thread" else "hangs"
    with api.open(files[0] if how == "forked child" else path) as recording:
        calls = [e for e in recording.events() if e.get("func") == f"__main__:{function}"]
        open_ns = recording.header["end_ns"] - calls[0]["t"]
        assert recording.header["end_ns"] > max(event["t"] for event in recording.events())
    for words in (["tree"], ["top"], ["tree", "--calls"]):
        assert cli.main([*words, "--json", str(path)]) in (0, 3)
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()[1:]]
        (row,) = [row for row in rows if row.get("func") == f"__main__:{function}"]
        assert row["open"] == 1 and abs(row["total_ns"] - open_ns) <= 1000
        assert not any(row["open"] for row in rows if row.get("func") == "__main__:quick")
        cli.main([*words, str(path)])
        lines = capsys.readouterr().out.splitlines()
        (line,) = [x for x in lines if x.startswith(" ") and function in x]
        assert f">= {common.duration(row['total_ns'])}, open" in line


def test_a_recording_that_is_still_written_goes_on_until_now(tmp_path):
    program, path = tmp_path / "prog.py", str(tmp_path / "out.relive")
    program.write_text(HANGS + "print('on', flush=True)\nleft()\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", path, str(program)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environ(),
    )  # fmt: skip
    try:
        process.stdout.readline()
        totals = []
        while len(set(totals)) < 3:
            time.sleep(0.05)
            with api.open(path) as recording:
                assert recording.header["is_being_written"]
                open_rows = [row for row in recording.tree() if row[-1]]
                if len(open_rows) == 2:
                    totals.append(open_rows[1][3])
        assert totals == sorted(totals)
        assert b">= " in relive("tree", path).stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert add_up(path) == 2


def test_what_ended_is_not_open(record, tmp_path):
    source = (
        "def gen(n):\n    for i in range(n): yield i\n"
        "def f(n): return n and f(n - 1)\n"
        "a = gen(3); next(a); f(5); list(a); b = gen(3); next(b)\n"
        "try: f('')['x']\nexcept TypeError: pass\n"
    )
    record(source)
    assert add_up(str(tmp_path / "out.relive")) == 0


def test_total_is_never_less_than_own_time_when_processes_are_added_up(tmp_path):
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(
        "import os, time\ndef main():\n    time.sleep(0.05)\n    pid = os.fork()\n"
        "    if not pid:\n        time.sleep(0.05); os._exit(0)\n    os.waitpid(pid, 0)\nmain()\n"
    )
    relive("record", "-o", path, program, cwd=tmp_path)
    rows = rows_of("top", path)
    assert len(rows) == 2 and all(row["self_ns"] <= row["total_ns"] for row in rows)
    assert [row["open"] for row in rows] == [1, 1]

"""Profilers of sessions: they share one recording, and record nothing of ours."""

import json
import sys

import pytest
from conftest import relive as run_relive
from conftest import run

import relive
from relive import sessions

SEED = """\
import handit_core

session_id = handit_core.start_session_py("test", {}, None, None)
handit_core.start_profiler_py(session_id)

def test_function(x):
    return x * 2

result = test_function(5)

handit_core.stop_profiler_py()
"""


def test_the_seeds_example_runs_with_its_import_changed(tmp_path):
    source = SEED.replace("import handit_core", "from relive import sessions as handit_core")
    (tmp_path / "app.py").write_text(source + "assert result == 10\n")
    env = {"RELIVE_OUTPUT": str(tmp_path / "out.relive")}
    run(sys.executable, "app.py", cwd=tmp_path, env=env, check=True)
    done = run_relive("sessions", "out.relive", "--json", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0] == {"schema": "relive.sessions", "version": 1}
    assert (rows[1]["tag"], rows[1]["calls"]) == ("test", 1)
    calls = run_relive("tree", "--calls", "out.relive", cwd=tmp_path).stdout.decode()
    assert "test_function(x=5)" in calls


def test_the_seeds_span_id_is_taken_and_changes_nothing():
    for words in (("t", {}, None, "any text"), ("t", {}, None, None), ()):
        sessions.end_session(sessions.start_session_py(*words))
    sessions.end_session(sessions.start_session_py(tag="t", attrs=None, _span_id="x"))


def calls_in(path):
    """How often each function of a recording was called, by its name."""
    count = {}
    with relive.open(path) as recording:
        for event in recording.select(["call"]):
            name = event["func"].rpartition(":")[2]
            count[name] = count.get(name, 0) + 1
    return count


def profiled(tmp_path, source, **env):
    """The names of the files that a program with sessions leaves behind."""
    (tmp_path / "app.py").write_text("from relive import sessions\n" + source, encoding="utf-8")
    done = run(sys.executable, "-W", "ignore", "app.py", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return sorted(path.name for path in tmp_path.glob("*.relive"))


@pytest.mark.parametrize("force", ["0", "1"])
def test_each_later_recording_of_a_process_takes_a_free_name(tmp_path, force):
    source = """\
def work(n): return n
for i in range(1, 4):
    sessions.start_profiler(sessions.start_session(f"r{i}"))
    for _ in range(i): work(i)
    sessions.stop_profiler()
"""
    (tmp_path / "out-3.relive").write_text("somebody else's")
    files = profiled(tmp_path, source, RELIVE_OUTPUT="out.relive", RELIVE_FORCE=force)
    assert files == ["out-2.relive", "out-3.relive", "out-4.relive", "out.relive"]
    assert (tmp_path / "out-3.relive").read_text() == "somebody else's"
    for name, calls in (("out", 1), ("out-2", 2), ("out-4", 3)):
        assert calls_in(tmp_path / f"{name}.relive")["work"] == calls


def test_threads_share_one_recording_until_the_last_of_them_stops(tmp_path):
    source = """\
import threading
def work_a(n): return n
def work_b(n): return n
both, a_off = threading.Barrier(2), threading.Event()
def a():
    sessions.start_profiler(sessions.start_session("A"))
    both.wait()
    for i in range(10): work_a(i)
    sessions.stop_profiler()
    assert sessions.flush()
    a_off.set()
def b():
    sessions.start_profiler(sessions.start_session("B"))
    both.wait(); a_off.wait()
    for i in range(100): work_b(i)
    sessions.stop_profiler()
threads = [threading.Thread(target=f) for f in (a, b)]
for t in threads: t.start()
for t in threads: t.join()
assert not sessions.flush()
"""
    assert profiled(tmp_path, source, RELIVE_OUTPUT="out.relive") == ["out.relive"]
    calls = calls_in(tmp_path / "out.relive")
    assert (calls["work_a"], calls["work_b"]) == (10, 100)


def test_tasks_share_one_recording_until_the_last_of_them_stops(tmp_path):
    source = """\
import asyncio
def work(n): return n
async def request(n):
    sessions.start_profiler(sessions.start_session(f"r{n}"))
    for _ in range(5):
        work(n)
        await asyncio.sleep(n / 500)
    sessions.stop_profiler()
async def main(): await asyncio.gather(request(1), request(10))
asyncio.run(main())
assert not sessions.flush()
"""
    assert profiled(tmp_path, source, RELIVE_OUTPUT="out.relive") == ["out.relive"]
    assert calls_in(tmp_path / "out.relive")["work"] == 10


def test_a_session_that_ends_stops_its_profilers(tmp_path):
    source = """\
one, two = sessions.start_session("one"), sessions.start_session("two")
for each in (one, one, two): sessions.start_profiler(each)
sessions.end_session(one)
assert sessions.flush()
sessions.end_session(two)
assert not sessions.flush()
with sessions.session("three") as three:
    sessions.start_profiler(three.id)
assert not sessions.flush()
"""
    files = profiled(tmp_path, source, RELIVE_OUTPUT="out.relive")
    assert files == ["out-2.relive", "out.relive"]


def test_a_profiler_ends_no_recording_that_it_did_not_begin(tmp_path):
    source = """\
import relive
with relive.record("mine.relive"):
    sessions.start_profiler(sessions.start_session("one"))
    sessions.stop_profiler()
    assert relive.is_recording()
sessions.start_profiler(sessions.start_session("two"))
relive.stop()
relive.start("other.relive")
sessions.stop_profiler()
assert relive.is_recording()
relive.stop()
"""
    files = profiled(tmp_path, source, RELIVE_OUTPUT="out.relive")
    assert files == ["mine.relive", "other.relive", "out.relive"]


def test_a_forked_child_ends_its_own_recording_alone(tmp_path):
    source = """\
import os, threading
def work(n): return n
started, done = threading.Event(), threading.Event()
def other():
    sessions.start_profiler(sessions.start_session("other"))
    started.set(); done.wait()
thread = threading.Thread(target=other)
thread.start(); started.wait()
sessions.start_profiler(sessions.start_session("mine"))
pid = os.fork()
if pid == 0:
    sessions.stop_profiler()
    os._exit(sessions.flush())
assert os.waitpid(pid, 0)[1] == 0
work(1)
sessions.stop_profiler()
assert sessions.flush()
done.set(); thread.join()
"""
    files = profiled(tmp_path, source, RELIVE_OUTPUT="out.relive")
    assert len(files) == 2 and calls_in(tmp_path / "out.relive")["work"] == 1


def test_start_profiler_takes_the_filter_of_its_session(tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[meta]\nname = "t"\nversion = 1\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n[[scope.rules]]\nselector = "obj:*.hidden"\n'
        'exec = "skip"\n'
    )
    (tmp_path / "app.py").write_text(
        "from relive import ReliveError, sessions\n"
        "def hidden(): pass\ndef seen(): pass\n"
        f"one = sessions.start_session('one', trace_filter={str(rules)!r})\n"
        "sessions.start_profiler(one)\nhidden(); seen()\n"
        f"two = sessions.start_session('two', trace_filter={str(rules)!r})\n"
        "try: sessions.start_profiler(two)\nexcept ReliveError as error: print(error.code)\n"
        "sessions.stop_profiler()\nprint(sessions.flush(), sessions.active_session_id())\n"
    )
    env = {"RELIVE_OUTPUT": str(tmp_path / "out.relive")}
    done = run(sys.executable, "app.py", cwd=tmp_path, env=env, check=True)
    assert done.stdout.split() == [b"ERR_BUSY", b"False", b"None"]
    text = run_relive("dump", "out.relive", cwd=tmp_path).stdout.decode()
    assert ":seen" in text and ":hidden" not in text


OWN_CALLS = """
import os, sys
import relive
from relive import sessions as h
def work(n): return n
@h.session("decorated")
def decorated(): return work(3)
def main():
    session = h.start_session_py("one", {"a": "b"}, "00-x", None)
    h.start_profiler_py(session)
    work(1)
    h.on_call_with_args_py(session, "f", "m", "m.py", 1, 5, '{"x": [1, 2]}')
    h.on_return_with_preview_py(session, "f", 9, 4, '{bad')
    h.on_http_request_py(session, "GET", "http://x/?q=1", 1, {"Accept": "a"}, 1, "body")
    with h.suppress():
        work(2)
    decorated()
    relive.snapshot("snap.relive", force=True)
    if os.fork() == 0:
        work(4)
        relive.stop()
        os._exit(0)
    os.wait()
    h.stop_profiler_py()
    h.end_session(session)
main()
"""


@pytest.mark.parametrize("door", ["python", "record"])
def test_our_own_calls_are_never_recorded_whatever_is_included(tmp_path, door):
    program = tmp_path / "p.py"
    program.write_text(OWN_CALLS, encoding="utf-8")
    out = tmp_path / "out.relive"
    words = ["-m", "relive", "record", "-o", out, program] if door == "record" else [program]
    env = {"HANDIT_INCLUDE": ".*", "HANDIT_EXCLUDE": "importlib", "PYTHONWARNINGS": "ignore"}
    done = run(sys.executable, *words, cwd=tmp_path, env=dict(env, RELIVE_OUTPUT=str(out)))
    assert done.returncode == 0, done.stderr.decode()
    files = sorted(tmp_path.glob("*.relive"))
    assert len(files) == 3, files  # the process, its snapshot, its child
    for path in files:
        with relive.open(path) as recording:
            called = {event["func"] for event in recording.select(["call"])}
        foreign = {name for name in called if not name.startswith(("__main__:", "m:"))}
        assert not foreign and "__main__:work" in called, path

"""Threads are shown by the names that the program gives them, and the program does not notice."""

import json
import sys

import pytest
from conftest import relive, run, usable_backends

import relive as api
from relive import cli

THREADS = """\
import threading, time
from concurrent.futures import ThreadPoolExecutor
def work(n):
    return n
def renames():
    threading.current_thread().name = "late"
    work(1)
class Own(threading.Thread):
    def run(self):
        self.name = "own"
        work(2)
threads = [threading.Thread(target=work, args=(1,), name="worker \\x1b[31m\\u00e9"),
           threading.Thread(target=renames, name="early"), Own(name="before")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with ThreadPoolExecutor(1, "pool") as pool:
    pool.submit(work, 3).result()
held, begun = threading.Lock(), []
held.acquire()
def waits():
    begun.append(1)
    held.acquire()
threading.Thread(target=waits, name="waiting", daemon=True).start()
while not begun:
    time.sleep(0.001)
threading.main_thread().name = "the main one"
"""
LATE = """\
import codecs, sys
def late(n):
    me = yield
    try:
        yield
    finally:
        print(n, end=" ", file=ends, flush=True)
ends = open(1, "w", closefd=False)
cycle, k = late(1), late(2)
for one in cycle, k:
    one.send(None)
    one.send(one)
class Holder:
    pass
sys.kept = Holder()
sys.kept.cycle = cycle
codecs.register_error("kept", lambda error, k=k: k)
del cycle, k, one
"""
NAMES = {
    ("MainThread", "the main one"), ("worker \x1b[31m\u00e9",) * 2, ("early", "late"),
    ("before", "own"), ("pool_0",) * 2, ("waiting",) * 2,
}  # fmt: skip


def names_of(path):
    with api.open(path) as recording:
        rows = list(recording.threads().values())
        assert rows[0]["is_main"] and not any(row["is_main"] for row in rows[1:])
        assert all(row["first_ns"] <= row["last_ns"] for row in rows)
        return {(row["first_name"], row["name"]) for row in rows}


def combinations():
    for backend in usable_backends():
        for options in ((), ("--ring", "1M"), ("--level", "lines")):
            if backend != "setprofile" or "lines" not in options:
                yield pytest.param(backend, options, id=" ".join([backend, *options]))


@pytest.mark.parametrize(("backend", "options"), [*combinations()])
def test_names_are_those_of_the_program_also_new_ones(backend, options, record, tmp_path):
    record(THREADS, "--backend", backend, *options, events=False)
    assert names_of(tmp_path / "out.relive") >= NAMES


def test_names_are_in_a_recording_that_was_killed(record, tmp_path):
    source = THREADS + "work(5)\nimport os\nos.kill(os.getpid(), 9)\n"
    record(source, events=False)
    found = names_of(tmp_path / "out.relive")
    assert found >= NAMES - {("MainThread", "the main one")}
    # A slot may have become full between the new name and the end.
    assert found & {("MainThread", "MainThread"), ("MainThread", "the main one")}


@pytest.mark.parametrize("backend", usable_backends())
def test_a_new_name_of_the_main_thread_survives_a_kill(record, tmp_path, backend):
    source = (
        "import os, threading\ndef f(): pass\nfor _ in range(3000): f()\n"
        "threading.main_thread().name = 'renamed'\n"
        "for _ in range(MORE): f()\nos.kill(os.getpid(), 9)\n"
    )
    for more in (0, 400, 700, 1000, 4000):
        program = source.replace("MORE", str(more))
        record(program, "--force", "--backend", backend, events=False)
        found = names_of(tmp_path / "out.relive")
        assert found <= {("MainThread", "MainThread"), ("MainThread", "renamed")}
    assert found == {("MainThread", "renamed")}


def test_a_name_is_known_where_the_standard_library_is_recorded_too(record, tmp_path):
    record(THREADS, "--no-builtin-filter", events=False)
    found = names_of(tmp_path / "out.relive")
    assert {name for _, name in found} >= {"the main one", "pool_0", "worker \x1b[31m\u00e9"}


def test_nothing_is_imported_and_no_thread_is_made_up(record, tmp_path):
    done, _, events = record(
        "import _thread, sys, time\ndone = []\ndef work(): done.append(1)\n"
        "print('threading' in sys.modules)\n"
        "_thread.start_new_thread(work, ())\nwhile not done: time.sleep(0.001)\n"
        "import threading\n"
        "def more(): done.append(1)\n"
        "_thread.start_new_thread(more, ())\nwhile len(done) < 2: time.sleep(0.001)\n"
        "print(len(threading.enumerate()), threading._active.keys() <= {threading.get_ident()})\n",
        *(["--backend", "monitoring"] if sys.version_info >= (3, 12) else []),
    )
    assert done.stdout.split() == [b"False", b"1", b"True"]
    assert names_of(tmp_path / "out.relive") == {("MainThread", "MainThread"), (None, None)}
    starts = [event for event in events if event["kind"] == "thread_start"]
    assert sorted(event.get("name", "") for event in starts) == ["", "", "MainThread"]


def test_a_thread_that_is_renamed_while_it_runs_shows_both_names(record, tmp_path):
    record(
        "import threading\ndef step(n): return n\ndef work():\n"
        "    for n in range(3000): step(n)\n"
        "    threading.current_thread().name = 'second'\n"
        "    for n in range(30000): step(n)\n"
        "    import os; os.kill(os.getpid(), 9)\n"
        "thread = threading.Thread(target=work, name='first'); thread.start(); thread.join()\n",
        events=False,
    )
    assert ("first", "second") in names_of(tmp_path / "out.relive")


def test_secrets_in_names_are_redacted(record, tmp_path):
    record(
        "import threading\ndef work(): pass\n"
        "one = threading.Thread(target=work, name='password=hunter2secret')\n"
        "one.start(); one.join()\n"
    )
    assert b"hunter2secret" not in (tmp_path / "out.relive").read_bytes()
    (name,) = {name for _, name in names_of(tmp_path / "out.relive")} - {"MainThread"}
    assert name.startswith("password=") and "redacted" in name


def test_verbs_show_names(tmp_path, capsys):
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(
        "import os, threading\nfrom relive import sessions\n"
        "def work():\n    with sessions.session('s'):\n        pass\n    raise ValueError('x')\n"
        "one = threading.Thread(target=work, name='a \\x1b b')\none.start()\none.join()\n"
        # join() returns a little before the thread has ended
        "while os.path.exists(f'/proc/self/task/{one.native_id}'):\n    pass\n"
    )
    relive("record", "-o", path, program, cwd=tmp_path)

    def text(*words):
        cli.main([*words, str(path)])
        out = capsys.readouterr().out
        assert "\x1b" not in out
        return out

    shown = r'thread 2 "a \x1b b"'
    for words in (["tree"], ["tree", "--calls"], ["info"], ["exc"], ["sessions"]):
        assert shown in text(*words), words
    for words in (["tree"], ["tree", "--calls"]):
        titles = [line for line in text(*words).splitlines() if line.startswith("thread")]
        assert [title.split()[1:3] for title in titles] == [["1", '"MainThread"'], ["2", '"a']]
    for words in (["tree"], ["tree", "--calls"], ["exc"], ["sessions"]):
        rows = [json.loads(line) for line in text(*words, "--json").splitlines()[1:]]
        assert "a \x1b b" in [row["thread_name"] for row in rows if row.get("thread") == 2]
    facts = json.loads(text("info", "--json").splitlines()[1])
    assert [row["name"] for row in facts["threads"]] == ["MainThread", "a \x1b b"]
    assert [row["has_ended"] for row in facts["threads"]] == [False, True]


def test_the_main_thread_is_first_where_it_is_seen_last(record, tmp_path, capsys):
    record(
        "import threading\ndef main():\n    pass\ndef work():\n    pass\n"
        "one = threading.Thread(target=work)\none.start()\none.join()\nmain()\n",
        "--activate", "__main__:work", "--activate", "__main__:main",
    )  # fmt: skip
    with api.open(tmp_path / "out.relive") as recording:
        assert next(iter(recording.threads().values()))["is_main"]


def test_a_forked_child_knows_its_threads(record, tmp_path):
    record(
        "import os, threading\ndef work(): pass\ndef child():\n"
        "    threading.current_thread().name = 'child'\n"
        "    one = threading.Thread(target=work, name='of the child'); one.start(); one.join()\n"
        "if os.fork() == 0:\n    child()\n    os._exit(0)\nos.wait()\n"
    )
    (path,) = tmp_path.glob("out.*.relive")
    assert {name for _, name in names_of(path)} == {"child", "of the child"}


@pytest.mark.parametrize("backend", usable_backends())
def test_what_runs_when_the_modules_are_gone_ends_as_untraced(record, tmp_path, backend):
    done, _, events = record(LATE, "--backend", backend)
    plain = run(sys.executable, tmp_path / "prog.py")
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert {event["kind"] for event in events} >= {"call", "yield", "resume"}

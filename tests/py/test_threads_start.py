"""Recordings begun and ended by several threads at once, and what forked children are left with."""

import sys

import pytest
from conftest import relive, run

RACES = {
    "starts_and_stops": """
def race(n):
    for k in range(30):
        try:
            relive.start('r%d.relive' % n, force=True)
            relive.stop()
        except relive.ReliveError as error:
            assert error.code in ('ERR_BUSY', 'ERR_FILE_EXISTS', 'ERR_IO', 'ERR_USAGE'), error
""",
    "decorated_calls": """
@relive.record('d.relive', force=True)
def work(n): return n + 1
def race(n):
    for k in range(30): assert work(k) == k + 1
""",
    "snapshots": """
def f(n): return n
def race(n):
    for k in range(30):
        try:
            if n == 0:
                relive.start('s.relive', force=True)
                for i in range(200): f(i)
                relive.snapshot('snap.relive', force=True)
                relive.stop()
            else:
                for i in range(2000): f(i)
        except relive.ReliveError: pass
""",
}
FRAME = """
import threading, relive
{}
threads = [threading.Thread(target=race, args=(n,)) for n in range({})]
for t in threads: t.start()
for t in threads: t.join()
relive.stop()
print('ended')
"""


@pytest.mark.parametrize("name", RACES)
def test_threads_may_start_and_stop_at_once(name, tmp_path):
    program = tmp_path / "race.py"
    program.write_text(FRAME.format(RACES[name], 4))
    for _ in range(3):
        done = run(sys.executable, program, cwd=tmp_path)
        assert done.returncode == 0 and done.stdout == b"ended\n", done.stderr[-2000:]
        assert b"Traceback" not in done.stderr


def test_a_second_explicit_start_is_refused(tmp_path):
    program = tmp_path / "two.py"
    program.write_text(
        "import relive\nrelive.start('a.relive')\n"
        "try: relive.start('b.relive')\n"
        "except relive.ReliveError as error: print(error.code)\n"
    )
    assert run(sys.executable, program, cwd=tmp_path).stdout == b"ERR_BUSY\n"


def test_a_decorated_call_inside_another_joins_its_recording(tmp_path):
    program = tmp_path / "deep.py"
    program.write_text(
        "import relive\n@relive.record('d.relive')\n"
        "def down(n): return down(n - 1) if n else relive.is_recording()\n"
        "print(down(3), relive.is_recording())\n"
    )
    done = run(sys.executable, program, cwd=tmp_path)
    assert done.stdout == b"True False\n", done.stderr


def test_a_forked_child_gets_no_text_of_ours_on_descriptor_2(tmp_path):
    program = tmp_path / "fork.py"
    program.write_text(
        "import os, sys\n"
        "for leave in (os._exit, sys.exit):\n"
        "    r, w = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        os.dup2(w, 2); os.write(2, b'own'); leave(0)\n"
        "    os.close(w); os.wait()\n"
        "    with os.fdopen(r, 'rb') as file: print(file.read())\n"
    )
    done = relive("record", "-o", tmp_path / "f.relive", program, cwd=tmp_path)
    assert done.stdout == b"b'own'\nb'own'\n"
    assert done.stderr.count(b"Next: relive") == 1


def test_forked_children_make_ids_of_their_own(tmp_path):
    program = tmp_path / "ids.py"
    program.write_text(
        "import os\n"
        "for k in range(3):\n"
        "    if os.fork() == 0:\n"
        "        from relive import sessions\n"
        "        with sessions.session('x'): print(sessions.traceparent(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    out = tmp_path / "ids.relive"
    done = relive("record", "-o", out, program, cwd=tmp_path)
    assert len(set(done.stdout.split())) == 3, done.stdout
    rows = relive("sessions", "--json", out).stdout.splitlines()
    assert len(rows) == 4  # the schema, and a session a process


def test_rules_for_globals_are_those_of_the_function_that_changes_them(tmp_path):
    program = tmp_path / "globals.py"
    program.write_text("PIN = 0\ndef run():\n    global PIN\n    PIN = 'hush'\nrun()\n")
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[meta]\nname = "globals"\nversion = 1\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n[[scope.rules]]\nselector = "pkg:__main__"\n'
        '[[scope.rules.value_patterns]]\nselector = "global:PIN"\naction = "redact"\n'
    )
    out = tmp_path / "g.relive"
    words = ["--level", "lines", "--globals", "--trace-filter", rules, "-o", out]
    done = relive("record", *words, program)
    assert done.returncode == 0, done.stderr
    dump = relive("dump", out).stdout
    assert b"PIN" in dump and b"hush" not in dump

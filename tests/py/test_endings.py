"""How a process ended is in its recording, also where a signal has ended it."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import TESTS, clean_environ, relive, run, two_versions

import relive as api

pytestmark = two_versions

WORK = """
import os, signal, sys, time, threading
def f(n):
    return n
for i in range(3000):
    f(i)
"""


def record(folder, text, *options):
    """Records a program; returns (exit status, whole run as recordings)."""
    (folder / "app.py").write_text(WORK + textwrap.dedent(text), encoding="utf-8")
    done = relive("record", "-o", "run.relive", *options, "app.py", cwd=folder)
    return done.returncode, opened(folder)


def opened(folder):
    found = [api.open(path) for path in sorted(folder.glob("run*.relive"))]
    return sorted(found, key=lambda one: one.header["parent_pid"] != 0)


def ending(recording):
    found = recording.header["ending"]
    return found["how"], found["status"] if found["signal"] is None else found["signal"]


def process_rows(verb, path):
    done = relive(verb, path, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in rows if row.get("row") == "process"], done


@pytest.mark.parametrize(
    ("text", "status", "how", "value"),
    [
        ("", 0, "exit", 0),
        ("sys.exit(3)", 3, "exit", 3),
        ("sys.exit(-1)", 255, "exit", 255),
        ("sys.exit('no')", 1, "exit", 1),
        ("raise ValueError", 1, "exit", 1),
        ("os._exit(7)", 7, "os._exit", 7),
        ("os._exit(status=263)", 7, "os._exit", 7),
        ("threading.Thread(target=os._exit, args=(9,)).start(); time.sleep(60)", 9, "os._exit", 9),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, "signal", 15),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -11, "signal", 11),
        ("import ctypes; ctypes.string_at(0)", -11, "signal", 11),
        ("os.abort()", -6, "signal", 6),
        ("signal.alarm(1); time.sleep(60)", -14, "signal", 14),
        ("threading.Thread(target=signal.raise_signal, args=(10,)).start(); time.sleep(60)", -10,
         "signal", 10),
        ("import faulthandler; faulthandler.enable(); ctypes = __import__('ctypes');"
         " ctypes.string_at(0)", -11, "signal", 11),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, None, None),
        ("signal.signal(signal.SIGTERM, lambda *a: sys.exit(4)); os.kill(os.getpid(), 15)",
         4, "exit", 4),
        ("import relive; relive.stop(); sys.exit(5)", 5, "stopped", None),
    ],
)  # fmt: skip
def test_each_end_of_a_process_is_in_its_recording(text, status, how, value, tmp_path):
    returned, (recording,) = record(tmp_path, text)
    assert returned == status
    assert ending(recording) == (how, value)
    assert recording.header["is_complete"] and not recording.header["losses"]
    assert recording.totals()["kinds"]["call"] >= 3000
    rows, done = process_rows("summary", recording.path)
    is_signal = how == "signal"
    assert rows[0]["signal"] == (value if is_signal else None) and done.returncode == 0
    if how in ("exit", "os._exit"):
        assert rows[0]["exit_status"] == value
    info = json.loads(relive("info", recording.path, "--json").stdout.splitlines()[1])
    assert (info["ending"], info["complete"]) == (how, True)
    assert (info["exit_status"], info["signal"]) == (None if is_signal else value,
                                                     value if is_signal else None)  # fmt: skip
    for verb in "summary", "info", "why", "check":
        text = relive(verb, recording.path).stdout.decode()
        assert "incomplete" not in text and "Traceback" not in text
        if verb != "check":
            wanted = {"exit": rf"exit status {value}", "os._exit": rf"exit status {value}",
                      "signal": rf"signal {value} \(SIG", None: "without a last word",
                      "stopped": "stopped"}[how]  # fmt: skip
            assert re.search(wanted, text), (verb, text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGALRM])
def test_a_process_that_somebody_else_ends(number, tmp_path):
    """While it is idle, and while it calls functions: in the middle of anything."""
    for busy in "time.sleep(60)", "while True: f(1)":
        (tmp_path / "app.py").write_text(WORK + f"print('ready', flush=True)\n{busy}\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "relive", "record", "-o", "run.relive", "--force", "app.py"],
            cwd=tmp_path, env=clean_environ(), stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout.readline() == b"ready\n"
        path = tmp_path / "run.relive"
        assert api.open(path).header["is_being_written"]
        time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(60) == -number
        process.stdout.close()
        recording = api.open(path)
        known = number != signal.SIGKILL
        assert ending(recording) == (("signal", number) if known else (None, None))
        assert recording.header["is_complete"] and not recording.header["problems"]
        assert relive("check", path).returncode == 0
        assert b"whole up to its last moment" in relive("check", path).stdout


def test_who_waits_for_a_child_writes_how_it_ended(tmp_path):
    """os.wait, wait3, wait4, waitpid and waitid; fork children that end in every way."""
    text = """
        def child(action):
            pid = os.fork()
            if not pid:
                f(1)
                action()
                os._exit(99)
            return pid
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        for action in kill, lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: os._exit(3):
            for wait in (
                lambda pid: os.waitpid(pid, 0),
                lambda pid: os.wait(),
                lambda pid: os.wait3(0),
                lambda pid: os.wait4(pid, 0),
                lambda pid: os.waitid(os.P_PID, pid, os.WEXITED),
            ):
                wait(child(action))
    """
    status, (first, *others) = record(tmp_path, text)
    assert status == 0 and len(others) == 15 and ending(first) == ("exit", 0)
    found = sorted(map(ending, others))
    assert found == sorted([("os._exit", 3)] * 5 + [("signal", 9)] * 5 + [("signal", 15)] * 5)
    assert all(one.header["ending"]["was_waited_for"] for one in others)
    assert all(one.header["is_complete"] for one in others)
    rows, _ = process_rows("summary", first.path)
    assert sorted(row["signal"] or 0 for row in rows) == [0] * 6 + [9] * 5 + [15] * 5
    assert relive("check", first.path).returncode == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_that_multiprocessing_terminates(method, tmp_path):
    text = f"""
        import multiprocessing
        def work(ready):
            f(2)
            ready.set()
            time.sleep(60)
        if __name__ == '__main__':
            context = multiprocessing.get_context({method!r})
            for end in 'terminate', 'kill':
                ready = context.Event()
                worker = context.Process(target=work, args=(ready,))
                worker.start()
                ready.wait()
                getattr(worker, end)()
                worker.join()
                assert worker.exitcode == (-15 if end == 'terminate' else -9), worker.exitcode
    """
    status, found = record(tmp_path, text)
    assert status == 0
    names = {}
    for one in found:
        if any(row[1] == "__mp_main__" or row[2] == "work" for row in one.codes()):
            calls = [e for e in one.events() if e.get("func", "").endswith(":work")]
            if calls and one.header["parent_pid"]:
                names[ending(one)] = one.header["is_complete"]
    assert names == {("signal", 15): True, ("signal", 9): True}


def test_a_pool_and_subprocesses(tmp_path):
    text = """
        import asyncio, concurrent.futures, subprocess
        if len(sys.argv) > 1:
            os.kill(os.getpid(), int(sys.argv[1]))
            sys.exit("the signal has not ended the process")
        child = [sys.executable, __file__]
        subprocess.call([*child, '9'])
        os.system(' '.join([*child, '15']))
        async def main():
            process = await asyncio.create_subprocess_exec(*child, '14')
            return await process.wait()
        assert asyncio.run(main()) == -14
    """
    status, (first, *others) = record(tmp_path, text)
    assert status == 0 and ending(first) == ("exit", 0)
    assert sorted(map(ending, others)) == [("signal", 9), ("signal", 14), ("signal", 15)]


def test_a_ring_and_a_program_that_becomes_another(tmp_path):
    _, (recording,) = record(tmp_path, "os.kill(os.getpid(), 15)", "--ring", "64K")
    assert ending(recording) == ("signal", 15) and recording.header["is_complete"]
    again = tmp_path / "again"
    again.mkdir()
    text = """
        if len(sys.argv) == 1:
            os.execv(sys.executable, [sys.executable, __file__, '1'])
        os.kill(os.getpid(), signal.SIGTERM)
    """
    _, found = record(again, text)
    found.sort(key=lambda one: one.header["start_mono_ns"])
    assert [one.header["state"] for one in found] == ["exec", "running"]
    assert [ending(one) for one in found] == [(None, None), ("signal", 15)]
    assert all(one.header["is_complete"] for one in found)


def test_actions_of_signals_are_what_the_program_sees(tmp_path):
    """The program reads the default actions, changes them, and children start with them."""
    text = """
        import subprocess
        numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM]
        assert [signal.getsignal(n) for n in numbers] == [signal.SIG_DFL] * 4
        assert signal.signal(signal.SIGTERM, signal.SIG_IGN) == signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.signal(signal.SIGTERM, signal.SIG_DFL) == signal.SIG_IGN
        child = "import sys; print([l for l in open('/proc/self/status') if l[:6] == 'SigCgt'])"
        plain = subprocess.check_output([sys.executable, '-I', '-S', '-c', child])
        os.posix_spawn('/bin/sh', ['sh', '-c', 'kill -TERM $$'], dict(os.environ))
        assert os.waitstatus_to_exitcode(os.wait()[1]) == -15 if sys.version_info > (3, 9) else 1
        assert signal.sigtimedwait([signal.SIGUSR1], 0) is None
        print(plain.decode())
    """
    (tmp_path / "app.py").write_text(WORK + textwrap.dedent(text), encoding="utf-8")
    plain = run(sys.executable, "app.py", cwd=tmp_path)
    done = relive("record", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr


def change(path, *words):
    """Writes (offset, bytes) into the first control page of a copy; returns its path."""
    data = bytearray(path.read_bytes())
    page = data.index(b"RLLV")
    for offset, word in words:
        data[page + offset : page + offset + len(word)] = word
    copy = path.with_name("changed.relive")
    copy.write_bytes(data)
    return copy


def word(how, value):
    return how.to_bytes(4, "little") + value.to_bytes(4, "little")


@pytest.mark.parametrize(
    "wrong", [word(1, 256), word(2, 1 << 31), word(3, 0), word(3, 65), word(0, 1), word(4, 1)]
)
@pytest.mark.parametrize("offset", [48, 56])
def test_words_that_cannot_be_are_damage(wrong, offset, tmp_path):
    _, (recording,) = record(tmp_path, "os._exit(3)")
    path = change(tmp_path / "run.relive", (offset, wrong))
    found = api.open(path)
    assert "how the process ended is damaged" in found.problems()
    for verb in "summary", "info", "why", "check":
        done = relive(verb, path)
        assert b"Traceback" not in done.stderr and done.returncode in (0, 1, 3)
    assert relive("check", path).returncode == 3


def test_words_of_a_newer_relive_read_as_not_known(tmp_path):
    _, (recording,) = record(tmp_path, "os.kill(os.getpid(), 15)")
    found = api.open(change(tmp_path / "run.relive", (48, word(77, 1 << 20)), (56, word(9, 9))))
    assert ending(found) == (None, None) and not found.problems()


def test_the_one_who_waited_knows_better(tmp_path):
    """A process that wanted to exit may have been killed on the way."""
    _, (recording,) = record(tmp_path, "os._exit(3)")
    path = tmp_path / "run.relive"
    assert ending(api.open(change(path, (56, word(3, 9))))) == ("signal", 9)
    assert ending(api.open(change(path, (56, word(1, 4))))) == ("os._exit", 4)
    assert ending(api.open(change(path, (48, word(0, 0)), (56, word(1, 4))))) == ("exit", 4)


def test_what_is_missing_is_never_complete(tmp_path):
    """A copy whose end was cut off, and one that lacks a chunk in the middle."""
    _, (recording,) = record(tmp_path, "for i in range(9000): f(i)\nos.kill(os.getpid(), 9)")
    path = tmp_path / "run.relive"
    data = path.read_bytes()
    assert api.open(path).header["is_complete"]
    copy = tmp_path / "copy.relive"
    # The writer thread may have made the file longer, for slots that hold nothing yet.
    end = int.from_bytes(data[data.index(b"RLLV") + 200 :][:8], "little")
    for size in end - 8, end * 3 // 4, end // 2:
        copy.write_bytes(data[:size])
        assert not api.open(copy).header["is_complete"], size
        assert relive("info", copy).returncode == 3
    chunks = [m.start() for m in re.finditer(re.escape(b"RLB1\x04\0"), data)]
    if chunks:
        copy.write_bytes(data[: chunks[0] + 4] + b"\x01" + data[chunks[0] + 5 :])
        assert not api.open(copy).header["is_complete"]
    # An older recorder wrote no size, and rows into memory that is not shared: nobody knows.
    assert not api.open(change(path, (200, b"\xff" * 8))).header["is_complete"]


def test_a_copy_of_a_program_that_runs_says_so(tmp_path):
    (tmp_path / "app.py").write_text(WORK + "print('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "run.relive", "app.py"],
        cwd=tmp_path, env=clean_environ(), stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == b"ready\n"
        copy = tmp_path / "copy.relive"
        copy.write_bytes((tmp_path / "run.relive").read_bytes())
        header = api.open(copy).header
        assert header["is_running"] and not header["is_complete"]
        assert b"still runs" in relive("info", copy).stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not api.open(copy).header["is_running"]


def test_packs_and_parts_keep_how_it_ended(tmp_path):
    _, (recording,) = record(tmp_path, "os.kill(os.getpid(), 15)")
    relive("pack", "run.relive", "-o", "pack.relive", cwd=tmp_path)
    relive("cut", "run.relive", "--from", "50%", "-o", "part.relive", cwd=tmp_path)
    for name in "pack", "part":
        found = api.open(tmp_path / f"{name}.relive")
        assert ending(found) == ("signal", 15) and found.header["is_complete"], name
    path = change(tmp_path / "run.relive", (200, b"\xff" * 8))
    relive("pack", path, "-o", "pack2.relive", cwd=tmp_path)
    assert not api.open(tmp_path / "pack2.relive").header["is_complete"]


def test_older_files_read_as_before():
    for path in (TESTS / "golden").rglob("good/*.relive"):
        header = api.open(path).header
        assert header["minor"] >= 6 or header["ending"]["how"] is None
        assert header["is_complete"] or not header["is_closed"]


def test_a_child_that_moved_its_file_changes_nothing(tmp_path):
    """The file may be gone, or another one by now: nobody else's is written."""
    text = """
        pid = os.fork()
        if not pid:
            import glob
            (name,) = glob.glob(f'run.{os.getpid()}.*.relive')
            os.rename(name, 'moved.relive')
            with open(name, 'w') as file:
                file.write('mine' * 2000)
            os._exit(3)
        os.waitpid(pid, 0)
        with open(f'run.{pid}.0.relive') as file:
            assert file.read() == 'mine' * 2000
    """
    (tmp_path / "app.py").write_text(WORK + textwrap.dedent(text), encoding="utf-8")
    done = relive("record", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ending(api.open(tmp_path / "moved.relive")) == ("os._exit", 3)
    assert ending(api.open(tmp_path / "run.relive")) == ("exit", 0)
    assert os.path.getsize(next(tmp_path.glob("run.*.0.relive"))) == 8000

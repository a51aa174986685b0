"""A program that forks does not notice the recorder: no thread, no descriptor, no text of ours."""

import os
import re
import signal
import struct
import subprocess
import sys

import pytest
from conftest import clean_environ, relive, run, two_versions

FORKS = {
    "fork": "pid = os.fork()\nif pid == 0:\n    os._exit(3)\nprint(os.waitpid(pid, 0)[1])\n",
    "fork_then_exit": "if os.fork() == 0:\n    sys.exit(3)\nprint(os.wait()[1])\n",
    "child_forks": (
        "def down(n):\n"
        "    if n and os.fork() == 0:\n        down(n - 1)\n        os._exit(n)\n"
        "    if n: print(n, os.wait()[1], flush=True)\n"
        "down(3)\n"
    ),
    "child_answers_on_2": (
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n    os.dup2(w, 1); os.dup2(w, 2)\n    os.write(2, b'{}'); sys.exit()\n"
        "os.close(w); os.wait(); print(os.read(r, 4096))\n"
    ),
    "forkpty": (
        "pid, fd = os.forkpty()\nif pid == 0:\n    os.write(1, b'hello'); os._exit(0)\n"
        "print(os.read(fd, 100), os.waitpid(pid, 0)[1])\n"
    ),
    "preexec_fn": (
        "import subprocess\nfor i in range(3):\n"
        "    print(subprocess.call(['true'], preexec_fn=lambda: f(1)))\n"
    ),
    "pool": (
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(pool.map(f, range(9)))\n    pool.close(); pool.join()\n"
    ),
    "fork_in_a_hook": (
        "def hook():\n"
        "    global done\n"
        "    if not done:\n        done = True\n        if os.fork() == 0: os._exit(0)\n"
        "        os.wait()\n"
        "done = False\n"
        "os.register_at_fork(before=hook)\n"
        "if os.fork() == 0:\n    os._exit(0)\nos.wait()\n"
        "done = False\n"
        "os.register_at_fork(after_in_parent=hook)\n"
        "if os.fork() == 0:\n    os._exit(0)\nos.wait()\nprint('ok')\n"
    ),
    "fork_from_a_thread": (
        "import threading\n"
        "def work():\n    if os.fork() == 0:\n        f(1)\n        os._exit(0)\n"
        "    print(os.wait()[1])\n"
        "t = threading.Thread(target=work)\nt.start()\nt.join()\n"
    ),
    "fork_in_c": (
        "import ctypes\nlibc = ctypes.PyDLL(None)\n"
        "pid = libc.fork()\nif pid == 0:\n    libc._exit(0)\nprint(os.waitpid(pid, 0)[1])\n"
        "if os.fork() == 0:\n    os._exit(0)\nprint(os.wait()[1])\n"
    ),
}
PRELUDE = "import os, sys\ndef f(n): return n\nf(0)\n"


def without_report(stderr):
    """What the program itself has written; of us it may be the closing line alone."""
    ours = [line for line in stderr.splitlines(True) if line.startswith(b"relive: ")]
    assert len(ours) == 1 and b"Next: relive tree" in ours[0], stderr
    rest = b"".join(line for line in stderr.splitlines(True) if not line.startswith(b"relive: "))
    return re.sub(rb"pid=\d+", b"pid=N", rest)


@pytest.mark.parametrize("options", [(), ("-W", "error"), ("-W", "always")], ids=" ".join)
@pytest.mark.parametrize("how", sorted(FORKS))
def test_a_program_that_forks_writes_what_it_writes_alone(how, options, tmp_path):
    program = tmp_path / "prog.py"
    program.write_text(PRELUDE + FORKS[how])
    alone = run(sys.executable, *options, program, cwd=tmp_path)
    done = relive(
        "record", "-o", "out.relive", "--", sys.executable, *options, program, cwd=tmp_path
    )
    assert done.stdout == alone.stdout
    assert without_report(done.stderr) == re.sub(rb"pid=\d+", b"pid=N", alone.stderr)
    assert done.returncode == alone.returncode == 0
    assert b"out.relive: whole" in relive("check", "out.relive", cwd=tmp_path).stdout


def test_the_recorder_s_thread_is_gone_while_the_program_forks(record):
    """From before fork(2) until os.fork has returned, through the hooks that others have set."""
    source = PRELUDE + (
        "def tasks(): return len(os.listdir('/proc/self/task'))\n"
        "os.register_at_fork(after_in_parent=lambda: seen.append(tasks()))\n"
        "for k in range(20):\n"
        "    seen = [tasks()]\n"
        "    if os.fork() == 0: os._exit(0)\n"
        "    seen.append(tasks())\n"
        "    os.wait()\n"
        "    assert seen == [2, 1, 2], seen\n"
        "print('ok')\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"ok\n", done.stderr
    assert len(headers) == 21 and all(header["is_complete"] for header in headers)
    assert not any(header["losses"] for header in headers)
    calls = [e for e in events if e.get("func") == "__main__:tasks" and e["kind"] == "call"]
    assert len([e for e in calls if e["pid"] == headers[0]["pid"]]) == 60


def test_a_fork_in_c_goes_on_with_the_thread(record):
    source = PRELUDE + (
        "import ctypes\nlibc = ctypes.PyDLL(None)\n"
        "pid = libc.fork()\n"
        "if pid == 0: libc._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    done, headers, _ = record(source)
    assert done.stdout == b"2\n", done.stderr
    assert len(headers) == 1 and headers[0]["is_complete"]


def test_no_descriptor_of_ours_is_in_a_child_or_stays_in_the_parent(record):
    source = PRELUDE + (
        "def own(): return sorted(os.listdir('/proc/self/fd'))\n"
        "before = own()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(own() != before)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "assert own() == before, own()\n"
        "print('ok')\n"
    )
    for options in ((), ("--no-children",)):
        done, _, _ = record(source, "--force", *options)
        assert done.stdout == b"ok\n", done.stderr


def test_the_file_stays_locked_through_forks(record):
    source = PRELUDE + (
        "import fcntl\n"
        "def is_locked():\n"
        "    with open('out.relive', 'rb') as file:\n"
        "        try: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)\n"
        "        except BlockingIOError: return True\n"
        "os.register_at_fork(after_in_parent=lambda: seen.append(is_locked()))\n"
        "seen = []\n"
        "for k in range(5):\n"
        "    if os.fork() == 0: os._exit(0)\n"
        "    os.wait()\n"
        "    seen.append(is_locked())\n"
        "assert seen == [True] * 10, seen\n"
        "print('ok')\n"
    )
    done, _, _ = record(source)
    assert done.stdout == b"ok\n", done.stderr


def test_hooks_that_fill_slots_lose_nothing(record):
    source = PRELUDE + (
        "def busy():\n"
        "    for i in range(200000): f(i)\n"
        "os.register_at_fork(after_in_parent=busy)\n"
        "for k in range(3):\n"
        "    if os.fork() == 0: os._exit(0)\n"
        "    os.wait()\n"
        "print('ok')\n"
    )
    done, headers, _ = record(source, "--buffer", "1M", siblings=False, events=False)
    assert done.stdout == b"ok\n", done.stderr
    assert headers[0]["is_complete"] and not headers[0]["losses"]
    assert headers[0]["events"] > 1200000


@two_versions
@pytest.mark.parametrize("options", [(), ("--ring", "1M"), ("--overflow", "drop")], ids=" ".join)
def test_threads_that_wait_for_room_go_on_after_a_fork(record, options):
    source = PRELUDE + (
        "import threading\n"
        "go = True\n"
        "def spin():\n    while go: f(1)\n"
        "ts = [threading.Thread(target=spin) for _ in range(3)]\n"
        "for t in ts: t.start()\n"
        "for _ in range(100):\n"
        "    pid = os.fork()\n"
        "    if pid == 0: os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "go = False\n"
        "for t in ts: t.join()\nprint('ok')\n"
    )
    done, headers, _ = record(source, "--buffer", "1M", *options, siblings=False, events=False)
    assert done.stdout == b"ok\n", done.stderr
    assert headers[0]["is_complete"]


def heartbeat_ns(path):
    """From the start of the recording to the last sign of life in the file (docs/format.md)."""
    data = path.read_bytes()
    (start,) = struct.unpack_from("<Q", data, 40)
    live = next(at for at in range(0, len(data), 4096) if data[at : at + 4] == b"RLLV")
    return struct.unpack_from("<Q", data, live + 16)[0] - start


def test_an_idle_parent_stays_alive_in_the_file(tmp_path):
    """It forks, does nothing for two seconds and is killed: what it said last is not the fork."""
    program = tmp_path / "prog.py"
    program.write_text(
        PRELUDE + "import time\n"
        "def waits():\n"
        "    if os.fork() == 0: os._exit(0)\n"
        "    os.wait()\n"
        "    time.sleep(2)\n"
        "    print('slept', flush=True)\n"
        "    time.sleep(60)\n"
        "waits()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "out.relive", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        env=clean_environ(),
    )
    assert process.stdout.readline() == b"slept\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert heartbeat_ns(tmp_path / "out.relive") >= 1_800_000_000


def test_a_child_that_cannot_be_recorded_is_silent(tmp_path):
    program = tmp_path / "prog.py"
    program.write_text(
        PRELUDE + "os.rename('there', 'gone')\n"
        "if os.fork() == 0:\n    f(1)\n    sys.exit()\n"
        "print(os.wait()[1])\n"
    )
    (tmp_path / "there").mkdir()
    done = relive("record", "-o", "there/out.relive", program, cwd=tmp_path)
    assert done.stdout == b"0\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(b"relive: there/out.relive is not there any more")
    assert os.listdir(tmp_path / "gone") == ["out.relive"]


def test_a_process_that_has_changed_its_user_still_forks_quietly(record):
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    source = PRELUDE + (
        "os.setuid(65534)\n"
        "os.register_at_fork(after_in_parent=lambda: print(len(os.listdir('/proc/self/task'))))\n"
        "if os.fork() == 0: os._exit(0)\n"
        "os.wait()\n"
    )
    done, headers, _ = record(source, "--no-children")
    assert done.stdout == b"1\n", done.stderr
    assert without_report(done.stderr) == b"" and headers[0]["is_complete"]


def test_no_fork_right_after_a_recording_warns(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os, relive\n"
        "for number in range(60):\n"
        "    relive.start(f'{number}.relive', level='calls')\n"
        "    relive.stop()\n"
        "    child = os.fork()\n"
        "    if child == 0: os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
    )
    done = run(sys.executable, "-W", "error", "app.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")

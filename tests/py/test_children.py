"""Child processes are recorded into files of their own, of the same run."""

import sys

import pytest
from conftest import dump, relive

PRELUDE = "import os, sys, subprocess\ndef f(n): return n\ndef in_child(): return f(1)\n"

CHILDREN = {
    "fork": (
        "pid = os.fork()\nif pid == 0:\n    in_child()\n    os._exit(0)\nos.waitpid(pid, 0)\n"
    ),
    "fork_then_exit": (
        "pid = os.fork()\nif pid == 0:\n    in_child()\n    sys.exit(0)\nos.waitpid(pid, 0)\n"
    ),
    "subprocess": (
        "subprocess.check_call([sys.executable, '-c', 'def in_child(): pass\\nin_child()'])\n"
    ),
    "exec_in_fork": (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.execv(sys.executable, [sys.executable, '-c', "
        "'def in_child(): pass\\nin_child()'])\n"
        "os.waitpid(pid, 0)\n"
    ),
}


@pytest.mark.parametrize("how", sorted(CHILDREN))
def test_child_has_its_own_file(how, record, tmp_path):
    done, headers, events = record(PRELUDE + CHILDREN[how])
    assert done.returncode == 0, done.stderr
    assert len(headers) == (3 if how == "exec_in_fork" else 2), [h["path"] for h in headers]
    assert len({header["run_id"] for header in headers}) == 1
    first, child = headers[0], headers[-1]
    assert first["is_complete"] and child["is_complete"] and not first["losses"]
    assert child["parent_pid"] == (headers[1]["pid"] if how == "exec_in_fork" else first["pid"])
    calls = [e for e in events if e["kind"] == "call" and e["func"] == "__main__:in_child"]
    assert [call["pid"] for call in calls] == [child["pid"]]
    assert not any(e["pid"] == first["pid"] for e in calls)


def test_forked_child_knows_the_frames_that_run(record):
    source = (
        PRELUDE
        + "def outer():\n    pid = os.fork()\n    if pid == 0:\n        f(2)\n        os._exit(0)\n"
        "    os.waitpid(pid, 0)\nouter()\n"
    )
    _, headers, events = record(source)
    child = [e for e in events if e["pid"] == headers[1]["pid"] and "func" in e]
    running = [e["func"] for e in child if e.get("already_running")]
    assert running[:2] == ["__main__:<module>", "__main__:outer"]
    call = next(e for e in child if e["func"] == "__main__:f" and e["kind"] == "call")
    outer = next(e for e in child if e["func"] == "__main__:outer")
    assert call["parent"] == outer["frame"]


def test_no_children(record, tmp_path):
    _, headers, _ = record(PRELUDE + CHILDREN["fork"] + CHILDREN["subprocess"], "--no-children")
    assert len(headers) == 1
    assert len(list(tmp_path.glob("*.relive"))) == 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, record):
    source = (
        "import multiprocessing\n"
        "def work(n): return n * n\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context('{method}')\n"
        "    with context.Pool(2) as pool:\n"
        "        print(pool.map(work, range(4)))\n"
        "        pool.close(); pool.join()\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"[0, 1, 4, 9]\n", done.stderr
    pids = {e["pid"] for e in events if e.get("func", "").endswith(":work") and e["kind"] == "call"}
    assert pids and headers[0]["pid"] not in pids
    assert sum(e.get("func", "").endswith(":work") and e["kind"] == "call" for e in events) == 4


def test_process_pool_executor(record):
    source = (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def work(n): return n + 1\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(1) as pool:\n"
        "        print(list(pool.map(work, range(3))))\n"
    )
    done, _, events = record(source)
    assert done.stdout == b"[1, 2, 3]\n"
    assert sum(e.get("func", "").endswith(":work") and e["kind"] == "call" for e in events) == 3


def test_fork_with_threads_running(record):
    source = PRELUDE + (
        "import threading, time\n"
        "go = True\n"
        "def spin():\n    while go: f(1)\n"
        "ts = [threading.Thread(target=spin) for _ in range(3)]\n"
        "for t in ts: t.start()\n"
        "for _ in range(10):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n        in_child()\n        os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "go = False\n"
        "for t in ts: t.join()\nprint('done')\n"
    )
    done, headers, _ = record(source, "--buffer", "1M", siblings=False, events=False)
    assert done.stdout == b"done\n", done.stderr
    assert headers[0]["is_complete"]


def test_recorder_inside_a_recording(record, tmp_path):
    source = (
        "import subprocess, sys\n"
        "subprocess.check_call([sys.executable, '-m', 'relive', 'record', '-o', 'inner.relive',"
        " '-c', 'def g(): pass\\ng()'])\n"
    )
    done, headers, _ = record(source)
    assert done.returncode == 0, done.stderr
    assert b"whole" in relive("check", "inner.relive", cwd=tmp_path).stdout
    assert dump(tmp_path / "inner.relive", False)[0][0]["run_id"] != headers[0]["run_id"]
    assert sys.version_info >= (3, 8)

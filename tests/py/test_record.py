"""`relive record`: the program does not notice, and every way to name one works."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import ROOT, clean_environ, dump, relive, run, two_versions

SHOW = "import sys, os; print(sys.argv, __name__, sys.path[0], sys.stdin.read()); sys.exit(3)\n"


def names(events, kind="call"):
    return [event["func"] for event in events if event["kind"] == kind]


@pytest.mark.parametrize(
    "words",
    [
        ["prog.py", "a", "-b"],
        ["-m", "package.module", "x"],
        ["-m", "package"],
        ["-c", "import sys; print(sys.argv); sys.exit(4)", "y"],
        ["folder"],
        ["-X", "dev", "-B", "prog.py"],
        ["-W", "ignore", "-c", "print(1)"],
    ],
    ids=" ".join,
)
def test_target_runs_as_by_itself(words, tmp_path):
    (tmp_path / "prog.py").write_text(SHOW)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "module.py").write_text(SHOW)
    (tmp_path / "package" / "__main__.py").write_text(SHOW)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(SHOW)
    plain = run(sys.executable, *words, cwd=tmp_path, stdin=b"in")
    with_flags = words[0] in ("-X", "-W")
    target = [sys.executable, *words] if with_flags else words
    traced = relive("record", "-o", "out.relive", *target, cwd=tmp_path, stdin=b"in")
    assert traced.stdout == plain.stdout
    assert traced.returncode == plain.returncode
    assert (tmp_path / "out.relive").exists(), traced.stderr


def test_standard_input_is_a_program(tmp_path):
    done = relive(
        "record", "-o", "o.relive", "-", "q", cwd=tmp_path, stdin=SHOW.encode()[:62] + b")\n"
    )
    plain = run(sys.executable, "-", "q", cwd=tmp_path, stdin=SHOW.encode()[:62] + b")\n")
    assert (done.stdout, done.returncode) == (plain.stdout, plain.returncode)


def test_installed_command(tmp_path):
    done = relive("record", "-o", "o.relive", "pytest", "--version", cwd=tmp_path,
                  env={"PATH": os.path.dirname(sys.executable) + os.pathsep
                       + os.environ["PATH"]})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"pytest" in done.stdout + done.stderr
    _, events = dump(tmp_path / "o.relive")
    assert any("console_main" in name for name in names(events))


def test_traceback_shows_no_frame_of_ours(record, tmp_path):
    source = "def f():\n    raise KeyError('x')\nf()\n"
    done, _, events = record(source)
    plain = run(sys.executable, tmp_path / "prog.py", cwd=tmp_path)
    assert done.returncode == 1
    kept = b"".join(
        line for line in done.stderr.splitlines(True) if not line.startswith(b"relive:")
    )
    assert kept == plain.stderr
    # Newer versions print a traceback in Python, with exceptions of its own.
    unwinds = [
        event
        for event in events
        if event["kind"] == "unwind" and event["func"].startswith("__main__:")
    ]
    assert [(event["func"], event["exc_type"], event["exc_line"]) for event in unwinds] == [
        ("__main__:f", "KeyError", 2),
        ("__main__:<module>", "KeyError", 3),
    ]


def test_default_name_is_free_and_in_this_folder(tmp_path):
    (tmp_path / "prog.py").write_text("print(1)\n")
    for _ in range(2):
        assert relive("record", "prog.py", cwd=tmp_path).returncode == 0
    found = sorted(path.name for path in tmp_path.glob("*.relive"))
    assert len(found) == 2 and all(name.startswith("prog-2") for name in found)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no TARGET"),
        (["nothere.py"], "no such file"),
        (["--bufer", "1M", "prog.py"], "did you mean '--buffer'"),
        (["--buffer", "1", "prog.py"], "a size such as 8M"),
        (["--backend", "fast", "prog.py"], "one of auto, monitoring"),
        (["--level", "everything", "prog.py"], "one of calls, values, lines"),
        (["-o", "missing/out.relive", "prog.py"], "no such folder"),
        (["-o", "folder", "prog.py"], "is a folder"),
        (["-o", "taken.relive", "prog.py"], "--force"),
        (["-o", "pipe", "--force", "prog.py"], "not a regular file"),
        (["/bin/ls"], "compiled program"),
        (["script.sh"], "names no Python interpreter"),
        (["-m"], "needs a word"),
        (["python", "-S", "prog.py"], "-S"),
        (["folder"], "__main__.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusals_come_before_the_program(words, says, tmp_path):
    (tmp_path / "prog.py").write_text("print('ran')\n")
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "taken.relive").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    done = relive("record", *words, cwd=tmp_path)
    assert done.returncode == 125
    assert done.stdout == b""
    text = done.stderr.decode()
    assert says in text and "Traceback" not in text
    assert len(text.strip().splitlines()) == 1
    assert (tmp_path / "taken.relive").read_text() == "mine"


def test_force_replaces_only_what_it_names(record, tmp_path):
    (tmp_path / "out.relive").write_bytes(b"\x89RELIVE\n and more")
    done, headers, _ = record("print(1)", "--force")
    assert done.returncode == 0 and headers[0]["is_complete"]


def test_unknown_backend_for_this_version_says_why(tmp_path):
    (tmp_path / "prog.py").write_text("print('ran')\n")
    wrong = "evalhook" if sys.version_info >= (3, 12) else "monitoring"
    done = relive("record", "--backend", wrong, "prog.py", cwd=tmp_path)
    assert (
        done.returncode == 125 and b"cannot work here" in done.stderr and b"ran" not in done.stdout
    )


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV", "_exit", "exec", "abort"])
def test_hard_ends_lose_nothing(how, record, tmp_path):
    ends = {
        "SIGKILL": "os.kill(os.getpid(), 9)",
        "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
        "_exit": "os._exit(9)",
        "exec": "os.execv('/bin/sh', ['sh', '-c', 'exit 9'])",
        "abort": "os.abort()",
    }
    source = textwrap.dedent(
        f"""
        import os, signal
        def f(n):
            return n
        for i in range(5000):
            f(i)
        def last():
            {ends[how]}
        last()
        """
    )
    done, headers, events = record(source)
    plain = run(sys.executable, tmp_path / "prog.py", cwd=tmp_path)
    assert done.returncode == plain.returncode
    assert names(events).count("__main__:f") == 5000
    assert names(events, "return").count("__main__:f") == 5000
    assert names(events)[-1] == "__main__:last" or how == "exec"
    assert headers[0]["is_complete"]
    if how == "exec":
        assert headers[0]["state"] == "exec"


def test_signals_reach_the_program(tmp_path):
    source = (
        "import signal, sys, time\n"
        "def stop(*a):\n    print('got it', flush=True); sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, stop)\nprint('ready', flush=True)\n"
        "for _ in range(600): time.sleep(0.1)\n"
    )
    (tmp_path / "prog.py").write_text(source)
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "o.relive", "prog.py"],
        cwd=tmp_path, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"got it\n", 5)
    assert dump(tmp_path / "o.relive")[0][0]["is_complete"]


def test_a_recording_that_begins_inside_an_init(tmp_path):
    """From 3.13 on there is a frame of the interpreter between a class's call and its __init__."""
    (tmp_path / "prog.py").write_text(
        "import threading, relive\n"
        "class Starts:\n"
        "    def __init__(self, n):\n"
        "        if n == 99:\n"
        "            there.wait(); relive.start('o.relive'); started.set(); wait.wait()\n"
        "        after(n)\n"
        "class Waits:\n"
        "    def __init__(self, n):\n"
        "        if n == 99: there.set(); started.wait()\n"
        "        after(n)\n"
        "        if n == 99: wait.set()\n"
        "def after(n): pass\n"
        "def many(kind):\n"
        "    for n in range(101): kind(n)\n"
        "there, started, wait = (threading.Event() for _ in range(3))\n"
        "threads = [threading.Thread(target=many, args=(kind,)) for kind in (Starts, Waits)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
    )
    run(sys.executable, "prog.py", cwd=tmp_path, check=True)
    _, events = dump(tmp_path / "o.relive")
    names = {e["func"].partition(":")[2] for e in events if e.get("already_running")}
    assert {"Starts.__init__", "Waits.__init__", "many"} <= names and "__init__" not in names
    parents = {e["frame"]: e["func"].partition(":")[2] for e in events if e["kind"] == "call"}
    found = [parents.get(e["parent"]) for e in events if e.get("func") == "__main__:after"
             and e["kind"] == "call"]  # fmt: skip
    assert sorted(found) == ["Starts.__init__"] * 2 + ["Waits.__init__"] * 2


def test_keyboard_interrupt(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import time\nprint('ready', flush=True)\nfor _ in range(600): time.sleep(0.1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "o.relive", "prog.py"],
        cwd=tmp_path, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in err and process.returncode == -signal.SIGINT
    assert not dump(tmp_path / "o.relive")[0][0]["problems"]


def test_a_recording_that_is_written_can_be_read(tmp_path):
    source = (
        "import time\ndef f(): return 1\nfor i in range(1000): f()\n"
        "print('ready', flush=True)\nfor _ in range(600): time.sleep(0.1)\n"
    )
    (tmp_path / "prog.py").write_text(source)
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "o.relive", "prog.py"],
        cwd=tmp_path, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        process.stdout.readline()
        headers, events = dump(tmp_path / "o.relive")
        assert headers[0]["is_being_written"] and not headers[0]["is_complete"]
        assert names(events).count("__main__:f") == 1000
        (tmp_path / "quick.py").write_text("print('ran')\n")
        again = relive("record", "-o", "o.relive", "--force", "quick.py", cwd=tmp_path)
        assert again.stdout == b"ran\n" and b"another recorder" in again.stderr
    finally:
        process.kill()
        process.communicate()


def test_ring_keeps_the_newest(record):
    source = "def f(n): return n\nfor i in range(200000): f(i)\ndef last(): pass\nlast()\n"
    done, headers, events = record(source, "--ring", "256K")
    assert headers[0]["is_ring"] and headers[0]["losses"]["ring"] > 0
    assert names(events)[-1] == "__main__:last"
    assert 0 < len(events) < 100000
    assert len(events) + headers[0]["losses"]["ring"] == 400005 or done.returncode == 0
    assert b"not kept (ring)" in done.stderr


@two_versions
def test_overflow_drop_counts(record):
    source = "def f(n): return n\nfor i in range(100000): f(i)\n"
    done, headers, events = record(source, "--buffer", "64K", "--overflow", "drop")
    told = sum(event["count"] for event in events if event["kind"] == "loss")
    lost = headers[0]["losses"].get("buffer_full", 0)
    kept = sum(event["kind"] in ("call", "return", "filter") for event in events)
    assert kept + lost == 200003
    assert told <= lost


def test_c_calls(record):
    done, headers, events = record(
        "print(len([1, 2]))\ntry:\n    int('x')\nexcept ValueError:\n    pass\n", "--c-calls"
    )
    assert done.stdout == b"2\n"
    natives = [(event["kind"], event["func"]) for event in events if event["kind"].startswith("c_")]
    assert ("c_call", "builtins:len") in natives and ("c_return", "builtins:len") in natives
    assert ("c_call", "builtins:print") in natives
    if sys.version_info >= (3, 12):
        assert ("c_raise", "builtins:int") in natives
    assert headers[0]["meta"]["backend"] in ("monitoring", "setprofile")


def test_threads_are_kept_apart(record):
    source = (
        "import threading\n"
        "def work(): step()\n"
        "def step(): pass\n"
        "ts = [threading.Thread(target=work) for _ in range(50)]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join()\n"
    )
    _, headers, events = record(source)
    by_thread = {}
    for event in events:
        if event.get("func") == "__main__:work" and event["kind"] == "call":
            by_thread.setdefault(event["thread"], []).append(event)
    assert len(by_thread) == 50
    starts = [event for event in events if event["kind"] == "thread_start"]
    assert len(starts) == 51 and len({event["native_id"] for event in starts}) >= 2
    # A thread that ends together with the process may not come to say so.
    assert 45 <= sum(event["kind"] == "thread_end" for event in events) <= 50


def test_ten_thousand_threads_end(record):
    source = (
        "import threading\n"
        "def work(): pass\n"
        "for i in range(2000):\n"
        "    t = threading.Thread(target=work); t.start(); t.join()\n"
        "ts = [threading.Thread(target=work) for i in range(500)]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join()\n"
        "print('done')\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"done\n" and headers[0]["is_complete"]
    assert names(events).count("__main__:work") == 2500


def test_daemon_threads_at_shutdown(record):
    source = (
        "import threading, time\n"
        "def spin():\n"
        "    while True: step()\n"
        "def step(): pass\n"
        "for _ in range(3): threading.Thread(target=spin, daemon=True).start()\n"
        "time.sleep(0.2)\nprint('end')\n"
    )
    done, headers, _ = record(source, events=False)
    assert done.stdout == b"end\n" and done.returncode == 0
    assert headers[0]["is_complete"]


def test_the_program_closes_every_descriptor(record, tmp_path):
    source = (
        "import os\n"
        "def f(n): return n\n"
        "os.closerange(3, 1000)\n"
        "files = [open(f'user{i}', 'w+b') for i in range(20)]\n"
        "for i in range(30000): f(i)\n"
        "print(sum(os.fstat(file.fileno()).st_size for file in files))\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"0\n"
    assert headers[0]["is_complete"] and names(events).count("__main__:f") == 30000


@pytest.mark.parametrize("how", ["truncate", "delete"])
def test_the_program_spoils_the_recording(how, tmp_path):
    act = {
        "truncate": "os.truncate('out.relive', 0)",
        "delete": "os.unlink('out.relive')",
    }[how]
    source = (
        "import os\n"
        "def f(n): return n\n"
        "for i in range(3000): f(i)\n"
        f"{act}\n"
        "for i in range(100000): f(i)\n"
        "print('on')\n"
    )
    done = _run_only(source, tmp_path)
    assert done.stdout == b"on\n" and done.returncode == 0, done.stderr
    lost = b"file_gone" if how == "truncate" else b"out.relive is not there any more"
    assert lost in done.stderr


def _run_only(source, tmp_path):
    (tmp_path / "prog.py").write_text(source)
    return relive("record", "-o", "out.relive", "prog.py", cwd=tmp_path)


def test_file_size_limit_is_counted(record):
    source = (
        "import resource, os\n"
        "def f(n): return n\n"
        "now = os.stat('out.relive').st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (now + 100000, resource.RLIM_INFINITY))\n"
        "for i in range(600000): f(i)\n"
        "print('on')\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"on\n" and done.returncode == 0, done.stderr
    lost = headers[0]["losses"].get("disk_full", 0)
    kept = sum(event["kind"] in ("call", "return") for event in events)
    assert lost > 0 and b"disk_full" in done.stderr
    assert kept + lost >= 1200000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount a small file system")
def test_full_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
                             stderr=subprocess.PIPE, check=False)  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here: " + mounted.stderr.decode().strip())
    try:
        (tmp_path / "prog.py").write_text(
            "def f(n): return n\nfor i in range(2000000): f(i)\nprint('on')\n"
        )
        out = folder / "out.relive"
        done = relive("record", "-o", out, "prog.py", cwd=tmp_path)
        assert done.stdout == b"on\n" and done.returncode == 0
        assert b"not kept (disk_full)" in done.stderr
        (folder / "filler").write_bytes(b"")
        subprocess.run(["dd", "if=/dev/zero", f"of={folder}/filler", "bs=4k"],
                       stderr=subprocess.DEVNULL, check=False)  # fmt: skip
        done = relive("record", "-o", folder / "two.relive", "prog.py", cwd=tmp_path)
        assert done.returncode == 0 and b"no space" in done.stderr and done.stdout == b"on\n"
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def test_unwritable_folder_falls_back(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "prog.py").write_text("print(1)\n")
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = relive("record", "prog.py", cwd=folder)
    assert done.returncode == 0 and b"cannot be written" in done.stderr


def test_recursion_to_the_limit_is_as_untraced(record, tmp_path):
    source = (
        "import sys\nsys.setrecursionlimit(3000)\n"
        "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n"
        "        return n\n"
        "print(f(0))\n"
    )
    done, _, _ = record(source)
    assert done.stdout == run(sys.executable, tmp_path / "prog.py", cwd=tmp_path).stdout


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="only 3.11 has calls without C stack and the hook"
)
def test_very_deep_recursion_on_311_survives(record):
    source = (
        "import sys\nsys.setrecursionlimit(10**6)\n"
        "def f(n): return 0 if n == 0 else 1 + f(n - 1)\n"
        "print(f(60000))\n"
    )
    done, headers, _ = record(source)
    assert done.stdout == b"60000\n" and done.returncode == 0
    assert headers[0]["losses"].get("deep_recursion", 0) >= 1


def test_foreign_tool_ids_are_left_alone(record):
    if sys.version_info < (3, 12):
        pytest.skip("sys.monitoring exists from 3.12 on")
    source = (
        "import sys\n"
        "m = sys.monitoring\n"
        "print([m.get_tool(i) for i in range(6)])\n"
        "m.use_tool_id(1, 'theirs')\n"
        "seen = []\n"
        "def on(code, offset):\n    seen.append(code.co_name)\n"
        "m.register_callback(1, m.events.PY_START, on)\n"
        "m.set_events(1, m.events.PY_START)\n"
        "def f(): pass\n"
        "f()\nm.set_events(1, 0)\nf()\nprint(seen)\n"
    )
    done, _, events = record(source)
    assert done.stdout == b"[None, None, None, None, 'relive', None]\n['f']\n"
    assert names(events).count("__main__:f") == 2


def test_tool_id_taken_by_the_program_means_another(record, tmp_path):
    if sys.version_info < (3, 12):
        pytest.skip("sys.monitoring exists from 3.12 on")
    code = (
        "import sys, relive\nsys.monitoring.use_tool_id(4, 'theirs')\n"
        "with relive.record('o.relive'): print(sys.monitoring.get_tool(3))\n"
        "print(sys.monitoring.get_tool(4), sys.monitoring.get_tool(3))\n"
    )
    done = run(sys.executable, "-c", code, cwd=tmp_path)
    assert done.stdout == b"relive\ntheirs None\n", done.stderr


def test_stdout_closed_early_is_no_traceback(tmp_path):
    (tmp_path / "prog.py").write_text("def f(): pass\nfor i in range(20000): f()\n")
    relive("record", "-o", "o.relive", "prog.py", cwd=tmp_path)
    done = subprocess.run(
        f"'{sys.executable}' -m relive dump o.relive | head -1", shell=True, cwd=tmp_path,
        env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["schema"] == "relive.dump"
    assert done.stderr == b""


def test_memory_stays_bounded(record):
    source = (
        "import resource\n"
        "def f(n): return n\n"
        "for i in range(300000): f(i)\n"
        "a = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for i in range(3000000): f(i)\n"
        "b = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(b - a)\n"
    )
    done, headers, _ = record(source.replace("3000000", "1500000"), events=False)
    assert int(done.stdout) < 16 * 1024
    assert headers[0]["is_complete"]


def test_time_flies_forward(record):
    before = time.time_ns()
    _, headers, events = record("import time\ndef f(): time.sleep(0.05)\nf()\n")
    after = time.time_ns()
    f = [event["t"] for event in events if event.get("func") == "__main__:f"]
    assert 50_000_000 <= f[1] - f[0] <= after - before
    assert before <= headers[0]["start_unix_ns"] <= after


def test_example_is_documented():
    assert (ROOT / "examples" / "shop.py").exists()


def test_greenlets_keep_their_frames(record):
    pytest.importorskip("greenlet", reason="no wheel of greenlet for this version")
    source = (
        "from greenlet import greenlet\n"
        "def leaf(n): return n\n"
        "def a():\n    leaf(1); gb.switch(); leaf(2); gb.switch()\n"
        "def b():\n    leaf(3); ga.switch(); leaf(4)\n"
        "ga, gb = greenlet(a), greenlet(b)\n"
        "ga.switch()\nleaf(5)\nprint('done')\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"done\n" and not headers[0]["losses"]
    own = {
        event["frame"]: event["func"].partition(":")[2]
        for event in events
        if event.get("file", "").endswith("prog.py") and event["kind"] == "call"
    }
    leaves = [
        own[event["parent"]]
        for event in events
        if event["kind"] == "call" and event["func"] == "__main__:leaf"
    ]
    assert leaves == ["a", "b", "a", "b", "<module>"]
    assert all(event["kind"] != "unwind" for event in events if event.get("frame") in own)


GREENLETS = """
import sys
from greenlet import greenlet
def leaf(n):
    if n == 2: raise ValueError(n)
def inner(n):
    main.switch()
    leaf(n)
class Own(greenlet):
    def run(self, n):
        main.switch()
        try: inner(n)
        except ValueError: pass
def drive():
    own = [Own(), Own(), Own()]
    for turn in range(3):
        for n in range(3): own[n].switch(*([n] if turn == 0 else []))
    leaf(3)
main = greenlet.getcurrent()
drive()
"""


def test_a_greenlet_begins_without_a_caller(record, tmp_path):
    """As f_back and tracebacks have it; whoever switched to it did not call it."""
    pytest.importorskip("greenlet", reason="no wheel of greenlet for this version")
    _, headers, events = record(GREENLETS)
    assert not headers[0]["losses"]
    calls = [e for e in events if e["kind"] == "call" and e["func"].startswith("__main__:")]
    names = {e["frame"]: e["func"].rpartition(":")[2].rpartition(".")[2] for e in calls}
    parents = [(names[e["frame"]], names.get(e["parent"])) for e in calls]
    assert parents == [
        ("<module>", None), ("Own", "<module>"), ("drive", "<module>"), *[("run", None)] * 3,
        *[("inner", "run")] * 3, *[("leaf", "inner")] * 3, ("leaf", "drive"),
    ]  # fmt: skip
    out = tmp_path / "out.relive"
    rows = [json.loads(row) for row in relive("tree", "--json", out).stdout.splitlines()][1:-1]
    roots = [(row["func"].partition(":")[2], row["calls"]) for row in rows if row["level"] == 0]
    assert roots == [("<module>", 1), ("Own.run", 3)]
    (story,) = [json.loads(r) for r in relive("exc", "--json", out).stdout.splitlines()][1:]
    frames = [frame["func"].rpartition(":")[2].rpartition(".")[2] for frame in story["frames"]]
    assert frames == ["run", "inner", "leaf"]


def test_a_disabled_recorder_leaves_the_program_alone(tmp_path):
    program = tmp_path / "p.py"
    program.write_text(
        "import relive, sys\nrelive.start('b.relive')\n"
        "print(relive.is_recording(), relive.stop())\n"
    )
    done = relive(
        "record", "-o", "a.relive", program, cwd=tmp_path, env={"BREADCRUMB_ENABLED": "0"}
    )
    assert done.stdout == b"False None\n" and not list(tmp_path.glob("*.relive")), done.stderr
    done = relive("record", "--disabled", "-o", "a.relive", program, cwd=tmp_path)
    assert done.returncode == 0 and [path.name for path in tmp_path.glob("*.relive")] == [
        "b.relive"
    ]


def test_a_generator_that_was_suspended_before_runs_already(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import relive\ndef gen():\n    yield 1\n    yield 2\n"
        "old = gen(); next(old)\n"
        "relive.start('x.relive')\nnext(old); next(gen())\nrelive.stop()\n"
    )
    done = run(sys.executable, "prog.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [e for e in dump(tmp_path / "x.relive")[1] if e.get("func") == "__main__:gen"]
    begins = [e.get("already_running", False) for e in events if e["kind"] == "call"]
    assert begins == [True, False]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="raises are seen at this level from 3.12 on")
def test_a_new_exception_in_the_memory_of_one_that_is_gone_is_recorded(record):
    source = (
        "class Names(dict):\n"
        "    def __getitem__(self, key): raise KeyError(key)\n"
        "def f():\n"
        "    try: eval('name', {}, Names())\n"
        "    except NameError: pass\n"
        "f()\nf()\n"
    )
    _, _, events = record(source)
    told = [e["exc_type"] for e in events if e["kind"] == "raise"]
    assert told == ["KeyError", "NameError"] * 2


def test_each_option_is_in_one_group_whose_example_is_valid():
    import shlex

    from relive import config
    from relive.cli import record

    keys = [key for _, _, keys in record.GROUPS for key in keys]
    assert sorted(keys) == sorted(config.BY_KEY)
    parser = record.parser()
    shown = parser.format_help()
    for title, example, keys in record.GROUPS:
        assert f"{title}:\n  {example}\n" in shown
        chosen = vars(parser.parse(shlex.split(example)[2:]))
        assert chosen.pop("target") == ["app.py"]
        assert any(chosen[key] is not None for key in keys)
        config.load(options={key: value for key, value in chosen.items() if value is not None})


@pytest.mark.parametrize("words", [["-m", "mod", "a", "--b"], ["mod.py", "-q"], ["-c", "1", "-x"]])
def test_the_program_is_named_as_it_was_started(tmp_path, words):
    (tmp_path / "mod.py").write_text("pass\n")
    assert relive("record", "-o", "out.relive", *words, cwd=tmp_path).returncode == 0
    text = relive("info", "out.relive", cwd=tmp_path).stdout.decode()
    named = next(line for line in text.splitlines() if line.startswith("  program "))
    assert named.endswith(" ".join(["", *words])) and "python" in named.split()[1]

"""The flight recorder: a ring that is copied when something happens, and readable whatever does."""

import os
import signal
import sys
import threading

import pytest
from conftest import relive as run_relive
from conftest import run

import relive

WORK = "def work(n):\n    return n\n"


def calls_of(path):
    with relive.open(str(path)) as found:
        assert not found.problems(), found.problems()
        events = list(found.select(["call"]))
    return [e["args"]["n"]["v"] for e in events if e["func"].endswith("work")]


def program(tmp_path, source, **options):
    (tmp_path / "app.py").write_text("import relive\n" + WORK + source)
    return run(sys.executable, "app.py", cwd=tmp_path, **options)


def work(n):
    return n


@pytest.mark.parametrize("ring", [None, "256K"])
def test_a_snapshot_has_what_was_until_then(tmp_path, ring):
    made = []
    with relive.record(str(tmp_path / "r.relive"), ring=ring or 0):
        for n in range(20000):
            work(n)
        made.append(relive.snapshot(tmp_path / "one.relive"))
        for n in range(20000, 40000):
            work(n)
        made.append(relive.snapshot(tmp_path / "two.relive"))
        work(99999)
    one, two = (calls_of(path) for path in made)
    assert one[-1] == 19999 and two[-1] == 39999 and one == list(range(one[0], 20000))
    assert (one[0] > 0) is (ring is not None) and two == list(range(two[0], 40000))
    assert oct(os.stat(made[0]).st_mode & 0o777) == "0o600"
    done = run_relive("check", made[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert run_relive("tree", made[1]).returncode == 0
    assert calls_of(tmp_path / "r.relive")[-1] == 99999, "the recording went on"


def test_snapshots_while_threads_work(tmp_path):
    stop = threading.Event()

    def worker():
        n = 0
        while not stop.is_set():
            n += 1
            work(n)

    threads = [threading.Thread(target=worker) for _ in range(3)]
    with relive.record(str(tmp_path / "r.relive"), ring="256K", buffer="64K"):
        for thread in threads:
            thread.start()
        found = [relive.snapshot(tmp_path / f"s{n}.relive") for n in range(8)]
        stop.set()
        for thread in threads:
            thread.join()
    for path in found:
        with relive.open(path) as recording:
            last = {}
            for event in recording.select(["call"]):
                if event["func"].endswith("work") and not event.get("already_running"):
                    n = event["args"]["n"]["v"]
                    assert n == last.get(event["thread"], n - 1) + 1, "no event is torn or missing"
                    last[event["thread"]] = n
            assert not recording.problems()


def test_an_exception_that_nothing_catches(tmp_path):
    done = program(
        tmp_path,
        "relive.record('r.relive', ring='64K', dump_on='exception').__enter__()\n"
        "try: work(1); 1 / 0\nexcept ZeroDivisionError: pass\n"
        "work(2)\nraise ValueError('the end')\n",
    )
    assert done.returncode == 1 and b"ValueError: the end" in done.stderr
    assert b"relive: snapshot: " in done.stderr and b"r-dump1.relive" in done.stderr
    assert calls_of(tmp_path / "r-dump1.relive") == [1, 2]
    assert not (tmp_path / "r-dump2.relive").exists()


def test_an_exception_in_a_thread(tmp_path):
    done = program(
        tmp_path,
        "import threading\n"
        "with relive.record('r.relive', dump_on=['exception']):\n"
        "    t = threading.Thread(target=lambda: work('x') + 1)\n    t.start(); t.join()\n"
        "    work(2)\n"
        "import sys\nassert sys.excepthook is sys.__excepthook__\n"
        "assert threading.excepthook.__name__ != '_on_thread_exception'\n",
    )
    assert done.returncode == 0 and b"TypeError" in done.stderr, done.stderr
    assert calls_of(tmp_path / "r-dump1.relive") == ["x"]


def test_a_signal(tmp_path):
    done = program(
        tmp_path,
        "import os, signal\nseen = []\nold = lambda *args: seen.append('theirs')\n"
        "signal.signal(signal.SIGUSR2, old)\n"
        "with relive.record('r.relive', ring='64K', dump_on=('signal:USR2', 'signal:SIGUSR1')):\n"
        "    work(1); os.kill(os.getpid(), signal.SIGUSR2)\n"
        "    work(2); os.kill(os.getpid(), signal.SIGUSR1); work(3)\n"
        "print(seen, signal.getsignal(signal.SIGUSR2) is old, "
        "signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"['theirs'] True True\n"
    assert calls_of(tmp_path / "r-dump1.relive") == [1]
    assert calls_of(tmp_path / "r-dump2.relive") == [1, 2]


@pytest.mark.parametrize(
    ("end", "number"),
    [("os.kill(os.getpid(), signal.SIGKILL)", signal.SIGKILL),
     ("faulthandler._sigsegv()", signal.SIGSEGV), ("os.abort()", signal.SIGABRT)],
    ids=["kill", "segv", "abort"],
)  # fmt: skip
def test_a_ring_is_readable_whatever_ends_the_process(tmp_path, end, number):
    done = program(
        tmp_path,
        "import faulthandler, os, signal\nfaulthandler.enable()\n"
        "relive.record('r.relive', ring='64K', dump_on='exception').__enter__()\n"
        f"for n in range(30000): work(n)\n{end}\n",
    )
    assert done.returncode == -number
    found = calls_of(tmp_path / "r.relive")
    assert found == list(range(found[0], 30000)) and found[0] > 0


def test_by_the_command_line(tmp_path):
    (tmp_path / "app.py").write_text(WORK + "work(1)\nraise KeyError('gone')\n")
    done = run_relive(
        "record",
        "-o",
        "r.relive",
        "--ring",
        "64K",
        "--dump-on",
        "exception",
        "app.py",
        cwd=tmp_path,
    )
    assert done.returncode == 1 and calls_of(tmp_path / "r-dump1.relive") == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [("exeption", "'exeption' is neither exception nor a signal"),
     ("signal:NOPE", "'signal:NOPE' is no signal"), ("signal:KILL", "no signal that can be caught"),
     ("signal:", "no signal")],
)  # fmt: skip
def test_mistakes_are_reported(tmp_path, words, said):
    with pytest.raises(relive.ReliveError, match=said) as error:
        relive.start(str(tmp_path / "x.relive"), dump_on=words)
    assert error.value.code == "ERR_CONFIG" and not relive.is_recording()
    assert not (tmp_path / "x.relive").exists()


def test_snapshots_that_cannot_be(tmp_path):
    with pytest.raises(relive.ReliveError, match="nothing is being recorded"):
        relive.snapshot(tmp_path / "s.relive")
    with relive.record(str(tmp_path / "r.relive")):
        work(1)
        with pytest.raises(relive.ReliveError, match="the recording itself"):
            relive.snapshot(tmp_path / "r.relive")
        with pytest.raises(relive.ReliveError, match="no such folder"):
            relive.snapshot(tmp_path / "no" / "s.relive")
        (tmp_path / "s.relive").write_text("mine")
        with pytest.raises(relive.ReliveError, match="exists already"):
            relive.snapshot(tmp_path / "s.relive")
        with pytest.raises(relive.ReliveError, match="not a recording"):
            relive.snapshot(tmp_path / "s.relive", force=True)
        assert (tmp_path / "s.relive").read_text() == "mine"
        (tmp_path / "s.relive").unlink()
        for force in (False, True):
            relive.snapshot(tmp_path / "s.relive", force=force)
        work(2)
    assert calls_of(tmp_path / "s.relive") == [1] and calls_of(tmp_path / "r.relive") == [1, 2]
    failed = []
    thread = threading.Thread(
        target=lambda: failed.append(
            pytest.raises(
                relive.ReliveError, relive.start, str(tmp_path / "t.relive"), dump_on="signal:USR2"
            )
        )
    )
    thread.start()
    thread.join()
    assert "from the main thread only" in str(failed[0].value) and not relive.is_recording()

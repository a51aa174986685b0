"""Callback backends beside filters, errors, threads, recordings and forks."""

import json
import os
import pickle
import signal
import sys
import threading
import time

import pytest
from conftest import ROOT, run, usable_backends
from sampled import (
    add,
    caught,
    fibonacci,
    inner,
    inner_of,
    of,
    outer,
)

import relive
from relive.backends import (
    TraceEvent,
    create_backend,
)

pytestmark = pytest.mark.filterwarnings("ignore::relive.errors.OverheadWarning")


def test_secrets_and_filters_are_those_of_recordings(told, tmp_path):
    def login(user, password):
        token = "sk_live_abcdefghijklmnop"
        return token

    events = of(told(login, "ada", "hunter2"), "login")
    text = " ".join(e.as_json() for e in events)
    assert "ada" in text and "hunter2" not in text and "abcdefghijklmnop" not in text
    assert events[0].args["password"] == "<redacted>"
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[meta]\nname = "t"\nversion = 1\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n[[scope.rules]]\nselector = "obj:sampled.inner"\n'
        'exec = "skip"\n'
        '[[scope.rules]]\nselector = "obj:sampled.outer"\n[[scope.rules.value_patterns]]\n'
        'selector = "arg:n"\naction = "redact"\n'
    )
    events = told(outer, 5, trace_filter=[str(rules)])
    assert not of(events, "inner") and of(events, "outer", "call")[0].args == {"n": "<redacted>"}


def test_an_event_filter(make):
    with make(event_filter=lambda event: event.event_type == "return") as backend:
        outer(1)
    assert {e.event_type for e in backend.get_events()} == {"return"}
    assert backend.get_stats()["filtered"] >= 3


def test_statistics(make):
    seen = []
    with make(callback=seen.append) as backend:
        outer(1)
        during = backend.get_stats()
    stats = backend.get_stats()
    assert during["mechanism"] == make.name and stats["mechanism"] is None
    assert stats["events"]["call"] >= 3 and sum(stats["events"].values()) == stats["kept"] == len(
        seen
    )
    assert stats["callback_errors"] == stats["filtered"] == stats["overflowed"] == 0
    assert stats["backend_seconds"] >= stats["callback_seconds"] > 0


def test_overflow_is_counted(make):
    with make(max_events_per_thread=5) as backend:
        fibonacci(5)
    stats = backend.get_stats()
    assert stats["kept"] == 5 and stats["overflowed"] == sum(stats["events"].values()) - 5 > 0


def test_a_callback_that_raises_is_reported_once_and_left(make, capsys):
    calls = []

    def callback(event):
        calls.append(event)
        raise RuntimeError("mine")

    with make(callback=callback) as backend:
        assert fibonacci(7) == 13
    assert len(calls) == 10 == backend.get_stats()["callback_errors"]
    assert capsys.readouterr().err.count("RuntimeError: mine") == 1


def test_an_interrupt_inside_a_callback_is_the_programs(make):
    def callback(event):
        if event.function_name == "inner" and event.event_type == "call":
            signal.raise_signal(signal.SIGINT)

    with make(callback=callback) as backend, pytest.raises(KeyboardInterrupt):
        outer(1)
        for _ in range(1000):
            add(1)
    assert backend.get_stats()["callback_errors"] == 0


def test_a_callback_is_not_traced_itself(make):
    def callback(event):
        fibonacci(3)

    with make(callback=callback) as backend:
        add(1)
    assert not of(backend.get_events(), "fibonacci") and len(of(backend.get_events(), "add")) == 2


def test_batches_come_from_a_thread_of_their_own(make):
    lists, threads = [], set()

    def callback(events):
        lists.append(events)
        threads.add(threading.current_thread().name)
        fibonacci(2)

    with make(callback=callback, batch=10) as backend:
        fibonacci(8)
    told = [event for events in lists for event in events]
    assert told == backend.get_events() and len(of(told, "fibonacci")) == 134
    assert max(map(len, lists)) <= 10 and threads == {"relive-callbacks"}


def test_several_backends_at_once(make):
    one, two = make(), create_backend(make.name, include_patterns=["json.*"])
    with one, two:
        json.dumps([add(1)])
    assert of(one.get_events(), "add") and not of(one.get_events(), "dumps")
    assert of(two.get_events(), "dumps") and not of(two.get_events(), "add")


def test_two_mechanisms_at_once_are_refused(make):
    other = next((name for name in usable_backends() if name != make.name), None)
    with make() as backend:
        with pytest.raises(relive.ReliveError, match="one mechanism at a time") as refused:
            create_backend(other, include_patterns=["sampled"]).start()
        add(1)
    assert refused.value.code == "ERR_BUSY" and of(backend.get_events(), "add")


def test_a_recording_and_callbacks_share_one_stream(make, tmp_path):
    path = str(tmp_path / "r.relive")
    assert not relive.is_recording()
    began = time.monotonic_ns()
    with make() as backend:
        assert not relive.is_recording() and relive.stop() is None
        add(1)
        relive.start(path, backend=make.name)
        assert relive.is_recording()
        add(10)
        assert relive.stop()["events"] > 0
        add(100)
    found = of(backend.get_events(), "add", "return")
    assert [e.return_value for e in found] == [3, 12, 102]
    times = [e.monotonic_ns for e in found]
    assert began < times[0] < times[1] < times[2] < time.monotonic_ns()
    with relive.open(path) as recording:
        calls = [
            e for e in recording.events() if e["kind"] == "call" and e["func"].endswith(":add")
        ]
    assert len(calls) == 1


def test_nothing_is_left_behind(make, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with make():
        assert os.listdir(tmp_path)
        add(1)
    assert os.listdir(tmp_path) == []


def test_no_object_lives_longer(told):
    class Thing:
        pass

    gone = []

    def use():
        import weakref

        thing = Thing()
        seen = weakref.ref(thing)
        inner_of(thing)
        del thing
        gone.append(seen() is None)

    told(use)
    if sys.version_info[:2] != (3, 11) or told.name != "evalhook":  # docs/compat.md
        assert gone == [True]


def test_an_event_round_trips_and_is_frozen(told):
    for event in told(caught, "x"):
        again = TraceEvent.from_dict(json.loads(event.as_json()))
        assert again == event and again.as_json() == event.as_json() and hash(again) == hash(event)
        assert pickle.loads(pickle.dumps(event)) == event
        with pytest.raises(AttributeError, match="frozen"):
            event.args = {}
        with pytest.raises(AttributeError):
            event.other = 1
    with pytest.raises(TypeError, match="no field"):
        TraceEvent("call", wrong=1)
    with pytest.raises(ValueError, match="event_type"):
        TraceEvent.from_dict({})


def test_a_thread_that_blocks_in_its_callback_blocks_no_other(make):
    entered, go_on = threading.Event(), threading.Event()

    def callback(event):
        if event.function_name == "inner":
            entered.set()
            go_on.wait(20)

    with make(callback=callback) as backend:
        thread = threading.Thread(target=inner, args=(1,))
        thread.start()
        assert entered.wait(20)
        add(1)
        go_on.set()
        thread.join()
    assert len(of(backend.get_events(), "add")) == 2


def test_who_does_not_stop_is_stopped_at_the_end(tmp_path):
    program = tmp_path / "p.py"
    program.write_text(
        "from relive.backends import create_backend\n"
        "def f(): return 1\n"
        "def tell(events): print(len(events))\n"
        "create_backend(callback=tell, batch=100, include_patterns=['__main__']).start()\n"
        "f(); f()\n"
    )
    folder = tmp_path / "temporary"
    folder.mkdir()
    env = {"RELIVE_NO_WARNINGS": "1", "TMPDIR": str(folder)}
    done = run(sys.executable, program, check=True, env=env)
    # Where ends of frames that ran before are seen, that of the module too.
    assert done.stdout.split() in ([b"4"], [b"5"]) and os.listdir(folder) == []


def test_a_forked_child_goes_on_without_callbacks(tmp_path):
    program = tmp_path / "p.py"
    program.write_text(
        "import os, sys\nfrom relive.backends import create_backend, hub\n"
        "def f(): return 1\n"
        "with create_backend(include_patterns=['__main__']) as backend:\n"
        "    if os.fork() == 0: f(); sys.exit(0)\n"
        "    os.wait(); folder = os.path.dirname(hub._private[0]); assert os.listdir(folder)\n"
        "    f(); pid = os.fork()\n    f()\n"
        "    if pid == 0:\n"
        "        print('child', len(backend.get_events())); sys.stdout.flush(); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "print('parent', sum(e.function_name == 'f' for e in backend.get_events()))\n"
    )
    done = run(sys.executable, program, check=True, env={"RELIVE_NO_WARNINGS": "1"})
    lines = done.stdout.decode().split("\n")
    assert lines[0].startswith("child") and lines[1] == "parent 4", done.stdout


def test_no_python_of_the_package_sets_hooks():
    folder = os.path.dirname(relive.__file__)
    words = ("sys.settrace(", "sys.setprofile(", "threading.settrace", "threading.setprofile")
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py") and "fallback" not in where:
                with open(os.path.join(where, name), encoding="utf-8") as file:
                    text = file.read()
                assert not any(word in text for word in words), (name, where)


def test_time_goes_by(told):
    def slow():
        time.sleep(0.02)

    (event,) = of(told(slow), "slow", "return")
    assert 0.015 < event.duration < 20


@pytest.mark.parametrize("name", usable_backends())
def test_the_demonstration_prints_what_it_says(name):
    done = run(sys.executable, f"{ROOT}/examples/backends_demo.py", name, check=True)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"best here: {usable_backends()[0]}"
    assert "  <- factorial: 6" in lines and "  <- mean: 4.0" in lines
    assert any(line.startswith("  !! divide: ") for line in lines)
    assert ["  call: 7", "  return: 6", "  exception: 1"] == lines[-4:-1]


def test_a_recording_that_callbacks_cannot_follow_does_not_begin(tmp_path):
    path, told = str(tmp_path / "r.relive"), []
    with create_backend("setprofile", callback=told.append, include_patterns=[__name__]):
        with pytest.raises(relive.ReliveError, match="callbacks are on, by setprofile"):
            relive.start(path)
        assert not relive.is_recording() and not os.path.exists(path)
        _some(1)
        relive.start(path, backend="setprofile")
        _some(2)
        relive.stop()
        _some(3)
    assert [event.args["n"] for event in told if event.event_type == "call"] == [1, 2, 3]


def _some(n):
    return n

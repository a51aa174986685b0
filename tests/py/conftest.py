"""Helpers of all tests: they run programs, with and without Relive, and read recordings."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from debugging import HEAD, LENGTH

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
PROGRAMS = sorted((TESTS / "programs").glob("*.py"))

# What a shell starts in the background ignores interrupts, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# `make test` asks what is alike on all versions on one of each default backend.
IS_SHORT = bool(os.environ.get("TEST_SHORT"))
two_versions = pytest.mark.skipif(
    IS_SHORT, reason="does not depend on the version: on 3.8 and 3.12, and on all in make test-full"
)

_cache = tempfile.TemporaryDirectory(prefix="relive-cache-")  # nothing of an earlier build


def clean_environ(**more):
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    environ.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", XDG_CACHE_HOME=_cache.name)
    environ.update(more)
    return environ


def run(*words, cwd=None, stdin=b"", env=None, timeout=300, check=False):
    """A finished process, output as bytes."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd or TESTS,
        input=stdin,
        env=clean_environ(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=timeout,
        check=check,
    )


def relive(*words, **options):
    return run(sys.executable, "-m", "relive", *words, **options)


def dump(path, siblings=True):
    """(header, events) of a recording, through the public command's own code."""
    from relive.cli.common import open_run

    recordings = open_run(str(path), siblings)
    events = []
    for recording in recordings:
        for piece in recording.lines():
            events.extend(json.loads(line) for line in piece.decode("ascii").splitlines())
    assert not [problem for recording in recordings for problem in recording.problems()]
    return [recording.header for recording in recordings], events


def wellformed(events):
    """Returns the events again, after a check of what holds for every recording.

    Numbers are dense, times do not run backwards, frames that end were open, and each name is
    known."""
    seqs, times, open_frames = {}, {}, set()
    for event in events:
        key = event["pid"], event["thread"]
        assert event["seq"] == seqs.get(key, 0)
        seqs[key] = event["seq"] + 1
        assert event["t"] >= times.get(key, 0)
        times[key] = event["t"]
        yield event
        if "func" not in event:
            continue
        assert event["func"] != "?:?"
        frame = (event["pid"], event["frame"])
        if event["kind"] == "call":
            assert frame not in open_frames
            open_frames.add(frame)
        elif not event["kind"].startswith("c_"):
            assert frame in open_frames, event
            if event["kind"] in ("return", "unwind"):
                open_frames.discard(frame)


def usable_backends():
    from relive import _core

    return [name for name, usable, _, _ in _core.backends() if usable]


@pytest.fixture
def record(tmp_path):
    """record(source, ...) -> (process, headers, events) of a program given as text. `made`:
    whether a     recording must come of it."""

    def do(
        source, *options, args=(), env=None, stdin=b"", name="prog.py", siblings=True, events=True,
        made=True,
    ):  # fmt: skip
        program = tmp_path / name
        program.write_text(source, encoding="utf-8")
        out = tmp_path / "out.relive"
        done = relive(
            "record", "-o", out, *options, program, *args, cwd=tmp_path, env=env, stdin=stdin
        )
        assert out.exists() == made, done.stderr.decode()
        if not made:
            return done, [], []
        if not events:  # millions of them; the test needs the header alone
            from relive.cli.common import open_run

            recordings = open_run(str(out), siblings)
            assert not [text for one in recordings for text in one.check()["problems"]]
            return done, [one.header for one in recordings], []
        return (done, *dump(out, siblings))

    return do


@pytest.fixture
def debug(tmp_path):
    """debug(source) -> what the program wrote at its end; line 1 is the source's first."""

    def do(source, **env):
        path = tmp_path / "program.py"
        path.write_text(HEAD % LENGTH + source, encoding="utf-8")
        done = run(sys.executable, path, env=env, cwd=tmp_path)
        assert done.returncode == 0, (done.returncode, done.stderr.decode())
        return json.loads(done.stdout.splitlines()[-1])

    return do


@pytest.fixture(params=usable_backends())
def make(request):
    """make(**options) -> a backend of each kind, of this module's events."""
    from relive.backends import create_backend

    made = []

    def do(**options):
        options.setdefault("include_patterns", [request.module.__name__, "sampled"])
        made.append(create_backend(request.param, **options))
        return made[-1]

    do.name = request.param
    yield do
    for backend in made:
        backend.stop()


@pytest.fixture
def told(make):
    """Returns a function (function, **options) -> the events of a call of it."""

    def do(function, *args, **options):
        with make(**options) as backend:
            function(*args)
        return backend.get_events()

    do.name = make.name
    return do


@pytest.fixture
def recorded(tmp_path):
    """recorded(function, **settings) -> (the sessions' rows, all events) of a call of it."""
    import relive
    from relive.cli.sessions import read

    def do(function, **settings):
        path = str(do.path)
        relive.start(path, force=True, **settings)
        try:
            function()
        finally:
            relive.stop()
        with relive.open(path) as recording:
            rows = read(recording)
        with relive.open(path) as recording:
            return rows, list(recording.events())

    do.path = tmp_path / "s.relive"
    return do

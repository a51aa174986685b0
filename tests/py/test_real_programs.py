"""Real programs under default settings: what is recorded is what happened, and nobody notices.

Each runs three times: unrecorded, recorded, and recorded with the oracle of tests/real/watch in the
same process."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import test_instant
from conftest import TESTS, clean_environ, relive, wellformed

from relive.cli.common import open_run

sys.path.insert(0, str(TESTS / "real"))

import compare
import deviations
from programs import PROGRAMS

HOME = os.environ.get("TEST_REAL_PROGRAMS", "")  # an environment that has them all, and Relive
BIN = Path(HOME) / "bin"
RAISES = sys.version_info >= (3, 12)  # a frame evaluator sees what leaves a frame, no raise inside
SECONDS = 300  # on a machine that is busy; alone each takes less than 60
EVENTS = 60_000  # of a recording whose states are compared: the oracle takes 0.1 ms for each

pytestmark = pytest.mark.skipif(
    not HOME, reason="real programs run on 3.8 and 3.12; in make test-full also on 3.11 and 3.14"
)


class Run:
    """One run in a folder of its own, which has the same name each time."""

    def __init__(self, program, tmp_path, how):
        self.folder = tmp_path / "work"
        self.home = tmp_path / "home"
        self.notes = tmp_path / how
        self.out = tmp_path / f"{how}.relive"
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "temporary").mkdir(parents=True)
        self.home.mkdir(exist_ok=True)
        self.notes.mkdir()
        program.prepare(self.folder)
        words = program.command(BIN, self.home)
        if how in ("recorded", "watched"):
            words = [BIN / "python", "-m", "relive", "record", "-o", self.out, *words]
        elif not words[0].startswith(str(BIN)):
            words = [BIN / "python", *words]
        env = clean_environ(
            HOME=str(self.home),
            TMPDIR=str(self.folder / "temporary"),
            PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(watch_folder(tmp_path)),
            **{"WATCH_CALLS" if how == "watched" else "WATCH_MODULES": str(self.notes)},
        )
        process = self.run(program, [str(word) for word in words], env)
        self.status = process.returncode
        self.stdout = program.masked((self.notes / "stdout").read_bytes())
        lines = program.masked((self.notes / "stderr").read_bytes())
        self.report = [line for line in lines if line.startswith("relive: ")]
        self.stderr = [line for line in lines if not line.startswith("relive: ")]
        modules = self.notes / f"modules.{process.pid}"
        self.modules = set(modules.read_text().splitlines()) if modules.exists() else set()

    def run(self, program, words, env):
        """The finished process. What it prints goes to files, which a driver reads meanwhile."""
        with open(self.notes / "stdout", "wb") as stdout, open(self.notes / "stderr", "wb") as err:
            process = subprocess.Popen(
                words, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=err, start_new_session=True,
            )  # fmt: skip
        try:
            if program.drive:
                program.drive(process, (self.notes / "stderr").read_text)
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process


def watch_folder(tmp_path):
    """A copy of the oracle, in a folder that the default filter takes for a standard library."""
    folder = tmp_path / "lib" / "python3.8" / "watch"
    if not folder.exists():
        shutil.copytree(TESTS / "real" / "watch", folder)
        shutil.copy(TESTS / "py" / "oracle.py", folder)
    return folder


def misled(plain, other):
    """What the world outside sees of a run, where that differs."""
    for name in ("status", "stdout", "stderr"):
        before, after = getattr(plain, name), getattr(other, name)
        if before != after:
            yield f"{name}: {before} became {after}"


def unlike(plain, recorded):
    """How a recorded run differs from an unrecorded one, as texts."""
    yield from misled(plain, recorded)
    for name in sorted(recorded.modules - plain.modules):
        yield f"module only of the recorded run: {name}"
    for name in sorted(plain.modules - recorded.modules):
        yield f"module only of the unrecorded run: {name}"


def events_of(recording):
    """The events of one process, as a stream."""
    for piece in recording.lines():
        for line in piece.decode("ascii").splitlines():
            yield json.loads(line)


def functions(out):
    """{(function, file): calls} of a run, as `relive top` tells."""
    rows = relive("top", "--json", "--count", 0, out, timeout=SECONDS).stdout.splitlines()[1:]
    found = Counter()
    for row in map(json.loads, rows):
        found[row["func"], row["file"]] += row["calls"]
    return found


def untrue(run):
    """How recordings differ from what the oracle saw in the same processes, as texts."""
    files = compare.watched_files(run.notes)
    functions_here = functions(run.out)
    recordings = open_run(str(run.out))
    pids = Counter(recording.header["pid"] for recording in recordings)
    for recording in recordings:
        header = recording.header
        pids[header["pid"]] -= 1  # what becomes another program by exec leaves no whole recording
        if not (header["is_complete"] or pids[header["pid"]]) or header["losses"]:
            yield f"recording: complete {header['is_complete']}, losses {header['losses']}"
        if not files.get(header["pid"]):
            yield "process without an oracle"
            continue
        watched = compare.Watched(files[header["pid"]].pop(0))
        events = wellformed(events_of(recording))
        yield from compare.differences(events, functions_here, watched, RAISES)
        yield from (f"problem: {problem}" for problem in recording.problems())
    for left in files.values():
        for path in left:
            for key in list(compare.Watched(path).kept)[:1]:
                yield f"process not recorded: it calls {key[0]}"


def miscounted(recorded, watched, varies):
    """Functions that a run without the oracle called more or less often than the oracle saw."""
    wanted, found = Counter(), Counter()
    for paths in compare.watched_files(watched.notes).values():
        for path in paths:
            wanted.update(compare.Watched(path).counts)
    for (func, file), calls in functions(recorded.out).items():
        found[compare.known(func, file)] += calls
    for key in sorted(wanted.keys() | found.keys()):
        if wanted[key] != found[key] and not varies.search(key[0]):
            yield f"count: {key[0]} of {key[1]}: {found[key]}, with the oracle {wanted[key]}"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program, tmp_path):
    if program.long and not os.environ.get("TEST_REAL_LONG"):
        pytest.skip("a long one runs in make test-full")
    for n in range(program.warm):
        Run(program, tmp_path, f"warm-{n}")
    plain = Run(program, tmp_path, "plain")
    recorded = Run(program, tmp_path, "recorded")
    watched = Run(program, tmp_path, "watched")
    for run in (recorded, watched):
        assert len(run.report) == 1 and " events, " in run.report[0], run.report
    assert not list(misled(plain, watched)), "the oracle disturbs it"
    differences = [*unlike(plain, recorded), *untrue(watched)]
    if program.steady:
        differences += miscounted(recorded, watched, program.varies)
    left, unused = deviations.explained(differences, program.name)
    shown = "\n".join(left[:50])
    assert not left, f"{len(left)} differences:\n{shown}"
    assert not unused, "remove from deviations.py: " + "; ".join(d.why for d in unused)
    compare_states(recorded, program.name)


def compare_states(run, seed):
    """Compares what was open at chance positions, and with which values, with the plain oracle."""
    for recording in open_run(str(run.out)):
        if recording.header["events"] <= EVENTS:
            test_instant.compare(recording.path, test_instant.choose(recording.path, 6, seed))

"""Real programs under default settings: what is recorded is what happened, and nobody notices.

Each runs three times: unrecorded, recorded, and recorded with the oracle of tests/real/watch in the
same process."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import TESTS, clean_environ, dump
from test_programs import check_wellformed

sys.path.insert(0, str(TESTS / "real"))

import compare
import deviations
from programs import PROGRAMS

HOME = os.environ.get("TEST_REAL_PROGRAMS", "")  # an environment that has them all, and Relive
BIN = Path(HOME) / "bin"
SECONDS = 300  # on a machine that is busy; alone each takes less than 60

pytestmark = pytest.mark.skipif(
    not HOME, reason="real programs run on 3.8 and 3.12, and everywhere in make test-full"
)


class Run:
    """One run in a folder of its own, which has the same name each time."""

    def __init__(self, program, tmp_path, how):
        self.folder = tmp_path / "work"
        self.notes = tmp_path / how
        self.out = tmp_path / f"{how}.relive"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.notes.mkdir()
        program.prepare(self.folder)
        words = program.command(BIN)
        if how == "plain":
            words = words if words[0].startswith(str(BIN)) else [BIN / "python", *words]
        else:
            words = [BIN / "python", "-m", "relive", "record", "-o", self.out, *words]
        env = clean_environ(
            HOME=str(tmp_path / "home"),
            PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(watch_folder(tmp_path)),
            **{"WATCH_CALLS" if how == "watched" else "WATCH_MODULES": str(self.notes)},
        )
        process = subprocess.Popen(
            [str(word) for word in words], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.status = process.returncode
        self.stdout = program.masked(stdout)
        lines = program.masked(stderr)
        self.report = [line for line in lines if line.startswith("relive: ")]
        self.stderr = [line for line in lines if not line.startswith("relive: ")]
        modules = self.notes / f"modules.{process.pid}"
        self.modules = set(modules.read_text().splitlines()) if modules.exists() else set()


def watch_folder(tmp_path):
    """A copy of the oracle, in a folder that the default filter takes for a standard library."""
    folder = tmp_path / "lib" / "python3.8" / "watch"
    if not folder.exists():
        shutil.copytree(TESTS / "real" / "watch", folder)
        shutil.copy(TESTS / "py" / "oracle.py", folder)
    return folder


def unlike(plain, recorded):
    """How a recorded run differs from an unrecorded one, as texts."""
    for name in ("status", "stdout", "stderr"):
        before, after = getattr(plain, name), getattr(recorded, name)
        if before != after:
            yield f"{name}: {before} became {after}"
    for name in sorted(recorded.modules - plain.modules):
        yield f"module only of the recorded run: {name}"
    for name in sorted(plain.modules - recorded.modules):
        yield f"module only of the unrecorded run: {name}"


def untrue(headers, events, folder):
    """How recordings differ from what the oracle saw in the same processes, as texts."""
    files = compare.watched_files(folder)
    for header in headers:
        mine = [event for event in events if event["pid"] == header["pid"]]
        if not files.get(header["pid"]):
            yield "process without an oracle"
            continue
        watched = compare.read_watched(files[header["pid"]].pop(0))
        yield from compare.differences(mine, watched, sys.version_info >= (3, 12))
    for left in files.values():
        for path in left:
            if len(compare.read_watched(path)) > 1:
                yield f"process not recorded: {compare.read_watched(path)[1]}"


def counts(events):
    """How often each function was called, by whom."""
    funcs, found = {None: "-"}, Counter()
    for event in events:
        if event["kind"] == "call":
            key = event["pid"], event["frame"]
            funcs[key] = event["func"]
            parent = event["parent"]
            above = funcs.get((event["pid"], parent), "?") if parent else "-"
            found[event["func"], above] += 1
    return found


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program, tmp_path):
    plain = Run(program, tmp_path, "plain")
    recorded = Run(program, tmp_path, "recorded")
    watched = Run(program, tmp_path, "watched")
    differences = list(unlike(plain, recorded))
    events = {}
    for run in (recorded, watched):
        headers, events[run] = dump(run.out)
        assert len(run.report) == 1 and " events, " in run.report[0], run.report
        for header in headers:
            assert header["is_complete"] and not header["losses"], header
        check_wellformed(events[run])
    differences += untrue(headers, events[watched], watched.notes)
    if program.steady:
        one, other = counts(events[recorded]), counts(events[watched])
        for func, above in sorted(one.keys() | other.keys()):
            if one[func, above] != other[func, above]:
                differences.append(
                    f"count: {func} from {above}: {one[func, above]}, with the oracle"
                    f" {other[func, above]}"
                )
    left, unused = deviations.explained(differences, program.name)
    shown = "\n".join(left[:50])
    assert not left, f"{len(left)} differences:\n{shown}"
    assert not unused, "remove from deviations.py: " + "; ".join(d.why for d in unused)

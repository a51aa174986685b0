"""The state at a position, against a plain reading of the same events."""

import random

import plain_instant
import pytest
from conftest import PROGRAMS, relive

import relive as api
from relive.api import frame_text

AT_ONCE = 12  # programs of one test, so that few tests start


def canonical(state):
    """A State in the oracle's shape."""
    rows = []
    for frame in sum((thread.frames for thread in state.threads), ()) + state.suspended:
        variables = [
            (one.name, one.scope, one.state, one.value, one.recorded_at) for one in frame.variables
        ]
        rows.append((frame.name, frame.caller, frame.thread, frame.task, frame.line, frame.state,
                     frame.code, variables))  # fmt: skip
    return {
        "threads": [(thread.number, thread.position) for thread in state.threads],
        "tasks": [(task.number, task.name) for task in state.tasks],
        "frames": rows,
    }


def expected(state):
    rows = []
    for frame in state["frames"]:
        variables = [
            (name, ("local", "namespace", "global")[scope], known, value,
             f"T{thread}@{seq}" if thread else None)
            for name, scope, known, value, thread, seq in frame["variables"]
        ]  # fmt: skip
        caller = frame_text(frame["caller"]) if frame["caller"] else None
        rows.append((frame_text(frame["frame"]), caller, frame["thread"], frame["task"] or None,
                     frame["line"] or None, frame["state"], frame["code"], variables))  # fmt: skip
    return {
        "threads": [(thread, f"T{thread}@{seq}") for thread, seq in state["threads"]],
        "tasks": state["tasks"],
        "frames": rows,
    }


def compare(path, chosen):
    """Compares both at chosen places of the merged events; returns the states."""
    found = []
    with api.open(path) as recording:
        for event, state in plain_instant.states(path, chosen).values():
            position = f"T{event['thread']}@{event['seq']}"
            mine = recording.state(position)
            assert canonical(mine) == expected(state), (path, position)
            assert mine.position == position
            found.append(mine)
    return found


def choose(path, count, seed):
    total = len(plain_instant.order(path))
    return random.Random(seed).sample(range(total), min(total, count))


@pytest.mark.parametrize("level", ["values", "lines"])
@pytest.mark.parametrize("first", range(0, len(PROGRAMS), AT_ONCE))
def test_state_of_every_program(tmp_path, level, first):
    for program in PROGRAMS[first : first + AT_ONCE]:
        out = tmp_path / f"{program.stem}.relive"
        relive("record", "-o", out, "--level", level, program, "a", "b", cwd=tmp_path)
        compare(out, choose(out, 40, program.stem))

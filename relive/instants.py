"""What is open at a position: the objects that Recording.state() gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from relive import _core, positions
from relive._variables import Variable as Variable
from relive._variables import frame_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

# In the order of enum instant_state.
_FRAME_STATES = ("open", "left", "waits", "suspended")


@dataclass(frozen=True)
class Frame:
    """A frame that is open or suspended."""

    name: str
    """T1#5"""
    caller: Optional[str]
    func: str
    file: str
    line: Optional[int]
    """None where the recording does not have it"""
    thread: int
    """where it is open, or ran last"""
    task: Optional[int]
    state: str
    """open; left: by the event of the position; waits: it delegates to the frame above; suspended:
    a generator or coroutine"""
    code: int
    variables: Tuple[Variable, ...] = field(repr=False)


@dataclass(frozen=True)
class Thread:
    """A thread that has begun and not ended, and its open frames, innermost last."""

    number: int
    name: Optional[str]
    position: str
    """of its last event"""
    t: int
    frames: Tuple[Frame, ...]


@dataclass(frozen=True)
class Task:
    """A task that has begun and not ended, and its frames, open and suspended ones, oldest
    first."""

    number: int
    name: str
    state: str
    """running in T1, suspended, or waiting to start"""
    frames: Tuple[Frame, ...]


@dataclass(frozen=True)
class State:
    """What is open right after the event of a position. A frame that this event leaves is still
    among the open ones, as `left`."""

    position: str
    event: Mapping[str, Any]
    note: str
    """what a number in the position counts from, where that is not the begin"""
    threads: Tuple[Thread, ...]
    tasks: Tuple[Task, ...]
    suspended: Tuple[Frame, ...]
    """generators and coroutines that are not running, oldest first"""


def state_at(recording: Recording, position: str, thread: int = 0) -> State:
    """Returns the state of a recording at a position; with a thread only that one's frames."""
    return state_of(positions.find([recording], position), thread)


def state_of(place: positions.Place, thread: int = 0) -> State:
    """Returns the state at a place that was found."""
    recording = place.recording
    found = recording.reader.state(place.thread, place.seq, thread)
    assert found is not None, "the place was found in the same file"
    event, threads, tasks, rows = found
    codes: Dict[int, Tuple[str, str, str, int, int]] = {}
    frames = [_make_frame(recording, codes, row) for row in rows]
    suspended = tuple(frame for frame in frames if frame.state == "suspended")
    made = []
    for number, seq, t in threads:
        if thread in (0, number):
            opened = tuple(
                frame for frame in frames if frame.thread == number and frame not in suspended
            )
            name = recording.thread(number)["name"]
            made.append(Thread(number, name, f"T{number}@{seq}", t, opened))
    return State(
        position=f"T{place.thread}@{place.seq}", event=_core.read_json(event), note=place.note,
        threads=tuple(made), tasks=tuple(_make_task(row, frames) for row in tasks),
        suspended=suspended,
    )  # fmt: skip


def _make_frame(
    recording: Recording, codes: Dict[int, Tuple[str, str, str, int, int]], row: Any
) -> Frame:
    number, caller, thread, task, code, line, state, variables = row
    if code not in codes:
        codes[code] = recording.code(code)
    module, qualname, file, _, _ = codes[code]
    return Frame(
        name=frame_text(number), caller=frame_text(caller) if caller else None,
        func=f"{module}:{qualname}", file=file, line=line or None, thread=thread,
        task=task or None, state=_FRAME_STATES[state], code=code,
        variables=tuple(Variable(one) for one in variables),
    )  # fmt: skip


def _make_task(row: Tuple[int, str], frames: List[Frame]) -> Task:
    number, name = row
    own = tuple(frame for frame in frames if frame.task == number)
    running = {frame.thread for frame in own if frame.state in ("open", "left")}
    state = "suspended" if own else "not started"
    if running:
        state = f"running in T{min(running)}"
    return Task(number, name, state, own)

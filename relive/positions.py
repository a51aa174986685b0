"""What a written position means: 'price#118', 'shop.py:40#3', 'exc:last', '42%', 'T1@48213'.

src/query/position.c takes the text apart and finds the event. Here are the parts that depend on a
whole run: which process and which functions are meant, what `relive exc` numbers, and the errors.
"""

from __future__ import annotations

import os

from relive import _core
from relive.config import nearest
from relive.errors import ReliveError, from_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Tuple

    from relive.api import Recording

    Code = Tuple[int, str, str, str, int, int, int, List[str]]  # a row of Recording.codes()

_NATIVE = 8  # flag of a function that is written in C
_EVENT, _CALL, _LINE, _TIME, _EXCEPTION = "event", "call", "line", "time", "exc"


class Place:
    """The event that a position names, in one recording of a run. `note` says what a number of it
    counts from, where that is not the begin."""

    def __init__(self, recording: Recording, thread: int, seq: int, note: str = "") -> None:
        self.recording, self.thread, self.seq, self.note = recording, thread, seq, note

    def is_behind(self, other: Place) -> bool:
        """Returns whether it is later than another place of the same thread."""
        is_same = self.recording is other.recording and self.thread == other.thread
        return is_same and self.seq > other.seq


def find(run: Sequence[Recording], text: str) -> Place:
    """Returns the event that a position names. Raises ReliveError, which says what is nearest."""
    try:
        process, kind, thread, line, number, name = _core.Reader.parse_position(text)
    except _core.Error as error:
        raise from_core(error) from None
    if kind == _EXCEPTION:
        return _find_exception(run, text, process, number)
    recording = _find_process(run, process)
    codes: List[int] = []
    if kind == _CALL:
        codes = _find_function(run, recording, process, name)
    elif kind == _LINE:
        codes = _find_file(run, recording, f"{name}:{line}")
    is_found, is_lost, has_losses, counted, event = recording.reader.find_event(
        kind, thread, line, number, codes
    )
    if is_found and event is not None:
        is_number = kind in (_CALL, _LINE) and has_losses
        note = f"{text} counts from the first one that was kept: events are lost"
        return Place(recording, event[0], event[1], note if is_number else "")
    raise ReliveError(
        "ERR_NOT_FOUND", _explain(recording, text, kind, bool(is_lost), counted, event)
    )


def _explain(
    recording: Recording, text: str, kind: str, is_lost: bool, counted: int,
    near: Optional[Tuple[int, int, int]],
) -> str:  # fmt: skip
    """Returns why there is no such event, and what is nearest: (thread, number, ns)."""
    at = f"T{near[0]}@{near[1]}" if near else ""
    if kind == _EVENT:
        if is_lost:
            return f"{text} was not kept: {at} is the next event of its thread that was"
        if near:
            return f"there is no {text}: the last event of its thread is {at}"
        threads = [f"T{row}" for row in recording.threads()]
        more = ", ..." if len(threads) > 10 else ""
        return f"there is no {text}: the threads are {', '.join(threads[:10])}{more}"
    if kind == _TIME and near:
        return f"nothing was recorded by {text}: the first event is at +{near[2] / 1e6:.6g}ms"
    if kind in (_CALL, _LINE) and is_lost:
        what = "began and ended" if kind == _CALL else "ran"
        return f"{text} {what} before this part of the recording"
    if kind in (_CALL, _LINE):
        name = text.rpartition("#")[0]
        if counted:
            return f"there is no {text}: the last one is {name}#{counted}"
        what = "no call of it was kept" if kind == _CALL else "that line never ran"
        return f"there is no {text}: {what}"
    return f"there is no {text}: no event was recorded"


def _find_process(run: Sequence[Recording], process: int) -> Recording:
    if not process:
        return run[0]
    for recording in run:
        if recording.header["pid"] == process:
            return recording
    known = ", ".join(f"P{recording.header['pid']}" for recording in run)
    raise ReliveError("ERR_NOT_FOUND", f"there is no process {process}: this run has {known}")


def _find_function(
    run: Sequence[Recording], recording: Recording, process: int, name: str
) -> List[int]:
    """Returns the ids of the one function that a name means."""
    rows = named_functions([recording], name)[0]
    if not rows and not process:
        for other in run[1:]:
            if functions_at(other, name)[0]:
                at = f"P{other.header['pid']}:{name}#1"
                raise ReliveError("ERR_NOT_FOUND", f"{name} ran in another process: write {at}")
    if not rows:
        raise no_such_function(run, name)
    return [row[0] for row in rows]


def named_functions(run: Sequence[Recording], name: str) -> List[List[Code]]:
    """Returns the codes of the one function that a name means, for each recording of a run. A
    module's name means its body, FILE:LINE the function that begins nearest above. Raises
    ReliveError where the name means several."""
    found = []
    for recording in run:
        rows, line = functions_at(recording, name)
        if line:
            rows = [row for row in rows if row[1:5] == rows[0][1:5]]
        bodies = [row for row in rows if row[1] == name and row[2] == "<module>"]
        found.append(bodies or [row for row in rows if not row[5] & _NATIVE] or rows)
    names = sorted({f"{row[1]}:{row[2]}" for rows in found for row in rows})
    if len(names) > 1:
        raise ReliveError(
            "ERR_USAGE", f"{name} is several functions: {', '.join(names[:10])}. Write one of them"
        )
    if any(row[5] & _NATIVE for rows in found for row in rows):
        raise ReliveError(
            "ERR_UNSUPPORTED", f"{name} is written in C: its calls have no frames and no numbers"
        )
    return found


def _find_file(run: Sequence[Recording], recording: Recording, place: str) -> List[int]:
    """Returns the ids of the functions of the one file that a FILE:LINE means."""
    rows, _ = functions_at(recording, place)
    if not rows:
        raise no_such_function(run, place.rpartition(":")[0])
    files = sorted({row[3] for row in rows})
    if len(files) > 1:
        raise ReliveError(
            "ERR_USAGE", f"{place} is in several files: {', '.join(files[:10])}. Write one of them"
        )
    return [row[0] for row in rows]


def _find_exception(run: Sequence[Recording], text: str, process: int, number: int) -> Place:
    """Returns where an exception began. `exc:last` is the last one of the list that began."""
    from relive.stories import Exceptions

    chosen = [_find_process(run, process)] if process else list(run)
    found = Exceptions(list(run), None, False)
    story = found.newest(chosen) if number == 0 else None
    if number and number <= found.count:
        _, _, place = found.rows(0, number)
        story = (run[place[0]], found.story(place))
    if story is None:
        known = f"relive exc lists {found.count}" if found.count else "relive exc lists none"
        raise ReliveError("ERR_NOT_FOUND", f"there is no {text}: {known}")
    recording, first = story[0], story[1].first
    return Place(recording, first["thread"], first["seq"])


def functions_at(recording: Recording, target: str) -> Tuple[List[Code], int]:
    """Returns the codes that FUNC or FILE:LINE names, and the line (0 for FUNC).

    FUNC is a qualified name, with or without its module, or a module. FILE:LINE means the functions
    of that file, those that begin nearest above the line first."""
    return recording.reader.functions_at(target)


def no_such_function(run: Sequence[Recording], target: str) -> ReliveError:
    """Returns the error for a target that no recording has, with the nearest name."""
    names = {
        name
        for recording in run
        for row in recording.codes()
        for name in (row[1], row[2], f"{row[1]}:{row[2]}", os.path.basename(row[3]))
    }
    return ReliveError(
        "ERR_NOT_FOUND", f"nothing of {target} was recorded{nearest(target, sorted(names))}"
    )

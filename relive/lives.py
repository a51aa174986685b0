"""Threads and tasks from their begin to their end: Recording.tasks(), `relive threads`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from relive import stories
from relive._facts import has_gaps
from relive._terminal import progress
from relive._variables import frame_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording
    from relive.instants import Frame, State

RESULT, EXCEPTION, CANCELLED, NEVER_FINISHED, NOT_STARTED, IDLE, ENDED, LOST = (
    "result", "exception", "cancelled", "never finished", "not started", "idle", "ended", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Maker:
    """The call in which a task was created."""

    frame: str
    """T1#5: `relive frame` shows it"""
    func: Optional[str]
    file: Optional[str]
    line: Optional[int]
    position: Optional[str]
    """of the begin of that call"""


@dataclass(frozen=True)
class Wait:
    """Where a thread or task was when the recording ended, innermost frame."""

    func: str
    file: str
    line: Optional[int]
    """None where the recording does not have it"""
    frame: str
    position: Optional[str]
    """of the event by which it began to wait"""
    value: Optional[Mapping[str, Any]]
    """what it gave to the event loop, such as a future, as in `relive dump`"""


@dataclass(frozen=True)
class Life:
    """A thread or a task. Nanoseconds count from the start of the run."""

    is_task: bool
    number: int
    name: str
    pid: int
    first: str
    """position of its first event"""
    last: str
    first_ns: int
    last_ns: int
    events: int
    calls: int
    func: Optional[str]
    """its outermost recorded function: of a task, its coroutine"""
    end: str
    """result, exception, cancelled, never finished, or not started. Of an `ended` one it is not
    recorded how. All calls of an `idle` thread had returned, and no end was recorded. Of a `lost`
    one events are missing, so an end may be."""
    ended_at: Optional[str]
    """position of the end of that function"""
    value: Optional[Mapping[str, Any]]
    """its result"""
    exc_type: Optional[str]
    exc: Optional[Mapping[str, Any]]
    parent: Optional[int]
    """the task that created it"""
    maker: Optional[Maker]
    """None where it is not known; it never is of a thread"""
    waits: Optional[Wait]


class Reader:
    """Makes objects of the threads and tasks of one recording. An end takes a look at its event,
    what waits takes one pass, and who created tasks another; all for those that are wanted."""

    def __init__(self, recording: Recording, is_of_tasks: bool, prefix: str = "") -> None:
        self.recording, self.is_of_tasks, self.prefix = recording, is_of_tasks, prefix
        with progress(recording):
            threads, tasks, self.unlisted = recording.reader.lives()
        threads.sort(key=lambda row: not recording.thread(row[0])["is_main"])
        self.rows = tasks if is_of_tasks else threads
        self._state: Optional[State] = None
        self._failures: Optional[Dict[int, Tuple[str, Any]]] = None

    def is_unfinished(self, row: Sequence[Any]) -> bool:
        """Returns whether a thread or task had not ended when the recording did."""
        root, end, is_open, has_ended = row[6], row[11], row[13], row[14]
        if has_ended or not root:
            return not has_ended
        return end is None if self.is_of_tasks else bool(is_open)

    def make(self, rows: Sequence[Sequence[Any]]) -> Iterator[Life]:
        """Yields the objects for these rows."""
        makers = self._find_makers({row[4] for row in rows if row[4]})
        for row in rows:
            yield self._make_life(row, makers)

    def _make_life(self, row: Sequence[Any], makers: Mapping[str, Mapping[str, Any]]) -> Life:
        (number, name, parent, line, maker, root_code, _, events, calls, first, last, end, wait,
         _, _) = row  # fmt: skip
        how, value, exc_type, exc = self._read_end(row)
        if not self.is_of_tasks:
            name = self.recording.thread(number)["name"] or name
        return Life(
            is_task=self.is_of_tasks, number=number, name=name, pid=self.recording.header["pid"],
            first=self._position(first), last=self._position(last), first_ns=first[2],
            last_ns=last[2], events=events, calls=calls,
            func=":".join(self.recording.code(root_code)[:2]) if root_code else None, end=how,
            ended_at=self._position(end) if end else None, value=value, exc_type=exc_type, exc=exc,
            parent=parent or None, maker=self._make_maker(maker, line, makers),
            waits=self._find_wait(number, wait) if how == NEVER_FINISHED else None,
        )  # fmt: skip

    def _position(self, place: Sequence[Any]) -> str:
        return f"{self.prefix}T{place[0]}@{place[1]}"

    # ---- the begin ----

    def _find_makers(self, frames: Set[int]) -> Dict[str, Mapping[str, Any]]:
        """Returns {frame: event of its begin}."""
        if not frames:
            return {}
        names = [frame_text(frame) for frame in sorted(frames)]
        with progress(self.recording):
            return {row["frame"]: row for row in self.recording.select(["call"], frames=names)}

    def _make_maker(
        self, frame: int, line: int, makers: Mapping[str, Mapping[str, Any]]
    ) -> Optional[Maker]:
        if not frame:
            return None
        name = frame_text(frame)
        begin = makers.get(name)
        if begin is None:
            return Maker(name, None, None, line or None, None)
        position = f"{self.prefix}T{begin['thread']}@{begin['seq']}"
        return Maker(name, begin["func"], begin["file"], line or None, position)

    # ---- the end ----

    def _read_end(
        self, row: Sequence[Any]
    ) -> Tuple[str, Optional[Mapping[str, Any]], Optional[str], Optional[Mapping[str, Any]]]:
        """Returns (how it ended, result, type of the exception, exception)."""
        number, root, end = row[0], row[6], row[11]
        if self.is_unfinished(row):
            unfinished = NEVER_FINISHED if root or not self.is_of_tasks else NOT_STARTED
            return (LOST if has_gaps(self.recording) else unfinished), None, None, None
        if not self.is_of_tasks:
            # The main thread ends with its process, without an event.
            is_over = row[14] or self.recording.thread(number)["is_main"]
            return self._read_end_of_thread(number, ENDED if is_over else IDLE)
        event = self.recording.event(end[0], end[1]) if end is not None else None
        if event is None or "unseen" in event:
            return ENDED, None, None, None
        if end[3] != "unwind":
            return RESULT, event.get("value"), None, None
        exc = event.get("exc")
        kind = event.get("exc_type") or (exc or {}).get("type")
        is_cancelled = str(kind).rpartition(".")[2] in ("CancelledError", "Cancelled")
        return (CANCELLED if is_cancelled else EXCEPTION), None, kind, exc

    def _read_end_of_thread(
        self, number: int, otherwise: str
    ) -> Tuple[str, None, Optional[str], Optional[Mapping[str, Any]]]:
        if self._failures is None:
            self._failures = self._find_failures()
        if number not in self._failures:
            return otherwise, None, None, None
        kind, exc = self._failures[number]
        return EXCEPTION, None, kind, exc

    def _find_failures(self) -> Dict[int, Tuple[str, Any]]:
        """Returns {thread: (type, exception)} of exceptions that ended a thread."""
        found = stories.Exceptions([self.recording], None, True)
        failures = {}
        for outcome in found.outcomes(0):
            if outcome.has_left_the_outermost_frame() and not outcome.is_in_main_thread():
                index = found.first_of(0, outcome)
                exc = found.story((0, index)).exc if index is not None else None
                failures[outcome.thread] = (outcome.type, exc)
        return failures

    # ---- what waits at the end ----

    def _find_wait(self, number: int, wait: Optional[Sequence[Any]]) -> Optional[Wait]:
        frames = self._open_frames(number)
        is_known = self.is_of_tasks and wait is not None
        event = self.recording.event(wait[0], wait[1]) if is_known and wait is not None else None
        if event is not None and wait is not None:
            lines = [frame.line for frame in frames if frame.name == event["frame"]]
            return Wait(
                event["func"], event["file"], lines[0] if lines else None, event["frame"],
                self._position(wait), event.get("value"),
            )  # fmt: skip
        if not frames:
            return None
        last = frames[-1]
        return Wait(last.func, last.file, last.line, last.name, None, None)

    def _open_frames(self, number: int) -> Sequence[Frame]:
        """Returns the frames of a thread or task at the end of the recording."""
        if self._state is None:
            from relive import instants

            with progress(self.recording):
                self._state = instants.state_at(self.recording, "end")
        for one in self._state.tasks if self.is_of_tasks else self._state.threads:
            if one.number == number:
                return one.frames
        return ()


def read_tasks(recording: Recording) -> List[Life]:
    """Returns all tasks of one recording."""
    reader = Reader(recording, is_of_tasks=True)
    return list(reader.make(reader.rows))

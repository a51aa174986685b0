"""Events of all threads, tasks and processes in one order of time: Recording.timeline()."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from relive import _core, _latest
from relive.calls import ExpressionError, add_reasons, why_unknown, without_letters
from relive.config import nearest
from relive.errors import ReliveError, from_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording
    from relive.positions import Place

# Begins and ends of calls, and what happens seldom and says much.
DEFAULT_KINDS = (
    "call", "return", "unwind", "handled", "thread_start", "thread_end", "task_start", "task_end",
    "output", "log", "session_start", "session_end", "http_request", "http_response", "mark",
    "loss",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One event of a timeline."""

    position: str
    call: Optional[str]
    """price#3: of the call that it begins or ends"""
    depth: int
    """open frames below it"""
    total_ns: Optional[int]
    """time of the call that it ends"""
    pid: int
    thread: int
    task: Optional[int]
    t: int
    """nanoseconds since the run began"""
    kind: str
    event: Mapping[str, Any]
    """as Recording.events() has it"""


@dataclass(frozen=True)
class Counts:
    """What an answer has counted."""

    events: int
    """that were read"""
    passed: int
    unknown: int
    """for which the expression is not known: a value is redacted, cut, dropped or not recorded"""
    no_answer: int
    """for which Python would raise"""
    reasons: Mapping[str, int]
    """of the last two"""

    def __add__(self, other: Counts) -> Counts:
        reasons = add_reasons(self.reasons, other.reasons)
        return Counts(
            self.events + other.events, self.passed + other.passed,
            self.unknown + other.unknown, self.no_answer + other.no_answer, reasons,
        )  # fmt: skip


NO_COUNTS = Counts(0, 0, 0, 0, {})


@dataclass(frozen=True)
class Question:
    """Which events are wanted. Places belong to the answer."""

    kinds: Sequence[str] = DEFAULT_KINDS
    """all where it is empty"""
    has_libraries: bool = False
    thread: int = 0
    task: int = 0
    begin: Optional[Place] = None
    end: Optional[Place] = None
    where: Optional[str] = None


def check_expression(text: str, run: Sequence[Recording]) -> None:
    """Raises ExpressionError where a text is no expression about events of these recordings."""
    found = _core.where_names(text)
    if isinstance(found, tuple):
        raise ExpressionError(text, *found)
    of_event = _core.timeline_names()
    known = {
        name
        for recording in run
        for row in recording.codes()
        for name in row[7][: row[6]]
    }  # fmt: skip
    for name, place, is_of_event in found:
        if name not in (of_event if is_of_event else known | without_letters(of_event)):
            raise ExpressionError(text, place, why_unknown(name, is_of_event, known, of_event))


class Timeline:
    """The rows of an answer, as JSON, of all recordings of a run."""

    def __init__(
        self, run: Sequence[Recording], question: Question, skip: int = 0, only_counts: bool = False
    ) -> None:
        self._sources = [
            _Source(recording, run, question, skip if len(run) == 1 else 0, only_counts)
            for recording in run
        ]
        self._skip = skip if len(run) > 1 else 0

    def rows(self) -> Iterator[Optional[bytes]]:
        """Yields rows as they are found; None now and then, where there is time to print."""
        if len(self._sources) == 1:
            for row in self._sources[0].rows():
                yield row and row[1]
            return
        streams = [source.timed_rows(number) for number, source in enumerate(self._sources)]
        for _, _, line in heapq.merge(*streams):
            if self._skip:
                self._skip -= 1
            else:
                yield line

    def only_count(self) -> None:
        """Gives no more rows, but counts to the end."""
        for source in self._sources:
            source.search.only_count()

    def counts(self) -> Counts:
        """Returns what was counted so far."""
        counts = NO_COUNTS
        for source in self._sources:
            counts += Counts(*source.search.counts())
        return counts


class _Source:
    """The rows of one recording."""

    def __init__(
        self,
        recording: Recording,
        run: Sequence[Recording],
        question: Question,
        skip: int,
        only_counts: bool,
    ) -> None:
        mask, bits = 0, _core.kinds()
        for kind in question.kinds:
            mask |= bits[kind]
        prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
        recording.use_index()
        try:
            self.search = _core.Timeline(
                recording.raw_reader, prefix, mask,
                None if question.has_libraries else recording.own_codes(), question.thread,
                question.task, _border(question.begin, recording),
                _border(question.end, recording), question.where, only_counts, skip,
            )  # fmt: skip
        except _core.Error as error:
            raise from_core(error) from None

    def rows(self) -> Iterator[Optional[Tuple[int, bytes]]]:
        """Yields (ns, row as JSON), and None after each piece."""
        while True:
            try:
                piece = self.search.piece()
            except _core.Error as error:
                raise from_core(error) from None
            if piece is None:
                return
            yield from piece
            yield None

    def timed_rows(self, number: int) -> Iterator[Tuple[int, int, bytes]]:
        """Yields (ns, number of the recording, row as JSON)."""
        for row in self.rows():
            if row is not None:
                yield row[0], number, row[1]


def _border(place: Optional[Place], recording: Recording) -> Optional[Tuple[int, int, int]]:
    """Returns what C takes for an end of the time: (thread, number, ns). In another process than
    that of the event, the time alone counts."""
    if place is None:
        return None
    event = place.recording.event(place.thread, place.seq)
    t = event["t"] if event is not None else 0
    is_here = place.recording is recording
    return (place.thread if is_here else 0), place.seq, t


def last_events(
    recording: Recording, prefix: str, thread: int, seq: int, number: int
) -> List[Dict[str, Any]]:
    """Returns the last events of a thread up to one of them, of the program's own code if there are
    some. It reads only the end of what was before, so their calls have no numbers."""
    kinds = (*DEFAULT_KINDS, "line", "write", "raise")
    codes = recording.own_codes()
    own = _latest.rows(recording, prefix, thread, seq, number, codes, kinds)
    if 2 * len(own) >= number:
        return own
    return _latest.rows(recording, prefix, thread, seq, number, None, kinds)


_OWN = {"position", "call", "depth", "total_ns"}


def make_entry(row: Dict[str, Any]) -> Entry:
    """Returns the object for one row."""
    event = {key: value for key, value in row.items() if key not in _OWN}
    return Entry(
        position=row["position"], call=row["call"], depth=row["depth"], total_ns=row["total_ns"],
        pid=row["pid"], thread=row["thread"], task=row.get("task"), t=row["t"], kind=row["kind"],
        event=event,
    )  # fmt: skip


def entries(
    recording: Recording,
    kinds: Optional[Sequence[str]],
    begin: Optional[str],
    end: Optional[str],
    **how: Any,
) -> Iterator[Entry]:
    """Yields the entries of one recording."""
    from relive import positions

    if how.get("where") is not None:
        check_expression(how["where"], [recording])
    unknown = set(kinds or ()) - set(_core.kinds())
    if unknown:
        word = sorted(unknown)[0]
        raise ReliveError(
            "ERR_USAGE",
            f"there is no kind of event {word!r}{nearest(word, _core.kinds())}",
        )
    question = Question(
        DEFAULT_KINDS if kinds is None else kinds,
        begin=positions.find([recording], begin) if begin is not None else None,
        end=positions.find([recording], end) if end is not None else None, **how,
    )  # fmt: skip
    return _yield_entries(Timeline([recording], question))


def _yield_entries(timeline: Timeline) -> Iterator[Entry]:
    for line in timeline.rows():
        if line is not None:
            yield make_entry(_core.read_json(line))

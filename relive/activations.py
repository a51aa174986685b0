"""One call whole: what each line of it did, over all the times that the line ran.

A call of a million lines takes the memory of its source lines. Of each sequence of values the first
ones and the last one are kept."""

from __future__ import annotations

from relive import _core, positions
from relive._variables import is_from_before
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from typing import Any, Dict, List, Mapping, Optional, Tuple

    from relive.api import Recording

    Run = typing.Sequence[Recording]
    Event = Mapping[str, Any]  # an event as `relive dump` prints it

COMPARED = 8  # containers of a frame before each line; with more of them they take turns
_UNCHANGING = frozenset((
    "int", "float", "complex", "str", "bytes", "bool", "NoneType", "tuple", "frozenset", "range",
    "function", "builtin_function_or_method", "module", "type",
))  # fmt: skip
_FIRST = 3  # values of a sequence that are kept, besides the last one
_ENDS = ("return", "unwind")


class Sequence:
    """The first items of a sequence, and the last one. Equal neighbours count as one item."""

    __slots__ = ("_key", "count", "rows", "total")

    def __init__(self) -> None:
        self.rows: List[List[Any]] = []  # [item, how many times]
        self.count = 0  # of items that differ from the one before
        self.total = 0
        self._key: Optional[str] = None

    def add(self, key: str, item: Any) -> None:
        """Takes the next item; items with one key are equal."""
        self.total += 1
        if key == self._key:
            self.rows[-1][1] += 1
            return
        self._key = key
        self.count += 1
        if len(self.rows) <= _FIRST:
            self.rows.append([item, 1])
        else:
            self.rows[-1] = [item, 1]

    @property
    def skipped(self) -> int:
        """How many items are left out before the last one."""
        return self.count - len(self.rows)


class Call:
    """A call that the activation made. `end` is None where it had not ended by then."""

    __slots__ = ("end", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.end: Optional[Event] = None


class Line:
    """What one line of a function did."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.hits = 0
        self.position = ""  # of its first hit
        self.writes: Dict[str, Sequence] = {}
        self.yields, self.exceptions = Sequence(), Sequence()
        self.calls: Dict[str, Sequence] = {}  # of each function, in the order of their first calls
        self.before: Dict[str, Any] = {}  # the variables that had been written before its first hit


class Activation:
    """One run of a function. Where its lines were not recorded, `calls` has what it called: of
    neighbours of one function the first ones and the last one."""

    def __init__(self, event: Event, known: Mapping[str, Any]) -> None:
        self.event = event
        self.known = known  # its variables when a part begins in it
        self.end: Optional[Event] = None
        self.lines: Dict[int, Line] = {}
        self.calls: List[Sequence] = []
        self.loops: Dict[int, int] = {}  # the last line of each loop, by its first line
        self.written: Dict[str, int] = {}  # how often each variable was
        self.containers = 0
        """variables whose inside can change: beyond COMPARED, that may be seen some lines late"""

    def is_in_a_branch(self, line: Line) -> bool:
        """Returns whether a line ran in some rounds of a loop and not in others."""
        return any(
            first < line.number <= last and line.hits < self.lines[first].hits - 1
            for first, last in self.loops.items()
        )


class _Reading:
    """An activation as it is read, event by event."""

    def __init__(self, event: Event, known: Mapping[str, Any]) -> None:
        self.found = Activation(event, known)
        self._frame = event["frame"]
        self._line: Optional[Line] = None
        self._values: Dict[str, Any] = dict(known)
        self._open: Dict[str, Tuple[Sequence, Call]] = {}  # calls, by their frames
        self._newest = ""  # function of the newest of the found calls
        self._thrown: Optional[int] = None  # the exception that was thrown in last

    def take(self, event: Event) -> None:
        """Takes the next event of the frame, or of a call that it makes."""
        kind = event["kind"]
        if event["frame"] != self._frame:
            self._take_call(event)
        elif kind == "line":
            self._take_line(event)
        elif kind == "write":
            self._take_write(event)
        elif kind in _ENDS:
            self.found.end = event
        elif kind == "yield":
            line = self._line or self._line_of(event["line"])
            line.yields.add(event.get("value", {}).get("r", ""), event)
        elif kind in ("raise", "handled", "throw"):
            self._take_exception(event)

    def _line_of(self, number: int) -> Line:
        return self.found.lines.setdefault(number, Line(number))

    def _take_line(self, event: Event) -> None:
        number = event["line"]
        if self._line is not None and number <= self._line.number:
            last = self.found.loops.get(number, 0)
            self.found.loops[number] = max(last, self._line.number)
        line = self._line = self._line_of(number)
        if not line.hits:
            line.before = dict(self._values)
            line.position = f"T{event['thread']}@{event['seq']}"
        line.hits += 1

    def _take_write(self, event: Event) -> None:
        name, value = event["name"], event["value"]
        line = self._line or self._line_of(event["line"])
        line.writes.setdefault(name, Sequence()).add(value["r"] if value["t"] else "", value)
        self._values[name] = value
        self.found.written[name] = self.found.written.get(name, 0) + 1

    def _take_exception(self, event: Event) -> None:
        """Takes a raise, throw or handled event. What was thrown in is raised there once more."""
        line = self._line_of(event.get("exc_line") or event["line"])
        number = (event.get("exc") or {}).get("id")
        if event["kind"] == "throw":
            self._thrown = number
        elif event["kind"] == "raise" and number is not None and number == self._thrown:
            return
        message = (event.get("exc") or {}).get("message", "")
        line.exceptions.add(f"{event['kind']} {event.get('exc_type')} {message}", event)

    def _take_call(self, event: Event) -> None:
        if event["kind"] == "call":
            call = Call(event)
            self._open[event["frame"]] = self._calls_of(event["func"]), call
            return
        if event["frame"] in self._open:
            calls, call = self._open.pop(event["frame"])
            call.end = event
            calls.add(_key_of(call), call)

    def _calls_of(self, func: str) -> Sequence:
        if self._line is not None:
            return self._line.calls.setdefault(func, Sequence())
        calls = self.found.calls
        if not calls or self._newest != func:
            calls.append(Sequence())
            self._newest = func
        return calls[-1]

    def close(self) -> Activation:
        """Returns the activation."""
        for calls, call in self._open.values():
            calls.add(_key_of(call), call)
        values = {**self.found.event.get("args", {}), **self._values}.values()
        self.found.containers = sum(one["t"] not in ("", *_UNCHANGING) for one in values)
        return self.found


def _key_of(call: Call) -> str:
    """Returns a text that equal calls have in common."""
    end: Mapping[str, Any] = call.end or {}
    words = [f"{name}={value['r']}" for name, value in call.event.get("args", {}).items()]
    words += [end.get("kind", ""), end.get("exc_type") or ""]
    return " ".join([*words, (end.get("value") or {}).get("r", "")])


def is_frame(text: str) -> bool:
    """Returns whether a text is the name of a frame: T1#5."""
    import re

    return re.fullmatch(r"(?:P\d+:)?T\d+#\d+", text) is not None


def find(run: Run, text: str) -> Tuple[Recording, str, str]:
    """Returns the recording, the name of the frame that a text means, and a note on its number."""
    import re

    named = re.fullmatch(r"(?:P(\d+):)?(T\d+#\d+)", text)
    if named:
        process = int(named.group(1) or run[0].header["pid"])
        for recording in run:
            if recording.header["pid"] == process:
                return recording, named.group(2), ""
        raise ReliveError("ERR_NOT_FOUND", f"there is no process {process} in {run[0].path}")
    place = positions.find(run, text)
    event = _core.read_json(place.recording.reader.event(place.thread, place.seq) or b"{}")
    if event.get("frame") is None:
        raise ReliveError("ERR_NOT_FOUND", f"{text} is in no frame: it is {event.get('kind')}")
    return place.recording, event["frame"], place.note


def _with_known(recording: Recording, event: Event) -> Tuple[Event, Mapping[str, Any]]:
    """Returns the first event of a frame, and the values of its variables then, where a part begins
    in it. The event has the arguments then."""
    place = positions.Place(recording, event["thread"], event["seq"])
    if not is_from_before(recording, f"T{place.thread}@{place.seq}"):
        return event, {}
    from relive import instants

    state = instants.state_of(place, place.thread)
    frames = [frame for thread in state.threads for frame in thread.frames]
    variables = next((one.variables for one in frames if one.name == event["frame"]), ())
    arguments = {
        one.name: value
        for one in variables
        for value in [one.at_call or one.value]
        if one.is_parameter and value
    }
    known = {one.name: one.value for one in variables if one.is_shown}
    return {**event, "args": arguments} if arguments else event, known


def read(recording: Recording, frame: str) -> Optional[Activation]:
    """Returns an activation by the name of its frame ('T1#5'); None where nothing of it is in the
    recording."""
    reading: Optional[_Reading] = None
    for event in recording.select(frames=[frame], with_callees=True):
        if event["frame"] == frame and reading is None:
            reading = _Reading(*_with_known(recording, event))
        if reading is not None:
            reading.take(event)
            if reading.found.end is not None:
                break
    return None if reading is None else reading.close()

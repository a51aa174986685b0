"""Every place where a value is: the objects that Recording.find() gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from relive import _core
from relive._variables import frame_text
from relive.errors import ReliveError, from_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

_PLACES = {
    "call": "argument", "return": "result", "yield": "yielded", "resume": "sent",
    "write": "write", "throw": "exception", "unwind": "exception", "raise": "exception",
    "handled": "exception",
}  # fmt: skip
_PIECE = 200


@dataclass(frozen=True)
class FoundPlace:
    """One place where the value is."""

    position: str
    t: int
    """nanoseconds since the run began"""
    thread: int
    frame: Optional[str]
    call: Optional[str]
    """price#3; None where the frame has no number"""
    func: Optional[str]
    file: Optional[str]
    line: Optional[int]
    """the first one of the function"""
    before_line: Optional[int]
    """of a write: the line that runs next; None where the frame was left"""
    place: str
    """argument, result, yielded, sent, write, exception, or the kind of the event"""
    name: Optional[str]
    """of the parameter or variable"""
    path: str
    """.items[0] where the value is inside"""
    value: Mapping[str, Any]


class Expression:
    """What is looked for: a value, or something that is true for a text x."""

    def __init__(self, text: str, is_about_x: bool) -> None:
        self.text, self.is_about_x = text, is_about_x


def expression_of(value: object, contains: bool, pattern: bool) -> Expression:
    """Returns what finds a value, texts that contain one, or texts with a pattern in them."""
    if not contains and not pattern:
        return Expression(_literal(value), False)
    if not isinstance(value, str):
        raise ReliveError("ERR_USAGE", f"{value!r} is no text")
    text = _literal(value)
    return Expression(f"re(x, {text})" if pattern else f"{text} in x", True)


def _literal(value: object) -> str:
    if isinstance(value, (list, tuple)):
        inner = "".join(f"{_literal(one)}, " for one in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    raise ReliveError(
        "ERR_USAGE", f"{type(value).__name__} is no value that can be found: numbers, texts, bytes,"
        " bool, None, lists and tuples can",
    )  # fmt: skip


def parse_expression(text: str) -> Expression:
    """Returns what a command line looks for: a literal, or re("pattern")."""
    is_pattern = text.startswith("re(")
    whole = f"re(x, {text[3:]}" if is_pattern else text
    names = _core.where_names(whole)
    if isinstance(names, tuple):
        raise ReliveError("ERR_USAGE", f"{text!r} is no value: {names[1]}")
    if [name for name, _, _ in names if name != "x" or not is_pattern]:
        raise ReliveError(
            "ERR_USAGE", f"{text!r} is no value: a text has quotes, as in relive find '\"{text}\"'"
        )
    return Expression(whole, is_pattern)


class Places:
    """The places, in order of time: iterate once. `count` is how many there are so far; with
    count_all() it is how many there are."""

    def __init__(
        self, recording: Recording, expression: Expression, writers: bool = False, skip: int = 0
    ) -> None:
        self._recording, self._reader = recording, recording.raw_reader
        self._codes: Dict[int, Tuple[str, str, str, int, int]] = {}
        self.count, self._is_all = 0, False
        try:
            self._reader.find(expression.text, expression.is_about_x, writers, skip)
        except _core.Error as error:
            raise from_core(error) from None

    def __iter__(self) -> Iterator[FoundPlace]:
        most = 1
        while not self._is_all:
            for row in self._next(most):
                yield self._make(row)
            most = min(_PIECE, most * 8)  # the first one as soon as it is found

    def count_all(self) -> int:
        """Counts to the end, and gives no more places."""
        while not self._is_all:
            self._next(0)
        return self.count

    def _next(self, most: int) -> List[Any]:
        try:
            rows, self.count, self._is_all = self._reader.find_piece(most)
        except _core.Error as error:
            raise from_core(error) from None
        except MemoryError:
            raise ReliveError("ERR_NO_MEMORY", "no memory for the answer") from None
        return rows

    def _make(self, row: Any) -> FoundPlace:
        thread, seq, t, kind, frame, code, line, number, name, path, value = row
        is_function = kind in _PLACES and code
        if is_function and code not in self._codes:
            self._codes[code] = self._recording.code(code)
        module, qualname, file, first, _ = (
            self._codes[code] if is_function else (None, None, None, 0, 0)
        )
        call = None
        if number and qualname is not None and qualname != "<module>":
            call = f"{qualname.rpartition('.<locals>.')[2]}#{number}"
        return FoundPlace(
            position=f"T{thread}@{seq}", t=t, thread=thread,
            frame=frame_text(frame) if is_function and frame else None, call=call,
            func=f"{module}:{qualname}" if is_function else None, file=file,
            line=first or None,
            before_line=(line or None) if kind == "write" else None,
            place=_PLACES.get(kind, kind), name=name, path=path,
            value=_core.read_json(value),
        )  # fmt: skip

"""The calls of a function: Recording.calls(), and the objects that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from relive import _core, positions
from relive._facts import has_gaps
from relive.config import nearest
from relive.errors import ReliveError, from_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording


@dataclass(frozen=True)
class Call:
    """One call. Its values are those of `relive dump`: a mapping with type ("t"), text ("r") and,
    where JSON can have it, the value itself ("v")."""

    handle: str
    """price#3: every verb takes it"""
    position: str
    """of its begin"""
    number: int
    pid: int
    thread: int
    task: Optional[int]
    t: int
    """of its begin, in nanoseconds since the run began"""
    func: str
    file: str
    line: int
    caller: Optional[str]
    """None where nothing that was recorded called it, or where it is not known"""
    caller_line: Optional[int]
    args: Optional[Mapping[str, Mapping[str, Any]]]
    """None where they were not recorded"""
    end: str
    """return, raise, open (when the recording ended), unseen (it is gone) or lost (with events that
    were not kept)"""
    value: Optional[Mapping[str, Any]]
    """what it returned; None where that was not recorded, or nothing was returned yet"""
    exc_type: Optional[str]
    exc: Optional[Mapping[str, Any]]
    total_ns: Optional[int]
    """until the recording ended, where it is open"""
    self_ns: Optional[int]
    """the part of it in which no other recorded function ran"""
    already_running: bool
    """it began before the recording did"""


@dataclass(frozen=True)
class Counts:
    """What an answer has counted."""

    calls: int
    """of the function"""
    passed: int
    """for which the expression is true"""
    open: int
    """of those that passed"""
    raised: int
    """of those that passed"""
    unknown: int
    """for which the expression is not known: a value is redacted, cut, dropped or not recorded"""
    no_answer: int
    """for which Python would raise, or which have no result"""
    reasons: Mapping[str, int]
    """of the last two"""

    def __add__(self, other: Counts) -> Counts:
        reasons = add_reasons(self.reasons, other.reasons)
        return Counts(
            self.calls + other.calls, self.passed + other.passed, self.open + other.open,
            self.raised + other.raised, self.unknown + other.unknown,
            self.no_answer + other.no_answer, reasons,
        )  # fmt: skip


NO_COUNTS = Counts(0, 0, 0, 0, 0, 0, {})


def add_reasons(a: Mapping[str, int], b: Mapping[str, int]) -> Dict[str, int]:
    """Returns how often an expression had no answer, by reason, in two answers together."""
    return {reason: a.get(reason, 0) + b.get(reason, 0) for reason in {**a, **b}}


class ExpressionError(ReliveError):
    """An expression that is none: `expression`, and the `place` in it, counted in characters."""

    def __init__(self, expression: str, place: int, why: str) -> None:
        super().__init__("ERR_USAGE", f"{why} (at character {place + 1} of the expression)")
        self.expression, self.place = expression, place


def check_expression(text: str, codes: Sequence[positions.Code]) -> None:
    """Raises ExpressionError where a text is no expression about calls of these functions."""
    found = _core.where_names(text)
    if isinstance(found, tuple):
        raise ExpressionError(text, *found)
    of_call = _core.call_names()
    parameters = {name for row in codes for name in row[7][: row[6]]}
    inside = {name for row in codes for name in row[7][row[6] :]}
    for name, place, is_of_call in found:
        if name in (of_call if is_of_call else parameters | without_letters(of_call)):
            continue
        why = why_unknown(name, is_of_call, parameters, of_call)
        if name in inside and not is_of_call:
            why = f"{name} is a variable inside the function: only its parameters are known here"
        raise ExpressionError(text, place, why)


def without_letters(own: Mapping[str, str]) -> Set[str]:
    """Returns the names of a call or event itself that need no `call.` before them. A letter alone
    does, since many programs have a variable n or t."""
    return {name for name in own if len(name) > 1}


def why_unknown(name: str, is_own: bool, parameters: Set[str], own: Mapping[str, str]) -> str:
    """Returns why a name in an expression means nothing; `own` is what is known besides
    parameters."""
    if name in own and not is_own:
        return f"there is no parameter {name} here; call.{name} is the {own[name]}"
    known = set(own) if is_own else parameters | without_letters(own)
    return f"there is no name {name} here{nearest(name, sorted(known))}"


class Search:
    """The rows of an answer, as JSON. Recording.calls() makes objects of them."""

    def __init__(
        self,
        recording: Recording,
        codes: Sequence[positions.Code],
        name: str,
        prefix: str = "",
        **how: Any,
    ) -> None:
        self.prefix = prefix
        recording.use_index(may_make=True)
        try:
            self._calls = _core.Calls(
                recording.raw_reader, [row[0] for row in codes], name, prefix,
                until=recording.header["end_ns"], has_gaps=has_gaps(recording), **how,
            )  # fmt: skip
        except _core.Error as error:
            raise from_core(error) from None

    def pieces(self) -> Iterator[List[bytes]]:
        """Yields rows as they are found; an empty list now and then."""
        while True:
            try:
                piece = self._calls.piece()
            except _core.Error as error:
                raise from_core(error) from None
            if piece is None:
                return
            yield piece

    def only_count(self) -> None:
        """Gives no more rows, but counts to the end of the recording."""
        self._calls.only_count()

    def counts(self) -> Counts:
        """Returns what was counted so far."""
        return Counts(*self._calls.counts())

    def groups(self) -> Tuple[List[Tuple[bytes, int, int, int, int]], int]:
        """Returns [(value as JSON, calls, number, thread and event of the first)], and the calls of
        values that have no group of their own."""
        return self._calls.groups()


class Calls:
    """The calls of a function that pass, in order of their begin: iterate once. `counts` is what
    the iteration has counted so far."""

    def __init__(self, search: Search) -> None:
        self._search = search

    @property
    def counts(self) -> Counts:
        """All of it, once the iteration has ended."""
        return self._search.counts()

    def __iter__(self) -> Iterator[Call]:
        for piece in self._search.pieces():
            for line in piece:
                yield make_call(_core.read_json(line))


def make_call(row: Dict[str, Any]) -> Call:
    """Returns the object for one row."""
    handle, number = row.pop("call"), row.pop("n")
    return Call(handle=handle, number=number, **row)


def find_function(run: Sequence[Recording], name: str) -> List[List[positions.Code]]:
    """Returns the codes of the one function that a name means, for each recording of a run. Raises
    ReliveError where it means none, or several."""
    found = positions.named_functions(run, name)
    if not any(found):
        raise positions.no_such_function(run, name)
    return found


def find_calls(recording: Recording, function: str, where: Optional[str], number: int) -> Calls:
    """Returns the calls of a function in one recording."""
    codes = find_function([recording], function)[0]
    if where is not None:
        check_expression(where, codes)
    return Calls(Search(recording, codes, function, where=where, number=number))

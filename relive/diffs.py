"""Where two recordings part: what `relive diff` prints and Recording.diff() returns."""

from __future__ import annotations

import re

from relive import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

    from relive.api import Recording

KINDS = ("values", "steps", "inside", "lost")
_CALLS = ("call", "return", "yield", "resume", "throw", "unwind")
_LINES = ("line", "write")
_CAUGHT = ("raise", "handled")
_C_CALLS = ("c_call", "c_return", "c_raise")
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")


class Side:
    """One recording's part of a difference. `events` of it begin with the event `seq`; where it has
    none, that is the event before. `first` is that event as a dictionary."""

    __slots__ = ("events", "first", "seq", "thread")

    def __init__(
        self, thread: int, seq: int, events: int, first: Optional[Mapping[str, Any]]
    ) -> None:
        self.thread, self.seq, self.events, self.first = thread, seq, events, first


class Difference:
    """A place where two recordings differ.

    `kind` is one of KINDS. "values": the same step with other values. "steps": other steps, or some
    that only one of them took. "inside": something within this call, not looked for. "lost": events
    are missing, and what follows was not compared. `is_own` says that it is in a function of the
    program's own, or is a call of one.

    `stack` has the functions around it, outermost first; `hidden` more are outside of these."""

    __slots__ = ("a", "b", "hidden", "is_own", "kind", "stack")

    def __init__(
        self, kind: str, a: Side, b: Side, is_own: bool, stack: List[str], hidden: int
    ) -> None:
        self.kind, self.a, self.b, self.is_own = kind, a, b, is_own
        self.stack, self.hidden = stack, hidden

    def changes(self) -> Iterator[Tuple[str, str, str]]:
        """Yields (name, value in A, value in B) for a step with other values."""
        if self.kind != "values" or self.a.first is None or self.b.first is None:
            return
        a, b = _values(self.a.first), _values(self.b.first)
        for name in {**a, **b}:
            if _ADDRESS.sub("", a.get(name, "")) != _ADDRESS.sub("", b.get(name, "")):
                yield name, a.get(name, "nothing"), b.get(name, "nothing")


class Comparison:
    """The answer: the first `differences`, and how many of each kind there are (`found`). `own` of
    them are in the program's own functions. Both recordings took `same` steps."""

    __slots__ = ("differences", "found", "own", "same")

    def __init__(
        self, differences: List[Difference], found: Dict[str, int], own: int, same: int
    ) -> None:
        self.differences, self.found, self.own, self.same = differences, found, own, same

    @property
    def count(self) -> int:
        """How many differences there are in all."""
        return sum(self.found.values())


def _values(event: Mapping[str, Any]) -> Dict[str, str]:
    """Returns what an event carries, as texts by name."""
    if event["kind"] in _CALLS[:1]:
        return {name: value["r"] for name, value in event.get("args", {}).items()}
    if event.get("exc"):
        return {"message": str(event["exc"].get("message"))}
    if "text" in event:
        return {"text": repr(event["text"])}
    value = event.get("value")
    return {event.get("name", "value"): value["r"]} if value else {}


def _is_at(recording: Recording, *levels: str) -> bool:
    meta = recording.header["meta"]
    return meta.get("highest_level", meta.get("level")) in levels


def _has(recording: Recording, capability: str) -> bool:
    return capability in recording.header["meta"].get("capabilities", "").split()


def comparable(a: Recording, b: Recording) -> Tuple[List[str], bool]:
    """Returns the kinds of events that both recordings have, and whether both have values."""
    both = (a, b)
    kinds: List[str] = list(_CALLS)
    if all(_is_at(one, "lines") for one in both):
        kinds += _LINES
    if all(_is_at(one, "lines") or _has(one, "raise") for one in both):
        kinds += _CAUGHT
    counts = [one.totals()["kinds"] for one in both]
    kinds += [kind for kind in (*_C_CALLS, "output") if all(kind in count for count in counts)]
    return kinds, all(_is_at(one, "values", "lines") for one in both)


def _key_of(a: Recording, b: Recording, calls: Optional[Tuple[int, int]]) -> Optional[bytes]:
    """Returns the key by which both indexes know what is equal; None where one has no index."""
    if calls is not None or a.use_index() is None or b.use_index() is None:
        return None
    from relive import _index

    return _index.landmark_key()


def compare(
    a: Recording,
    b: Recording,
    threads: Tuple[int, int],
    calls: Optional[Tuple[int, int]] = None,
    limit: int = 20,
) -> Comparison:
    """Compares a thread of each recording; with `calls`, the calls that begin with these events."""
    kinds, has_values = comparable(a, b)
    mask, known = 0, _core.kinds()
    for name in kinds:
        mask |= known[name]
    own = a.own_codes(), b.own_codes()
    rows, found, count, same, _ = a.raw_reader.diff(
        b.raw_reader, threads, calls, own, mask, has_values, limit, _key_of(a, b, calls)
    )
    differences = []
    for kind, seq_a, seq_b, events_a, events_b, is_own, codes, hidden in rows:
        stack = [":".join(a.code(code)[:2]) for code in codes]
        side_a = Side(threads[0], seq_a, events_a, a.event(threads[0], seq_a))
        side_b = Side(threads[1], seq_b, events_b, b.event(threads[1], seq_b))
        differences.append(Difference(KINDS[kind], side_a, side_b, bool(is_own), stack, hidden))
    return Comparison(differences, dict(zip(KINDS, found)), count, same)

"""Variables of a frame with what is known of each, as the query layer gives them."""

from __future__ import annotations

from relive import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

KNOWN, MAY_HAVE_CHANGED, DELETED, CUT, REDACTED, DROPPED, NOT_RECORDED = STATES = (
    "known", "may have changed", "deleted", "cut", "redacted", "dropped", "not recorded",
)  # fmt: skip
_SCOPES = ("local", "namespace", "global")


class Variable:
    """One variable of a frame at a position.

    `scope` is local, namespace (of a module or class body) or global. `state` is one of STATES.
    `value` is as in `relive dump`, and None where nothing was kept. `recorded_at` is the position
    of the event that recorded it. `at_call` is what a parameter was at the call, where another
    value was bound since. `can_change_unseen`: what is shown may change without an event."""

    __slots__ = (
        "at_call", "can_change_unseen", "is_parameter", "name", "recorded_at", "scope", "state",
        "value",
    )  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        name, scope, state, value, thread, seq, is_parameter, at_call, can_change = row
        self.name: str = name
        self.scope: str = _SCOPES[scope]
        self.state: str = STATES[state]
        self.value: Optional[Mapping[str, Any]] = value and _core.read_json(value)
        self.recorded_at: Optional[str] = f"T{thread}@{seq}" if thread else None
        self.is_parameter = bool(is_parameter)
        self.at_call: Optional[Mapping[str, Any]] = at_call and _core.read_json(at_call)
        self.can_change_unseen = bool(can_change)

    def __repr__(self) -> str:
        value = self.value["r"] if self.value else None
        return f"Variable({self.name}={value}, {self.state})"

    @property
    def is_doubtful(self) -> bool:
        """Whether the value may have changed since it was recorded."""
        return self.state == MAY_HAVE_CHANGED

    @property
    def is_shown(self) -> bool:
        """Whether there is a value to show, or a reason in place of one."""
        return self.value is not None and self.state != DELETED


def is_from_before(recording: Recording, position: Optional[str]) -> bool:
    """Returns whether the event of a position was before the first one of a part."""
    threads: Optional[Mapping[int, int]] = recording.header["before"]
    if threads is None or position is None:
        return False
    thread, _, seq = position[1:].partition("@")
    if int(thread) not in threads:
        return int(thread) not in recording.threads()
    return int(seq) < threads[int(thread)]


def frame_text(number: int) -> str:
    """Returns the name of a frame number: 'T1#5'."""
    return f"T{number >> 40}#{number & (1 << 40) - 1}"


def frame_number(text: str) -> int:
    """Returns the number in the file of 'T1#5'."""
    thread, _, ordinal = text[1:].partition("#")
    return int(thread) << 40 | int(ordinal)


def frame_states(
    recording: Recording,
    kinds: Sequence[str],
    codes: Sequence[int],
    *,
    line: int = 0,
    name: Optional[str] = None,
) -> Iterator[Tuple[Mapping[str, Any], List[Variable]]]:
    """Yields events, as Recording.select() does, each with the variables of its frame right after
    it. With a name they are those of this name."""
    mask, bits = 0, _core.kinds()
    for kind in kinds:
        mask |= bits[kind]
    recording.reader.frame_states(mask, codes, line, name)
    piece = recording.reader.frame_states_piece()
    while piece:
        for event, rows in piece:
            yield _core.read_json(event), [Variable(row) for row in rows]
        piece = recording.reader.frame_states_piece()

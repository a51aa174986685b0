"""Which recorded values may have changed without a write event.

At level lines Relive compares a container's own items and an instance's own attributes at each line
(docs/compat.md, "What a watched variable can miss"). It does not compare what is deeper, or in the
middle of many items. So a value may be out of date until the next write where its text shows a
container or an instance inside it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Set

MARK = "(may have changed unseen)"
_WATCHED_ENDS = 32  # items of one container that are compared

# An opening bracket with the name before it, a container that is shown by its size, a text, an end.
_PIECE = (
    r"""(?P<open>[\w.]*[(\[{])|(?P<short><\w+ of \d+>)|(?P<close>[)\]}])"""
    r"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
)
# Shown as a call, and yet no instance whose attributes could change.
_CONSTANT = (
    r"^(datetime\.\w+|(decimal\.)?Decimal|(fractions\.)?Fraction|(uuid\.)?UUID|range|frozenset"
    r"|(pathlib\.)?Pure\w*Path|(pathlib\.)?PosixPath)?\($"
)
# Shown as a call around the one container that they are.
_WRAPPED = (
    r"^(deque|OrderedDict|Counter|frozenset|set|defaultdict|mappingproxy|UserDict|UserList)\("
)


def may_change(value: Mapping[str, Any]) -> bool:
    """Returns whether what the text of a value shows can become wrong without a write."""
    if value.get("redacted"):
        return False
    text = value["r"]
    if not any(bracket in text for bracket in "([{"):
        return False
    import re  # costs more than most answers, and most values are plain

    # Of such a wrapper the container inside is what is compared.
    watched = 2 if re.match(_WRAPPED, text) else 1
    depth = 0
    for piece in re.finditer(_PIECE, text, re.S):
        if piece["open"]:
            is_changeable = not re.match(_CONSTANT, piece["open"])
            if depth >= watched and is_changeable:
                return True
            depth += 1
        elif piece["close"]:
            depth -= 1
        elif piece["short"] and depth:
            return True
    return depth >= 0 and text[:1] in "[{(" and value.get("len", 0) > _WATCHED_ENDS


class Freshness:
    """The variables of one frame that were written since its last line, and so are as shown."""

    def __init__(self) -> None:
        self._written: Set[str] = set()

    def take(self, event: Mapping[str, Any]) -> None:
        """Takes a call, write or line event of the frame, in order."""
        if event["kind"] == "write":
            self._written.add(event["name"])
        elif event["kind"] == "call":
            self._written.update(event.get("args", {}))

    def doubtful(self, variables: Mapping[str, Mapping[str, Any]]) -> Set[str]:
        """Returns the names of variables whose values may have changed. The caller calls it at each
        line."""
        found = {
            name
            for name, value in variables.items()
            if name not in self._written and may_change(value)
        }
        self._written.clear()
        return found

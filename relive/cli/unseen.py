"""Which recorded values may have changed without a write that says so.

At level lines a container's own items and an instance's own attributes are compared at each line
(docs/compat.md, "What a watched variable can miss"). What lies deeper, or in the middle of many, is
not. So a value may be out of date where its text shows a container or an instance inside it, until
the next write."""

import re

MARK = "(may have changed unseen)"
_WATCHED_ENDS = 32  # so many items of one container are compared
# An opening bracket with the name before it, a container that is shown by its size, a text, an end.
_PIECE = re.compile(
    r"""(?P<open>[\w.]*[(\[{])|(?P<short><\w+ of \d+>)|(?P<close>[)\]}])"""
    r"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""",
    re.S,
)
# Shown as a call, and yet no instance whose attributes could change.
_CONSTANT = re.compile(
    r"^(datetime\.\w+|(decimal\.)?Decimal|(fractions\.)?Fraction|(uuid\.)?UUID|range|frozenset"
    r"|(pathlib\.)?Pure\w*Path|(pathlib\.)?PosixPath)?\($"
)
# Shown as a call around the one container that they are.
_WRAPPED = re.compile(
    r"^(deque|OrderedDict|Counter|frozenset|set|defaultdict|mappingproxy|UserDict|UserList)\("
)


def may_change(value):
    """Whether what the text of a value shows can become wrong without a write."""
    if value.get("redacted"):
        return False
    text = value["r"]
    # Of such a wrapper the container inside is what is compared.
    watched = 2 if _WRAPPED.match(text) else 1
    depth = 0
    for piece in _PIECE.finditer(text):
        if piece["open"]:
            is_changeable = not _CONSTANT.match(piece["open"])
            if depth >= watched and is_changeable:
                return True
            depth += 1
        elif piece["close"]:
            depth -= 1
        elif piece["short"] and depth:
            return True
    return depth >= 0 and text[:1] in "[{(" and value.get("len", 0) > _WATCHED_ENDS


class Freshness:
    """Which variables of one frame were written since its last line, and so are as shown."""

    def __init__(self):
        self._written = set()

    def take(self, event):
        """A call, write or line event of the frame, in order."""
        if event["kind"] == "write":
            self._written.add(event["name"])
        elif event["kind"] == "call":
            self._written.update(event.get("args", {}))

    def doubtful(self, variables):
        """The names of variables whose values may have changed; called at each line."""
        found = {
            name
            for name, value in variables.items()
            if name not in self._written and may_change(value)
        }
        self._written.clear()
        return found

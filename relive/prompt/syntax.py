"""Colours of Python source, line by line. Each line is read alone, but for a string that began
on a line before: its quotes are the state of the line.

    state   ""           code
            \"\"\" or '''   within a string over several lines
            " or '       within one that a backslash continues

Text that is no Python gets some colours too, and never an error."""

from __future__ import annotations

import keyword
import re

from relive import _colour

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Optional, Sequence, Tuple

_TOKEN = re.compile(
    r"(?P<comment>\#.*)"
    r"|(?P<prefix>\b[rbuftRBUFT]{1,2})?(?P<quotes>\"{3}|'{3}|\"|')"
    r"|(?P<number>(?<![\w.])(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?[jJ]?))"
    r"|(?P<decorator>^\s*@[\w.]+)"
    r"|(?P<word>[^\W\d]\w*)"
)
_KEYWORDS = frozenset(keyword.kwlist)
# Words that are keywords at the begin of some lines only.
_SOFT = re.compile(r"\s*(?:match\s+[^=].*:\s*(?:#.*)?$|case\s+[^=].*:|type\s+\w+.*=)")
_BINDS = ("def", "class")  # the name behind them is shown as a name


def coloured(text: str, state: str = "") -> str:
    """Returns a line with colours. `state` is that of its begin."""
    parts, end = [], 0
    for kind, first, last in _spans(text, state):
        parts += [text[end:first], _colour.of_code(text[first:last], kind)]
        end = last
    return "".join(parts) + text[end:]


def states(lines: Sequence[str]) -> List[str]:
    """Returns the state of each line's begin."""
    found, state = [], ""
    for line in lines:
        found.append(state)
        if state or '"""' in line or "'''" in line or line.rstrip("\r\n").endswith("\\"):
            state = _open_string(line.rstrip("\r\n"), state)
    return found


def _open_string(line: str, state: str) -> str:
    """Returns the quotes of the string that is open at the end of a line."""
    at, quotes = 0, state
    while True:
        if quotes:
            end = _string_end(line, at, quotes)
            if end is None:
                is_long = len(quotes) == 3 or line.endswith("\\")
                return quotes if is_long else ""
            at, quotes = end, ""
        found = _TOKEN.search(line, at)
        if found is None:
            return ""
        at, quotes = found.end(), found["quotes"] or ""


def _spans(text: str, state: str) -> Iterator[Tuple[str, int, int]]:
    """Yields (kind, first, last) of what has a colour."""
    at, before = 0, ""
    if state:
        end = _string_end(text, 0, state)
        at = len(text) if end is None else end
        yield "string", 0, at
    soft = _SOFT.match(text) if not state else None
    while True:
        found = _TOKEN.search(text, at)
        if found is None:
            return
        kind, first, at = found.lastgroup or "", found.start(), found.end()
        if kind == "quotes":
            end = _string_end(text, at, found["quotes"])
            at = len(text) if end is None else end
            yield "string", first, at
        elif kind == "word":
            word = found["word"]
            if word in _KEYWORDS or (soft is not None and not text[:first].strip()):
                yield "keyword", first, at
            elif before in _BINDS:
                yield "name", first, at
            before = word
        else:
            yield kind, first, at


def _string_end(text: str, at: int, quotes: str) -> Optional[int]:
    """Returns where a string ends that is open at a place; None behind the line."""
    while at < len(text):
        if text.startswith(quotes, at):
            return at + len(quotes)
        at += 2 if text[at] == "\\" else 1
    return None

"""Breakpoints of a prompt: what was written, and what is kept of it."""

from __future__ import annotations

import re

from relive.errors import ReliveError
from relive.prompt.splitting import split_outside_quotes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Collection, Dict, List, Optional, Tuple

LINE, CALL, EXCEPTION, WATCH = "line", "call", "exc", "watch"
_IF = re.compile(r"(?:^|\s)if\s+(?P<condition>.+)$", re.S)
_HITS = re.compile(r"hit\s*(?P<hits>(?:==|>=|<=|>|<|%)?\s*\d+)")
_LOG = re.compile(r"log\s+(?P<log>\S.*)", re.S)
_THREAD = re.compile(r"thread\s+(?P<thread>\S.*)")
_TASK = re.compile(r"task\s+(?P<task>\S.*)")
_ONCE = re.compile(r"(?P<once>once)")
_OPTIONS = (_HITS, _LOG, _THREAD, _TASK, _ONCE)
_FILE_LINE = re.compile(r"^(?P<file>.+):(?P<line>\d+)$", re.S)


class Breakpoint:
    """Something to stop at. `kind` is one of the words above; the other attributes are those that
    the kind needs. The place completes it: `text` says what is meant, `data` is the place's own."""

    def __init__(self, kind: str, *, file: str = "", line: int = 0, name: str = "") -> None:
        self.kind, self.file, self.line, self.name = kind, file, line, name
        self.condition: Optional[str] = None
        self.options: Dict[str, str] = {}  # hits, log, thread, task: as they were written
        self.is_temporary = False
        self.is_enabled = True
        self.number = 0
        self.hits = 0
        self.text = ""
        self.data: Any = None

    def describe(self) -> str:
        """Returns '1  line shop.py:12  if total > 3  (2 hits)'."""
        facts = [] if self.is_enabled else ["disabled"]
        facts += [f"{name} {text}" for name, text in self.options.items()]
        facts += ["temporary"] if self.is_temporary else []
        facts += [f"{self.hits} hit{'s' if self.hits != 1 else ''}"] if self.hits else []
        condition = f"  if {self.condition}" if self.condition else ""
        return f"{self.text}{condition}" + (f"  ({', '.join(facts)})" if facts else "")


class Table:
    """The breakpoints of a prompt, by number."""

    def __init__(self) -> None:
        self._rows: Dict[int, Breakpoint] = {}
        self._last = 0

    def add(self, one: Breakpoint) -> None:
        """Gives a breakpoint its number."""
        self._last += 1
        one.number = self._last
        self._rows[one.number] = one

    def remove(self, one: Breakpoint) -> None:
        """Removes a breakpoint; its number is not used again."""
        self._rows.pop(one.number, None)

    def all(self) -> List[Breakpoint]:
        """Returns all of them, by number."""
        return list(self._rows.values())

    def enabled(self) -> List[Breakpoint]:
        """Returns those that stop."""
        return [one for one in self._rows.values() if one.is_enabled]

    def choose(self, words: List[str]) -> List[Breakpoint]:
        """Returns the breakpoints with these numbers, all where there are none. Raises
        ReliveError."""
        if not words:
            return self.all()
        found = []
        for word in words:
            one = self._rows.get(int(word)) if word.isdecimal() else None
            if one is None:
                known = ", ".join(map(str, self._rows)) or "none"
                raise ReliveError(
                    "ERR_NOT_FOUND", f"there is no breakpoint {word}: the numbers are {known}"
                )
            found.append(one)
        return found


def take_options(text: str, names: Collection[str] = ()) -> Tuple[str, Dict[str, str]]:
    """Returns what is in front of the options of a breakpoint, and these. `names` are variables:
    `b 12, once` has a condition where there is a variable `once`."""
    parts = split_outside_quotes(text, ",", with_brackets=True)
    found: Dict[str, str] = {}
    while len(parts) > 1:
        part = parts[-1].strip()
        match = next(filter(None, (one.fullmatch(part) for one in _OPTIONS)), None)
        # Both of these may be conditions of pdb's: `b 12, once` and `b 12, hit > 3`.
        may_be_condition = len(parts) == 2 and not _IF.search(parts[0])
        word = "once" if part == "once" else "hit" if part.startswith("hit") else ""
        if match is None or (may_be_condition and word in names):
            break
        for name, value in match.groupdict().items():
            found.setdefault(name, _unquoted(value) if name == "log" else value)
        parts.pop()
    return ",".join(parts), found


def _unquoted(text: str) -> str:
    """Returns a text without the quotes around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)
    return text


def split_condition(text: str, with_comma: bool = False) -> Tuple[str, Optional[str]]:
    """Returns (what, condition) of 'WHAT if CONDITION', also of 'WHAT, CONDITION' as in pdb."""
    found = _IF.search(text)
    if found:
        return text[: found.start()].strip(), found["condition"].strip()
    what, comma, condition = text.partition(",") if with_comma else (text, "", "")
    if comma and not condition.strip():
        raise ReliveError("ERR_USAGE", "a condition is missing behind the comma")
    return what.strip(), condition.strip() or None


def parse_break(text: str, file: str, names: Collection[str] = ()) -> Breakpoint:
    """Returns what `b TEXT` means; `file` is the one of a line number alone. `names` are the
    variables here."""
    text, options = take_options(text, names)
    what, condition = split_condition(text, with_comma=True)
    found = _FILE_LINE.match(what)
    if not what:
        raise ReliveError("ERR_USAGE", "a place is missing: FILE:LINE, LINE, FUNCTION or exc:TYPE")
    if what == "exc" or what.startswith("exc:"):
        one = Breakpoint(EXCEPTION, name=what[4:])
    elif found:
        one = Breakpoint(LINE, file=found["file"], line=int(found["line"]))
    elif what.isdecimal():
        if not file:
            raise ReliveError("ERR_USAGE", "no frame is selected: write FILE:LINE")
        one = Breakpoint(LINE, file=file, line=int(what))
    else:
        one = Breakpoint(CALL, name=what)
    one.condition = condition
    one.is_temporary = options.pop("once", None) is not None
    one.options = options
    return one


def parse_watch(text: str) -> Breakpoint:
    """Returns what `watch TEXT` means."""
    what, condition = split_condition(text)
    if not what:
        raise ReliveError("ERR_USAGE", "what shall be watched? NAME, NAME.ATTRIBUTE or FUNC:NAME")
    one = Breakpoint(WATCH, name=what)
    one.condition = condition
    return one

"""How a prompt shows things. All text of the program is made harmless to a terminal."""

from __future__ import annotations

import os
import sys

from relive import _colour
from relive._terminal import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, TextIO, Tuple

    from relive.prompt.place import Frame, Row, Stop, Value

_WIDEST = 200  # characters of a value on a line
_MOST = 100  # rows of a list


class Screen:
    """Where answers are written. Colours are only for terminals."""

    def __init__(self, out: Optional[TextIO] = None) -> None:
        self._out = out or sys.stdout
        self.context = 1  # lines of source at a stop
        self.is_sticky = False  # the terminal is cleared before a stop is shown
        self._begins: Tuple[Sequence[str], Sequence[str]] = ((), ())  # of syntax.states()

    @property
    def out(self) -> TextIO:
        """Where it writes. A prompt may write elsewhere at its next stop."""
        return self._out

    @property
    def has_colours(self) -> bool:
        """Whether text gets colours."""
        return _colour.is_wanted(self.out)

    def write(self, text: str = "") -> None:
        """Writes a line that is harmless."""
        self.out.write(text + "\n")

    def flush(self) -> None:
        """Shows what was written."""
        self.out.flush()

    def shorten(self, text: str, most: int = _WIDEST) -> str:
        """Returns text of the program as it may be shown."""
        return shorten(text, most)

    def dim(self, text: str) -> str:
        """Returns text that matters less."""
        return _colour.dim(text, self.has_colours)

    def strong(self, text: str) -> str:
        """Returns text that matters more."""
        return _colour.bold(text, self.has_colours)

    def error(self, text: str) -> None:
        """Writes what went wrong, as pdb does."""
        self.write(f"{_colour.red('***', self.has_colours)} {safe(text)}")

    def clear(self) -> None:
        """Clears the terminal where the display is sticky."""
        if self.is_sticky and self.out.isatty():
            self.out.write("\x1b[H\x1b[2J")

    # ---- stops and frames ----

    def stop(self, stop: Stop, frame: Optional[Frame], source: Sequence[str]) -> None:
        """Shows where a step ended."""
        self.clear()
        if stop.reason:
            self.write(safe(stop.reason))
        if stop.title:
            self.write(f"--{stop.title}--")
        at = f"{safe(stop.position)} {safe(stop.when)}".strip()
        at = f"  {self.dim(at)}" if at else ""
        if frame is None:
            self.write(f">{at}  no frame is open")
            return
        result = f"->{self.shorten(stop.result)}" if stop.result else ""
        self.write(f"> {self.strong(self.title(frame))}{result}{at}")
        self.around(source, frame)

    def frame(
        self,
        frame: Frame,
        is_selected: bool,
        source: Sequence[str],
        with_context: bool = False,
    ) -> None:
        """Shows one row of a stack."""
        facts = [frame.note] if frame.note else []
        facts += [f"task {frame.task}"] if frame.task else []
        note = self.dim(f"  ({', '.join(facts)})") if facts else ""
        title = self.strong(self.title(frame)) if is_selected else self.title(frame)
        self.write(f"{'>' if is_selected else ' '} {title}{note}")
        if with_context:
            self.around(source, frame)
        else:
            self.line(source, frame)

    def title(self, frame: Frame) -> str:
        """Returns how a frame is written."""
        return place_of(frame)

    def around(self, source: Sequence[str], frame: Frame) -> None:
        """Shows the line of a stop, with as many others around it as `context` says."""
        if self.context < 2 or not frame.line or frame.line > len(source):
            self.line(source, frame)
            return
        first = max(1, frame.line - (self.context - 1) // 2)
        self.lines(source, first, first + self.context - 1, frame, set())

    def line(self, source: Sequence[str], frame: Frame) -> None:
        """Shows the line of a frame."""
        if frame.line and frame.line <= len(source):
            text = self.shorten(source[frame.line - 1].strip(), _WIDEST)
            self.write(f"-> {self.code(text, source, frame.line)}")

    def code(self, text: str, source: Sequence[str], number: int) -> str:
        """Returns the text of a line of source with the colours of Python."""
        if not self.has_colours:
            return text
        from relive.prompt import syntax

        if self._begins[0] is not source:
            self._begins = source, syntax.states(source)
        begins = self._begins[1]
        return syntax.coloured(text, begins[number - 1] if number <= len(begins) else "")

    def lines(
        self, source: Sequence[str], first: int, last: int, frame: Frame, marks: Set[int]
    ) -> None:
        """Shows lines with their numbers, as pdb does; `marks` have breakpoints."""
        for number in range(first, min(last, len(source)) + 1):
            arrow = ">>" if number == frame.raised_at else ""
            arrow = "->" if number == frame.line else arrow
            # As in pdb, numbers of four digits leave no gap.
            head = f"{number:>3}".ljust(4) + ("B" if number in marks else " ") + arrow
            text = self.shorten(source[number - 1].rstrip().expandtabs(), 400)
            head = self.strong(head) if number == frame.line else head
            self.write(f"{head}\t{self.code(text, source, number)}")

    # ---- values and rows ----

    def value(self, value: Value) -> None:
        """Shows what an expression gives, as `p` does."""
        self.write(self._value_text(value))

    def variable(self, value: Value) -> None:
        """Shows 'x = 1'."""
        name = safe(value.name)
        prefix = "global " if value.scope == "global" else ""
        equals = " = " if value.text is not None else "  "
        self.write(f"{prefix}{name}{equals}{self._value_text(value)}")

    def _value_text(self, value: Value) -> str:
        if value.text is None:
            return self.dim(f"<{safe(value.note)}>")
        note = self.dim(f"  ({safe(value.note)})") if value.note else ""
        return self.shorten(value.text, 4000) + note

    def rows(self, rows: Sequence[Row], most: int = _MOST) -> None:
        """Shows positions with texts. The last ones are the nearest, so the first are left out."""
        hidden = max(0, len(rows) - most)
        if hidden:
            self.write(self.dim(f"... {hidden:,} before"))
        rows = rows[hidden:]
        width = max((len(row.position) for row in rows), default=0)
        for row in rows:
            note = self.dim(f"  {safe(row.note)}") if row.note else ""
            self.write(f"{safe(row.position):>{width}}  {shorten(row.text)}{note}")


def shorten(text: str, most: int = _WIDEST) -> str:
    """Returns text of the program, harmless and not too long."""
    text = safe(text)
    return text if len(text) <= most else text[: most - 3] + "..."


def place_of(frame: Frame) -> str:
    """Returns 'shop.py(12)price()', as pdb writes it."""
    return safe(f"{short_file(frame.file)}({frame.line or '?'}){frame.func}()")


def short_file(path: str) -> str:
    """Returns a path as it is shortest from here."""
    if not os.path.isabs(path):
        return path
    try:
        return min(os.path.relpath(path), path, key=len)
    except (OSError, ValueError):  # the current folder is gone
        return path


def pretty(value: Mapping[str, Any], width: int) -> List[str]:
    """Returns a value on several lines, a line for each item or attribute where it is long."""
    from pprint import pformat

    if len(value["r"]) <= width:
        return [value["r"]]
    if "attrs" in value:
        return [f"{value['t']}:", *(f"  {name} = {text}" for name, text in _attributes(value))]
    if "v" in value and isinstance(value["v"], (dict, list)):
        return pformat(value["v"], width=width).splitlines()
    return [value["r"]]


def _attributes(value: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    for name, text in value["attrs"].items():
        yield name, text if isinstance(text, str) else str(text)

"""Commands that show frames, source and values."""

from __future__ import annotations

import inspect
import re

from relive._terminal import safe
from relive.errors import ReliveError
from relive.prompt.base import Base, number_of
from relive.prompt.display import pretty
from relive.prompt.place import ExpressionError, Value
from relive.prompt.registry import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence, Tuple

    from relive.prompt.place import Frame

_LISTED = 11  # lines that `list` shows


class Looking(Base):
    """Frames, source and values of here."""

    # ---- frames and source ----

    @command("w where bt", "[N]")
    def do_where(self, text: str) -> None:
        """Shows the open frames, the innermost one last; with N, the N innermost ones."""
        count = number_of(text, 0)
        if not self._frames:
            raise ReliveError("ERR_NOT_FOUND", "no frame is open in this thread")
        shown = self._frames[-count:] if count or not text else [self._need_frame()]
        for frame in shown:
            self.screen.frame(frame, frame is self._selected, self._source(frame))

    @command("u up", "[N]")
    def do_up(self, text: str) -> None:
        """Selects the caller of this frame."""
        self._select(-number_of(text, 1))

    @command("d down", "[N]")
    def do_down(self, text: str) -> None:
        """Selects the frame that this one has called."""
        self._select(number_of(text, 1))

    def _select(self, steps: int) -> None:
        frame = self._need_frame()
        at = next(i for i, one in enumerate(self._frames) if one.number == frame.number)
        wanted = min(max(at + steps, 0), len(self._frames) - 1)
        if wanted == at:
            raise ReliveError("ERR_NOT_FOUND", "Oldest frame" if steps < 0 else "Newest frame")
        self._selected = self._frames[wanted]
        self.place.select(self._selected)
        self._listed = 0
        self.screen.frame(self._selected, True, self._source(self._selected))

    @command("l list", "[FIRST[, LAST] | .]")
    def do_list(self, text: str) -> None:
        """Lists the lines around this one, then those that follow. `l .` begins again.

        With FIRST alone, it lists the lines around that one. Where LAST is less than FIRST, it is a
        count."""
        self.repeat = "list"
        frame, source = self._need_source()
        words = [word for word in re.split(r"[\s,]+", text) if word]
        if len(words) > 1:
            first, last = number_of(words[0], 1), number_of(words[1], 1)
            last = first + last if last < first else last
        elif words and words != ["."]:
            first = max(1, number_of(words[0], 1) - _LISTED // 2)
            last = first + _LISTED - 1
        elif self._listed and not words:
            first = self._listed + 1
            last = first + _LISTED - 1
        else:
            first = max(1, (frame.line or frame.first_line) - _LISTED // 2)
            last = first + _LISTED - 1
        self._list(frame, source, first, last)
        self._listed = min(last, len(source))
        if last > len(source):
            self.screen.write("[EOF]")

    @command("ll longlist", "")
    def do_longlist(self, text: str) -> None:
        """Lists the whole function."""
        frame, source = self._need_source()
        first, last = function_lines(source, frame)
        self._list(frame, source, first, last)

    def _need_source(self) -> Tuple[Frame, Sequence[str]]:
        frame = self._need_frame()
        source = self._source(frame)
        if not source:
            raise ReliveError("ERR_NOT_FOUND", f"there is no source of {frame.file}")
        warning = self.place.source_warning(frame)
        if warning:
            self.screen.error(warning)
        return frame, source

    def _list(self, frame: Frame, source: Sequence[str], first: int, last: int) -> None:
        marks = self.place.lines_with_breakpoints(frame, self.breakpoints.enabled())
        self.screen.lines(source, first, last, frame, marks)

    # ---- values ----

    @command("p print", "EXPRESSION")
    def do_print(self, text: str) -> None:
        """Shows the value of an expression over the variables of this frame.

        It has comparisons, arithmetic, `in`, `and or not`, attributes, items, len(), type() and
        re(x, "pattern"). It runs no code of the program. A value that is not known is named so,
        with the reason; (may have changed unseen) is one that nothing has confirmed since."""
        self.screen.value(self._evaluate(text))

    @command("pp", "EXPRESSION")
    def do_pretty(self, text: str) -> None:
        """Shows a value on several lines, where it is long."""
        value = self._evaluate(text, is_pretty=True)
        if value.whole is None:
            self.screen.value(value)
            return
        for line in pretty(value.whole, 80):
            self.screen.write(safe(line))
        if value.note:
            self.screen.write(self.screen.dim(f"({safe(value.note)})"))

    def _evaluate(self, text: str, is_pretty: bool = False) -> Value:
        if not text:
            raise ReliveError("ERR_USAGE", "an expression is missing, such as: p total > 3")
        try:
            return self.place.evaluate(self._selected, text, is_pretty)
        except ExpressionError:
            if "," not in text:
                raise
            try:
                return self.place.evaluate(self._selected, f"({text})", is_pretty)
            except ExpressionError:
                pass
            raise

    @command("a args", "")
    def do_args(self, text: str) -> None:
        """Shows the parameters of this frame."""
        for one in self.place.parameters(self._need_frame()):
            self.screen.variable(one)

    @command("locals", "")
    def do_locals(self, text: str) -> None:
        """Shows the variables of this frame, and what is not known of them."""
        self._show_variables(self.place.variables(self._need_frame()))

    def _show_variables(self, rows: Sequence[Value]) -> None:
        unknown = [one.name for one in rows if one.text is None and one.note == "not recorded"]
        for one in rows:
            if one.name not in unknown:
                self.screen.variable(one)
        if unknown:
            self.screen.write(self.screen.dim(f"not recorded: {safe(', '.join(unknown))}"))
        if not rows:
            self.screen.write(self.screen.dim("no variables"))

    @command("changed", "")
    def do_changed(self, text: str) -> None:
        """Shows the variables of this frame that changed since the last stop in it."""
        frame = self._need_frame()
        if frame.number == self._stop.frame:
            before = self._before
        else:
            before = self._seen.get(self.place.identity(frame))
        if before is None:
            self.screen.write(self.screen.dim("the first stop in this frame; all values:"))
        self._show_changes(before or {}, self._glance(frame))

    def _show_changes(
        self, before: Mapping[Tuple[str, str], Value], now: Mapping[Tuple[str, str], Value]
    ) -> None:
        lines = list(changes(before, now))
        for line in lines:
            self.screen.write(line)
        if not lines:
            self.screen.write(self.screen.dim("nothing changed"))


# ---- helpers ----


def changes(
    before: Mapping[Tuple[str, str], Value], now: Mapping[Tuple[str, str], Value]
) -> Iterator[str]:
    """Yields 'x = 2  (was 1)' for each variable that differs."""
    for key, value in now.items():
        old = before.get(key)
        name = safe(value.name)
        if value.text is None:
            if old is not None and old.text is not None:
                yield f"{name}  <{safe(value.note)}>  (was {safe(old.text)})"
        elif old is None or old.text is None:
            yield f"{name} = {safe(value.text)}  (new)"
        elif old.text != value.text:
            yield f"{name} = {safe(value.text)}  (was {safe(old.text)})"


def function_lines(source: Sequence[str], frame: Frame) -> Tuple[int, int]:
    """Returns the first and the last line of the function of a frame."""
    if frame.func == "<module>":
        return 1, len(source)
    try:
        block = inspect.getblock([line + "\n" for line in source[frame.first_line - 1 :]])
    except (IndentationError, SyntaxError, IndexError):
        block = []
    last = frame.first_line + len(block) - 1
    return frame.first_line, max(last, frame.line or 0, frame.first_line)

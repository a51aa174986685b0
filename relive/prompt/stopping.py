"""Commands for breakpoints and watches."""

from __future__ import annotations

from relive._terminal import safe
from relive.prompt.base import Base
from relive.prompt.breakpoints import WATCH, parse_break, parse_watch
from relive.prompt.registry import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.prompt.breakpoints import Breakpoint


class Stopping(Base):
    """Breakpoints."""

    @command("b break", "[FILE:LINE | LINE | FUNC | exc[:TYPE]] [if EXPRESSION] [, OPTION ...]")
    def do_break(self, text: str) -> None:
        """Sets a breakpoint, or lists all.

        b 12                    a line of this file
        b shop.py:12 if total > 3
        b price                 each call of a function
        b exc:ValueError        where such an exception, or one of a subclass, is raised; b exc: any
        b 12 if total > 3, once

        In a program that runs, options choose among the hits, or log instead of stopping:
        b shop.py:12, hit > 3, thread 2, task fetch, log "total={total}"

        In a recording it works in both directions. Where the expression is not known, since a
        value is redacted or cut, it does not stop, and the number of these is shown."""
        if text:
            self._add(parse_break(text, self._file(), self.variable_names()))
        else:
            self._show_breakpoints()

    @command("tbreak", "as break")
    def do_tbreak(self, text: str) -> None:
        """Sets a breakpoint that stops once."""
        if not text:
            self._show_breakpoints()
            return
        one = parse_break(text, self._file(), self.variable_names())
        one.is_temporary = True
        self._add(one)

    @command("watch", "[NAME | NAME.ATTRIBUTE | FUNC:NAME] [if EXPRESSION]")
    def do_watch(self, text: str) -> None:
        """Stops where a variable was written; in a recording `rc` then goes to the last write.

        watch total             this variable of this frame
        watch order.total       this attribute of this object
        watch price:total       this variable in each call of a function

        Alone it lists what is set. In a recording `clear` removes it, and globals can be watched
        too. In a program that runs, `watch off` removes all, and the stop is at the next line
        that runs in the function."""
        if text:
            self._add(parse_watch(text))
        else:
            self._show_breakpoints(WATCH)

    def _file(self) -> str:
        return self._selected.file if self._selected is not None else ""

    def _add(self, one: Breakpoint) -> None:
        text = self.place.resolve(one, self._selected)
        if text is None:
            self.breakpoints.add(one)
            text = f"{one.number}  {one.describe()}"
        if text:
            self.screen.write(safe(text))

    def _show_breakpoints(self, kind: str = "") -> None:
        if self.place.show_breakpoints(kind):
            return
        rows = [one for one in self.breakpoints.all() if kind in ("", one.kind)]
        for one in rows:
            self.screen.write(f"{one.number}  {safe(one.describe())}")
        if not rows:
            self.screen.write(self.screen.dim("none is set"))

    @command("trace", "[FUNC | off]", "trace")
    def do_trace(self, text: str) -> None:
        """Shows each call of a function, with its arguments, while the program runs.

        Alone it lists the functions; `trace off` ends it."""
        for name in self.place.trace(text):
            self.screen.write(f"trace {safe(name)}")

    @command("clear cl", "[N ...]")
    def do_clear(self, text: str) -> None:
        """Removes breakpoints and watches by number; alone, all of them."""
        for one in self.breakpoints.choose(text.split()):
            self.breakpoints.remove(one)
            self.screen.write(f"removed {one.number}  {safe(one.describe())}")

    @command("disable", "[N ...]")
    def do_disable(self, text: str) -> None:
        """Keeps breakpoints, but does not stop at them."""
        for one in self.breakpoints.choose(text.split()):
            one.is_enabled = False
            self.screen.write(f"{one.number}  {safe(one.describe())}")

    @command("enable", "[N ...]")
    def do_enable(self, text: str) -> None:
        """Stops at breakpoints again."""
        for one in self.breakpoints.choose(text.split()):
            one.is_enabled = True
            self.screen.write(f"{one.number}  {safe(one.describe())}")

"""Commands that go: steps in both directions, positions, marks."""

from __future__ import annotations

import re

from relive._terminal import safe
from relive.errors import ReliveError
from relive.prompt import place as places
from relive.prompt.base import Base, number_of
from relive.prompt.registry import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence, Tuple

    from relive.prompt.place import Stop

_MARK = re.compile(r"[A-Za-z_]\w*")


class Going(Base):
    """Steps and positions."""

    def _go(self, how: str, *, line: int = 0, backwards: bool = False) -> None:
        self._arrive(self._step(how, line, backwards))

    def _go_times(self, how: str, text: str, backwards: bool = False) -> None:
        times = number_of(text, 1)
        if text and times < self.place.fewest_steps:
            raise ReliveError("ERR_USAGE", f"{text!r} is no number of steps")
        for left in range(times, 0, -1):
            stop = self._step(how, 0, backwards)
            if stop is None:
                self.place.repeat(how, left - 1)
            if left == 1 or stop is None or stop.breakpoint or stop.reason:
                self._arrive(stop)
                return
            self._stop = stop
            self.look_again(stop.frame)

    def _step(self, how: str, line: int, backwards: bool) -> Optional[Stop]:
        """Goes one step, and counts the breakpoint that ends it."""
        stop = self.place.step(
            how, self._selected, self.breakpoints.enabled(), line=line, backwards=backwards
        )
        one = stop.breakpoint if stop is not None else None
        if one is not None:
            one.hits += 1
            if one.is_temporary:
                self.breakpoints.remove(one)
        return stop

    @command("s step", "[N]")
    def do_step(self, text: str) -> None:
        """Goes to the next line that runs in this thread, also in a function that is called.

        Where a function has no recorded lines, its begin and its end are the steps. With N it goes
        so many steps."""
        self._go_times(places.STEP, text)

    @command("n next", "[N]")
    def do_next(self, text: str) -> None:
        """Goes to the next line of this frame, over the functions that it calls.

        At the end of the frame it goes to where the frame is left, then to the caller."""
        self._go_times(places.NEXT, text)

    @command("r return finish", "")
    def do_return(self, text: str) -> None:
        """Goes to the end of this frame, where its result is known."""
        self._go(places.RETURN)

    @command("unt until", "[LINE]")
    def do_until(self, text: str) -> None:
        """Goes to a later line of this frame: out of a loop, or to LINE or behind it."""
        frame = self._need_frame()
        if text:
            line = number_of(text, 0)
        elif frame.line is None:
            raise ReliveError("ERR_USAGE", "the line is not known here: write until LINE, or n")
        else:
            line = frame.line + 1
        self._go(places.UNTIL, line=line)

    @command("c cont continue", "")
    def do_continue(self, text: str) -> None:
        """Goes on to a breakpoint, in any thread."""
        self._go(places.CONTINUE)

    @command("rs reverse-step bstep", "[N]", "back")
    def do_reverse_step(self, text: str) -> None:
        """Goes back to the line that ran before in this thread, also in a function."""
        self._go_times(places.STEP, text, backwards=True)

    @command("rn reverse-next bnext", "[N]", "back")
    def do_reverse_next(self, text: str) -> None:
        """Goes back to the line of this frame that ran before; from the first to the caller."""
        self._go_times(places.NEXT, text, backwards=True)

    @command("rf reverse-finish bfinish", "", "back")
    def do_reverse_finish(self, text: str) -> None:
        """Goes back to the call of this frame, where its arguments are as they were given."""
        self._go(places.RETURN, backwards=True)

    @command("rc reverse-continue bcontinue", "", "back")
    def do_reverse_continue(self, text: str) -> None:
        """Goes back to the last time a breakpoint or a watch was hit.

        With `watch NAME`, this is the last write of NAME."""
        self._go(places.CONTINUE, backwards=True)

    @command("goto", "POSITION|MARK", "back")
    def do_goto(self, text: str) -> None:
        """Goes to a position or a mark.

        Positions: T1@48213, FUNC#N, FILE:LINE#N, exc:N, exc:last, 42%, +3ms, start, end."""
        if not text:
            raise ReliveError("ERR_USAGE", "where to? For example: goto exc:last, or goto 42%")
        self._arrive(self.place.goto(self.marks.get(text, text)))

    @command("mark", "[NAME]", "back")
    def do_mark(self, text: str) -> None:
        """Names this place, for `goto NAME` and `diff NAME`. Alone it lists the marks."""
        if not text:
            for name, position in self.marks.items():
                self.screen.write(f"{name}  {position}")
            return
        if not _MARK.fullmatch(text) or text in ("start", "end"):
            raise ReliveError("ERR_USAGE", f"{text!r} is no name for a mark: letters and digits")
        self.marks[text] = self._stop.position
        self.screen.write(f"{text} is {safe(self._stop.position)}")

    @command("when", "")
    def do_when(self, text: str) -> None:
        """Shows the position: event, time, thread, task."""
        self._show_facts(self.place.facts())

    @command("info", "", "info")
    def do_info(self, text: str) -> None:
        """Shows what this is a recording of, and what it does not have."""
        self._show_facts(self.place.about())

    def _show_facts(self, rows: Sequence[Tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.screen.write(f"{name:<{width}}  {safe(value)}")

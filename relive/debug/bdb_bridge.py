"""A bdb.Bdb on this engine: bdb keeps its table of breakpoints and its commands, and never sets a
trace function."""

import bdb
import sys
from types import CodeType, FrameType
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, cast

from relive.debug.breakpoints import Breakpoint, code_lines, compiled
from relive.debug.engine import (
    STEP_IN,
    STEP_NONE,
    STEP_OUT,
    STEP_OVER,
    STEP_UNTIL,
    runtime,
)
from relive.errors import ReliveError

# A breakpoint of bdb as the engine last got it: number, line, cond, ignore, enabled, funcname.
_Row = Tuple[int, int, Optional[str], int, bool, Optional[str]]


class EngineDriven(bdb.Bdb):
    """The methods that make a bdb.Bdb ours. Its breakpoints go to the engine, and where bdb would
    set a trace function the engine gets the step instead."""

    def start_engine(self) -> None:
        """Connects the debugger: the engine calls stopped() from here on."""
        self.reset()
        self._pushed: Dict[str, List[_Row]] = {}  # path -> the rows that the engine has
        self._numbers: Dict[int, int] = {}  # the engine's number of a breakpoint -> bdb's
        runtime.on_stop = self.stopped

    def stopped(self, frame: FrameType, why: str, breakpoints: Sequence[Breakpoint]) -> None:
        """Handles a stop; the engine calls it in the thread that stopped."""
        self.currentbp: Any = False
        for one in breakpoints:
            number = self._numbers.get(one.id)
            found = bdb.Breakpoint.bpbynumber[number] if number else None
            if found is not None:
                found.hits += 1
                self.currentbp = number
                if found.temporary:
                    # cmd-based debuggers have it; a bare Bdb has no temporary breakpoints
                    cast(Any, self).do_clear(str(number))
        self.user_line(frame)
        if self.quitting:
            raise self.quits()

    def quits(self) -> BaseException:
        """The exception that the program gets when the user leaves the debugger."""
        return bdb.BdbQuit()

    def step_engine(self, mode: int, line: int = 0, frame: Optional[FrameType] = None) -> None:
        """Says how the thread goes on. Does nothing after the program's end (post mortem)."""
        try:
            runtime.step(mode, line, frame)
        except RuntimeError:
            pass

    def set_step(self) -> None:
        """Steps into the next call."""
        self.step_engine(STEP_IN)

    def set_next(self, frame: FrameType) -> None:
        """Steps to the next line of the frame."""
        self.step_engine(STEP_OVER, 0, frame)

    def set_return(self, frame: FrameType) -> None:
        """Steps out of the frame."""
        self.step_engine(STEP_OUT, 0, frame)

    def set_until(self, frame: FrameType, lineno: Optional[int] = None) -> None:
        """Steps to a later line of the frame."""
        self.step_engine(STEP_UNTIL, frame.f_lineno + 1 if lineno is None else lineno, frame)

    def set_continue(self) -> None:
        """Runs to the next breakpoint."""
        self.sync()
        self.step_engine(STEP_NONE)

    def set_quit(self) -> None:
        """Ends the program at this stop."""
        self.quitting = True
        self.step_engine(STEP_NONE)

    def set_trace(self, frame: Optional[FrameType] = None, **unused: Any) -> None:
        """Stops at the next line of a frame, by default the caller's."""
        self.sync()
        if not runtime.initialize():
            reason = runtime.policy.evaluate_environment()["reason"]
            raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {reason}")
        runtime.step(STEP_OVER, 0, frame or sys._getframe().f_back)

    def sync(self) -> None:
        """Gives the engine what has changed in bdb's table of breakpoints."""
        wanted: Dict[str, List[bdb.Breakpoint]] = {}
        for found in bdb.Breakpoint.bpbynumber:
            if found is not None:
                wanted.setdefault(found.file, []).append(found)
        for path in {*wanted, *self._pushed}:
            rows = [_make_row(found) for found in wanted.get(path, ())]
            if rows != self._pushed.get(path, []):
                made = [_make_breakpoint(path, row) for row in rows]
                try:
                    runtime.breakpoints.set_file(path, made)
                except ReliveError as error:
                    self.refused(error)
                self._pushed[path] = rows
                for row, one in zip(rows, made):
                    self._numbers[one.id] = row[0]

    def refused(self, error: ReliveError) -> None:
        """Handles a breakpoint that the engine does not accept."""
        raise error


# What a bdb.Bdb of the program gets from EngineDriven.
DRIVEN = (
    "step_engine", "set_continue", "set_next", "set_quit", "set_return", "set_step", "set_trace",
    "set_until", "start_engine", "stopped", "sync", "quits", "refused",
)  # fmt: skip


def _make_row(found: bdb.Breakpoint) -> _Row:
    return (
        found.number, found.line, found.cond, found.ignore, found.enabled,
        getattr(found, "funcname", None),
    )  # fmt: skip


def _make_breakpoint(path: str, row: _Row) -> Breakpoint:
    _, line, condition, ignore, enabled, function = row
    if function:
        line = first_line(path, function, line)
    hits = f"> {ignore}" if ignore else ""
    return Breakpoint(path, line, condition=condition, hit_condition=hits, enabled=enabled)


def first_line(path: str, name: str, line: int) -> int:
    """Returns the first line of the body of the function that begins at a line."""
    code = compiled(path)
    todo: List[CodeType] = [code] if code is not None else []
    while todo:
        code = todo.pop()
        if code.co_name == name and code.co_firstlineno == line:
            found: Set[int] = code_lines(code)
            return min((at for at in found if at > line), default=line)
        todo.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return line

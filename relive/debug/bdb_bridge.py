"""A bdb.Bdb on this engine: bdb keeps its table of breakpoints and its commands, and never sets a
trace function."""

import bdb
import sys
from types import CodeType, FrameType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union, cast

from relive.debug import foreign
from relive.debug.breakpoints import Breakpoint, check, compiled, first_line
from relive.debug.engine import OnStop, runtime
from relive.debug.line_calls import Call
from relive.errors import ReliveError

# A breakpoint of bdb as the engine last got it: number, line, cond, ignore, enabled, funcname,
# options. The options are what the prompt has added, as the engine's Breakpoint takes them.
_Row = Tuple[int, int, Optional[str], int, bool, Optional[str], Tuple[Tuple[str, Any], ...]]


class _Link:
    """What the engine has of bdb's table of breakpoints. Both are one for the process."""

    def __init__(self) -> None:
        self._rows: Dict[str, List[_Row]] = {}  # path -> as last pushed
        self._made: Dict[int, Tuple[bdb.Breakpoint, Breakpoint]] = {}  # by bdb's number
        self._numbers: Dict[int, int] = {}  # the engine's number of a breakpoint -> bdb's
        self._counts: Dict[int, Tuple[int, int]] = {}  # by the engine's number: as last pulled
        self._pulled: Dict[int, Tuple[int, int]] = {}  # by bdb's: what the last pull has added

    def number_of(self, one: Breakpoint) -> int:
        """Returns bdb's number of a breakpoint; 0 where it is none of bdb's."""
        return self._numbers.get(one.id, 0)

    def pull(self) -> None:
        """Takes over from the engine how often each breakpoint was reached, and how many hits are
        still to be ignored."""
        counts = runtime.breakpoints.counts()
        self._pulled = {}
        for number, (found, one) in self._made.items():
            reached, hit = counts.get(one.id, (0, 0))
            before = self._counts.get(one.id, (0, 0))
            self._counts[one.id] = (reached, hit)
            left = max(0, found.ignore - (hit - before[1]))
            if reached > before[0]:
                self._pulled[number] = (reached - before[0], found.ignore - left)
            found.hits += reached - before[0]
            found.ignore = left
        for path, rows in self._rows.items():
            self._rows[path] = [_make_row(self._made[row[0]][0]) for row in rows]

    def hit_only(self, number: int) -> None:
        """Makes a breakpoint the only one of its line that this stop counts, as in bdb: those with
        a higher number are not reached."""
        first = _of_number(number)
        for found in first and bdb.Breakpoint.bplist.get((first[0].file, first[0].line), []):
            if found.number > number and found.number in self._pulled:
                found.hits -= 1
                found.ignore += 1 if self._pulled[found.number][1] else 0

    def push(self) -> List[ReliveError]:
        """Gives the engine what has changed. What has not keeps its counts."""
        refused: List[ReliveError] = []
        wanted: Dict[str, List[bdb.Breakpoint]] = {}
        for found in bdb.Breakpoint.bpbynumber:
            if found is not None:
                wanted.setdefault(found.file, []).append(found)
        for path in {*wanted, *self._rows}:
            rows = [_make_row(found) for found in wanted.get(path, ())]
            before = self._rows.get(path, [])
            old = [self._made[row[0]][0] for row in rows if row[0] in self._made]
            if rows == before and old == wanted.get(path, []):
                continue
            fresh = []
            kept = set(before)
            for found, row in zip(wanted.get(path, ()), rows):
                known = self._made.get(row[0])
                if known is None or known[0] is not found or row not in kept:
                    self._made[row[0]] = (found, _make_breakpoint(path, row))
                    fresh.append(self._made[row[0]][1])
            made = [self._made[row[0]][1] for row in rows]
            refused.extend(error for one, error in _set_file(path, made) if one in fresh)
            self._rows[path] = rows
            for row, one in zip(rows, made):
                self._numbers[one.id] = row[0]
        return refused


def _set_file(path: str, made: Sequence[Breakpoint]) -> List[Tuple[Breakpoint, ReliveError]]:
    """Gives the engine the breakpoints of a file. Returns those that it refuses, with the reason;
    the others are set."""
    refused: List[Tuple[Breakpoint, ReliveError]] = []
    try:
        runtime.breakpoints.set_file(path, made)
    except ReliveError:
        good = []
        for one in made:
            try:
                check(one)
                good.append(one)
            except ReliveError as error:
                refused.append((one, error))
        runtime.breakpoints.set_file(path, good)
    return refused


_ENDS = (StopIteration, GeneratorExit)  # of a generator: bdb has rules of its own for them

_link = _Link()
_Bdb = bdb.Bdb  # a program may put its own class there


class EngineDriven(bdb.Bdb):
    """The methods that make a bdb.Bdb ours. Its breakpoints go to the engine, and where bdb would
    set a trace function the engine follows bdb's own rules (src/debug/step.h). What stops comes
    back through trace_dispatch(), so bdb's dispatch and user methods are as they are without us.

    The methods do not use super(): a bdb.Bdb of the program gets them one by one."""

    def start_engine(self) -> None:
        """Connects the debugger: the engine calls stopped() from here on."""
        self._found: Sequence[Breakpoint] = ()  # the breakpoints of this stop
        self._is_running = False  # a call of run(), runeval() or runcall()
        self._failed: Optional[Exception] = None
        self._by_instruction = False
        self._into: Optional[Call] = None  # the call that the step is to enter
        self._is_meant = False  # the stop is one, whatever bdb's rules say
        self.reset()
        take_stops(self.stopped)

    def stopped(self, frame: FrameType, why: str, breakpoints: Sequence[Breakpoint]) -> None:
        """Handles a stop; the engine calls it in the thread that stopped."""
        self.currentbp: Any = False
        self._found = breakpoints
        self._is_meant = why in ("step", "pause", "watch")
        if self.botframe is None and why != "call":
            self.botframe = _bottom(frame)
        _link.pull()
        value = runtime.value
        event = {"call": "call", "return": "return", "raise": "exception", "opcode": "opcode"}
        if why == "return" or (why == "raise" and not issubclass(value[0], _ENDS)):
            if frame not in (self.stopframe, self.returnframe):
                # The frame to stop in has ended, and the engine's step went on to who called it.
                self.stopframe, self.returnframe, self.stoplineno = None, None, 0
        try:
            self.trace_dispatch(frame, event.get(why, "line"), value)
        except bdb.BdbQuit:
            self.quitting = True
        except Exception as error:
            if not self._is_running:
                raise
            # As with bdb it ends the run. Here it goes to who called run(), and not through the
            # program.
            self._failed, self.quitting = error, True
        self._found = ()
        if self.quitting:
            raise self.quits()
        self.go_on()

    def break_here(self, frame: FrameType) -> bool:
        """Returns whether the engine has stopped at a breakpoint, whose conditions hold already."""
        numbers = sorted(filter(None, map(_link.number_of, self._found)))
        if numbers:
            _link.hit_only(numbers[0])
        for found in _of_number(numbers[0]) if numbers else ():
            self.currentbp = found.number
            if found.temporary and not runtime.trouble:
                cast(Any, self).do_clear(str(found.number))
        return self._is_meant or bool(self._found)

    def go_on(self, begin: Optional[FrameType] = None) -> None:
        """Gives the engine what bdb's set_ methods have chosen. Nothing stops before the frame
        `begin` goes on."""
        self.sync()
        is_running = self.stopframe is not None and self.stopframe is self.botframe
        if self.quitting or (self.stoplineno == -1 and (is_running or self.stopframe is None)):
            runtime.stop_stepping()
        elif not foreign.can_step():
            runtime.stop_stepping()
            self.cannot_step(foreign.STEP)
        else:
            runtime.follow(
                self.stopframe, self.returnframe, self.stoplineno, begin=begin,
                instruction=self._by_instruction, into=self._into and self._into.place,
            )  # fmt: skip

    def cannot_step(self, why: str) -> None:
        """Handles a step that is not possible; `why` is a sentence for the user."""
        runtime.telemetry.record("FOREIGN_TRACE_FUNCTION", detail=why)

    def quits(self) -> BaseException:
        """The exception that the program gets when the user leaves the debugger."""
        return bdb.BdbQuit()

    def set_step(self) -> None:
        """Steps into the next call."""
        returning, self.frame_returning = self.frame_returning, None  # no f_trace is wanted
        try:
            _Bdb.set_step(self)
        finally:
            self.frame_returning = returning

    def set_continue(self) -> None:
        """Runs to the next breakpoint."""
        self.stopframe, self.returnframe, self.stoplineno = self.botframe, None, -1
        self._by_instruction = False
        self.quitting, self.cmdframe, self.cmdlineno = False, None, None

    def set_quit(self) -> None:
        """Ends the program at this stop."""
        self.stopframe, self.returnframe, self.quitting = self.botframe, None, True

    def set_trace(self, frame: Optional[FrameType] = None, **unused: Any) -> None:
        """Stops in a frame, by default the caller's: from 3.13 on at the call itself, before at the
        next line or at the frame's end."""
        frame = frame or sys._getframe().f_back
        assert frame is not None
        self.begin()
        self.reset()
        self.botframe = _bottom(frame)
        if not foreign.can_step():
            foreign.stop_now(frame)
            return
        at_call = runtime.policy.stops_at_the_call()
        runtime.follow(None, None, 0, begin=frame, instruction=at_call)

    def begin(self) -> None:
        """Starts the engine where it does not run, and has the next stops come here."""
        self.sync()
        if not runtime.initialize():
            reason = runtime.policy.evaluate_environment()["reason"]
            raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {reason}")
        take_stops(self.stopped)

    def start_trace(self, *unused: Any) -> None:
        """bdb's own from 3.13 on: the engine follows in place of a trace function. What pdb itself
        runs before it returns is passed."""
        caller = sys._getframe().f_back
        self.begin()
        self.go_on(begin=caller.f_back if caller is not None else None)

    def stop_trace(self) -> None:
        """bdb's own from 3.13 on."""
        runtime.stop_stepping()

    def _set_caller_tracefunc(self, current_frame: FrameType) -> None:
        """Does nothing: no frame has a trace function."""

    def _set_trace_opcodes(self, trace_opcodes: bool) -> None:
        """Chooses whether the next instruction stops; bdb calls it from 3.13 on."""
        self._by_instruction = trace_opcodes

    def runcall(self, *args: Any, **named: Any) -> Any:
        """Debugs one call. Returns its result."""
        func, *rest = args
        return self._debugged(lambda: func(*rest, **named))

    def run(
        self,
        cmd: Union[str, CodeType],
        globals: Optional[Dict[str, Any]] = None,
        locals: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Debugs a statement."""
        space, own = _spaces(globals, locals)
        code = compile(cmd, "<string>", "exec") if isinstance(cmd, str) else cmd
        self._debugged(lambda: exec(code, space, own))

    def runeval(
        self,
        expr: Union[str, CodeType],
        globals: Optional[Dict[str, Any]] = None,
        locals: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        """Debugs an expression. Returns its value."""
        space, own = _spaces(globals, locals)
        code = compile(expr, "<string>", "eval") if isinstance(expr, str) else expr
        return self._debugged(lambda: eval(code, space, own))

    def _debugged(self, run: Callable[[], Any]) -> Any:
        self.begin()
        self.reset()
        self._is_running, self._failed = True, None
        self.go_on()
        try:
            return run()
        except bdb.BdbQuit:
            if self._failed is not None:
                raise self._failed from None
            return None
        finally:
            self.quitting, self._is_running = True, False
            runtime.stop_stepping()

    def sync(self) -> None:
        """Gives the engine what has changed in bdb's table of breakpoints."""
        for error in _link.push():
            self.refused(error)

    def refused(self, error: ReliveError) -> None:
        """Handles a breakpoint that the engine does not accept."""
        raise error


def take_stops(stopped: OnStop) -> None:
    """Has the next stops come to a function, those of one thread at a time."""
    runtime.on_stop, runtime.one_at_a_time = stopped, True


# What a bdb.Bdb of the program gets from EngineDriven.
DRIVEN = (
    "begin", "break_here", "cannot_step", "go_on", "quits", "refused", "run", "runcall", "runeval",
    "set_continue", "set_quit", "set_step", "set_trace", "start_engine", "start_trace",
    "stop_trace", "stopped", "sync", "_debugged", "_set_caller_tracefunc",
    "_set_trace_opcodes",
)  # fmt: skip


def _spaces(
    globals: Optional[Dict[str, Any]], locals: Optional[Mapping[str, Any]]
) -> Tuple[Dict[str, Any], Mapping[str, Any]]:
    """Returns the namespaces of code to debug: by default those of __main__."""
    if globals is None:
        import __main__

        globals = __main__.__dict__
    return globals, globals if locals is None else locals


def _bottom(frame: FrameType) -> FrameType:
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def _of_number(number: int) -> List[bdb.Breakpoint]:
    found = bdb.Breakpoint.bpbynumber[number] if number < len(bdb.Breakpoint.bpbynumber) else None
    return [found] if found is not None else []


def _make_row(found: bdb.Breakpoint) -> _Row:
    return (
        found.number, found.line, found.cond, found.ignore, found.enabled,
        getattr(found, "funcname", None), tuple(getattr(found, "options", {}).items()),
    )  # fmt: skip


def _make_breakpoint(path: str, row: _Row) -> Breakpoint:
    _, line, condition, ignore, enabled, function, options = row
    hits = f"> {ignore}" if ignore else ""
    more: Dict[str, Any] = {"hit_condition": hits, **dict(options)}
    if function and compiled(path) is None:
        more["function"] = function  # where no source says its line
    elif function:
        line = first_line(path, function, line)
    return Breakpoint(path, line, condition=condition, enabled=enabled, **more)

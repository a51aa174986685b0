"""What a front does with stops: it lists them, lets threads go on, evaluates and looks at values.
FrameEvalRuntime has these methods. docs/debug-engine.md describes them ("Fronts")."""

import _thread
import abc
import atexit
import contextlib
import os
import sys
import threading
import time
from types import FrameType
from typing import (
    Any,
    Callable,
    Iterator,
    List,
    NoReturn,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)  # fmt: skip

from relive.debug import evaluation, values
from relive.debug.breakpoints import Breakpoint, BreakpointTable
from relive.debug.evaluation import Answer
from relive.debug.frame_locals import FrameLocals, LocalsBefore
from relive.debug.stops import MODES, Front, Go, Stop, StopTable
from relive.debug.watches import Change, WatchTable
from relive.errors import ReliveError

STEP_NONE, STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL = range(5)
_STEPS = {"continue": STEP_NONE, "into": STEP_IN, "over": STEP_OVER, "out": STEP_OUT,
          "until": STEP_UNTIL}  # fmt: skip
_QUIT_S = 2.0  # what runs at the exit of a process that quits gets so long

OnStop = Callable[[FrameType, str, List[Breakpoint]], Any]
_T = TypeVar("_T")


class StopProtocol(abc.ABC):
    """The stopped threads of a process, and what can be done with them. All of it can be called
    from any thread."""

    #: what shows stops; None: on_stop does
    front: Optional[Front]
    #: called where the program stops, if there is no front; the thread goes on when it returns
    on_stop: Optional[OnStop]
    #: whether on_stop is called for one thread at a time
    one_at_a_time: bool
    #: the time that evaluate() has, in seconds; None: all of it
    evaluation_budget_s: Optional[float]

    def __init__(self) -> None:
        self.front = None
        self.on_stop = None
        self.one_at_a_time = False
        self.evaluation_budget_s = None
        self.stops = StopTable()
        self.breakpoints = BreakpointTable()
        self.watches = WatchTable(self.breakpoints)
        self._here = threading.local()

    def stopped(self) -> List[Stop]:
        """Returns the threads that have stopped, in the order in which they did."""
        return self.stops.all()

    @property
    def stop_others(self) -> bool:
        """Whether a stop also stops all other threads of the program, at their next line. They go
        on together with the thread because of which they stopped."""
        return self.stops.stop_others

    @stop_others.setter
    def stop_others(self, is_on: bool) -> None:
        self.stops.stop_others = is_on
        if not is_on:
            self.stops.release_others()

    # ---- going on ----

    def resume(
        self, thread: Optional[int] = None, mode: str = "continue", *, line: int = 0,
        frame: Optional[FrameType] = None, into: Optional[str] = None, others: bool = True,
    ) -> None:  # fmt: skip
        """Lets a stopped thread go on: "continue", or a step "into", "over", "out" or "until" a
        line. `frame` is one of its callers where the step is meant for that, and `into` the name
        of a function that the line calls. Without a thread all of them continue. `others` are those
        that stopped only because this thread did. Raises ReliveError where the thread has not
        stopped or the step is none."""
        if mode not in MODES:
            raise ReliveError("ERR_USAGE", f"no such step: {mode} ({', '.join(MODES)})")
        if thread is None:
            if mode != "continue":
                raise ReliveError("ERR_USAGE", "a step is of one thread: name it")
            self.stops.resume(self.stops.all(), Go("continue"), True)
            return
        stop = self.stops.of_thread(thread)
        if frame is not None and not any(one is frame for one in stop.frames()):
            raise ReliveError("ERR_USAGE", f"the frame is not on the stack of {stop.thread_name}")
        self.stops.resume([stop], Go(mode, line, frame, into), others)

    def pause(self, thread: int = 0) -> bool:
        """Stops a thread at its next line of the user's code; 0: whichever runs one first. Returns
        False where the thread has stopped already. Raises ReliveError where there is no such
        thread."""
        from relive import _core

        if any(stop.thread == thread for stop in self.stops.all()):
            return False
        if thread in self.stops.own:
            raise ReliveError("ERR_USAGE", f"thread {thread} is the debugger's own")
        is_alive = not thread or thread in sys._current_frames()
        if not is_alive or not _core.debug_pause(thread):
            raise ReliveError("ERR_USAGE", f"there is no thread {thread}: it has ended")
        return True

    def pause_waits(self, thread: int = 0) -> bool:
        """Returns whether a pause of a thread is still to come. False: the thread has stopped, or
        has ended without another line of the user's code."""
        from relive import _core

        return _core.debug_pause_waits(thread)

    def interrupt(self, frame: Optional[FrameType]) -> bool:
        """Stops the calling thread at once, in a frame of it. For signal handlers: the thread may
        wait in C, and then has no next line. Returns False where it stops already."""
        from relive import _core

        return frame is not None and _core.debug_stop_at(frame)

    def step(self, mode: int, line: int = 0, frame: Optional[FrameType] = None) -> None:
        """Chooses how this thread goes on: STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL a line, or
        STEP_NONE. It works in a stop, or for a frame of this thread. Another thread whose frame
        is given goes on so if it has stopped; else ReliveError is raised."""
        import relive._core as _core  # `from` would run a frame of importlib

        if _core.debug_step(mode, line, frame) or frame is None:
            return
        stop = self.stops.of_frame(frame)
        if stop is None:
            raise ReliveError(
                "ERR_USAGE", "the frame has ended, or is of a thread that has not stopped: pause it"
            )
        self.resume(stop.thread, MODES[mode], line=line, frame=frame)

    def step_into(self, target: str, frame: Optional[FrameType] = None) -> None:
        """Goes on from a stop to the first line of `target`, a function that this line calls, by
        its name or qualified name. Where the line does not call it, the next line stops."""
        self.step(STEP_OVER, 0, frame)  # a refusal here leaves nothing behind
        one = Breakpoint(function=target, once=True, thread=threading.get_ident())
        self._here.target = self.breakpoints.add(one)

    @abc.abstractmethod
    def shutdown(self) -> None:
        """Stops the engine."""

    def quit(self, status: int = 0) -> NoReturn:
        """Ends the process: a command, and no exception that the program could catch. What the
        program has registered with atexit runs, the recording is closed, and text is written out.
        Threads that have stopped stay so. What waits for them gets two seconds."""
        from relive import _core

        def end_later() -> None:
            _core.debug_internal(True)
            time.sleep(_QUIT_S)
            os._exit(status)

        _thread.start_new_thread(end_later, ())
        self.shutdown()
        try:
            getattr(atexit, "_run_exitfuncs", lambda: None)()
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            report(error)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)

    # ---- looking ----

    def evaluate(
        self, frame: FrameType, text: str, context: str = "repl",
        budget_s: Optional[float] = None,
    ) -> Answer:  # fmt: skip
        """Evaluates a text in a frame, and in its thread: "repl" takes statements too,
        "watch" an expression. "hover" takes what can be read without running code. What takes
        longer than `budget_s`, by default evaluation_budget_s, is ended. Raises ReliveError where
        the frame is of a thread that runs."""
        budget = self.evaluation_budget_s if budget_s is None else budget_s
        return self._call_for(
            frame, lambda: evaluation.evaluate(frame, text, context, budget),
            None if budget is None else budget + _QUIT_S,
        )  # fmt: skip

    def variables(self, frame: FrameType) -> FrameLocals:
        """Returns the variables of a frame that has stopped, or of one of its callers. What is
        assigned there reaches the program at once, on every version."""
        return FrameLocals(frame)

    def parts(self, value: object, start: int = 0, count: int = 100) -> values.Page:
        """Returns a page of what a value consists of: items, entries, attributes. Nothing of the
        program runs for it."""
        return values.list_parts(value, start, count)

    def set_next_line(self, frame: FrameType, line: int) -> None:
        """Sets the line that runs next in a frame that has stopped. A front then gets another
        stop, of reason "goto". Raises ReliveError where CPython does not allow it: into a loop or a
        handler, or out of them in some versions."""
        stop = self.stops.of_frame(frame)
        if stop is not None and not stop.can_jump:
            raise ReliveError(
                "ERR_USAGE", f"line {line} cannot be next: {stop.thread_name} is within a line"
            )
        self._call_for(frame, lambda: set_line(frame, line), _QUIT_S)
        if stop is not None and self.front is not None:
            stop.chosen = Go("goto", frame=frame)
            self.stops.resume([stop], stop.chosen, False)

    def _call_for(
        self, frame: FrameType, job: Callable[[], _T], timeout: Optional[float]
    ) -> _T:  # fmt: skip
        """Calls a function in the thread of a frame."""
        stop = self.stops.of_frame(frame)
        if stop is not None:
            return self.stops.call_in(stop, job, timeout)
        own = threading.get_ident()
        for thread, found in sys._current_frames().items():
            one: Optional[FrameType] = found
            while thread != own and one is not None:
                if one is frame:
                    raise ReliveError("ERR_USAGE", f"the frame's thread {thread} runs: pause it")
                one = one.f_back
        return job()

    # ---- threads of the debugger ----

    def mark_own_thread(self, is_own: bool = True) -> bool:
        """Makes the calling thread the debugger's own: it never stops, nothing in it is recorded,
        and stop_others leaves it alone. False makes it the program's again. Returns what it was."""
        from relive import _core

        own = threading.get_ident()
        if is_own:
            self.stops.own.add(own)
        else:
            self.stops.own.discard(own)
        return _core.debug_internal(is_own)

    @contextlib.contextmanager
    def own_thread(self) -> Iterator[None]:
        """The same while a `with` block runs."""
        was_own = self.mark_own_thread()
        try:
            yield
        finally:
            self.mark_own_thread(was_own)

    # ---- in the thread that stops ----

    def show_stop(
        self, frame: FrameType, why: str, found: List[Breakpoint], value: Any, trouble: str,
        changes: Sequence[Change],
    ) -> None:  # fmt: skip
        """Shows a stop of the calling thread to the front or to on_stop, and lets it go on."""
        front, on_stop = self.front, self.on_stop
        if front is None and on_stop is None:
            return
        stop = self.stops.begin(frame, why, found, value, trouble, changes)
        stop.does_jobs = front is not None or stop.reason == "others"
        try:
            if stop.reason == "others":
                go: Optional[Go] = self.stops.hold(stop)
            elif front is not None:
                go, stop = self._show_to_front(front, stop)
            else:
                assert on_stop is not None
                go = self._call_on_stop(on_stop, stop)
        finally:
            self.stops.end(stop)
        if front is not None and stop.reason != "others":
            call_front(front.resumed, stop)
        if go is not None and go.mode != "continue":
            self._apply(go)

    def _apply(self, go: Go) -> None:
        try:
            if go.into is not None:
                self.step_into(go.into, go.frame)
            else:
                self.step(_STEPS[go.mode], go.line, go.frame)
        except (ReliveError, RuntimeError, ValueError) as error:
            report(error)

    def _show_to_front(self, front: Front, stop: Stop) -> Tuple[Go, Stop]:
        if front.one_at_a_time:
            self.stops.take_turn(stop)
        go = Go("continue")
        try:
            while True:
                is_shown = call_front(front.stopped, stop)
                go = self.stops.hold(stop) if is_shown else Go("continue")
                if go.mode != "goto":
                    return go, stop
                self.stops.end(stop)
                stop = self.stops.begin(stop.frame, "goto")
                stop.does_jobs = True
        finally:
            self.stops.pass_turn(go.mode != "continue")

    def _call_on_stop(self, on_stop: OnStop, stop: Stop) -> Optional[Go]:
        """Calls on_stop. Its exceptions are printed on stderr and stay out of the program;
        SystemExit, KeyboardInterrupt and bdb.BdbQuit end the program."""
        from relive import _core

        if self.one_at_a_time:
            self.stops.take_turn(stop)
            self.stops.pause_others()
        before = LocalsBefore(stop.frame)
        try:
            on_stop(stop.frame, stop.reason, list(stop.breakpoints))
            before.write_changes()
        except Exception as error:
            bdb = sys.modules.get("bdb")
            if bdb is not None and isinstance(error, bdb.BdbQuit):
                raise
            report(error)
        finally:
            go = self.stops.take_go(stop)
            steps = go is not None and go.mode != "continue"
            self.stops.pass_turn(steps or _core.debug_is_stepping())
            self.stops.release_others()
        return go


def set_line(frame: FrameType, line: int) -> None:
    """Sets the line that runs next in a frame of the calling thread."""
    before = frame.f_trace
    frame.f_trace = before or ignore  # without one the interpreter refuses
    try:
        owner: Any = frame  # type checkers have f_lineno as read-only
        owner.f_lineno = line
    except ValueError as error:
        raise ReliveError("ERR_USAGE", f"line {line} cannot be next: {error}") from None
    finally:
        frame.f_trace = before


def ignore(frame: FrameType, event: str, arg: Any) -> None:
    """A trace function that wants no events."""


def report(error: BaseException) -> None:
    """Prints an error of a front on stderr. The program's own sys.excepthook is not for it."""
    sys.__excepthook__(type(error), error, error.__traceback__)


def call_front(method: Callable[[_T], None], about: _T) -> bool:
    """Calls a method of a front. Returns False where it has raised, which is printed."""
    try:
        method(about)
    except (Exception, SystemExit) as error:
        report(error)
        return False
    return True

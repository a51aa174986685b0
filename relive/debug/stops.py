"""The stop protocol: which threads have stopped, why, and how they go on.

    thread                      table                           front
    stops            ->  begin(): a Stop, listed
                         take_turn(), if one at a time   ->     stopped(stop), in that thread
                         hold(): calls jobs, waits       <-     call_in(), resume(), in any thread
    goes on          <-  end(): no longer listed         ->     resumed(stop)

A thread that waits holds no lock of this table. Signal handlers of the program run meanwhile."""

import collections
import itertools
import os
import sys
import threading
import time
import weakref
from types import FrameType
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)  # fmt: skip

from relive.debug.breakpoints import Breakpoint
from relive.errors import ReliveError

MODES = ("continue", "into", "over", "out", "until")
REASONS = (
    "breakpoint", "watch", "step", "pause", "others", "exception", "goto",
    "call", "line", "return", "raise", "opcode",
)  # fmt: skip
KEEPS_S = 1.0  # how long a thread that steps keeps its turn before another one is shown

_T = TypeVar("_T")


class Go(NamedTuple):
    """How a thread goes on."""

    mode: str
    line: int = 0
    frame: Optional[FrameType] = None
    into: Optional[str] = None


class Stop:
    """A thread that has stopped."""

    number: int  #: counts the stops of the process
    thread: int  #: its identity, as threading.get_ident() has it
    thread_name: str
    task: Optional[str]  #: the name of the task that it runs
    frame: FrameType
    reason: str  #: one of REASONS
    breakpoints: Tuple[Breakpoint, ...]
    value: Any  #: what is returned, where the reason is return
    exception: Optional[BaseException]  #: in flight, where the reason is exception or raise
    trouble: str  #: the error of the breakpoint's condition; else empty
    changes: Tuple[Any, ...]  #: of watches.Change: what has changed of what is watched
    position: Optional[str]  #: of the last event in the recording being made: T1@48213

    def __init__(
        self, number: int, frame: FrameType, reason: str, breakpoints: Sequence[Breakpoint],
        value: Any = None, trouble: str = "", changes: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        from relive import _core

        self.number, self.frame = number, frame
        self.can_jump = reason != "interrupt"
        self.reason = "pause" if reason == "interrupt" else reason
        self.breakpoints, self.trouble = tuple(breakpoints), trouble
        self.changes = tuple(changes)
        self.thread, self.thread_name = threading.get_ident(), _thread_name()
        self.task = _core.debug_task()
        self.value = value if reason == "return" else None
        raised = value[1] if reason == "raise" and isinstance(value, tuple) else value
        is_raised = reason in ("exception", "raise") and isinstance(raised, BaseException)
        self.exception = raised if is_raised else None
        place = _core.position()
        self.position = f"T{place[0]}@{place[1]}" if place is not None else None
        self.is_over = False
        self._jobs: Deque[Callable[[], None]] = collections.deque()
        self.chosen: Optional[Go] = None
        self.does_jobs = False  # jobs of other threads are done sooner or later

    def frames(self) -> List[FrameType]:
        """Returns the stack, innermost first."""
        found: List[FrameType] = []
        frame: Optional[FrameType] = self.frame
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
        return found

    def as_dict(self) -> Dict[str, Any]:
        """Returns what is plain of it, for a protocol."""
        return {
            "number": self.number,
            "thread": self.thread,
            "thread_name": self.thread_name,
            "task": self.task,
            "reason": self.reason,
            "file": self.frame.f_code.co_filename,
            "line": self.frame.f_lineno,
            "function": self.frame.f_code.co_name,
            "breakpoints": [one.id for one in self.breakpoints],
            "changes": [str(one) for one in self.changes],
            "position": self.position,
        }

    def __repr__(self) -> str:
        return f"<Stop {self.number} of {self.thread_name!r}: {self.reason}>"


class Front:
    """What is shown where a program stops: a prompt, a protocol. Make a class from it, and assign
    an object to `runtime.front`. What its methods raise is printed and reaches nobody else."""

    #: whether a stop waits until the stops before it have gone on
    one_at_a_time = False

    def stopped(self, stop: Stop) -> None:
        """A thread has stopped; called in it. It holds behind this call, until
        runtime.resume() lets it go on. Call that here, or later from any thread."""

    def resumed(self, stop: Stop) -> None:
        """The thread goes on now; called in it."""

    def bound(self, breakpoint: Breakpoint) -> None:
        """The program has come to the code that a breakpoint is in: it is verified from now on.
        Called in the thread that has."""


_tables: "weakref.WeakSet[StopTable]" = weakref.WeakSet()


def _reset_tables() -> None:
    for table in list(_tables):
        table.forked()


os.register_at_fork(after_in_child=_reset_tables)


class StopTable:
    """The threads that have stopped. One for each runtime."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.own: Set[int] = set()  # threads of the debugger itself
        self.stop_others = False
        self._stops: List[Stop] = []
        self._holder = 0  # the thread whose turn it is
        self._begin()
        _tables.add(self)

    def forked(self) -> None:
        """In a forked child the other threads are gone, and whoever held the lock too."""
        own = threading.get_ident()
        stops, holder = [stop for stop in self._stops if stop.thread == own], self._holder
        self._begin()
        self._stops, self._holder = stops, holder if holder == own else 0

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._stops = []
        self._paused: Set[int] = set()  # threads that are to stop because another one has
        self._queue: List[Stop] = []  # of those that wait for their turn
        self._holder = 0
        self._kept_for, self._kept_until = 0, 0.0

    # ---- the list ----

    def all(self) -> List[Stop]:
        """Returns the stops, in their order. Of stops within a stop the last one counts."""
        with self._changed:
            return list({stop.thread: stop for stop in self._stops}.values())

    def of_thread(self, thread: int) -> Stop:
        """Returns the stop of a thread. Raises ReliveError where it has none."""
        for stop in self.all():
            if stop.thread == thread:
                return stop
        raise ReliveError("ERR_USAGE", f"thread {thread} has not stopped")

    def of_frame(self, frame: FrameType) -> Optional[Stop]:
        """Returns the stop whose thread has a frame on its stack, or None."""
        for stop in self.all():
            if any(one is frame for one in stop.frames()):
                return stop
        return None

    def here(self) -> Optional[Stop]:
        """Returns the stop of the calling thread, or None."""
        own = threading.get_ident()
        return next((stop for stop in self.all() if stop.thread == own), None)

    # ---- in the thread that stops ----

    def begin(
        self, frame: FrameType, reason: str, breakpoints: Sequence[Breakpoint] = (),
        value: Any = None, trouble: str = "", changes: Sequence[Any] = (),
    ) -> Stop:  # fmt: skip
        """Lists a stop of the calling thread, and stops the others if that is wanted."""
        stop = Stop(next(self._numbers), frame, reason, breakpoints, value, trouble, changes)
        with self._changed:
            if stop.thread in self._paused:
                self._paused.discard(stop.thread)
                stop.reason = "others" if stop.reason == "pause" else stop.reason
            self._stops.append(stop)
        if stop.reason != "others":
            self.pause_others()
        return stop

    def end(self, stop: Stop) -> None:
        """Removes the stop from the list."""
        with self._changed:
            self._stops.remove(stop)
            stop.is_over = True
            left = list(stop._jobs)
            self._changed.notify_all()
        for job in left:
            job()

    def hold(self, stop: Stop) -> Go:
        """Waits until the thread is to go on, and runs the jobs that others have for it."""
        self._serve(stop, lambda: stop.chosen is not None)
        go, stop.chosen = stop.chosen, None
        return go if go is not None else Go("continue")

    def take_go(self, stop: Stop) -> Optional[Go]:
        """Returns how another thread wants this one to go on, or None. Does not wait."""
        go, stop.chosen = stop.chosen, None
        return go

    def _serve(self, stop: Stop, is_done: Callable[[], bool], wait_s: float = 3600.0) -> None:
        while True:
            with self._changed:
                while not stop._jobs and not is_done():
                    self._changed.wait(wait_s)
                if not stop._jobs:
                    return
                job = stop._jobs.popleft()
            job()

    # ---- turns ----

    def take_turn(self, stop: Stop) -> None:
        """Waits until no other thread has its turn. A thread within its turn does not wait."""
        with self._changed:
            self._queue.append(stop)
            served, stop.does_jobs = stop.does_jobs, True
        try:
            self._serve(stop, lambda: self._may_take(stop), KEEPS_S / 20)
        finally:
            with self._changed:
                self._queue.remove(stop)
                stop.does_jobs = served
                self._changed.notify_all()

    def _may_take(self, stop: Stop) -> bool:
        """Takes the turn if it is free."""
        is_kept = self._kept_for not in (0, stop.thread) and time.monotonic() < self._kept_until
        is_first = self._queue[0] is stop or self._kept_for == stop.thread
        if self._holder != stop.thread and (self._holder != 0 or is_kept or not is_first):
            return False
        self._holder, self._kept_for = stop.thread, 0
        return True

    def pass_turn(self, keeps: bool) -> None:
        """Gives the calling thread's turn to the next. With `keeps` this thread has it again if it
        stops soon: it steps."""
        own = threading.get_ident()
        with self._changed:
            if self._holder == own:
                self._holder = 0
                self._kept_for = own if keeps else 0
                self._kept_until = time.monotonic() + KEEPS_S
                self._changed.notify_all()

    def holder(self) -> int:
        """Returns the thread whose turn it is; 0: none."""
        return self._holder

    def seize_turn(self) -> None:
        """Ends the turn of a thread that does not answer."""
        with self._changed:
            self._holder = 0
            self._changed.notify_all()

    # ---- from any thread ----

    def resume(self, stops: Sequence[Stop], go: Go, others: bool) -> None:
        """Lets threads go on. With `others` also those that stopped because of them."""
        with self._changed:
            for stop in stops:
                stop.chosen = go
            self._changed.notify_all()
        if others:
            self.release_others()

    def call_in(self, stop: Stop, job: Callable[[], _T], timeout: Optional[float] = None) -> _T:
        """Calls a function in a thread that holds, and returns its result. Raises ReliveError where
        the thread does not answer."""
        if stop.thread == threading.get_ident():
            return job()
        found: List[_T] = []
        errors: List[BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                found.append(job())
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                errors.append(error)
            finally:
                done.set()

        with self._changed:
            if stop.is_over or not stop.does_jobs:
                raise ReliveError("ERR_BUSY", f"{stop.thread_name} is not held: it runs a front")
            stop._jobs.append(run)
            self._changed.notify_all()
        if not done.wait(timeout):
            raise ReliveError("ERR_BUSY", f"{stop.thread_name} has not answered in {timeout:g} s")
        if errors:
            raise errors[0]
        return found[0]

    def pause_others(self) -> None:
        """Stops all other threads of the program at their next line, if that is switched on."""
        if not self.stop_others:
            return
        from relive import _core

        with self._changed:
            known = {stop.thread for stop in self._stops} | self.own | {threading.get_ident()}
            wanted = set(sys._current_frames()) - known - self._paused
            self._paused |= wanted
        for thread in wanted:
            _core.debug_pause(thread)

    def release_others(self) -> None:
        """Lets the threads go on that stopped because another one had."""
        from relive import _core

        with self._changed:
            wanted, self._paused = self._paused, set()
            for stop in self._stops:
                if stop.reason == "others":
                    stop.chosen = stop.chosen or Go("continue")
            self._changed.notify_all()
        for thread in wanted:
            _core.debug_unpause(thread)


def _thread_name() -> str:
    """Returns the name of the calling thread. Nothing is made for one that Python has not begun."""
    own = threading.get_ident()
    known: Any = getattr(threading, "_active", {}).get(own)
    name = getattr(known, "_name", None)
    return name if isinstance(name, str) else f"thread {own}"

"""One prompt for all threads: each thread has its own place and step in it, and Control-C always
leads back to it."""

import itertools
import signal
import sys
import threading
from types import FrameType
from typing import Any, Dict, Optional, Type

from relive.debug import children
from relive.debug.engine import runtime
from relive.debug.stdlib_pdb import pdb

_ANSWERS_S = 1.0  # a command that is interrupted has so long to end
_numbers = itertools.count(1 << 32)  # of calls that may be interrupted, apart from evaluations'
_IN_READLINE = "can't re-enter readline"  # of Python, where Control-C was typed at an input()
_PREVIOUS = "_previous_sigint_handler"  # pdb puts it back at its prompt


class PerThread:
    """An attribute that each thread has for itself."""

    def __init__(self, default: Any = None) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self._default
        return _space(instance).get(self._name, self._default)

    def __set__(self, instance: Any, value: Any) -> None:
        _space(instance)[self._name] = value

    def __delete__(self, instance: Any) -> None:
        _space(instance).pop(self._name, None)


def _space(instance: Any) -> Dict[str, Any]:
    found = instance.__dict__.get("_threads")
    if found is None:
        found = instance.__dict__["_threads"] = threading.local()
    space: Dict[str, Any] = found.__dict__
    return space


class SharedPrompt:
    """What pdb.Pdb needs to serve several threads. The runtime lets them in one at a time."""

    # bdb's step, and where the prompt is.
    stopframe: Any = PerThread()
    returnframe: Any = PerThread()
    stoplineno: Any = PerThread(0)
    botframe: Any = PerThread()
    enterframe: Any = PerThread()
    cmdframe: Any = PerThread()
    cmdlineno: Any = PerThread()
    frame_returning: Any = PerThread()
    quitting: Any = PerThread(False)
    currentbp: Any = PerThread(False)
    curframe: Any = PerThread()
    curindex: Any = PerThread(0)
    lineno: Any = PerThread()
    stack: Any = PerThread(())
    _locals: Any = PerThread()
    _found: Any = PerThread(())
    _is_meant: Any = PerThread(False)
    _by_instruction: Any = PerThread(False)

    was_open = False  # it has run a command
    _busy = 0  # the command that runs, by its number; 0 while the prompt reads

    def onecmd(self, line: str) -> bool:
        """Runs a command, which Control-C may end from another thread."""
        from relive import _core

        self.was_open = True
        runs: Any = super()
        if threading.current_thread() is threading.main_thread():
            return bool(runs.onecmd(line))
        before, self._busy = self._busy, next(_numbers)
        try:
            return bool(_core.debug_limited(self._busy, lambda: runs.onecmd(line)))
        finally:
            self._busy = before

    def cmdloop(self, intro: Any = None) -> None:
        """Reads commands; pdb calls it. Control-C may end it, and pdb calls it again."""
        loop: Any = super()
        own: Any = self
        if own.use_rawinput and sys.stdin is None:  # closed by the shell: the end of input
            own.cmdqueue.append("EOF")
        try:
            loop.cmdloop(intro)
        except KeyboardInterrupt:
            children.note_interrupt()
            raise
        except RuntimeError as error:
            if str(error) != _IN_READLINE:
                raise
            own.message("The program reads a line: the prompt opens behind that.")
            own.set_step()

    def catch_interrupts(self) -> None:
        """Has Control-C stop the program, if nothing of the program's own does anything then."""
        own: Any = self
        if threading.current_thread() is threading.main_thread() and not own.nosigint:
            handler = signal.getsignal(signal.SIGINT)
            if handler is signal.default_int_handler:
                setattr(pdb.Pdb, _PREVIOUS, signal.signal(signal.SIGINT, self.sigint_handler))

    def sigint_handler(self, signum: int, frame: Optional[FrameType]) -> None:
        """Control-C: stops the program, or ends the command that the prompt runs. Python calls it
        in the main thread."""
        from relive import _core

        own: Any = self
        if children.has_other():
            return  # it is for the process that has the prompt
        holder = runtime.stops.holder()
        if holder == threading.get_ident():
            raise KeyboardInterrupt  # the prompt is here, and catches it
        if holder and self._busy:
            self._interrupt_command(self._busy, KeyboardInterrupt)
            if runtime.stops.holder() != holder or not self._busy:
                return
            own.message("\nThe command does not end: it waits in C, or for another thread.")
            runtime.stops.seize_turn()
        elif holder:
            own.message("\n--KeyboardInterrupt--")
            own.stdout.write(own.prompt)
            own.stdout.flush()
            return
        else:
            own.message("\nProgram interrupted. (Use 'cont' to resume).")
        if not runtime.interrupt(frame):
            _core.debug_pause(threading.main_thread().ident or 0)

    def _interrupt_command(self, number: int, kind: Type[BaseException]) -> None:
        from relive import _core

        wait = threading.Event()
        left = _ANSWERS_S
        while left > 0 and self._busy == number and _core.debug_interrupt(number, kind):
            wait.wait(0.05)
            left -= 0.05

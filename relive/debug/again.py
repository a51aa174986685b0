"""`relive debug --again`: when the program ends, it begins again, as under pdb.

The program ends as it does alone: its threads are joined and its exit handlers run. The last exit
handler, which is the first that was registered, starts it again by exec (restart.py)."""

import atexit
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Callable, NamedTuple, NoReturn, Optional, Type

from relive import _core
from relive.debug import restart
from relive.debug.engine import runtime
from relive.errors import ReliveError

_ENTERING = (
    "Uncaught exception. Entering post mortem debugging\n"
    "Running 'cont' or 'step' will restart the program"
)


class _Run(NamedTuple):
    """One run of a program that is to begin again."""

    prompt: Any
    pid: int
    name: str
    is_first: bool  # with breakpoints, and so maybe without a stop
    hook: Callable[..., Any]  # sys.excepthook as it was


_run: Optional[_Run] = None
_has_quit = False
_was_post_mortem = False


def begin(prompt: Any, name: str, is_first: bool) -> None:
    """Has this program begin again when it ends."""
    global _run
    _run = _Run(prompt, os.getpid(), name, is_first, sys.excepthook)
    runtime.breakpoints.note_exits()
    atexit.register(_start_again)
    sys.excepthook = _open_post_mortem


def quits() -> SystemExit:
    """Returns the exception by which the user leaves: the program does not begin again."""
    global _has_quit
    _has_quit = True
    return SystemExit()


def quit_for_good() -> NoReturn:
    """Ends the process: the program does not begin again."""
    quits()
    runtime.quit()


def takes_over(when: str) -> bool:
    """Returns whether a stop at an exception is a post mortem as pdb has it, which ends the run."""
    is_main = threading.current_thread() is threading.main_thread()
    return _run is not None and _run.pid == os.getpid() and when == "uncaught" and is_main


def announce(error: BaseException) -> None:
    """Prints what pdb prints in front of a post mortem."""
    assert _run is not None
    traceback.print_exception(type(error), error, error.__traceback__)
    sys.stderr.flush()
    _run.prompt.message(_ENTERING)


def ends_run() -> SystemExit:
    """Returns the exception that ends a run behind a post mortem. Its traceback was shown."""
    global _was_post_mortem
    _was_post_mortem = True
    return SystemExit(1)


def _open_post_mortem(
    kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]
) -> None:
    """sys.excepthook: opens the prompt at an exception that did not stop before."""
    global _was_post_mortem
    assert _run is not None
    _run.hook(kind, error, trace)
    is_end = sys._getframe().f_back is None  # else the program itself has called sys.excepthook
    if not is_end or _run.pid != os.getpid() or _has_quit:
        return
    if isinstance(error, SyntaxError) and trace is None:
        if not runtime.policy.restarts_after_syntax_error():
            quits()
            return
        trace = _place_of(error)
    _was_post_mortem = True
    if trace is not None:
        _run.prompt.message(_ENTERING)
        was_internal = _core.debug_internal(True)
        try:
            _run.prompt.post_mortem(trace, error)
        finally:
            _core.debug_internal(was_internal)


def _place_of(error: SyntaxError) -> Optional[TracebackType]:
    """Returns a traceback of the line that is no Python."""
    text = "\n" * max(0, (error.lineno or 1) - 1) + "raise error"
    try:
        exec(compile(text, error.filename or "<string>", "exec"), {"error": error})
    except SyntaxError as again:
        found = again.__traceback__
        return found.tb_next if found is not None else None
    return None


def _start_again() -> None:
    """The exit handler."""
    if _run is None or _run.pid != os.getpid() or _has_quit:
        return
    if not (_run.is_first or _was_post_mortem or _run.prompt.was_open):
        return  # it did not start: it would not start the next time
    try:
        if _was_post_mortem:
            text = f"Post mortem debugger finished. The {_run.name} will be restarted"
        else:
            text = "The program finished and will be restarted"
        if isinstance(runtime.exit, SystemExit) and not _was_post_mortem:
            status = "The program exited via sys.exit(). Exit status:"
            _run.prompt.message(f"{status} {runtime.exit}")
        _run.prompt.message(text)
        restart.become(_run.prompt)
    except BrokenPipeError:
        pass  # nobody reads the prompt
    except ReliveError as error:
        sys.stderr.write(f"relive debug: {error}\n")

"""Snapshots of a recording that goes on, taken when something happens: --dump-on, record(dump_on=).

exception      an exception that nothing catches, in any thread
signal:USR2    a signal, in the main thread; a handler that was set before runs afterwards
"""

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

from relive import _core, _run
from relive.errors import ReliveError

_MOST = 100  # snapshots of one recording

_signals: Dict[int, Any] = {}  # number -> the handler that was there
_hooks: Optional[Tuple[Any, Any]] = None  # sys.excepthook and threading.excepthook as they were


def check(words: Sequence[str]) -> List[Tuple[str, int]]:
    """Returns [(exception or signal, number)]. Raises ReliveError for what is neither."""
    found = []
    for word in words:
        kind, _, name = word.partition(":")
        number = 0
        if kind == "signal":
            known = {one.name[3:]: int(one) for one in signal.Signals if one.name[3:4] != "_"}
            number = known.get(name.upper().replace("SIG", "", 1), 0)
            if number in (0, signal.SIGKILL, signal.SIGSTOP):
                raise ReliveError(
                    "ERR_CONFIG", f"dump_on: {word!r} is no signal that can be caught (signal:USR2)"
                )
            if threading.current_thread() is not threading.main_thread():
                raise ReliveError(
                    "ERR_UNSUPPORTED", f"dump_on: {word!r} can be set from the main thread only"
                )
        elif word != "exception":
            raise ReliveError(
                "ERR_CONFIG", f"dump_on: {word!r} is neither exception nor a signal (signal:USR2)"
            )
        found.append((kind, number))
    return found


def arm(words: Sequence[str]) -> None:
    """Takes a snapshot whenever that happens from now on."""
    global _hooks
    for kind, number in check(words):
        if kind == "signal" and number not in _signals:
            if threading.current_thread() is not threading.main_thread():
                raise ReliveError(
                    "ERR_UNSUPPORTED",
                    "dump_on: a signal can be waited for from the main thread only",
                )
            _signals[number] = signal.signal(number, _on_signal)
        elif kind == "exception" and _hooks is None:
            _hooks = sys.excepthook, threading.excepthook
            sys.excepthook, threading.excepthook = _on_exception, _on_thread_exception


def disarm() -> None:
    """Restores everything. What somebody has put in place of ours meanwhile stays."""
    global _hooks
    for number, before in list(_signals.items()):
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(number) is _on_signal:
                signal.signal(number, before if before is not None else signal.SIG_DFL)
            del _signals[number]
    if _hooks is not None:
        if sys.excepthook is _on_exception:
            sys.excepthook = _hooks[0]
        if threading.excepthook is _on_thread_exception:
            threading.excepthook = _hooks[1]
        _hooks = None


class _Watcher(_run.Watcher):
    def before_stop(self) -> None:
        disarm()


_run.watchers.append(_Watcher())


def take() -> Optional[str]:
    """Writes a snapshot beside the recording, NAME-dump1.relive and so on, and returns its path. An
    error is reported in one line and returns None."""
    opened, state = _run.opened(), _core.state()
    if not state["recording"] or opened is None:
        return None
    path = state["path"]
    stem = path[: -len(".relive")] if path.endswith(".relive") else path
    for number in range(1, _MOST + 1):
        found = f"{stem}-dump{number}.relive"
        try:
            _core.snapshot(found)
        except _core.Error as error:
            if error.args[0] == "ERR_FILE_EXISTS":
                continue
            _run.complain(f"no snapshot: {error.args[1]}")
            return None
        except MemoryError:
            _run.complain("no snapshot: no memory for the copy")
            return None
        _run.complain(f"snapshot: {found}")
        return found
    _run.complain(f"no snapshot: there are {_MOST} of {path} already")
    return None


def _on_signal(number: int, frame: Optional[FrameType]) -> None:
    take()
    before = _signals.get(number)
    if callable(before):
        before(number, frame)


def _on_exception(
    kind: Type[BaseException], error: BaseException, traceback: Optional[TracebackType]
) -> None:
    take()
    before = _hooks[0] if _hooks is not None else sys.__excepthook__
    before(kind, error, traceback)


def _on_thread_exception(args: Any) -> None:
    take()
    module: Any = threading  # 3.8 and 3.9 have no __excepthook__
    before = _hooks[1] if _hooks is not None else module.__excepthook__
    before(args)

"""A test's time limit does not run while its report is written.

pytest-timeout's signal method, and tests of their own, use SIGALRM. In the middle of a report its
handler's exception would end the whole run of pytest."""

from __future__ import annotations

import contextlib
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

_LEAST = 0.01  # seconds, in which the hook that reports has returned


def is_set() -> bool:
    """Returns whether the real-time timer of the process runs."""
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Stops the real-time timer of the process, and lets it go on with what was left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGALRM)
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        if left:
            if handler is not None:  # it is Python's
                signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, max(left, _LEAST), interval)

"""Lists of events for a callback, from a thread of their own."""

import threading
from collections import deque

from relive import _core

_MOST = 100_000  # events that wait; more are counted and let go
_PAUSE = 0.05  # seconds that an event waits at most while the thread keeps up


class Drain:
    """Takes events from any thread and calls `call(list)` in its own."""

    def __init__(self, call, size):
        self._call, self._size = call, size
        self._waiting = deque()
        self._wake = threading.Event()
        self._is_ending = False
        self.overflowed = 0
        self._thread = threading.Thread(target=self._run, name="relive-callbacks", daemon=True)
        self._thread.start()

    def put(self, event):
        """One more; any thread."""
        if len(self._waiting) >= _MOST:
            self.overflowed += 1
            return
        self._waiting.append(event)
        if len(self._waiting) == self._size:  # once: the thread goes on until nothing waits
            self._wake.set()

    def _run(self):
        _core.suppress(True)
        _core.debug_internal(True)
        while True:
            ends = self._is_ending
            self._wake.wait(_PAUSE)
            self._wake.clear()
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                self._call(some)
            if ends:
                return

    def stop(self):
        """Everything that waits is told when this returns."""
        self._is_ending = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

"""Lists of events for a callback, in a thread of their own."""

import threading

from relive import _core

MOST = 100_000  # events that wait; more are dropped and counted
_PAUSE = 0.05  # seconds that an event waits at most while the thread keeps up


class Drain:
    """Takes what waits in a sink and gives it to the callback in lists of at most `size`."""

    def __init__(self, sink: _core.Sink, size: int, wake: threading.Event) -> None:
        self._sink, self._size = sink, size
        self._wake = wake
        self._is_ending = False
        self._thread = threading.Thread(target=self._deliver, name="relive-callbacks", daemon=True)
        self._thread.start()

    def _deliver(self) -> None:
        _core.suppress(True)
        _core.debug_internal(True)
        while True:
            ends = self._is_ending
            self._wake.wait(_PAUSE)
            self._wake.clear()
            events = self._sink.take_waiting()
            while events:
                for at in range(0, len(events), self._size):
                    self._sink.tell(events[at : at + self._size])
                events = self._sink.take_waiting()
            if ends:
                return

    def stop(self) -> None:
        """Delivers everything that waits, and ends the thread."""
        self._is_ending = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

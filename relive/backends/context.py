"""Where the events of one thread, or of one task of it, are told apart from others'."""

import sys
import threading
import uuid
import weakref
from typing import Any, Callable, List, Optional

from relive.backends.event import TraceEvent


def _nothing():
    pass


class _State:
    __slots__ = ("__weakref__", "events", "trace_id")

    def __init__(self):
        self.trace_id, self.events = None, []

    def trace(self):
        """Its trace id, made where it has none."""
        if self.trace_id is None:
            self.trace_id = uuid.uuid4().hex
        return self.trace_id


def current_task():
    """The task of asyncio that runs in this thread, or None."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()


class ThreadLocalContext:
    """A trace id and a list of events for each thread, and in asynchronous code for each task."""

    def __init__(self) -> None:
        self.on_change: Callable[[], Any] = _nothing  # who remembers a state looks it up anew
        self._local = threading.local()
        self._tasks: Any = weakref.WeakKeyDictionary()

    def state(self):
        """That of the calling thread or task; made where it has none."""
        task = current_task()
        if task is None:
            return self.thread_state()
        state = self._tasks.get(task)
        if state is None:
            state = self._tasks[task] = _State()
        return state

    def thread_state(self):
        """That of the calling thread outside of tasks."""
        try:
            return self._local.state
        except AttributeError:
            state = self._local.state = _State()
            return state

    @property
    def trace_id(self) -> Optional[str]:
        """The id of the trace, or None."""
        found: Optional[str] = self.state().trace_id
        return found

    @trace_id.setter
    def trace_id(self, value: Optional[str]) -> None:
        self.state().trace_id = value
        self.on_change()

    @property
    def events(self) -> List[TraceEvent]:
        """The list of its events."""
        found: List[TraceEvent] = self.state().events
        return found

    def clear(self) -> None:
        """Forgets id and events, of this thread or task alone."""
        state = self.state()
        state.trace_id = None
        state.events.clear()
        self.on_change()

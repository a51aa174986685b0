"""The events and the trace id of one thread, or of one task in it."""

import sys
import threading
import uuid
import weakref
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from relive.backends.event import TraceEvent

if TYPE_CHECKING:
    import asyncio


def _do_nothing() -> None:
    pass


class _State:
    """What belongs to one thread or task."""

    __slots__ = ("__weakref__", "events", "trace_id")

    def __init__(self) -> None:
        self.trace_id: Optional[str] = None
        self.events: List[TraceEvent] = []

    def trace(self) -> str:
        """Returns its trace id, and makes one where it has none."""
        if self.trace_id is None:
            self.trace_id = uuid.uuid4().hex
        return self.trace_id


def current_task() -> "Optional[asyncio.Task[Any]]":
    """Returns the task of asyncio that runs in this thread, or None."""
    module: Any = sys.modules.get("asyncio")
    if module is None or module._get_running_loop() is None:
        return None
    found: "Optional[asyncio.Task[Any]]" = module.current_task()
    return found


class ThreadLocalContext:
    """A trace id and a list of events for each thread, and in asynchronous code for each task."""

    def __init__(self) -> None:
        self.on_change: Callable[[], Any] = _do_nothing  # whoever keeps a state looks it up again
        self._local = threading.local()
        self._tasks: Any = weakref.WeakKeyDictionary()

    def state(self) -> _State:
        """Returns the state of the calling thread or task, and makes it where there is none."""
        task = current_task()
        if task is None:
            return self.thread_state()
        state: Optional[_State] = self._tasks.get(task)
        if state is None:
            state = self._tasks[task] = _State()
        return state

    def thread_state(self) -> _State:
        """Returns the state of the calling thread outside of tasks."""
        try:
            known: _State = self._local.state
            return known
        except AttributeError:
            state = self._local.state = _State()
            return state

    @property
    def trace_id(self) -> Optional[str]:
        """The id of the trace, or None."""
        return self.state().trace_id

    @trace_id.setter
    def trace_id(self, value: Optional[str]) -> None:
        self.state().trace_id = value
        self.on_change()

    @property
    def events(self) -> List[TraceEvent]:
        """The list of its events."""
        return self.state().events

    def clear(self) -> None:
        """Forgets id and events, of this thread or task alone."""
        state = self.state()
        state.trace_id = None
        state.events.clear()
        self.on_change()

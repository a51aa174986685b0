"""Huey: a session for each task that a consumer runs, by the hooks of one Huey."""

import sys
from contextvars import ContextVar
from typing import Any, Optional

from relive.instrument import tasks

_NAME = "relive"  # of our hooks, so that a second call replaces them
_began: ContextVar[Optional[tasks.Began]] = ContextVar("relive_huey", default=None)


def huey(queue: Any) -> Any:
    """Makes each task that a consumer of this Huey runs a session. Returns the Huey."""
    # What a hook or Ctrl-C cuts short has one of these signals, and no end.
    if not queue.unregister_pre_execute(_NAME):
        queue.signal("canceled", "interrupted")(_cut_short)
    queue.unregister_post_execute(_NAME)
    queue.pre_execute(_NAME)(_begin)
    queue.post_execute(_NAME)(_end)
    return queue


def _begin(task: Any) -> None:
    more = {"retries_left": task.retries} if task.retries else {}
    _began.set(tasks.begin("huey", task.id, task.name, **more))


def _end(task: Any, value: Any, error: Optional[BaseException]) -> None:
    began = _began.get()
    if began is not None:
        _began.set(None)
        tasks.end(began, error)


def _cut_short(signal: str, task: Any, *more: Any) -> None:
    _end(task, None, sys.exc_info()[1])

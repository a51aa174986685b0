"""Celery: a session for each task that a worker runs, by Celery's own signals.

A retry is a run of its own, with the same id. Whoever sends a task inside a session sends that
session's trace along, and the task takes part in it."""

import sys
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Tuple

from relive.errors import ReliveError
from relive.instrument import tasks
from relive.sessions.api import outgoing_headers

# Tasks that run here, the innermost last: (its id, its session).
_running: ContextVar[Tuple[Tuple[Any, tasks.Began], ...]] = ContextVar("relive_celery", default=())


def install() -> None:
    """Puts it in force. Celery must be imported already."""
    if "celery" not in sys.modules:
        raise ReliveError("ERR_NOT_FOUND", "celery is not imported yet: import it first")
    signals: Any = import_module("celery.signals")  # Celery imports its modules when they are used
    signals.task_prerun.connect(_begin, weak=False)
    signals.task_postrun.connect(_end, weak=False)
    signals.before_task_publish.connect(_send_trace, weak=False)


def uninstall() -> None:
    """Takes it back."""
    signals: Any = sys.modules["celery.signals"]
    signals.task_prerun.disconnect(_begin)
    signals.task_postrun.disconnect(_end)
    signals.before_task_publish.disconnect(_send_trace)


def _begin(task_id: Any = None, task: Any = None, **more: Any) -> None:
    request = task.request
    began = tasks.begin(
        "celery", task_id, task.name, getattr(request, "traceparent", None),
        queue=(request.delivery_info or {}).get("routing_key"), retries=request.retries or None,
    )  # fmt: skip
    _running.set((*_running.get(), (task_id, began)))


def _end(task_id: Any = None, retval: Any = None, state: Any = None, **more: Any) -> None:
    """Ends the task, and those in it that nobody has ended."""
    rows = _running.get()
    places = [number for number, row in enumerate(rows) if row[0] == task_id]
    if not places:
        return  # it began before this was in force
    _running.set(rows[: places[-1]])
    has_failed = state != "SUCCESS" and isinstance(retval, BaseException)
    error = retval if has_failed else sys.exc_info()[1] if state is None else None
    for _, began in reversed(rows[places[-1] :]):
        tasks.end(began, error)


def _send_trace(headers: Any = None, **more: Any) -> None:
    if isinstance(headers, dict):
        for name, value in outgoing_headers().items():
            headers.setdefault(name, value)

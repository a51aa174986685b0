"""A session for each task that a worker runs, whichever queue it came from.

    began = tasks.begin("celery", identifier, name, ...)
    tasks.end(began, error)

The active session goes back to the one around it, so a task may run another one inside."""

from typing import Any, Dict, Optional, Tuple

from relive import _core
from relive.sessions import api
from relive.sessions.http import text

__all__ = ["Began", "begin", "end"]
Began = Tuple[_core.Session, Any]


def begin(system: str, identifier: Any, name: Any, traceparent: Any = None, **more: Any) -> Began:
    """Begins the session of a task and makes it the active one.

    Without a traceparent, a task that runs inside another one belongs to its trace. `more` are
    further attributes; those that are None are left out."""
    attrs: Dict[str, str] = {"task_id": text(identifier), "task_name": text(name), "system": system}
    attrs.update((key, text(value)) for key, value in more.items() if value is not None)
    parent = traceparent if type(traceparent) is str else api.traceparent()
    session = api.begin_session(attrs["task_name"], attrs, parent)
    return session, _core.enter_session(session)


def end(began: Began, error: Optional[BaseException] = None) -> None:
    """Ends it, with what the task has raised."""
    session, token = began
    if session.is_open:
        _core.finish_session(session, token, error)
    else:
        _core.leave_session(token)

"""The tasks of asyncio in a process that has stopped."""

from __future__ import annotations

import sys

from relive.prompt.place import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence


def current() -> Optional[str]:
    """Returns the name of the task that runs in this thread, None where none does."""
    asyncio: Any = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task() if asyncio is not None else None
    except (AttributeError, RuntimeError):  # half imported; no loop runs in this thread
        return None
    return task.get_name() if task is not None else None


def rows() -> Sequence[Row]:
    """Returns the tasks that have not ended, of all loops."""
    found = []
    for task in _all():
        coroutine = task.get_coro()
        state = "runs" if getattr(coroutine, "cr_running", False) else "waits"
        frame = _innermost(coroutine)
        at = f" in {frame.f_code.co_name}() line {frame.f_lineno}" if frame is not None else ""
        name = getattr(coroutine, "__qualname__", "?")
        found.append(Row(task.get_name(), f"{name}()", state + at))
    return found


def _all() -> List[Any]:
    asyncio: Any = sys.modules.get("asyncio.tasks")
    if asyncio is None:
        return []
    known: Any = getattr(asyncio, "_all_tasks", None) or getattr(asyncio, "_scheduled_tasks", ())
    eager: Any = getattr(asyncio, "_eager_tasks", ())
    found = {id(one): one for one in [*list(known), *list(eager)] if not one.done()}
    try:
        found.update((id(one), one) for one in asyncio.all_tasks())
    except RuntimeError:  # no loop runs in this thread
        pass
    return sorted(found.values(), key=lambda task: _order(task.get_name()))


def _order(name: str) -> Any:
    """Task-2 comes before Task-10."""
    head, _, number = name.rpartition("-")
    return (head, int(number), "") if number.isdecimal() else (name, -1, name)


def _innermost(coroutine: Any) -> Any:
    """Returns the frame of the coroutine that this one waits for, as deep as it goes."""
    frame = None
    while coroutine is not None:
        found = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if found is None:
            break
        frame = found
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return frame

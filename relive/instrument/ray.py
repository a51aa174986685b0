"""Ray: a session for each task and each method of an actor that a worker runs.

    ray.init(runtime_env={"worker_process_setup_hook": "relive.instrument.ray.setup"})

Ray itself calls setup() in each worker. Coroutines and generators are no sessions, since they run
after the call has returned. Ray is not imported here."""

import functools
import inspect
import sys
from typing import Any, Callable

from relive import sessions
from relive.instrument.patches import Patches
from relive.sessions.http import text

_patches = Patches()


def setup() -> None:
    """Puts it in force in the process of a worker."""
    functions: Any = sys.modules["ray._private.function_manager"]
    _patches.put([(functions.FunctionActorManager, "get_execution_info", _make_getter)])


def _make_getter(original: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what Ray calls for the function of a task that it is about to run."""

    def get_execution_info(self: Any, *args: Any, **kwargs: Any) -> Any:
        info = original(self, *args, **kwargs)
        function = getattr(info.function, "method", info.function)  # of an actor, or of a task
        runs_later = inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function)
        is_own = info.function_name.startswith("__ray")
        if not _patches.is_on or runs_later or is_own:
            return info
        return info._replace(function=_wrap(info.function, info.function_name))

    return get_execution_info


def _wrap(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        task = sys.modules["ray"].get_runtime_context().get_task_id()
        attrs = {"task_id": text(task), "task_name": text(name), "system": "ray"}
        with sessions.session(text(name), attrs):
            return function(*args, **kwargs)

    return run

"""joblib: a session for each call that Parallel makes, in whichever process or thread it runs.

The calls are wrapped where they are collected into batches. So only the program that has the
Parallel installs this; its workers import it when they receive a call."""

import itertools
import sys
from typing import Any, Callable

from relive import sessions
from relive.errors import ReliveError
from relive.instrument.patches import Patches
from relive.sessions.http import text

_patches = Patches()
_batches = itertools.count(1)


def install() -> None:
    """Puts it in force. joblib must be imported already."""
    if "joblib" not in sys.modules:
        raise ReliveError("ERR_NOT_FOUND", "joblib is not imported yet: import it first")
    parallel: Any = sys.modules["joblib.parallel"]
    _patches.put([(parallel.BatchedCalls, "__init__", _make_init)])


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


class Call:
    """A function that runs as a session."""

    def __init__(self, function: Callable[..., Any], batch: int, number: int) -> None:
        self.function = function
        self.batch = batch
        self.number = number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function: Any = self.function
        name = getattr(function, "__qualname__", type(function).__name__)
        name = text(f"{getattr(function, '__module__', '?')}.{name}")
        task = f"{self.batch}.{self.number}"
        attrs = {"task_id": task, "task_name": name, "system": "joblib", "batch": str(self.batch)}
        with sessions.session(name, attrs):
            return function(*args, **kwargs)


def _make_init(original: Callable[..., None]) -> Callable[..., None]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        is_ours = any(isinstance(item[0], Call) for item in self.items)  # received by a worker
        if _patches.is_on and not is_ours:
            batch = next(_batches)
            self.items = [
                (Call(function, batch, number), *rest)
                for number, (function, *rest) in enumerate(self.items, 1)
            ]

    return init

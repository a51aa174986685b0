"""Dask: a session for each task that a worker runs in a thread, with no change to the program.

    DASK_DISTRIBUTED__WORKER__PRELOAD=relive.instrument.dask relive record app.py

Dask itself imports this module in each worker and calls dask_setup(). A task's key is its id.
Tasks that are coroutines are no sessions. Dask is not imported here."""

import contextlib
import sys
from typing import Any, Callable, Iterator

from relive import sessions
from relive.instrument.patches import Patches
from relive.sessions.http import text

_patches = Patches()


def dask_setup(worker: Any) -> None:
    """Puts it in force in the process of a worker."""
    _patches.put([(sys.modules["distributed.worker"], "set_thread_state", _make_state)])


def dask_teardown(worker: Any) -> None:
    """Takes it back."""
    _patches.take_back()


def _make_state(original: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what Dask enters around each task, in the thread that runs it."""

    @contextlib.contextmanager
    def set_thread_state(**state: Any) -> Iterator[None]:
        key = state.get("key")
        with original(**state):
            if key is None or not _patches.is_on:
                yield
                return
            name = text(sys.modules["dask.utils"].key_split(key))
            attrs = {"task_id": str(key), "task_name": name, "system": "dask"}
            with sessions.session(name, attrs):
                yield

    return set_thread_state

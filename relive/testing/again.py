"""A second look: a failed test runs once more, recorded with lines, and nobody hears of that run.

    teardown of a failed test     only what belongs to the test itself
        |
    Again.run()                   setup, call and teardown, as pytest's hooks do them; no report
        |
    tear_down_rest()              fixtures of wider scope, where no later test needs them

pytest has no way to tear down a test alone, so SetupState.teardown_exact is replaced for a moment.
What pytest or a plugin notes on the item, such as captured output, is put back afterwards."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Generator, Iterator, List, Optional, Tuple

_SILENT = frozenset(
    ("pytest_runtest_logstart", "pytest_runtest_logreport", "pytest_runtest_logfinish",
     "pytest_exception_interact", "pytest_warning_recorded")
)  # fmt: skip
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")  # of sys, which pytest sets


class Teardown:
    """Stands for SetupState.teardown_exact while the hooks of a test's teardown run."""

    def __init__(self, item: Any, has_failed: bool) -> None:
        self._item, self._has_failed = item, has_failed
        self._state = item.session._setupstate
        self._whole = self._state.teardown_exact
        self.is_rest_open = False  # the fixtures of wider scope are not torn down yet

    def __enter__(self) -> Teardown:
        self._state.teardown_exact = self._do
        return self

    def __exit__(self, *exc_info: object) -> None:
        del self._state.teardown_exact

    def _do(self, nextitem: Any) -> None:
        self.is_rest_open = True
        self._whole(self._item.parent)  # all that the parent does not need, so the item
        if not self._has_failed:
            self.is_rest_open = False
            self._whole(nextitem)


def can_run(item: Any) -> Optional[str]:
    """Returns why a test cannot be run again here; None where it can."""
    config, state = item.config, item.session._setupstate
    if config.getoption("usepdb", False) or config.getoption("trace", False):
        return "a debugger is on"
    if list(state.stack) != item.listchain()[:-1]:
        return "a fixture of wider scope has failed, or another plugin runs the test again"
    if not hasattr(config.pluginmanager, "_inner_hookexec") or not hasattr(item, "runtest"):
        return "this version of pytest is not known"
    return None


def tear_down_rest(item: Any, nextitem: Any) -> None:
    """Tears down the fixtures of wider scope that no later test needs."""
    capture = item.config.pluginmanager.getplugin("capturemanager")
    around: Any = contextlib.nullcontext()
    if hasattr(capture, "item_capture"):
        around = capture.item_capture("teardown", item)
    with around:
        item.session._setupstate.teardown_exact(nextitem)


class Again:
    """One more run of a test. `raised` has the names of the exceptions that its reports have."""

    def __init__(self, item: Any, timeout: Any) -> None:
        self.item, self._timeout = item, timeout
        self.raised: List[str] = []
        self.seconds = 0.0

    def run(self) -> None:
        """Runs the test. Its exceptions are noted, and those of Ctrl-C raised."""
        begun = time.perf_counter()
        with _put_back(self.item), _silence(self.item.config.pluginmanager):
            with warnings.catch_warnings(record=True), self._new_timer():
                self._make_new()
                if self._phase("setup"):
                    self._phase("call")
                with Teardown(self.item, has_failed=True):
                    self._phase("teardown", nextitem=None)
        self.seconds = time.perf_counter() - begun

    def note(self, kind: Any) -> None:
        """Notes the type of an exception with which a phase or a subtest has failed."""
        self.raised.append(name_of(kind))

    def _make_new(self) -> None:
        """Forgets the fixtures and the instance of the first run."""
        if hasattr(self.item, "_initrequest"):
            self.item._initrequest()
        if self.item.__dict__.get("_instance") is not None:
            del self.item._instance
            self.item._obj = None

    def _phase(self, when: Any, **more: Any) -> bool:
        hook = getattr(self.item.ihook, f"pytest_runtest_{when}")
        call = pytest.CallInfo.from_call(
            lambda: hook(item=self.item, **more), when, reraise=(KeyboardInterrupt,)
        )
        # fixtures such as tmp_path need what this hook notes; a report goes nowhere
        self.item.ihook.pytest_runtest_makereport(item=self.item, call=call)
        return call.excinfo is None

    @contextlib.contextmanager
    def _new_timer(self) -> Iterator[None]:
        """pytest-timeout: this run has the time that the first one had."""
        hook = self.item.ihook
        if self._timeout is None:
            yield
            return
        hook.pytest_timeout_cancel_timer(item=self.item)
        hook.pytest_timeout_set_timer(item=self.item, settings=self._timeout)
        try:
            yield
        finally:
            hook.pytest_timeout_cancel_timer(item=self.item)


def name_of(kind: Any) -> str:
    """Returns the name of a type of exceptions."""
    return f"{kind.__module__}.{kind.__qualname__}"


@contextlib.contextmanager
def _silence(manager: Any) -> Generator[None, None, None]:
    """Nobody gets a report meanwhile. Subtests report while they run."""
    real: Callable[..., Any] = manager._inner_hookexec

    def call_hook(name: str, *rest: Any) -> Any:
        return [] if name in _SILENT else real(name, *rest)

    manager._inner_hookexec = call_hook
    try:
        yield
    finally:
        manager._inner_hookexec = real


@contextlib.contextmanager
def _put_back(item: Any) -> Generator[None, None, None]:
    """What is noted on the item, and in sys, is the same afterwards."""
    fields: Dict[str, Any] = dict(item.__dict__)
    lists: List[Tuple[List[Any], List[Any]]] = [
        (field, list(field))
        for field in (*fields.values(), item.user_properties, item._report_sections)
        if isinstance(field, list)
    ]
    stash: Dict[Any, Any] = dict(item.stash._storage)
    last = {name: getattr(sys, name) for name in _LAST if hasattr(sys, name)}
    try:
        yield
    finally:
        item.__dict__.clear()
        item.__dict__.update(fields)
        for field, content in lists:
            field[:] = content
        item.stash._storage.clear()
        item.stash._storage.update(stash)
        for name in _LAST:
            if name in last:
                setattr(sys, name, last[name])
            elif hasattr(sys, name):
                delattr(sys, name)

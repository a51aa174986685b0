"""The hooks of --relive-rerun: when a failed test runs again (again.py), and what the report
says then (paths.py). pytest_plugin.Items has the first run's recording."""

from __future__ import annotations

import pytest

from relive.testing import alarm, names, paths, texts
from relive.testing.again import Again, Teardown, can_run, name_of, tear_down_rest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator, List, Optional, Tuple

    from relive.testing import keeper
    from relive.testing.pytest_plugin import Items

PROPERTY = "relive.second-look"  # of a report: what the second run has shown
PATH = "relive.lines"  # and the path of its recording
LEVEL = "lines"
_SECTION = "Relive second look, after teardown"  # pytest shows sections of a teardown by that word


class SecondLook:
    """The hooks of a process that runs tests."""

    def __init__(self, made: keeper.Keeper, items: Items) -> None:
        self._keeper, self._items = made, items
        self._again: Optional[Again] = None  # the second run that goes on
        self._spans = paths.Spans()
        self._raised: List[str] = []  # exceptions of the first run
        self._timeout: Tuple[Any, Any] = (None, None)  # item and settings of pytest-timeout
        self._verdict, self._path, self._seconds = "", "", 0.0

    @property
    def is_on(self) -> bool:
        """Whether a test runs again just now."""
        return self._again is not None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> Generator[None, Any, None]:
        if self._again is None:
            self._items.start(item)
            self._spans, self._raised = paths.Spans(), []
            self._verdict, self._path, self._seconds = "", "", 0.0
        self._spans.enter_phase()
        yield
        self._spans.leave_phase()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, Any, None]:
        self._spans.enter_phase()
        yield
        self._spans.leave_phase()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: Any, nextitem: Any) -> Generator[None, Any, None]:
        self._spans.enter_phase()
        if self._again is not None:
            yield
            self._spans.leave_phase()
            return
        with Teardown(item, self._items.has_failed) as teardown:
            outcome = yield
        self._spans.leave_phase()
        if teardown.is_rest_open:
            with alarm.paused():
                self._look(item, outcome)
            self._finish(item, nextitem, outcome)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, None]:
        """Only the first test that uses a fixture of wider scope sees its begin."""
        since = self._spans.place()
        yield
        if fixturedef.scope != "function":
            self._spans.leave_out(since)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, Any, None]:
        """Subtests report while they run, and those of the second run do not."""
        since = self._spans.place()
        yield
        self._spans.leave_out(since)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        since = self._spans.place()
        outcome = yield
        self._spans.leave_out(since)
        if outcome.excinfo is not None:
            return
        report = outcome.get_result()
        has_raised = report.outcome == "failed" and call.excinfo is not None
        if self._again is not None:
            if has_raised:
                self._again.note(call.excinfo.type)
        elif call.when == "teardown":
            with alarm.paused():
                self._tell(item, report)
        elif has_raised:
            self._raised.append(name_of(call.excinfo.type))

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: Any, settings: Any) -> None:
        """pytest-timeout begins to wait for a test."""
        if self._again is None:
            self._timeout = (item, settings)

    def _look(self, item: Any, outcome: Any) -> None:
        """Runs the test again, and compares."""
        if outcome.excinfo is not None:
            self._raised.append(name_of(outcome.excinfo[0]))
        first = self._items.keep_first_run(item)
        if first is None:
            return
        settings = self._timeout[1] if self._timeout[0] is item else None
        reason = can_run(item)
        if self._keeper.has_given_way:
            reason = "the test records by itself"
        elif settings is not None and settings.timeout and settings.method != "signal":
            reason = "pytest-timeout ends the process where it takes too long"
        if reason is not None:
            self._verdict = f"not run again: {reason}"
            return
        name = names.file_name(item.nodeid, self._items.run, is_second_look=True)
        self._keeper.begin(LEVEL)
        self._keeper.forget(name)
        spans, self._spans = self._spans, paths.Spans()
        again = self._again = Again(item, settings if settings and settings.timeout else None)
        try:
            again.run()
        finally:
            self._again = None
        self._seconds = again.seconds
        with alarm.paused():  # which the second run may have set
            self._compare(item, first, spans, again)

    def _compare(self, item: Any, first: str, spans: paths.Spans, again: Again) -> None:
        """Keeps the second run, and compares both."""
        name = names.file_name(item.nodeid, self._items.run, is_second_look=True)
        self._path = self._keeper.keep(name, self._items.facts(item, "second look")) or ""
        if self._path:
            both = (spans, self._spans)
            self._verdict = paths.compare((first, self._path), both, (self._raised, again.raised))
        else:
            self._verdict = "not compared: the second run is not recorded"

    def _finish(self, item: Any, nextitem: Any, outcome: Any) -> None:
        """Tears down the fixtures of wider scope."""
        call = pytest.CallInfo.from_call(
            lambda: tear_down_rest(item, nextitem),
            "teardown",
            reraise=(pytest.exit.Exception, KeyboardInterrupt),
        )
        if call.excinfo is None:
            return
        if self._path:
            name = names.file_name(item.nodeid, self._items.run, is_second_look=True)
            self._keeper.keep(name, self._items.facts(item, "teardown"))
        if outcome.excinfo is None:
            outcome.force_exception(call.excinfo.value)

    def _tell(self, item: Any, report: Any) -> None:
        """Puts what the second run has shown into the report of the teardown."""
        report.duration = max(report.duration - self._seconds, 0.0)
        if not self._verdict:
            return
        lines = [f"run again at {LEVEL}: {self._verdict}"]
        report.user_properties.append((PROPERTY, self._verdict))
        if self._path:
            report.user_properties.append((PATH, self._path))
        if self._verdict == paths.SAME:
            lines += texts.of_failure(self._path, getattr(item, "function", None))
        elif self._path:
            lines += texts.of_difference(str(self._items.kept), self._path)
        report.sections.append((_SECTION, "\n".join(lines)))

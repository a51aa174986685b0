"""pytest's hooks: they decide which recordings are kept, and put the paths into the reports.

    a report that failed     keeper.keep(), texts    its longrepr, sections and user_properties
    that of the teardown     keeper.keep()           once more, with what the teardown did
                             keeper.begin()          also where all is green: for the next test

Items has the hooks of a process that runs tests, Session those of the process that shows results.
With pytest-xdist these are several processes. Nothing here may raise: a test's outcome is not ours
to change.

A green test pays for each call of a hook here. So there are two hooks, for setup and for reports.
Neither is a wrapper, which costs several times as much. A report is looked at when it is logged,
and is final then. Plugins that run a test several times may log no report of a run; failures of
such runs come by pytest_exception_interact."""

from __future__ import annotations

import os

import pytest

from relive import config as settings_of
from relive.errors import ReliveError
from relive.testing import alarm, keeper, names, second_look, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

PROPERTY = "relive"  # of a report: the path of its recording
_SECTION = "Relive recording"
_GREEN = ("passed", "skipped")  # outcomes of reports; plugins have more, such as "rerun"
_LOOKS = 20  # second looks that the summary lists
_FOLDER = os.path.join(".relive", "pytest")


def begin(config: Any) -> None:
    """Registers what --relive needs in this process."""
    if not hasattr(pytest, "version_tuple"):  # it came with 7.0
        raise pytest.UsageError(
            f"--relive needs pytest 7.0 or newer, and this is {pytest.__version__};"
            " `pip install -U pytest` brings one"
        )
    worker = getattr(config, "workerinput", None)
    is_starter = worker is None and config.getoption("dist", "no") != "no"
    folder = os.path.abspath(config.getoption("relive_dir") or _default_folder(config))
    try:
        settings = _settings(config)
    except ReliveError as error:
        raise pytest.UsageError(f"--relive: {error}") from None
    if config.getoption("collectonly", False):
        return
    if worker is None:
        plugin: Any = Session(config, folder, settings)
        config.pluginmanager.register(plugin, "relive-session")
    if not is_starter:
        name = keeper.process_name(
            worker["workerid"] if worker else "main", worker["testrunuid"] if worker else ""
        )
        root = str(config.rootpath)
        made = keeper.Keeper(folder, name, root, settings, config.getoption("relive_include"))
        items = Items(config, made)
        if _looks_twice(config, settings):
            items.second_look = second_look.SecondLook(made, items)
            config.pluginmanager.register(items.second_look, "relive-second-look")
        config.pluginmanager.register(items, "relive-items")


def _default_folder(config: Any) -> str:
    return os.path.join(str(config.rootpath), _FOLDER)


def _settings(config: Any) -> Dict[str, Any]:
    """Returns the settings of the recording, checked."""
    settings: Dict[str, Any] = {
        "ring": config.getoption("relive_max"), "children": False, "dump_on": [],
    }  # fmt: skip
    if config.getoption("relive"):
        settings["level"] = config.getoption("relive")
    settings["level"] = settings_of.load(arguments=settings).level
    return settings


def _looks_twice(config: Any, settings: Dict[str, Any]) -> bool:
    """Returns whether a failed test runs again, with more recorded than the first time."""
    return bool(config.getoption("relive_rerun")) and settings["level"] != second_look.LEVEL


class Items:
    """The hooks of a process that runs tests."""

    def __init__(self, config: Any, made: keeper.Keeper) -> None:
        self._config, self._keeper = config, made
        self._keeps_all = config.getoption("relive_keep") == "all"
        self._item: Any = None  # that runs, or ran last
        self._runs = False  # whether it runs
        self.run = 0  # the how many-th time
        self.has_failed = False
        self.kept: Optional[str] = None
        self._told: List[Any] = []  # reports that have the path
        self._is_new = False  # the recording has begun with the end of the test before
        self._is_over = False  # its recording is whole
        self.second_look: Optional[second_look.SecondLook] = None

        @pytest.hookimpl(tryfirst=True)
        def look_at(report: Any) -> None:
            if report.when == "teardown" or report.outcome not in _GREEN:
                self._logged(report)

        self.pytest_runtest_logreport = look_at  # CPython calls a function faster than a method

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        if self.second_look is None:
            self.start(item)

    def _logged(self, report: Any) -> None:
        """A report that is not green, or of a teardown, is logged."""
        if not self._runs or self._runs_again:
            return
        is_end = report.when == "teardown"
        if self.has_failed or self._keeps_all or report.outcome not in _GREEN:
            with alarm.paused():
                self._report(report, is_end)
        if is_end:
            self._runs = False
            self._begin()

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, node: Any, report: Any) -> None:
        """Reports of a test come here after they were logged, or where that is not done yet."""
        if self._runs and node is self._item and not self._runs_again and not self._is_told(report):
            with alarm.paused():
                self._report(report, False)

    def start(self, item: Any) -> None:
        """A run of the item begins. The recording has begun already, unless no report of the run
        before was logged."""
        if not self._is_new:
            self._begin()
        self.run = self.run + 1 if item is self._item else 1
        self._item, self._runs, self._is_new = item, True, False
        if self.has_failed:
            self.has_failed, self.kept, self._told, self._is_over = False, None, [], False
        if self._keeper.has_old:
            self._keeper.forget(self._name())

    def _begin(self) -> None:
        if alarm.is_set():  # by the test, or for it
            with alarm.paused():
                self._is_new = self._keeper.begin()
        else:
            self._is_new = self._keeper.begin()

    @property
    def _runs_again(self) -> bool:
        """Whether it is a second look that runs."""
        return self.second_look is not None and self.second_look.is_on

    def _is_told(self, report: Any) -> bool:
        return any(one is report for one in self._told)

    def _report(self, report: Any, is_end: bool) -> None:
        """Keeps what there is of the item's run, where the report asks for that."""
        if self._is_told(report):
            is_end = True  # it is logged after the run
        elif report.outcome not in _GREEN:
            self.has_failed = True
            self._tell(self._item, report)
        if is_end:
            self._end(self._item, report)

    def _name(self) -> str:
        return names.file_name(self._item.nodeid, self.run)

    def facts(self, item: Any, when: str) -> Dict[str, str]:
        """Returns the entries of a recording's header on the test."""
        facts = {"test.id": item.nodeid, "test.phase": when, "test.run": str(self.run)}
        return {key: text.encode("utf-8", "replace").decode() for key, text in facts.items()}

    def _keep(self, item: Any, when: str) -> Optional[str]:
        return self._keeper.keep(self._name(), self.facts(item, when))

    def keep_first_run(self, item: Any) -> Optional[str]:
        """Keeps the whole of the item's run, before it runs again."""
        self._is_over = True
        self.kept = self._keep(item, "teardown") or self.kept
        return self.kept

    def _tell(self, item: Any, report: Any) -> None:
        """Keeps what there is until now, and puts it into the report."""
        is_first = not self._told
        self._told.append(report)
        if self.kept is None:
            self.kept = self._keep(item, report.when)
        if self.kept is None:
            if self._keeper.has_given_way:
                report.sections.append((_SECTION, "none: the test records by itself"))
            return
        path = self.kept
        lines = texts.of_failure(path, getattr(item, "function", None) if is_first else None)
        if self._keeper.has_given_way:
            lines.insert(0, "(from where the test's own recording had ended)")
        if hasattr(report.longrepr, "addsection"):
            report.longrepr.addsection("Relive", "\n".join(lines), "-")
        elif isinstance(report.longrepr, str):
            report.longrepr = "\n".join([report.longrepr, *lines])
        report.sections.append((_SECTION, path))
        self._add_property(item, report, path)

    def _add_property(self, item: Any, report: Any, path: str) -> None:
        """Puts the path into the report, and into those of the item that follow."""
        pair = (PROPERTY, path)
        if pair not in item.user_properties:
            item.user_properties.append(pair)
        if pair not in report.user_properties:
            report.user_properties.append(pair)

    def _end(self, item: Any, report: Any) -> None:
        """The item's run is over: keeps the whole of it."""
        path = self.kept if self._is_over else self._keep(item, "teardown")
        if path is not None:
            self._add_property(item, report, path)

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Keeps the recording of the test that was interrupted."""
        if self._runs and self._keeper.is_recording() and not self._is_over:
            path = self._keep(self._item, "interrupted")
            if path is not None:
                self._keeper.notes.append(f"interrupted in {self._item.nodeid}: {path}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._keeper.end()
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["relive_notes"] = self._keeper.notes

    def pytest_unconfigure(self) -> None:
        self._keeper.end()

    @property
    def notes(self) -> List[str]:
        return self._keeper.notes


class Session:
    """The hooks of the process that shows results."""

    def __init__(self, config: Any, folder: str, settings: Dict[str, Any]) -> None:
        self._config, self._folder, self._settings = config, folder, settings
        self._notes: List[str] = []
        self._killed = keeper.keep_of_killed(folder)

    def pytest_report_header(self) -> List[str]:
        again = ""
        if self._config.getoption("relive_rerun"):
            again = ", failed tests run again"
            if not _looks_twice(self._config, self._settings):
                again = ", nothing runs again: lines are recorded the first time"
        lines = [f"relive: level {self._settings['level']}{again}, kept in {self._folder}"]
        lines += [f"relive: an earlier run was killed: {path}" for path in self._killed]
        return lines

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """A worker has ended (pytest-xdist)."""
        for note in getattr(node, "workeroutput", {}).get("relive_notes", ()):
            if note not in self._notes:
                self._notes.append(note)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """A worker has died: attaches what it had recorded to the test that it ran."""
        worker = report.node.workerinput
        process = keeper.process_name(worker["workerid"], worker["testrunuid"])
        path = os.path.join(self._folder, f"{keeper.RUNNING}{process}{names.ENDING}")
        facts = {"test.id": crashitem, "test.killed": "the worker died"}
        made = keeper.keep_of_dead(path, names.file_name(crashitem), facts)
        if made is not None:
            lines = texts.of_crash(made)
            report.longrepr = "\n".join([str(report.longrepr), *lines])
            report.sections.append((_SECTION, made))
            report.user_properties.append((PROPERTY, made))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        items = self._config.pluginmanager.getplugin("relive-items")
        notes = [*self._notes, *(items.notes if items is not None else ())]
        paths = list(_properties(terminalreporter, PROPERTY, second_look.PATH))
        if not notes and not paths:
            return
        terminalreporter.section("Relive", "-")
        for note in notes:
            terminalreporter.write_line(f"relive: {note}")
        looks = _properties(terminalreporter, second_look.PROPERTY)
        for text, test in list(looks)[:_LOOKS]:
            terminalreporter.write_line(f"{test}: run again at {second_look.LEVEL}: {text}")
        if len(looks) > _LOOKS:
            terminalreporter.write_line(f"and {len(looks) - _LOOKS} more")
        if paths:
            word = "recording is" if len(paths) == 1 else "recordings are"
            folder = os.path.dirname(paths[-1][0])
            terminalreporter.write_line(f"{len(paths)} {word} in {folder}")


def _properties(terminalreporter: Any, *wanted: str) -> Dict[Tuple[str, str], None]:
    """Returns the values of properties in reports with the ids of their tests, each once."""
    found: Dict[Tuple[str, str], None] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            pairs: Tuple[Any, ...] = tuple(getattr(report, "user_properties", ()) or ())
            for name, text in pairs:
                if name in wanted:
                    found[text, report.nodeid] = None
    return found

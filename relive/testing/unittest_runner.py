"""unittest keeps a recording of each test that fails.

    stopTest, startTestRun    keeper.begin()        a recording begins where the test before ended
    addError, addFailure      keeper.keep(), texts  the failure's text ends in values and a command
    stopTest                  keeper.keep()         once more, with tearDown and cleanups

So setUpClass and setUpModule are in the recording of the first test that they are for. Where they
fail, it has their name.

    unittest.main(testRunner=relive.testing.unittest_runner.Runner)   does it in a script"""

from __future__ import annotations

import os
import sys
import unittest

from relive import config
from relive.testing import keeper, names, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional


class Result(unittest.TextTestResult):
    """A result that keeps what it is given a keeper for."""

    _keeper: Optional[keeper.Keeper] = None
    keeps_all = False
    _has_failed = False  # the test that runs
    kept: Dict[str, None]  # paths

    def record_with(self, made: keeper.Keeper, keeps_all: bool) -> None:
        """Records from now on."""
        self._keeper, self.keeps_all, self.kept = made, keeps_all, {}
        self._begin()

    def _begin(self) -> None:
        """Begins the recording of what comes next."""
        self._has_failed = False
        if self._keeper is not None:
            self._keeper.begin()

    def startTest(self, test: Any) -> None:
        """A test begins; what had failed of its class is kept already."""
        super().startTest(test)
        self._has_failed = False
        if self._keeper is not None:
            self._keeper.forget(names.file_name(_id(test)))

    def stopTest(self, test: Any) -> None:
        """A test has ended: keeps the whole of it, or nothing."""
        is_interrupted = isinstance(sys.exc_info()[1], KeyboardInterrupt)
        if self._has_failed or self.keeps_all or is_interrupted:
            path = self._keep(test, "interrupted" if is_interrupted else "teardown")
            if path is not None and is_interrupted and self._keeper is not None:
                self._keeper.notes.append(f"interrupted in {_id(test)}: {path}")
        super().stopTest(test)
        self._begin()

    def addError(self, test: Any, err: Any) -> None:
        """A test, or what is around the tests of a class, has raised."""
        super().addError(test, err)
        self._tell(test, self.errors)
        if not isinstance(test, unittest.TestCase):
            self._begin()  # of setUpClass and the like; no test stops

    def addFailure(self, test: Any, err: Any) -> None:
        """An assertion of a test has failed."""
        super().addFailure(test, err)
        self._tell(test, self.failures)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """A subtest has ended. The file is that of the whole test."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            is_failure = issubclass(err[0], test.failureException)
            self._tell(test, self.failures if is_failure else self.errors)

    def addUnexpectedSuccess(self, test: Any) -> None:
        """A test has passed that should have failed."""
        super().addUnexpectedSuccess(test)
        self._has_failed = True

    def _keep(self, test: Any, when: str) -> Optional[str]:
        if self._keeper is None:
            return None
        name = _id(test)
        facts = {"test.id": name, "test.phase": when}
        facts = {key: text.encode("utf-8", "replace").decode() for key, text in facts.items()}
        path = self._keeper.keep(names.file_name(name), facts)
        if path is not None:
            self.kept[path] = None
        return path

    def _tell(self, test: Any, outcomes: List[Any]) -> None:
        """Keeps what there is until now, and adds to the text of the newest outcome."""
        is_first, self._has_failed = not self._has_failed, True
        path = self._keep(test, "call")
        if self._keeper is None or not outcomes:
            return
        if path is None:
            lines = (
                ["Relive: none, the test records by itself"] if self._keeper.has_given_way else []
            )
        else:
            method = getattr(test, _id(test).rpartition(".")[2], None) if is_first else None
            lines = ["Relive:", *texts.of_failure(path, method)]
        if lines:
            failed, text = outcomes[-1]
            outcomes[-1] = (failed, "\n".join([text.rstrip("\n"), "", *lines, ""]))


def _id(test: Any) -> str:
    return str(test.id())


class Runner(unittest.TextTestRunner):
    """Runs tests as TextTestRunner does, and keeps recordings. `settings` are those of a recording,
    `folder` is where files are kept."""

    resultclass: Any = Result
    settings: Mapping[str, Any] = {}
    folder = names.FOLDER
    keeps_all = False

    def run(self, test: Any) -> Any:
        """Runs a test or a suite, and returns the result."""
        folder = os.path.abspath(self.folder)
        for path in keeper.keep_of_killed(folder):
            self.stream.write(f"relive: an earlier run was killed: {path}\n")
        settings = {"ring": names.MOST, **self.settings, "children": False, "dump_on": []}
        settings["level"] = config.load(arguments=settings).level
        self._made = keeper.Keeper(folder, keeper.process_name("main", ""), os.getcwd(), settings)
        try:
            result = super().run(test)
        finally:
            self._made.end()
            for note in self._made.notes:
                self.stream.write(f"relive: {note}\n")
        count = len(getattr(result, "kept", ()))
        if count:
            word = "recording is" if count == 1 else "recordings are"
            self.stream.write(f"relive: {count} {word} in {texts.short(self._made.folder)}\n")
        return result

    def _makeResult(self) -> Any:
        result = super()._makeResult()
        if isinstance(result, Result):
            result.record_with(self._made, self.keeps_all)
        return result


def main(words: List[str], settings: Mapping[str, Any], folder: str, keeps_all: bool) -> int:
    """Does what `python -m unittest WORDS` does; returns its exit status."""
    if not sys.path or sys.path[0] != os.getcwd():
        sys.path.insert(0, os.getcwd())  # as -m does
    made = {"settings": settings, "folder": folder, "keeps_all": keeps_all}
    sys.argv = [f"{os.path.basename(sys.executable)} -m unittest", *words]
    unittest.main(module=None, argv=list(sys.argv), testRunner=type("Runner", (Runner,), made))
    return 0

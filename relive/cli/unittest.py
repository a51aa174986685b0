"""relive unittest [options] [words of unittest]: run tests, and keep recordings of those that fail.

`relive record -m unittest` comes here, too, unless -o wants one file of the whole run."""

from __future__ import annotations

from relive.cli.options import Option, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

# Settings that make no sense for a test.
_NOT_OURS = ("output", "force", "children", "children_exclude", "enabled", "ring", "dump_on")

_EPILOG = """What follows the options is as for python -m unittest: tests, discover, -k, -f, -v.
"""


def main(words: List[str]) -> int:
    """Runs the tests and ends the process with unittest's status."""
    from relive.cli.record import add_settings
    from relive.testing import names, unittest_runner

    parser = Parser(
        "unittest", "Run tests of unittest, and keep a recording of each that fails.",
        Option("--keep", choices=("failed", "all"), default="failed",
               text="which recordings are kept (default: failed)"),
        Option("--dir", metavar="DIR", default=names.FOLDER,
               text=f"where they are kept (default: {names.FOLDER})"),
        Option("--max", metavar="SIZE", key="ring",
               text="the newest events of a test are kept, in this much space"
               f" (default: {names.MOST})"),
        has_target=True, has_open_target=True, epilog=_EPILOG,
    )  # fmt: skip
    add_settings(parser, leave_out=_NOT_OURS)
    given = vars(parser.parse(words))
    keep, folder, target = given.pop("keep"), given.pop("dir"), given.pop("target")
    settings = {key: value for key, value in given.items() if value is not None}
    return unittest_runner.main(target, settings, folder, keep == "all")

"""The parsers of all verbs, for what is made from them: completion and manual pages."""

from __future__ import annotations

from relive.cli import VERBS
from relive.cli.options import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from relive.cli.options import Parser

_OF_FILTER = ("check", "explain", "init")


def read_all() -> Dict[str, Parser]:
    """Returns {verb: its parser}; those of `filter` are 'filter check' and so on."""
    found: Dict[str, Parser] = {}
    for verb in VERBS:
        main = __import__(f"relive.cli.{verb}", fromlist=["main"]).main
        if verb == "filter":
            found.update({f"filter {word}": describe(main, [word]) for word in _OF_FILTER})
        else:
            found[verb] = describe(main, [])
    return found

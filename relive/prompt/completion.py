"""What may follow what was typed so far."""

from __future__ import annotations

import re

from relive.errors import ReliveError
from relive.prompt.registry import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, List, Optional

    from relive.prompt.commands import Commands

_PLACES = {"b", "break", "tbreak"}
_FUNCTIONS = {"calls", "trace"}
_OPTIONS = ("hit", "log", "thread", "task", "once")
_POSITIONS = {"goto", "diff"}
_VALUES = {"p", "print", "pp", "history", "origin", "watch"}
_WORDS = ("start", "end", "exc:last")


class Completer:
    """Completes a line, as readline calls it. `line` and `begin` give the line and where the word
    begins."""

    def __init__(
        self, commands: Commands, line: Callable[[], str], begin: Callable[[], int]
    ) -> None:
        self._commands, self._line, self._begin = commands, line, begin
        self._found: List[str] = []

    def __call__(self, word: str, number: int) -> Optional[str]:
        if number == 0:
            try:
                self._found = self.complete(self._line()[: self._begin()], word)
            except ReliveError:
                self._found = []  # an error has no place in the middle of a line
        return self._found[number] if number < len(self._found) else None

    def complete(self, before: str, word: str) -> List[str]:
        """Returns the words that begin so, after what is before them on the line."""
        begun = re.split(r";", before)[-1].split()
        return sorted({one for one in self._words(begun) if one.startswith(word)})

    def _words(self, begun: List[str]) -> Iterable[str]:
        commands = self._commands
        if not begun:
            return commands.names()
        name = begun[0]
        if name in ("help", "h", "?"):
            return commands.names()
        if name in _PLACES and "if" not in begun and not begun[-1].endswith(","):
            files = [f"{file}:" for file in commands.place.files()]
            return [*commands.place.functions(), *files, "exc:"]
        if name in _PLACES and begun[-1].endswith(","):
            return [*_OPTIONS, *commands.variable_names()]
        if name == "thread" or (name in _PLACES and begun[-1] == "thread"):
            return [row.position.lstrip("T") for row in commands.place.threads()]
        if name in _PLACES and begun[-1] == "task":
            return [row.position for row in commands.place.tasks()]
        if name == "back" and len(begun) == 1:
            return [word for one in registered for word in one.names]
        if name in _FUNCTIONS and len(begun) == 1:
            return [*commands.place.functions(), *(["off"] if name == "trace" else [])]
        if name in _POSITIONS:
            return [*commands.marks, *_WORDS, *(f"{one}#" for one in commands.place.functions())]
        if name in _VALUES or name in _PLACES:
            return commands.variable_names()
        return ()

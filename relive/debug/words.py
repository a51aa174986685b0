"""pdb's prompt with the commands of relive.prompt: which word is whose, and how it gets there.

A word that both have is parsed, run and shown by relive.prompt. What it refuses, pdb's own method
gets: it refuses in the words of that version, or takes what only pdb knows. The words about
breakpoints by number, help and quit stay pdb's."""

from __future__ import annotations

import pdb
import re

from relive.debug.live import FinalError, LivePlace
from relive.errors import ReliveError
from relive.prompt.commands import Commands
from relive.prompt.completion import Completer
from relive.prompt.registry import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set

    from relive.prompt.registry import Command

_KEPT = frozenset("help h ? q quit exit clear cl disable enable print".split())
_EXPRESSION = re.compile(r"[.(\[=<>!+*/%,&|^@-]")  # behind a name, in a statement
_ASKS = frozenset(("history", "origin", "calls", "out", "info", "when"))


def of_recordings() -> Set[str]:
    """Returns the names of the methods whose words only a recording has."""
    return {
        f"do_{name}"
        for one in registered
        for name in one.names
        if (one.ability and one.ability not in LivePlace.abilities) or name == "back"
    }


def methods() -> Dict[str, Callable[..., Any]]:
    """Returns the methods of a prompt, by name: do_ and complete_ of each word."""
    found: Dict[str, Callable[..., Any]] = {}
    for one in registered:
        for name in one.names:
            if name in _KEPT or "-" in name:
                continue
            found[f"do_{name}"] = _do(name, one)
            if not hasattr(pdb.Pdb, f"complete_{name}"):
                found[f"complete_{name}"] = _complete(name)
    return found


def _do(name: str, one: Command) -> Callable[..., Any]:
    own: Optional[Callable[..., Any]] = getattr(pdb.Pdb, f"do_{name}", None)

    def run(self: Any, arg: str) -> Optional[bool]:
        return run_word(self, name, arg, own)

    # pdb finds by this name which commands let the program go on.
    run.__name__ = own.__name__ if own is not None else f"do_{name}"
    run.__doc__ = own.__doc__ if own is not None else f"{one.usage}\n\n        {one.help()}"
    return run


def run_word(prompt: Any, name: str, arg: str, own: Optional[Callable[..., Any]]) -> Optional[bool]:
    """Runs a word at a stop. Returns whether the program goes on."""
    if own is None and _EXPRESSION.match(arg):
        prompt.default(f"{name} {arg}")  # a variable of the program that has this name
        return None
    commands: Commands = prompt.shared()
    if name not in commands.names():
        if not arg and name in prompt.variable_names():
            prompt.default(name)
        else:
            _ask_recording(prompt, name, arg)
        return None
    try:
        commands.run_word(name, arg)
    except ReliveError as error:
        if own is not None and not isinstance(error, FinalError):
            result: Optional[bool] = own(prompt, arg)
            return result
        prompt.error(str(error))
    prompt.lastcmd = commands.repeat or prompt.lastcmd
    commands.repeat = ""
    is_done, commands.is_done = commands.is_done, False
    return is_done or None


def _ask_recording(prompt: Any, name: str, arg: str) -> None:
    """Runs a word that only a recording has."""
    try:
        prompt.place.show_recording(name, arg, only_this=name in _ASKS)
    except ReliveError as error:
        prompt.error(str(error))


def _complete(name: str) -> Callable[..., List[str]]:
    def complete(self: Any, text: str, line: str, begin: int, end: int) -> List[str]:
        commands = self.shared()
        completer = Completer(commands, lambda: line, lambda: begin)
        return completer.complete(f"{name} {line[:begin].partition(' ')[2]}", text)

    complete.__name__ = f"complete_{name}"
    return complete

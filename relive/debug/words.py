"""pdb's prompt with the commands of relive.prompt: which word is whose, and how it gets there.

A word that both have is parsed, run and shown by relive.prompt. What it refuses, pdb's own method
gets: it refuses in the words of that version, or takes what only pdb knows. The words about
breakpoints by number, help and quit stay pdb's. Watches have numbers of their own, as in
`clear w1`."""

from __future__ import annotations

import builtins
import re

from relive.debug.breakpoints import CATCHES
from relive.debug.engine import runtime
from relive.debug.line_calls import calls_at
from relive.debug.live import FinalError, LivePlace
from relive.debug.stdlib_pdb import pdb
from relive.errors import ReliveError
from relive.prompt.commands import Commands
from relive.prompt.completion import Completer
from relive.prompt.registry import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

    from relive.debug.watches import Watch
    from relive.prompt.registry import Command

_KEPT = frozenset("help h ? q quit exit clear cl disable enable print".split())
_LABEL = re.compile(r"w\d+")  # of a watch
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
            own = getattr(pdb.Pdb, f"complete_{name}", None)
            if own is None or one.names[-1] == "break" or name == "tbreak":
                found[f"complete_{name}"] = _complete(name, own)
    for name in _CHANGES:
        found[f"do_{name}"] = _do_by_number(name)
        found[f"complete_{name}"] = _complete_number(name)
    for name, words in (("stepinto", _calls), ("catch", _classes)):
        found[f"complete_{name}"] = _complete_words(words)
    return found


_CHANGES: Dict[str, Tuple[str, Callable[[Watch], None]]] = {
    "clear": ("Deleted", lambda watch: runtime.watches.remove(watch)),
    "enable": ("Enabled", lambda watch: runtime.watches.enable(watch, True)),
    "disable": ("Disabled", lambda watch: runtime.watches.enable(watch, False)),
}
_CHANGES["cl"] = _CHANGES["clear"]


def _do_by_number(name: str) -> Callable[..., Any]:
    """Returns a method of pdb's that takes watches too."""
    own, (said, change) = getattr(pdb.Pdb, f"do_{name}"), _CHANGES[name]

    def run(self: Any, arg: str) -> Any:
        words = arg.split()
        labels = [word for word in words if _LABEL.fullmatch(word)]
        for label in labels:
            watch = runtime.watches.get(label)
            change(watch)
            self.message(f"{said} watch {label}  {watch.text}")
        rest = " ".join(word for word in words if word not in labels)
        return own(self, rest if labels else arg) if rest or not labels else None

    run.__name__ = own.__name__
    run.__doc__ = f"{own.__doc__.rstrip()}\n\n        Watches are written w1, w2.\n        "
    return run


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


def _complete(name: str, own: Optional[Callable[..., Any]]) -> Callable[..., List[str]]:
    """Returns what completes a word. pdb's own method completes places of breakpoints."""

    def complete(self: Any, text: str, line: str, begin: int, end: int) -> List[str]:
        before = line[:begin]
        has_place = "," in before or " if " in before
        found = list(own(self, text, line, begin, end)) if own and not has_place else []
        completer = Completer(self.shared(), lambda: line, lambda: begin)
        more = completer.complete(f"{name} {before.partition(' ')[2]}", text)
        return found + [one for one in more if one not in found]

    complete.__name__ = f"complete_{name}"
    return complete


def _complete_number(name: str) -> Callable[..., List[str]]:
    own = getattr(pdb.Pdb, f"complete_{name}")

    def complete(self: Any, text: str, *place: Any) -> List[str]:
        labels = [one.label for one in runtime.watches.all() if one.label.startswith(text)]
        return [*own(self, text, *place), *labels]

    return complete


def _complete_words(words: Callable[[Any], Iterable[str]]) -> Callable[..., List[str]]:
    def complete(self: Any, text: str, *place: Any) -> List[str]:
        return sorted(word for word in set(words(self)) if word.startswith(text))

    return complete


def _calls(prompt: Any) -> Iterable[str]:
    """Returns what `stepinto` takes at this line."""
    found = calls_at(prompt.curframe) if prompt.curframe else []
    names = [one.name for one in found if one.name]
    unique = [name for name in names if names.count(name) == 1]
    return [*unique, *map(str, range(1, len(found) + 1))]


def _classes(prompt: Any) -> Iterable[str]:
    """Returns what `catch` takes: its words, and the exceptions that the frame can name."""
    frame = prompt.curframe
    spaces = [vars(builtins), *((frame.f_globals, frame.f_locals) if frame else ())]
    found = [name for space in spaces for name, value in space.items()
             if isinstance(value, type) and issubclass(value, BaseException)]  # fmt: skip
    return [*CATCHES, "off", *found]

"""What a command of a prompt is. Its docstring is its help: the first sentence is the line of the
list."""

from __future__ import annotations

import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List


class Command:
    """One command: its names, what may follow, and the function."""

    def __init__(
        self, names: str, usage: str, ability: str, function: Callable[[Any, str], None]
    ) -> None:
        self.names = names.split()
        self.usage = f"{self.names[0]} {usage}".rstrip()
        self.takes_words = bool(usage)
        self.ability, self.function = ability, function

    def help(self) -> str:
        """Returns the text of `help NAME`."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def about(self) -> str:
        """Returns its first sentence."""
        return self.help().split("\n\n")[0].replace("\n", " ")


registered: List[Command] = []


def command(
    names: str, usage: str = "", ability: str = ""
) -> Callable[[Callable[[Any, str], None]], Callable[[Any, str], None]]:
    """Makes a command of a method. `ability`: what the place has to be able to do."""

    def add(function: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
        registered.append(Command(names, usage, ability, function))
        return function

    return add

"""The commands of a prompt, over any place.

A command is a method with `@command(...)` (registry.py). They are in going, looking, asking and
stopping, and the few about the prompt itself are here."""

from __future__ import annotations

import re

from relive._terminal import safe
from relive.config import nearest
from relive.errors import ReliveError
from relive.prompt.asking import Asking
from relive.prompt.base import number_of
from relive.prompt.looking import Looking
from relive.prompt.place import ExpressionError
from relive.prompt.registry import command, registered
from relive.prompt.splitting import split_outside_quotes
from relive.prompt.stopping import Stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from relive.prompt.display import Screen
    from relive.prompt.place import Place

_STICKY_LINES = 21
_FOLLOWS_NAME = re.compile(r"$|[.\[=<>!+*/%-]")  # in an expression, typed without `p`


class Commands(Looking, Stopping, Asking):
    """A prompt: run() runs a line of commands."""

    def __init__(self, place: Place, screen: Screen) -> None:
        super().__init__(place, screen)
        self._last_line = ""
        self._by_name = {
            name: one
            for one in registered
            if not one.ability or one.ability in place.abilities
            for name in one.names
        }

    # ---- running lines ----

    def names(self) -> List[str]:
        """Returns the names of all commands."""
        return sorted(self._by_name)

    def run(self, line: str) -> None:
        """Runs a line: commands separated by `;`. An empty one repeats the last."""
        line = line.strip()
        if not line:
            line = self._last_line
        self._last_line = line
        for one in split_line(line):
            if self.is_done:
                return
            self.repeat = ""
            self._run_one(one)
        self._last_line = self.repeat or line

    def run_word(self, name: str, text: str) -> None:
        """Runs one command. Raises ReliveError where it refuses."""
        one, text = self._by_name[name], text.strip()
        if text and not one.takes_words:
            raise ReliveError("ERR_USAGE", f"{name} takes nothing behind it: {text!r}")
        one.function(self, text)

    def interrupted(self) -> None:
        """Says that Ctrl-C has ended a command. The place is the one before."""
        self.has_failed = True
        self.screen.error(f"interrupted: still at {self._stop.position}")

    def _run_one(self, text: str) -> None:
        try:
            self._call(text)
        except ExpressionError as error:
            self.has_failed = True
            self.screen.error(str(error))
            self.screen.write(f"      {safe(error.expression)}")
            self.screen.write(f"      {' ' * len(safe(error.expression[: error.place]))}^")
        except ReliveError as error:
            self.has_failed = True
            self.screen.error(str(error))

    def _call(self, text: str) -> None:
        found = re.match(r"(\?|[A-Za-z_][\w-]*)\s*(.*)$", text, re.S)
        name = found[1] if found else ""
        if found and name in self._by_name:
            self.run_word(name, found[2])
            return
        if found and name in self.variable_names() and _FOLLOWS_NAME.match(found[2]):
            self.do_print(text)
            return
        hint = nearest(name, self.names()) if name else ""
        raise ReliveError("ERR_USAGE", f"there is no command {name or text!r}{hint} (see help)")

    # ---- the prompt itself ----

    @command("help h ?", "[COMMAND]")
    def do_help(self, text: str) -> None:
        """Lists the commands, or explains one."""
        if text:
            one = self._by_name.get(text)
            if one is None:
                hint = nearest(text, self.names())
                raise ReliveError("ERR_USAGE", f"there is no command {text!r}{hint}")
            self.screen.write(f"{one.usage}    ({', '.join(one.names)})")
            self.screen.write()
            self.screen.write(one.help())
            return
        listed = [one for one in registered if one.names[0] in self._by_name]
        heads = [", ".join(one.names[:2]) for one in listed]
        width = max(map(len, heads))
        for head, one in zip(heads, listed):
            self.screen.write(f"  {head:<{width}}  {one.about()}")
        self.screen.write()
        self.screen.write("An empty line repeats the last command; `;` separates several.")

    @command("context", "[N]")
    def do_context(self, text: str) -> None:
        """Shows N lines of source around each stop; 1 is the line alone."""
        if text:
            self.screen.context = max(1, number_of(text, 1))
        self.screen.write(f"{self.screen.context} lines are shown at a stop")

    @command("sticky", "")
    def do_sticky(self, text: str) -> None:
        """Clears the terminal before each stop is shown, or ends that."""
        self.screen.is_sticky = not self.screen.is_sticky
        if self.screen.is_sticky and self.screen.context < 2:
            self.screen.context = _STICKY_LINES
        self.show_stop()

    @command("q quit exit", "")
    def do_quit(self, text: str) -> None:
        """Ends the prompt."""
        self.is_done = True


def split_line(line: str) -> List[str]:
    """Returns the commands of a line: `;` separates them, but not inside quotes."""
    return [one.strip() for one in split_outside_quotes(line, ";") if one.strip()]

"""Where a prompt reads commands: a terminal with history and completion, a pipe, a script."""

from __future__ import annotations

import contextlib
import os
import sys

from relive.errors import ReliveError
from relive.prompt.completion import Completer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, Optional, Sequence

    from relive.prompt.commands import Commands

_HISTORY_LINES = 2000
_DELIMITERS = " \t\n;,()[]+-*/%<>=!'\""


def run_script(commands: Commands, lines: Sequence[str]) -> None:
    """Runs commands one after the other."""
    for line in lines:
        if commands.is_done:
            return
        run_line(commands, line)


def run_line(commands: Commands, line: str) -> None:
    """Runs one line. Ctrl-C ends it, and the prompt stays where it was."""
    try:
        commands.run(line)
    except KeyboardInterrupt:
        commands.interrupted()
    commands.screen.flush()


def interact(commands: Commands) -> None:
    """Reads commands until the input or the prompt ends."""
    if is_terminal():
        _interact_with_terminal(commands)
        return
    if sys.stdin is None:
        return
    reconfigure = getattr(sys.stdin, "reconfigure", None)
    if reconfigure is not None:  # a pipe may hold anything
        reconfigure(errors="backslashreplace")
    for line in sys.stdin:
        if not line.strip():
            continue  # in a pipe an empty line is just that
        run_line(commands, line)
        if commands.is_done:
            return


def read_lines(commands: Commands, lines: Iterable[str]) -> None:
    """Runs lines until they or the prompt end."""
    for line in lines:
        run_line(commands, line)
        if commands.is_done:
            return


@contextlib.contextmanager
def completed(commands: Commands) -> Iterator[None]:
    """Completes for these commands, where another prompt has the history and the completion."""
    readline: Any = sys.modules.get("readline")
    if readline is None:
        yield
        return
    before, delimiters = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer_delims(_DELIMITERS)
    readline.set_completer(Completer(commands, readline.get_line_buffer, readline.get_begidx))
    try:
        yield
    finally:
        readline.set_completer(before)
        readline.set_completer_delims(delimiters)


def is_terminal() -> bool:
    """Returns whether somebody types the commands."""
    return all(hasattr(one, "isatty") and one.isatty() for one in (sys.stdin, sys.stdout))


def _interact_with_terminal(commands: Commands) -> None:
    path = history_path()
    readline = _start_readline(commands, path)
    try:
        while not commands.is_done:
            try:
                line = input(commands.place.prompt)
            except EOFError:
                commands.screen.write()
                return
            except KeyboardInterrupt:
                commands.screen.write()
                continue
            run_line(commands, line)
    finally:
        if readline is not None:
            _save_history(readline, path)


def history_path() -> Optional[str]:
    """Returns the file that keeps the commands of a user, None where there is no place for it."""
    folder = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    if not os.path.isabs(folder):
        return None
    return os.path.join(folder, "relive", "replay_history")


def _start_readline(commands: Commands, path: Optional[str]) -> Any:
    try:
        import readline
    except ImportError:
        return None
    if path is not None:
        try:
            readline.read_history_file(path)
        except (OSError, ValueError):
            pass  # there is none yet, or it is not readable: it begins empty
    readline.set_history_length(_HISTORY_LINES)
    readline.set_completer_delims(_DELIMITERS)
    readline.set_completer(Completer(commands, readline.get_line_buffer, readline.get_begidx))
    readline.parse_and_bind("tab: complete")
    return readline


def _save_history(readline: Any, path: Optional[str]) -> None:
    """Writes the history into a file that only the user may read."""
    if path is None:
        return
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        os.chmod(path, 0o600)
        readline.write_history_file(path)
    except OSError as error:
        sys.stderr.write(f"relive: the history is not saved: {error.strerror}\n")


def read_file(path: str) -> Iterator[str]:
    """Yields the commands of a file; # begins a comment line. Raises ReliveError."""
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            lines = file.readlines()
    except OSError as error:
        raise ReliveError("ERR_USAGE", f"{path}: {error.strerror}") from None
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            yield line

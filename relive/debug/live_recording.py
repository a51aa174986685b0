"""The recording that is made of a program, opened where the program has stopped.

The prompt of `relive replay` reads a snapshot: the recording goes on, and the position is that of
the stop, whatever is written meanwhile."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from relive import _core, api, recorder
from relive.errors import ReliveError
from relive.prompt import console
from relive.prompt.commands import Commands
from relive.prompt.display import Screen
from relive.prompt.recorded import RecordedPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pdb
    from typing import Any, Iterator


def show(prompt: pdb.Pdb, name: str, text: str, only_this: bool) -> None:
    """Runs a command of `relive replay`, then reads more until `q` where not `only_this` is
    wanted. Raises ReliveError where nothing is recorded."""
    if not recorder.is_recording():
        raise ReliveError(
            "ERR_NOT_RECORDING",
            f"{name or 'back'} needs a recording, and none is made: relive.start() begins one",
        )
    position = _core.position()
    folder = tempfile.mkdtemp(prefix="relive-")
    try:
        path = recorder.snapshot(os.path.join(folder, "here.relive"))
        with api.open(path) as recording:
            place = RecordedPlace([recording])
            if position is not None:
                place.goto("T%d@%d" % position)
            out: Any = prompt.stdout
            commands = Commands(place, Screen(out))
            is_step_back = name in ("rs", "reverse-step", "bstep") and not text
            if name and not (is_step_back and not _has_line(place, prompt)):
                console.run_line(commands, f"{name} {text}")
            else:
                commands.show_stop()
            if not only_this and not commands.is_done:
                console.read_lines(commands, _lines(prompt, commands, place.prompt))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_line(place: RecordedPlace, prompt: Any) -> bool:
    """Returns whether the line of the stop is recorded already. From 3.12 on the debugger sees it
    first: the last event is then the step before."""
    frame, found = prompt.stack[-1][0], place.frames()[-1:]
    return bool(found) and found[0].line == frame.f_lineno


def _lines(prompt: pdb.Pdb, commands: Commands, text: str) -> Iterator[str]:
    """Yields what is typed, from where the debugger's prompt reads it."""
    while True:
        try:
            if prompt.use_rawinput:
                with console.completed(commands):
                    line = input(text)
            else:
                prompt.stdout.write(text)
                prompt.stdout.flush()
                line = prompt.stdin.readline()
                if not line:
                    return
        except EOFError:
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            continue
        yield line

"""Lines of source files, as a recording has them, for verbs that show where something ran."""

from __future__ import annotations

import sys

from relive.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Set

    from relive.api import Recording

_COMMAND = 512  # flag of code whose text is that of the command or of standard input
_WIDEST = 160
_noted: Set[str] = set()  # files of which this process has written a note


def lines_of(recording: Recording, file: str, func: str = "") -> List[str]:
    """Returns all lines of the file of a function, [] where the recording has no text of it. Code
    that was made from a text has the name of the command's file, and is not in it."""
    if file.startswith("<") and not _is_of_command(recording, file, func):
        return []
    found = recording.source_lines(file, 1, 1 << 31)
    if found and file not in _noted:
        _noted.add(file)
        _note_other_text(recording, file)
    return found


def line_of(recording: Recording, file: str, line: Optional[int], func: str = "") -> Optional[str]:
    """Returns one line, without the blanks around it. None where it is not known."""
    if not line or (file.startswith("<") and not _is_of_command(recording, file, func)):
        return None
    found = recording.source_lines(file, line, line)
    if found and file not in _noted:
        _noted.add(file)
        _note_other_text(recording, file)
    found = found or _cell_line(file, line)
    return found[0].strip() if found else None


def _cell_line(file: str, line: int) -> List[str]:
    """Returns a line of a notebook's cell, where the notebook itself shows the answer. It knows the
    cell by a name that is made of the cell's text."""
    if "IPython" not in sys.modules:
        return []
    import linecache

    entry = linecache.cache.get(file)
    lines = entry[2] if entry is not None and len(entry) == 4 and entry[1] is None else []
    return lines[line - 1 : line]


def shown(text: Optional[str]) -> str:
    """Returns a line as verbs print it, '' for one that is not known."""
    if not text:
        return ""
    return common.safe(text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "...")


def _is_of_command(recording: Recording, file: str, func: str) -> bool:
    """Returns whether a function is the command's own."""
    flags = [row[5] for row in recording.codes() if row[3] == file and f"{row[1]}:{row[2]}" == func]
    return bool(flags) and all(flag & _COMMAND for flag in flags)


def _note_other_text(recording: Recording, file: str) -> None:
    """Writes once where a text may not be what ran, or is not what the disk has."""
    source = recording.source(file)
    if source is None:
        return
    name = common.file_name({"file": file})
    if source.same_on_disk is False:
        common.say(f"{name} has another text now; lines are shown as they were recorded")
    if source.changed:
        common.say(f"{name} was changed after the process began: other lines may have run")

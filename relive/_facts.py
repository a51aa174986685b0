"""The facts of a recording that have a form, checked once where the file is opened. A verb may then
rely on what it finds in `header["meta"]`."""

from __future__ import annotations

import os

from relive import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Tuple

    from relive.api import Recording


_GAPS = {"buffer_full", "ring", "disk_full", "io_error", "file_gone", "memory"}


def checked(meta: Mapping[str, str]) -> Tuple[Dict[str, str], List[str]]:
    """Returns the facts without the damaged ones, and a line for each of those."""
    whole, problems = dict(meta), []
    for key, is_right in (("trace_filter", _is_chain), ("budget", _is_percentage)):
        if key in whole and not is_right(whole[key]):
            del whole[key]
            problems.append(f"the fact {key} is damaged")
    return whole, problems


def _is_percentage(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _is_chain(text: str) -> bool:
    """Returns whether the text has the form that Chain.text() makes."""
    try:
        entries = _core.read_json(text)
    except ValueError:
        return False
    return isinstance(entries, list) and all(map(_is_filter, entries))


def _is_filter(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() >= {"name", "version", "path", "sha256"}
        and type(entry["version"]) is int
        and all(isinstance(entry[key], str) for key in ("name", "path", "sha256"))
    )


def is_library(recording: Recording, file: str) -> bool:
    """Returns whether a file belongs to the standard library or to an installed package there."""
    folders = recording.header["meta"].get("libraries", "").split(os.pathsep)
    return file.startswith("<frozen") or any(
        folder and file.startswith(folder) for folder in folders
    )


def is_launcher(func: str, file: str) -> bool:
    """Returns whether a function is the script that an installed command begins with: its one
    line of interest calls a library."""
    return func == "__main__:<module>" and "." not in os.path.basename(file)


def package_of_command(recording: Recording) -> str:
    """Returns the package that the script of an installed command calls: there it is the program.
    It is '' where the recording has code outside of libraries besides such a script."""
    rows = recording.codes()
    scripts = {row[0] for row in rows if is_launcher(f"{row[1]}:{row[2]}", row[3])}
    own = (row for row in rows if row[3][:1] != "<" and not is_library(recording, row[3]))
    if not scripts or any(row[0] not in scripts for row in own):
        return ""
    tree = recording.tree()
    for node in tree:
        if node.parent >= 0 and tree[node.parent].code in scripts:
            module, qualname = recording.code(node.code)[:2]
            if qualname != "<module>":
                return module.partition(".")[0]
    return ""


def command_line(meta: Mapping[str, str]) -> List[str]:
    """Returns the words of the command line that was recorded, the interpreter first."""
    words: List[str] = []
    while f"argv.{len(words)}" in meta:
        words.append(meta[f"argv.{len(words)}"])
    return words


def has_gaps(recording: Recording) -> bool:
    """Returns whether events are missing, so that a frame may have ended without an event."""
    return not _GAPS.isdisjoint(recording.header["losses"])


def sees_handled(meta: Mapping[str, str]) -> bool:
    """Returns whether a recording has exceptions that were raised and caught in one frame."""
    return "raise" in meta.get("capabilities", "").split() or meta.get("level") == "lines"

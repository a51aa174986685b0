"""Settings that one process gives another in the variable RELIVE_DEBUG. What is too long for the
environment goes through a file, to which the variable points.

    the program that this process becomes   {"pid": N, "fd": N}   an open file without a name
    a child, with --children                {"file": PATH}        one for each process that sets"""

import json
import os
from contextlib import contextmanager
from typing import IO, Any, Dict, Iterator, Mapping, Optional

from relive.errors import ReliveError

VARIABLE = "RELIVE_DEBUG"  # also in site/_relive_boot.py
_LONGEST = 100_000  # bytes; the system takes 128 KiB of a variable


def read(text: str) -> Optional[Dict[str, Any]]:
    """Returns the settings, or None where there are none for this process."""
    try:
        wanted = json.loads(text)
        if isinstance(wanted, dict) and "fd" in wanted:
            if wanted.get("pid") != os.getpid():
                return None
            with open(wanted["fd"], encoding="ascii") as file:
                file.seek(0)
                wanted = json.load(file)
        elif isinstance(wanted, dict) and "file" in wanted:
            with open(wanted["file"], encoding="ascii") as file:
                wanted = json.load(file)
    except (OSError, ValueError, TypeError):
        return None  # the first process has ended, and has removed the file
    return wanted if isinstance(wanted, dict) else None


@contextmanager
def for_program(wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yields the variable for the program that this process becomes. The body returns only where
    that has failed."""
    text = json.dumps(wanted)
    if len(text) <= _LONGEST:
        yield text
        return
    with _make_file(text) as file:
        yield json.dumps({"pid": wanted["pid"], "fd": file.fileno()})


def _make_file(text: str) -> IO[bytes]:
    """Returns a file that the program has too."""
    import tempfile

    try:
        file = tempfile.TemporaryFile()
        file.write(text.encode("ascii"))
        file.flush()
    except OSError as error:
        raise ReliveError(
            "ERR_IO",
            "what is set is too long for the environment, and no file can take it: "
            f"{error.strerror}; set TMPDIR to another folder, or fewer breakpoints",
        ) from None
    os.set_inheritable(file.fileno(), True)
    return file


def for_children(wanted: Mapping[str, Any], shared: str) -> str:
    """Returns the variable for child processes. `shared` is the file of all processes; one that is
    needed is written beside it. Raises OSError where it cannot be written."""
    text = json.dumps(wanted)
    if len(text) <= _LONGEST:
        return text
    path = f"{shared}.{os.getpid()}"
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)
    return json.dumps({"file": path})


def remove_files(shared: str) -> None:
    """Removes the file of all processes, and those beside it."""
    folder, name = os.path.split(shared)
    try:
        for one in os.listdir(folder):
            if one == name or one.startswith(name + "."):
                os.unlink(os.path.join(folder, one))
    except OSError:
        pass  # somebody has removed it

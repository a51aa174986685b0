"""The files of recordings: their names, and the place where one is written, which is checked before
anything is created there."""

from __future__ import annotations

import os

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, List

_MAGIC = b"\x89RELIVE\n"  # the first bytes of a recording
_ORDER_MARK = b"\x04\x03\x02\x01"  # at 12
_ENDING = ".relive"


def is_head(head: bytes) -> bool:
    """Returns whether a file that begins with these bytes is a recording."""
    return head.startswith(_MAGIC) and head[12:16] == _ORDER_MARK


def list_recordings(folder: str) -> List[str]:
    """Returns the names of the recordings in a folder, without hidden ones."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [name for name in names if name.endswith(_ENDING) and not name.startswith(".")]


def is_of_child(name: str) -> bool:
    """Returns whether a recording has the name of a child's: STEM.PID.NUMBER.relive."""
    words = name[: -len(_ENDING)].split(".")
    return len(words) > 2 and words[-1].isdecimal() and words[-2].isdecimal()


def list_children(path: str) -> List[str]:
    """Returns the paths beside a recording that are named as those of its children."""
    stem = path[: -len(_ENDING)] if path.endswith(_ENDING) else path
    folder, stem = os.path.split(stem)
    try:
        names = os.listdir(folder or os.curdir)
    except OSError:
        return []
    return [
        os.path.join(folder, name)
        for name in names
        if name.startswith(f"{stem}.")
        and "." in name[len(stem) + 1 : -len(_ENDING)]
        and name.endswith(_ENDING)
    ]


def prepare(path: str, force: bool) -> None:
    """Checks that a recording can be created at `path`, and with `force` removes an older one.
    Raises ReliveError where it cannot."""
    if os.path.isdir(path):
        raise ReliveError("ERR_USAGE", f"{path} is a folder; a file name is wanted")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise ReliveError("ERR_NOT_FOUND", f"{folder}: there is no such folder")
    if os.path.lexists(path):
        if not force:
            raise ReliveError("ERR_FILE_EXISTS", f"{path} exists already")
        remove_recording(path)
    if not os.access(folder, os.W_OK):
        raise ReliveError("ERR_IO", f"{folder}: no permission to create a file there")


def remove_recording(path: str) -> None:
    """Removes a recording that no process writes. Anything else of this name stays, and a
    ReliveError says what it is."""
    import stat

    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ReliveError("ERR_USAGE", f"{path} is not a regular file: it is not replaced")
    try:
        with open(path, "rb") as file:
            start = file.read(len(_MAGIC))
            take_lock(file, path)
            if start and start != _MAGIC:  # an empty file holds nothing to lose
                raise ReliveError(
                    "ERR_FILE_EXISTS", f"{path} is not a recording of Relive: it is not replaced"
                )
            if not os.path.samestat(os.fstat(file.fileno()), os.lstat(path)):
                raise ReliveError("ERR_BUSY", f"{path} has just been replaced by another recorder")
            os.unlink(path)
    except FileNotFoundError:
        pass  # another process has removed it
    except OSError as error:
        raise ReliveError("ERR_IO", f"{path}: {error.strerror}") from None


def take_lock(file: BinaryIO, path: str) -> None:
    """Takes the lock that each writer of a recording holds, or raises ReliveError."""
    import fcntl
    import time

    # A child that was just forked shares the lock until it has closed the inherited file.
    for _ in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            time.sleep(0.01)
    raise ReliveError("ERR_BUSY", f"{path} is being written by another recorder")

"""The recordings of a folder, run by run, and how a run is removed: `relive ls`, `relive rm`.

Whatever is in a folder was put there by anybody. So a name alone says nothing: a file counts where
it is a regular one, no link, and begins as a recording does. Nothing else is opened or removed."""

from __future__ import annotations

import os
import stat
import time

from relive import _endings, _facts, _files, _index
from relive.api import Recording
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Dict, Iterable, List, Optional, Tuple

_INDEX_MAGIC = b"RLB1\x40\x00"  # a block of type HEAD (docs/index-format.md)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_HEAD_BYTES = 128


class File:
    """A recording, by what its folder and its first bytes say."""

    def __init__(self, path: str, found: os.stat_result, head: bytes) -> None:
        self.path, self.size, self.modified = path, found.st_size, found.st_mtime
        self.run_id = head[16:32]
        self.pid = int.from_bytes(head[32:40], "little")
        self.parent_pid = int.from_bytes(head[88:96], "little")


class Run:
    """The files of one run: the first one, and those of its children."""

    def __init__(self, first: File) -> None:
        self.first = first
        self.children: List[File] = []

    def files(self) -> List[File]:
        """Returns all files, children first: so a run that could only be removed in part keeps the
        file that names it."""
        return [*self.children, self.first]

    @property
    def size(self) -> int:
        """Bytes of all files, without indexes."""
        return sum(file.size for file in self.files())

    @property
    def modified(self) -> float:
        """When the newest of the files was written, in seconds since 1970."""
        return max(file.modified for file in self.files())


def look_at(path: str) -> File:
    """Returns what a path leads to. Raises ReliveError where that is no recording of its own."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            kind = "a link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
            raise ReliveError("ERR_USAGE", f"{path} is {kind}")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:
            return _read_head(path, file)
    except FileNotFoundError:
        raise ReliveError("ERR_NOT_FOUND", f"{path}: there is no such file") from None
    except OSError as error:
        raise ReliveError("ERR_IO", f"{path}: {error.strerror}") from None


def _read_head(path: str, file: Any) -> File:
    """Returns an open file, if it begins as a recording does."""
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or not _files.is_head(head):
        raise ReliveError("ERR_NOT_A_RECORDING", f"{path} is not a recording of Relive")
    return File(path, os.fstat(file.fileno()), head)


def list_runs(folder: str) -> Tuple[List[Run], List[str]]:
    """Returns the runs of a folder, the newest first, and why files that are named like recordings
    are none."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        raise ReliveError("ERR_NOT_FOUND", f"{folder}: there is no such folder") from None
    except OSError as error:
        raise ReliveError("ERR_IO", f"{folder}: {error.strerror}") from None
    files: List[File] = []
    problems: List[str] = []
    for name in names:
        path = name if folder == os.curdir else os.path.join(folder, name)
        if name.endswith(".relive") and name != ".relive" and not os.path.isdir(path):
            try:
                files.append(look_at(path))
            except ReliveError as error:
                problems.append(str(error))
    return sorted(_fold(files), key=lambda run: (-run.modified, run.first.path)), problems


def _fold(files: Iterable[File]) -> List[Run]:
    """Returns the runs that files belong to. A child has the name of its parent and more, and the
    same run; one without its parent is a run of its own."""
    runs: Dict[Tuple[str, bytes], Run] = {}
    children: List[File] = []
    for file in files:
        if _files.is_of_child(os.path.basename(file.path)):
            children.append(file)
        else:
            runs[_stem(file.path), file.run_id] = Run(file)
    for file in children:
        parent = None
        stem = _stem(file.path)
        while parent is None and "." in os.path.basename(stem):
            stem = stem.rpartition(".")[0]
            parent = runs.get((stem, file.run_id))
        if parent is None:
            runs[_stem(file.path), file.run_id] = Run(file)
        else:
            parent.children.append(file)
    return list(runs.values())


def _stem(path: str) -> str:
    return path[: -len(".relive")] if path.endswith(".relive") else path


def run_of(path: str) -> Run:
    """Returns the run that begins with a file: the file, and its children beside it."""
    run = Run(look_at(path))
    for other in _files.list_children(path):
        try:
            child = look_at(other)
        except ReliveError:
            continue  # it only has the name of a child
        if child.run_id == run.first.run_id:
            run.children.append(child)
    return run


def describe(run: Run) -> Dict[str, Any]:
    """Returns a row of `relive ls --json`: what is known of a run without its events."""
    from relive.api import Recording

    row: Dict[str, Any] = {
        "file": run.first.path, "size": run.size, "children": len(run.children),
        "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.modified)),
        "age_s": max(0, int(time.time() - run.modified)), "pid": run.first.pid,
        "argv": [], "ended": "unreadable", "exc_type": None, "events": 0, "problem": None,
    }  # fmt: skip
    try:
        with Recording(run.first.path, index=False) as recording:
            header = recording.header
            row["argv"] = _facts.command_line(header["meta"])
            row["events"] = header["events"]
            row["ended"], row["exc_type"] = _find_ending(recording)
    except ReliveError as error:
        row["problem"] = str(error)
    return row


def _find_ending(recording: Any) -> Tuple[str, Optional[str]]:
    """Returns how a process ended, and the type of the exception that did it. Of a recording that
    was closed, its folded tree is enough; the events of others are not read for it."""
    header = recording.header
    if header["state"] == "snapshot":
        return "snapshot", None
    if (header["is_being_written"] or header["is_running"]) and not header["is_closed"]:
        return "running", None
    if header["state"] == "exec":
        return "exec", None
    if _endings.is_killed(header):
        return "killed", None
    for code, _, _, _, _, unwinds, kind, _, _, _ in recording.tree():
        if unwinds and kind and recording.code(code)[:2] == ("__main__", "<module>"):
            is_exit = kind.rpartition(".")[2] == "SystemExit"
            return ("exit" if is_exit else "exception"), kind
    return "closed", None


# ---- removal ----


def read_age(text: str) -> float:
    """Returns the seconds of '7d', '12h', '30m', '90s' or '2w'. Raises ValueError for others."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal() or not number.isascii() or len(number) > 6:
        raise ValueError("no age such as 7d, 12h or 30m")
    return int(number) * _UNITS[unit]


def remove(run: Run) -> int:
    """Removes the files of a run and their indexes, and returns how many bytes they had. Where one
    of them is written, or is another file by now, ReliveError says so and all of them stay."""
    locked: List[Tuple[File, BinaryIO]] = []
    try:
        for file in run.files():
            locked.append((file, _lock(file)))
        size = 0
        cached: List[str] = []
        for file, _ in locked:
            cached += _cached_names(file.path, file.run_id.hex())
        for file, _ in locked:
            try:
                os.unlink(file.path)
            except OSError as error:
                raise ReliveError("ERR_IO", f"{file.path}: {error.strerror}") from None
            size += file.size + _remove_index(file.path)
        return size + _remove_cached(cached)
    finally:
        for _, descriptor in locked:
            descriptor.close()


def _lock(file: File) -> BinaryIO:
    """Returns the file, open and locked, so that no recorder writes it."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ReliveError("ERR_IO", f"{file.path}: {error.strerror}") from None
    found = open(descriptor, "rb", buffering=0)
    try:
        now = _read_head(file.path, found)
        _files.take_lock(found, file.path)
        is_same = os.path.samestat(os.fstat(descriptor), os.lstat(file.path))
        if not is_same or (now.run_id, now.pid) != (file.run_id, file.pid):
            raise ReliveError("ERR_BUSY", f"{file.path} has just been replaced by another file")
    except (OSError, ReliveError) as error:
        found.close()
        if isinstance(error, ReliveError):
            raise
        raise ReliveError("ERR_IO", f"{file.path}: {error.strerror}") from None
    return found


def _remove_index(path: str) -> int:
    """Removes the index beside a recording, if it is one, and returns its bytes."""
    index = f"{path}-index" if path.endswith(".relive") else f"{path}.relive-index"
    return sum(_remove_own(name, None) for name in (index, f"{index}.new"))


def _cached_names(path: str, run_id: str) -> List[str]:
    """Returns the names of the cached indexes of a recording, and of those inside it. Where it
    cannot be opened there are none."""
    folder = _index.cache_folder()
    try:
        names = os.listdir(folder) if folder is not None else []
    except OSError:
        names = []
    found: List[str] = []
    if not any(name.startswith(f"{run_id}-") for name in names):
        return found  # most recordings need not be opened
    try:
        with Recording(path, index=False) as first:
            found.append(_index.cached_name(first))
            for number in range(first.header["members"]):
                with Recording(path, index=False, member=number + 1) as other:
                    found.append(_index.cached_name(other))
    except ReliveError:
        pass  # damaged: the cache drops it once it is old
    return [f"{name}{new}" for name in found for new in ("", ".new") if f"{name}{new}" in names]


def _remove_cached(names: List[str]) -> int:
    """Removes indexes from the cache, and returns their bytes. Nothing that is no index goes, and
    nothing elsewhere: a link in the place of the folder or of a file leads nowhere."""
    place = _index.cache_folder()
    if not names or place is None:
        return 0
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
        folder = os.open(place, flags)
    except OSError:
        return 0
    try:
        return sum(_remove_own(name, folder) for name in names)
    finally:
        os.close(folder)


def _remove_own(name: str, folder: Optional[int]) -> int:
    """Removes an index of this user, if it is one, and returns its bytes."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError:
        return 0
    try:
        found = os.fstat(descriptor)
        is_index = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if is_index and os.read(descriptor, len(_INDEX_MAGIC)) == _INDEX_MAGIC:
            os.unlink(name, dir_fd=folder)
            return found.st_size
    except OSError:
        return 0  # it stays
    finally:
        os.close(descriptor)
    return 0

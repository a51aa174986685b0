"""The index of a recording: where it is, who may have written it, when it is made.

    beside the recording      shop.relive-index
    in the user's cache       ~/.cache/relive/index/RUN-PROCESS, where that folder cannot be written
    the key of landmarks      ~/.cache/relive/landmarks/key

What is in it, and whether it is right, is decided in src/query/index.c. A file that belongs to
somebody else, or that others may read, is not used. Its values are as secret as those of the
recording, and its numbers are believed. Whatever fails here costs time and no answer."""

from __future__ import annotations

import os
import stat
import sys

from relive import _core
from relive._terminal import progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Optional

    from relive.api import Recording

VARIABLE = "RELIVE_INDEX"  # 0: neither read nor written
_STEP = 300_000  # events between two looks for Ctrl-C
_KEPT = 32  # in the cache
_KEY = 16  # bytes
_ENDING = ".relive-index"
_OWN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def is_off() -> bool:
    """Returns whether the environment forbids indexes."""
    return os.environ.get(VARIABLE, "") == "0"


def use(recording: Recording) -> Optional[Dict[str, Any]]:
    """Opens the index of a recording, if it has one that is right. Returns its path, its bytes, and
    how many events it covers."""
    for path in _list_places(recording):
        descriptor = _open_own(path)
        if descriptor is None:
            continue
        found = recording.raw_reader.index_use(descriptor)
        if found is not None:
            return {"path": path, "covered": found[0], "bytes": found[1]}
    return None


def make(recording: Recording) -> Optional[Dict[str, Any]]:
    """Makes the index of a recording, or one that covers more, and opens it. Returns the same as
    use(); None where there is no folder for it, or another process is making it."""
    for path in _list_places(recording):
        made = f"{path}.new"
        descriptor = _create_own(made)
        if descriptor is None:
            continue
        is_there = False
        try:
            _fill(recording, descriptor)
            os.rename(made, path)
            is_there = True
        except (OSError, _core.Error):
            continue
        finally:  # also after Ctrl-C
            os.close(descriptor)
            if not is_there:
                _remove(made)
        _keep_few(path)
        return use(recording)
    return None


def _fill(recording: Recording, descriptor: int) -> None:
    reader = recording.raw_reader
    try:
        with progress(recording):
            reader.index_begin(descriptor, 10, 0, landmark_key(may_make=True))
            while reader.index_step(_STEP):
                pass
    finally:
        reader.index_end()


def _list_places(recording: Recording) -> Iterator[str]:
    """Yields the paths that an index of this recording may have."""
    path = recording.path
    if not recording.member:
        yield f"{path}-index" if path.endswith(".relive") else f"{path}.relive-index"
    folder = cache_folder()
    if folder is not None:
        yield os.path.join(folder, cached_name(recording))


def landmark_key(may_make: bool = False) -> Optional[bytes]:
    """Returns the key that this user's indexes share. With it, nobody who writes a recording can
    make `relive diff` take other steps for equal ones. None where there is none that is secret."""
    cache = _cache()
    if cache is None:
        return None
    folder = os.path.join(cache, "landmarks")
    path = os.path.join(folder, "key")
    key = _read_key(path)
    if key is None and may_make:
        key = _make_key(folder, path)
    return key


def _read_key(path: str) -> Optional[bytes]:
    descriptor = _open_own(path)
    if descriptor is None:
        return None
    try:
        key = os.read(descriptor, _KEY + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return key if len(key) == _KEY else None


def _make_key(folder: str, path: str) -> Optional[bytes]:
    """Writes a key. Where another process has written one meanwhile, that one is returned."""
    import fcntl

    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OWN, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_own(descriptor):
            return None
        key = os.read(descriptor, _KEY + 1)
        if len(key) != _KEY:
            key = os.urandom(_KEY)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, key, 0)
    except OSError:
        return None  # another process writes it now
    finally:
        os.close(descriptor)
    return _read_key(path)


def cache_folder() -> Optional[str]:
    """Returns where indexes are that have no place beside their recordings; None without a home."""
    cache = _cache()
    return os.path.join(cache, "index") if cache is not None else None


def _cache() -> Optional[str]:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    cache = cache if os.path.isabs(cache) else os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "relive") if os.path.isabs(cache) else None


def cached_name(recording: Recording) -> str:
    """Returns the name that the index of a recording has in that folder."""
    header = recording.header
    part = f"-{header['before_name']}" if header["before_name"] else ""
    return f"{header['run_id']}-{header['pid']}-{header['start_mono_ns']}{part}{_ENDING}"


def _is_own(descriptor: int) -> bool:
    """Returns whether a file is this user's alone."""
    found = os.fstat(descriptor)
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and found.st_nlink == 1
        and not found.st_mode & 0o077
    )


def _open_own(path: str) -> Optional[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | _OWN)
    except OSError:
        return None
    if _is_own(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _create_own(path: str) -> Optional[int]:
    """Returns an empty file, or None where it cannot be created or another process writes it. One
    that a process has left behind is used again."""
    import fcntl

    folder = os.path.dirname(path)
    try:
        if folder.endswith(os.path.join("relive", "index")):
            os.makedirs(folder, 0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OWN, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = os.path.samestat(os.fstat(descriptor), os.lstat(path))
        if is_there and _is_own(descriptor):
            os.ftruncate(descriptor, 0)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        sys.exc_info()  # it is gone, or stays


def _keep_few(path: str) -> None:
    """Removes the oldest indexes of the cache, where this one is in it."""
    folder = os.path.dirname(path)
    if not folder.endswith(os.path.join("relive", "index")):
        return
    try:
        names = [os.path.join(folder, name) for name in os.listdir(folder)]
        names.sort(key=os.path.getmtime)
    except OSError:
        return
    for name in names[:-_KEPT]:
        _remove(name)

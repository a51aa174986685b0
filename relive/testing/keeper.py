"""One recording for a whole run of tests, and what is kept of it.

    begin(test)  ->  the recording begins again, empty (_core.restart)
    keep(path)   ->  what was recorded since then becomes a file (_core.keep)
    end()        ->  the recording stops, and its own file is removed

The recording is a ring: it holds the newest events of the test that runs, in a file of its own. So
a process that is killed leaves a readable recording of that test.

For the program relive.is_recording() is False. Where it starts a recording, ours ends, and begins
again after that one."""

from __future__ import annotations

import os
import sys
import time

from relive import _core, _files, _run, config
from relive.errors import ReliveError, ask_core
from relive.testing import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set

    from relive.filters.chain import Chain

RUNNING = "running-"  # the name of a recording that goes on begins so
KILLED = "killed-"  # and of one whose process was killed
_FRESH = 60  # seconds, in which another process may have made an empty file without its lock yet


class Keeper:
    """The recording of a process that runs tests. Whatever fails becomes one of `notes`: a test's
    outcome is never ours to change."""

    def __init__(
        self,
        folder: str,
        process: str,
        root: str,
        settings: Mapping[str, Any],
        include: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.notes: List[str] = []
        self._process, self._root = process, root
        self._settings, self._include = settings, include
        self._path = ""  # of the recording that goes on; empty = none
        self._pid = os.getpid()  # a forked child may run pytest's hooks too: it owns no file
        self._has_begun = False
        self._level: Optional[str] = None  # None = that of the settings
        self._is_off = False  # it cannot be started
        self._gave_way = False  # the test records by itself
        self._old: Optional[Set[str]] = None  # recordings of earlier runs
        _run.watchers.append(_Watcher(self))

    # ---- the life of the recording ----

    def begin(self, level: Optional[str] = None) -> bool:
        """Begins the recording of a test's run, and returns whether there is one. `level` replaces
        that of the settings."""
        self._gave_way = False
        if os.getpid() != self._pid:
            return False
        if level != self._level:
            self._stop()
            self._level = level
        if not self._path or not _core.restart(self._path):
            self._start()
        return bool(self._path)

    @property
    def has_old(self) -> bool:
        """Whether the folder has recordings of earlier runs."""
        return bool(self._old)

    def forget(self, name: str) -> None:
        """Removes what an earlier run has kept of a test that begins. Called after begin()."""
        if self._old:
            self._remove_old(name)

    def end(self) -> None:
        """Ends the recording. What was not kept is gone."""
        self._stop()
        if self._owner in _run.watchers:
            _run.watchers.remove(self._owner)

    @property
    def _owner(self) -> Optional[_run.Watcher]:
        return next((w for w in _run.watchers if isinstance(w, _Watcher) and w.of is self), None)

    def _start(self) -> None:
        if self._is_off or os.getpid() != self._pid:
            return
        if _core.state()["recording"]:
            if not self._has_begun:
                self._give_up("this process is recorded already: --relive records nothing more")
            return  # a test has left its own recording on
        self._stop()
        try:
            self._open()
        except (ReliveError, OSError) as error:
            self._give_up(f"tests are not recorded: {error}")

    def _open(self) -> None:
        self._make_folder()
        path = os.path.join(self.folder, f"{RUNNING}{self._process}{names.ENDING}")
        wanted = dict(self._settings, level=self._level or self._settings["level"])
        merged = dict(config.load(arguments=wanted).as_dict())
        if not merged["enabled"]:
            self._is_off = True
            return
        if os.path.lexists(path):
            _files.remove_recording(path)
        _run.open_with(path, merged, _chain(merged, self._root, self._include))
        self._path, self._has_begun = path, True

    def _make_folder(self) -> None:
        """Makes the folder; where that is refused, one among the temporary files."""
        try:
            os.makedirs(self.folder, exist_ok=True)
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise PermissionError(f"{self.folder}: no permission to create a file there")
        except OSError as error:
            import tempfile

            before, self.folder = self.folder, tempfile.mkdtemp(prefix="relive-pytest-")
            reason = error.strerror or str(error)
            self._say(f"{before} cannot be used ({reason}): recordings are in {self.folder}")
        if self._old is None:
            found = _files.list_recordings(self.folder)
            self._old = {name for name in found if not name.startswith((RUNNING, KILLED))}

    def _stop(self) -> None:
        path, self._path = self._path, ""
        if os.getpid() != self._pid:
            return
        if path and _core.state().get("path") == path:
            _core.stop()
        if path:
            _remove(path)

    def _give_up(self, why: str) -> None:
        self._is_off = True
        self._say(why)

    def _say(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _remove_old(self, name: str) -> None:
        assert self._old is not None
        stem = name[: -len(names.ENDING)]
        of_test = tuple(stem + end for end in names.MORE)
        for one in [one for one in self._old if one == name or one.startswith(of_test)]:
            self._old.discard(one)
            _remove(os.path.join(self.folder, one))

    # ---- what is kept ----

    def keep(self, name: str, facts: Mapping[str, str]) -> Optional[str]:
        """Writes what was recorded since begin() under this name of a file; an older one is
        replaced. Returns the path, or None where nothing is recorded."""
        if not self._path or _core.state().get("path") != self._path:
            return None
        path = os.path.join(self.folder, name)
        if self._gave_way:
            facts = dict(facts, **{"test.paused": "the test made a recording of its own"})
        try:
            os.makedirs(self.folder, exist_ok=True)
            return _write(path, lambda part: ask_core(_core.keep, part, list(facts.items())))
        except (ReliveError, OSError) as error:
            self._say(f"a recording could not be kept: {error}")
            if not os.path.exists(self._path):
                self._stop()  # somebody removed the folder
            return None

    @property
    def has_given_way(self) -> bool:
        """Whether the test that runs has made a recording of its own."""
        return self._gave_way

    def is_recording(self) -> bool:
        """Returns whether this keeper's recording is on."""
        return bool(self._path) and _core.state().get("path") == self._path

    def give_way(self) -> None:
        """Ends the recording for one that the program begins."""
        if self.is_recording():
            self._gave_way = True
            self._stop()

    def come_back(self) -> None:
        """Goes on after the program's own recording."""
        if self._gave_way and not self._path and not _core.state()["recording"]:
            self._start()


class _Watcher(_run.Watcher):
    def __init__(self, of: Keeper) -> None:
        self.of = of

    def before_start(self, settings: Mapping[str, Any]) -> None:
        self.of.give_way()

    def changed(self) -> None:
        self.of.come_back()

    def give_way(self) -> None:
        self.of.give_way()

    def come_back(self) -> None:
        self.of.come_back()

    def is_private(self) -> bool:
        return self.of.is_recording()


def _write(path: str, write: Callable[[str], object]) -> str:
    """Calls `write` with another name, and renames what it has made. So a path never holds half a
    recording."""
    part = f"{path}.part"
    _remove(part)
    write(part)
    os.replace(part, path)
    return path


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # another process has removed it, or the folder is read-only by now


def keep_of_dead(path: str, name: str, facts: Mapping[str, str]) -> Optional[str]:
    """Keeps the recording of a process that is gone, and removes the one that it was writing.
    Returns the new path, or None where its process still writes it."""
    try:
        with open(path, "rb") as file:
            _files.take_lock(file, path)
            if not file.read(8).strip(b"\0"):  # it was killed before there was a header
                if os.fstat(file.fileno()).st_mtime < time.time() - _FRESH:
                    _remove(path)
                return None
            reader = ask_core(_core.Reader, path)
            made = _write(
                os.path.join(os.path.dirname(path), name),
                lambda part: ask_core(reader.keep, part, list(facts.items())),
            )
            reader.close()
            _remove(path)
            return made
    except (ReliveError, OSError):
        return None


def keep_of_killed(folder: str) -> List[str]:
    """Keeps what earlier processes have left, which were killed. Returns the paths."""
    found = []
    for name in _files.list_recordings(folder) if os.path.isdir(folder) else []:
        if name.startswith(RUNNING):
            facts = {"test.killed": "the process was killed"}
            path = os.path.join(folder, name)
            made = keep_of_dead(path, KILLED + name[len(RUNNING) :], facts)
            if made is not None:
                found.append(made)
    return found


# ---- which code is recorded ----


def _chain(settings: Mapping[str, Any], root: str, include: Iterable[str]) -> Chain:
    """Returns the filters: files below `root` that are in no library, and the included modules."""
    from relive.filters import doors

    libraries = _run.library_folders()
    folders = [os.path.realpath(root)]
    is_library = any(folders[0].startswith(os.path.realpath(one)) for one in libraries)
    rules: List[Dict[str, str]] = []
    for name in include:
        folders.append(_folder_of(name))
        rules += [{"selector": f"pkg:{end}", "exec": "trace"} for end in (name, f"{name}.*")]
    return doors.chain_of_folders(
        settings, libraries, folders, rules, packages="trace" if is_library else "skip"
    )


def _folder_of(name: str) -> str:
    """Returns the folder of a package, or the one that a module is in, without importing it."""
    import importlib.util

    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None:
        raise ReliveError("ERR_USAGE", f"--relive-include: there is no module {name}")
    places = list(spec.submodule_search_locations or ())
    if not places and spec.origin is not None and os.path.isabs(spec.origin):
        places = [os.path.dirname(spec.origin)]
    if not places:
        raise ReliveError("ERR_USAGE", f"--relive-include: module {name} has no file")
    return os.path.realpath(places[0])


def process_name(worker: str, run: str) -> str:
    """Returns what tells the recording of this process from those of others in the folder."""
    return f"{worker}-{run}" if run else f"{worker}-{os.getpid()}"


def say(text: str) -> None:
    """Writes a line on stderr where no report can."""
    if sys.stderr is not None:
        sys.stderr.write(f"relive: {text}\n")

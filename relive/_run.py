"""Runs, as the API begins and continues them.

C has what a run is, and all that a process does with one before its program's first line and in
forked children (run.h). So a program finds none of our modules imported."""

from __future__ import annotations

import _thread
import os

from relive import _core
from relive.errors import from_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Dict,
        List,
        Mapping,
        MutableMapping,
        Optional,
        Tuple,
        TypeVar,
    )

    from relive.filters.chain import Chain

    _Answer = TypeVar("_Answer")

VARIABLE = "RELIVE_RUN"
BY_OPTION = "--force replaces it"
REDACTED = _core.SENTINELS["redacted"]
complain = _core.complain
library_folders = _core.library_folders
opened = _core.opened_run
tell_children = _core.tell_children

_FALLBACK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fallback")
_FALLBACK_VARIABLE = "RELIVE_PYTHONPATH"
# Runs here and in other interpreters. An editable install can import the boot module. But an
# interpreter only does so by itself with a .pth (or .start) file in a site folder.
BOOT_PROBE = """\
import os, site, sys
folders = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
boot = any(os.path.exists(os.path.join(folder, "relive.pth")) for folder in folders)
"""


def boot_is_installed() -> bool:
    """Returns whether this interpreter begins recordings by itself."""
    found: Dict[str, Any] = {}
    exec(BOOT_PROBE, found)
    return bool(found["boot"])


def add_fallback(environ: MutableMapping[str, str]) -> None:
    """Puts the folder into PYTHONPATH by which an interpreter begins where relive.pth is not
    installed. The interpreter takes it out of its sys.path again."""
    before = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = _FALLBACK + (os.pathsep + before if before else "")
    environ[_FALLBACK_VARIABLE] = _FALLBACK


_has_added = False  # to PYTHONPATH, by reach_children()


def reach_children() -> None:
    """Lets programs that this process starts be recorded, as those of `relive record` are."""
    global _has_added
    if _FALLBACK_VARIABLE not in os.environ and not boot_is_installed():
        add_fallback(os.environ)
        _has_added = True


def forget_children() -> None:
    """Takes back by what started programs are recorded."""
    global _has_added
    os.environ.pop(VARIABLE, None)
    if not _has_added:
        return
    _has_added = False
    os.environ.pop(_FALLBACK_VARIABLE, None)
    path = os.environ.get("PYTHONPATH", "")
    if path == _FALLBACK:
        del os.environ["PYTHONPATH"]
    elif path.startswith(_FALLBACK + os.pathsep):
        os.environ["PYTHONPATH"] = path[len(_FALLBACK + os.pathsep) :]


class _Quiet:
    """`with quiet:` nothing of this thread is recorded. Our own work needs it, since it calls
    functions of the standard library that a filter may want of the program."""

    def __enter__(self) -> None:
        _core.suppress(True)

    def __exit__(self, *exc_info: object) -> None:
        _core.suppress(False)


class _Changing(_Quiet):
    def __init__(self) -> None:
        self._lock = _thread.RLock()  # type: ignore[attr-defined]

    def __enter__(self) -> None:
        self._lock.acquire()
        super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__()
        self._lock.release()


quiet = _Quiet()
_changing = _Changing()


def changing() -> _Changing:
    """Returns the lock of whoever begins, ends or exchanges the recording of this process."""
    return _changing


def _replace_lock() -> None:
    """Runs in a forked child: a thread that held the lock in the parent does not exist here."""
    global _changing
    _changing = _Changing()


os.register_at_fork(after_in_child=_replace_lock)


class Watcher:
    """Another part of Relive that depends on whether this process is recorded. A module that has
    one appends it to `watchers` when it is imported."""

    def before_start(self, settings: Mapping[str, Any]) -> None:
        """The program is about to start a recording; ReliveError refuses it."""

    def started(self) -> None:
        """A recording has begun, and the program's next event is its first."""

    def changed(self) -> None:
        """A recording of the program has begun or ended, or could not begin."""

    def before_stop(self) -> None:
        """The program is about to stop its recording."""

    def give_way(self) -> None:
        """Another part of Relive is about to begin a private recording."""

    def come_back(self) -> None:
        """That recording is over."""

    def is_private(self) -> bool:
        """Whether the recording that is on belongs to this watcher and not to the program."""
        return False


watchers: List[Watcher] = []


def choose_backend(config: Mapping[str, Any], level: str) -> Tuple[str, str]:
    """Returns (name, reason) of the wanted backend, or of the best one that works here and can do
    what the settings want. `level` is the highest of any function."""
    return _call(_core.choose_backend, dict(config), level)


def filter_chain(config: Mapping[str, Any]) -> Chain:
    """Returns the filters of a recording with these settings."""
    from relive.filters import doors

    return doors.chain(config, library_folders())


def open_file(
    path: str, config: Mapping[str, Any], run: Optional[Mapping[str, Any]] = None
) -> None:
    """Starts the engine on a new file. Raises ReliveError where that is refused."""
    _call(_core.open_run, path, _add_filter(dict(run or {}, config=config)))


def open_with(path: str, config: Mapping[str, Any], chain: Chain) -> None:
    """Starts the engine on a new file with filters of the caller's."""
    recipe = chain.recipe(config["level"])
    _call(_core.open_run, path, {"config": dict(config), "filter": recipe})


def join(run: Mapping[str, Any]) -> None:
    """Opens this process's own file of the run, beside the first one."""
    _call(_core.join_run, _add_filter(run))


def _add_filter(run: Mapping[str, Any]) -> Dict[str, Any]:
    config = run["config"]
    made = dict(run, filter=filter_chain(config).recipe(config["level"]))
    made.pop("filter_key", None)  # of another filter
    return made


def _call(function: Callable[..., _Answer], *args: Any) -> _Answer:
    try:
        return function(*args)
    except _core.Error as error:
        raise from_core(error) from None

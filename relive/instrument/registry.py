"""Which instruments there are, and which are in force. Built-in ones are plugins like others."""

import threading
from importlib import import_module
from typing import Any, Callable, Dict, List, Optional, Tuple

from relive import config
from relive.errors import ReliveError

GROUP = "relive.instrument"
_BUILT_IN = ("logging",)

_lock = threading.RLock()
_known: Dict[str, Tuple[Callable[[], Any], Callable[[], Any]]] = {}
_in_force: List[str] = []


def register(name: str, install: Callable[[], Any], uninstall: Callable[[], Any]) -> None:
    """A plugin: `install()` puts it in force, `uninstall()` takes all of it back. A package may
    name a module with these two functions in its entry-point group `relive.instrument` instead."""
    if type(name) is not str or not name or not callable(install) or not callable(uninstall):
        raise ReliveError("ERR_USAGE", "register() wants a name and two functions")
    with _lock:
        if name in _in_force:
            raise ReliveError("ERR_BUSY", f"{name!r} is in force: uninstrument({name!r}) first")
        _known[name] = (install, uninstall)


def names() -> List[str]:
    """All that there are."""
    return sorted({*_BUILT_IN, *_known, *_entry_points()})


def installed() -> List[str]:
    """Those in force, in the order in which they were put in."""
    return list(_in_force)


def install(name: str) -> None:
    """Puts one in force; nothing where it is already."""
    with _lock:
        if name not in _in_force:
            _find(name)[0]()
            _in_force.append(name)


def uninstrument(name: Optional[str] = None) -> None:
    """Takes one back, or all of them, the last first."""
    with _lock:
        if name is not None:
            _find(name)
        for one in reversed([one for one in _in_force if name in (None, one)]):
            _in_force.remove(one)
            _find(one)[1]()


def _entry_points():
    from importlib.metadata import entry_points

    found = entry_points()
    rows = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return {row.name: row for row in rows}


def _find(name):
    if name in _known:
        return _known[name]
    if name in _BUILT_IN:
        module = import_module(f"relive.instrument.of_{name}")
    else:
        row = _entry_points().get(name)
        if row is None:
            all_names = names()
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"there is no instrument {name!r}{config.nearest(str(name), all_names)}"
                f" (there are {', '.join(all_names)})",
            )
        module = row.load()
    _known[name] = (module.install, module.uninstall)
    return _known[name]

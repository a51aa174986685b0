"""Which instruments exist, and which are in force. Built-in ones are plugins like others."""

import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from relive import config
from relive.errors import ReliveError

GROUP = "relive.instrument"
CLIENTS = ("http.client", "requests", "urllib3", "httpx", "aiohttp")
_BUILT_IN = ("logging", "joblib", "celery", *CLIENTS)

_lock = threading.RLock()
_known: Dict[str, Tuple[Callable[[], Any], Callable[[], Any]]] = {}
_in_force: List[str] = []


def register(name: str, install: Callable[[], Any], uninstall: Callable[[], Any]) -> None:
    """Registers a plugin: `install()` puts it in force, `uninstall()` takes all of it back. A
    package may instead name a module with these two functions in its entry-point group
    `relive.instrument`."""
    if type(name) is not str or not name or not callable(install) or not callable(uninstall):
        raise ReliveError("ERR_USAGE", "register() wants a name and two functions")
    with _lock:
        if name in _in_force:
            raise ReliveError("ERR_BUSY", f"{name!r} is in force: uninstrument({name!r}) first")
        _known[name] = (install, uninstall)


def names() -> List[str]:
    """Returns all instruments."""
    return sorted({*_BUILT_IN, *_known, *_load_entry_points()})


def installed() -> List[str]:
    """Returns those in force, in the order in which they were installed."""
    return list(_in_force)


def install(name: str) -> None:
    """Puts one in force; does nothing where it is already."""
    with _lock:
        if name not in _in_force:
            _find_instrument(name)[0]()
            _in_force.append(name)


def uninstrument(name: Optional[str] = None) -> None:
    """Takes one back, or all of them, the last first."""
    with _lock:
        if name is not None:
            _find_instrument(name)
        for one in reversed([one for one in _in_force if name in (None, one)]):
            _in_force.remove(one)
            _find_instrument(one)[1]()


def http(clients: Optional[Sequence[str]] = None,
         headers: Optional[Sequence[str]] = None) -> None:  # fmt: skip
    """Makes outgoing requests events, and sends the session's trace along.

    `clients` are some of http.client (with urllib), requests, urllib3, httpx and aiohttp; by
    default all that are installed. `headers` are the names of those that are kept
    (exchange.HEADERS)."""
    from relive.instrument import exchange

    rows = [clients] if isinstance(clients, str) else clients
    for name in rows or ():
        if name not in CLIENTS:
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"there is no HTTP client {name!r}{config.nearest(str(name), CLIENTS)}"
                f" (clients: {', '.join(CLIENTS)})",
            )
        if find_spec(name) is None:
            raise ReliveError("ERR_NOT_FOUND", f"{name} is not installed here (pip install {name})")
    exchange.choose_headers(headers)
    for name in rows if rows is not None else [one for one in CLIENTS if find_spec(one)]:
        install(name)


def _load_entry_points() -> Dict[str, Any]:
    from importlib.metadata import entry_points

    found: Any = entry_points()
    rows = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return {row.name: row for row in rows}


def _find_instrument(name: str) -> Tuple[Callable[[], Any], Callable[[], Any]]:
    if name in _known:
        return _known[name]
    if name in _BUILT_IN:
        module = import_module("relive.instrument.of_" + name.replace(".", "_"))
    else:
        row = _load_entry_points().get(name)
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

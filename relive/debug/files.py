"""Which file a breakpoint means: a name as it is typed, and code that has no file."""

import contextlib
import linecache
import os
import re
import sys
from typing import Iterator, List, Set

from relive.errors import ReliveError

_MOST = 5000  # files below the current folder that are looked at
_NUMBERED = re.compile(r">-\d+\Z")
_SKIPPED = {"node_modules", "site-packages", "__pycache__", "build", "dist"}


def is_without_file(name: str) -> bool:
    """Returns whether code of this name has no file: <string>, <stdin>, <doctest ...>, <stdin>-1 of
    Python 3.13."""
    return name.startswith("<") and (name.endswith(">") or bool(_NUMBERED.search(name)))


def find_file(name: str) -> str:
    """Returns the path of the one file whose path ends with a name; "" where there is none. Modules
    that are loaded come first, then the files below the current folder. Raises ReliveError where
    there are several."""
    ending = os.path.normpath(name)
    if not os.path.splitext(ending)[1]:
        ending += ".py"
    for found in (_loaded(ending), _below(ending)):
        if len(found) > 1:
            raise ReliveError("ERR_USAGE", f"{name!r} may be {', '.join(sorted(found)[:4])}")
        if found:
            return found.pop()
    return ""


def _ends(path: str, ending: str) -> bool:
    return path == ending or path.endswith(os.sep + ending)


def _loaded(ending: str) -> Set[str]:
    files: List[object] = [
        getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())
    ]
    return {os.path.realpath(one) for one in files if isinstance(one, str) and _ends(one, ending)}


def _below(ending: str) -> Set[str]:
    found, left = set(), _MOST
    for folder, folders, files in os.walk(os.curdir):
        folders[:] = [one for one in folders if not one.startswith(".") and one not in _SKIPPED]
        for one in files:
            path = os.path.normpath(os.path.join(folder, one))
            if _ends(path, ending):
                found.add(os.path.realpath(path))
        left -= len(files)
        if left < 0:
            break
    return found


@contextlib.contextmanager
def lines_of_code_without_file(name: str, line: int) -> Iterator[None]:
    """Within it, bdb takes a line of code whose source is not known for one that exists."""
    if not is_without_file(name) or linecache.getline(name, line):
        yield
        return
    before = linecache.cache.get(name)
    linecache.cache[name] = (0, None, ["\n"] * line, name)
    try:
        yield
    finally:
        del linecache.cache[name]
        if before is not None:
            linecache.cache[name] = before

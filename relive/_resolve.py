"""What a starting process needs to know about the environment and the files around it.

It reads TOML, patterns and paths, and so imports modules that a recorded program should not find
imported. The engine runs this module in a process of its own (src/cpython/module/helper.c): a
request on stdin and an answer on stdout, both JSON."""

from __future__ import annotations

import os
import sys

from relive import _core, _files, config, handit
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional


def answer(request: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the run for {"path": of RELIVE_RECORD}, as RELIVE_RUN describes one, and "warnings"
    that the process which asks prints. Returns {"filter": recipe} for {"config": settings}, and
    {"error": [code, text]} for a refusal."""
    handit.warnings = []
    try:
        if "path" not in request:
            return _make_filter(request["config"])
        return dict(_make_run(request["path"]), warnings=handit.warnings)
    except ReliveError as error:
        return {"error": [error.code, str(error)]}
    finally:
        handit.warnings = None


def _make_run(path: str) -> Dict[str, Any]:
    from relive.filters import doors

    path = os.path.abspath(path)
    files = _list_states(_list_sources())
    settings = dict(config.load().as_dict())
    files += _list_states(
        entry["path"] for entry in settings["trace_filter"] if "tables" not in entry
    )
    run: Dict[str, Any] = {"id": os.urandom(16).hex(), "path": path, "config": settings}
    run["spare"] = config.spare_folder()
    if settings["enabled"]:
        if settings["force"] and os.path.lexists(path):
            _files.remove_recording(path)
        run["config"], run["filter"] = doors.resolved(settings, os.getcwd())
    if not settings["force"] and _are_unchanged(files):
        run["files"] = files
    return run


def _list_sources() -> Iterator[str]:
    """Yields where settings and the project's filters may be, whether they exist or not. An answer
    is kept for as long as each of these is unchanged (src/cpython/module/kept.h)."""
    for names in (["pyproject.toml"], config.FILTER_FILES):
        for here in config.upwards(os.getcwd()):
            paths = [os.path.join(here, name) for name in names]
            yield from paths
            if any(map(os.path.isfile, paths)):
                break


def _list_states(paths: Iterable[str]) -> List[List[Optional[str]]]:
    return [[path, _core.file_state(path)] for path in paths]


def _are_unchanged(files: List[List[Optional[str]]]) -> bool:
    """Returns whether each file could be read, and none has changed meanwhile."""
    now = _list_states(path for path, _ in files if path is not None)
    return now == files and all(state != "unread" for _, state in files)


def _make_filter(settings: Mapping[str, Any]) -> Dict[str, Any]:
    from relive.filters import doors

    return {"filter": doors.chain(settings, []).recipe(settings["level"])}


if __name__ == "__main__":
    sys.stdout.write(_core.json_text(answer(_core.read_json(sys.stdin.read()))))

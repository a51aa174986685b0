"""What a starting process needs to know of the environment and the files around: it takes TOML,
patterns and paths, and so modules that a recorded program should not find imported. The engine has
this module run in a process of its own (src/cpython/module/helper.c): a request on stdin, in JSON,
and an answer on stdout."""

import os
import sys

from relive import _core, _files, config
from relive.errors import ReliveError
from relive.filters import chain


def answer(request):
    """{"path": of RELIVE_RECORD} -> the run, as RELIVE_RUN describes one; {"config": settings} ->
    {"filter": their recipe}. {"error": [code, text]} where that is refused."""
    try:
        return _run_of(request["path"]) if "path" in request else _filter_of(request["config"])
    except ReliveError as error:
        return {"error": [error.code, str(error)]}


def _run_of(path):
    from relive.filters import doors

    path = os.path.abspath(path)
    files = _states(_looked_at())
    settings = dict(config.load().as_dict())
    files += _states(entry["path"] for entry in settings["trace_filter"] if "tables" not in entry)
    run = {"id": os.urandom(16).hex(), "path": path, "config": settings}
    run["spare"] = config.spare_folder()
    if settings["enabled"]:
        if settings["force"] and os.path.lexists(path):
            _files.remove_recording(path)
        run["config"], run["filter"] = doors.resolved(settings, os.getcwd())
    if not settings["force"] and _can_be_kept(files):
        run["files"] = files
    return run


def _looked_at():
    """Where settings and the project's filters are looked for, whether they are there or not: an
    answer is kept for as long as each of these is as it was (src/cpython/module/kept.h)."""
    for names in (["pyproject.toml"], chain.PROJECT_FILES):
        for here in config.upwards(os.getcwd()):
            paths = [os.path.join(here, name) for name in names]
            yield from paths
            if any(map(os.path.isfile, paths)):
                break


def _states(paths):
    return [[path, _core.file_state(path)] for path in paths]


def _can_be_kept(files):
    """Whether each file could be read, and none has changed meanwhile."""
    now = _states(path for path, _ in files)
    return now == files and all(state != "unread" for _, state in files)


def _filter_of(settings):
    from relive.filters import doors

    return {"filter": doors.chain(settings, []).recipe(settings["level"])}


if __name__ == "__main__":
    sys.stdout.write(_core.json_text(answer(_core.read_json(sys.stdin.read()))))

"""What a starting process needs to know of the environment and the files around: it takes TOML,
patterns and paths, and so modules that a recorded program should not find imported. The engine has
this module run in a process of its own (src/cpython/helper.c): a request on stdin, in JSON, and an
answer on stdout."""

import os
import sys

from relive import _core, config
from relive.errors import ReliveError


def answer(request):
    """{"path": of RELIVE_RECORD} -> the run, as RELIVE_RUN describes one; {"config": settings} ->
    {"filter": their recipe}. {"error": [code, text]} where that is refused."""
    try:
        return _run_of(request["path"]) if "path" in request else _filter_of(request["config"])
    except ReliveError as error:
        return {"error": [error.code, str(error)]}


def _run_of(path):
    from relive import api
    from relive.filters import doors

    path = os.path.abspath(path)
    settings = dict(config.load().as_dict())
    run = {"id": os.urandom(16).hex(), "path": path, "config": settings}
    run["spare"] = config.spare_folder()
    if settings["enabled"]:
        if settings["force"] and os.path.lexists(path):
            api._remove_recording(path)
        run["config"], run["filter"] = doors.resolved(settings, os.getcwd())
    return run


def _filter_of(settings):
    from relive.filters import doors

    return {"filter": doors.chain(settings, []).recipe(settings["level"])}


if __name__ == "__main__":
    sys.stdout.write(_core.json_text(answer(_core.read_json(sys.stdin.read()))))

"""The run that RELIVE_RECORD asks for, from the environment and the files around: what needs TOML,
patterns and paths, and so modules that a recorded program should not find imported. The starting
process has this module run in a process of its own (relive/_boot.py)."""

import os
import sys
import tempfile

from relive import _core, config
from relive.errors import ReliveError


def run_of(path):
    """The run, as RELIVE_RUN describes one; {"error": [code, text]} where that is refused."""
    from relive import api
    from relive.filters import doors

    path = os.path.abspath(path)
    try:
        settings = dict(config.load().as_dict())
        run = {"id": os.urandom(16).hex(), "path": path, "config": settings}
        run["spare"] = tempfile.gettempdir()
        if settings["enabled"]:
            if settings["force"] and os.path.lexists(path):
                api._remove_recording(path)
            run["config"], run["filter"] = doors.resolved(settings, os.getcwd())
        return run
    except ReliveError as error:
        return {"error": [error.code, str(error)]}


if __name__ == "__main__":
    sys.stdout.write(_core.json_text(run_of(sys.argv[1])))

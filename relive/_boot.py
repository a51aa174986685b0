"""The start of a recorded process: called by site, before the program's first line.

Nothing here may raise into the interpreter's start. Where `relive record` asked for this run, a
recording that cannot begin ends the process with 125 before the program starts; a child that
cannot be recorded runs unrecorded and says so in one line.
"""

import os

_has_begun = False

NOT_STARTED = 125


def begin():
    """Begins this process's recording, once."""
    global _has_begun
    if _has_begun:
        return
    _has_begun = True
    from relive.errors import ReliveError

    try:
        _begin()
    except ReliveError as error:
        from relive import _run

        run = _run.read_variable()
        if run is not None and run.get("state") == "start":
            _run.complain(f"{error} [{error.code}]")
            os._exit(NOT_STARTED)
        _run.complain(f"not recorded: {error} [{error.code}]")


def _begin():
    _restore_path()
    from relive import _core, _run

    run = _run.read_variable()
    if run is None:
        path = os.environ.get("RELIVE_RECORD")
        if path:
            _begin_from_environment(path)
        return
    if run.get("state") == "start" and run.get("pid") == os.getpid():
        _core.want_report(bool(run.get("report")))
        if _open_first(run):
            _become_parent(run)
    elif run["config"].get("children", True):
        _run.join(run, waiting=True)


def _open_first(run):
    """Opens the file of a run that `relive record` began; False where the program runs unrecorded.

    A name that another run has taken meanwhile is replaced by the next one where it was ours."""
    from relive import _run
    from relive.errors import ReliveError

    stem = run["path"][: -len(".relive")]
    for n in range(1000):
        try:
            _run.open_file(run["path"], run["config"], waiting=True, run=run)
            return True
        except ReliveError as error:
            if error.code != "ERR_FILE_EXISTS":
                raise
            if run["config"].get("output") is not None:
                if not run.get("forced"):
                    raise
                _run.complain(f"not recorded: another run has just begun {run['path']}")
                os.environ.pop(_run.VARIABLE, None)
                return False
            run["path"] = f"{stem}-{os.getpid()}{f'-{n}' if n else ''}.relive"
    raise ReliveError("ERR_FILE_EXISTS", f"{stem}.relive and all names like it are taken")


def _begin_from_environment(path):
    from relive import _run, config

    settings = dict(config.load().as_dict())
    if not settings["enabled"]:
        return
    path = os.path.abspath(path)
    if settings["force"] and os.path.lexists(path):
        from relive import api

        api._remove_recording(path)
    run = {"id": os.urandom(16).hex(), "path": path, "config": settings, "pid": os.getpid()}
    _run.open_file(path, settings, waiting=True, run=run)
    _become_parent(run)


def _become_parent(run):
    from relive import _core, _run

    run = dict(run, state="child", parent=os.getpid())
    run.setdefault("mono", _core.facts()["mono_ns"])
    run.pop("report", None)
    run.pop("forced", None)
    _run.write_variable(run)


def _restore_path():
    """Takes back what the fallback launcher put in front of PYTHONPATH for this interpreter."""
    import sys

    added = os.environ.get("RELIVE_PYTHONPATH")
    if added:
        sys.path[:] = [entry for entry in sys.path if entry != added]

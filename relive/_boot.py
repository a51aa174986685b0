"""The start of a recorded process: called by site, before the program's first line.

Nothing here may raise into the interpreter's start. Where `relive record` asked for this run, a
recording that cannot begin ends the process with 125 before the program starts; a child that
cannot be recorded runs unrecorded and says so in one line. As in relive._run, nothing is imported
that the program would not find without us.
"""

import os
import sys

from relive import _core, _run
from relive.errors import ReliveError, advise

NOT_STARTED = 125
# What the helper process that resolves settings must not begin itself.
_OURS_TO_BEGIN = ("RELIVE_RECORD", "RELIVE_CONTROL", "RELIVE_DEBUG")

_has_begun = False


def begin():
    """Begins this process's recording, once."""
    global _has_begun
    if _has_begun:
        return
    _has_begun = True
    try:
        try:
            _begin()
        except (AttributeError, KeyError, TypeError, ValueError, _core.Error) as error:
            text = (
                f"the variable {_run.VARIABLE} is not what a run of this Relive writes: {error!r}"
            )
            raise ReliveError("ERR_CONFIG", text) from None
    except ReliveError as error:
        run = _run.read_variable()
        if run is not None and run.get("state") == "start":
            _run.complain(f"{error} [{error.code}]")
            os._exit(NOT_STARTED)
        _run.complain(f"not recorded: {error} [{error.code}]")


def _begin():
    _restore_path()
    run = _run.read_variable()
    if run is None:
        path = os.environ.get("RELIVE_RECORD")
        if path:
            _begin_from_environment(path)
        return
    if run.get("state") == "start" and run.get("pid") == os.getpid():
        _core.want_report(bool(run.get("report")))
        if _open_first(run):
            _become_parent()
    elif run["config"].get("children", True):
        _run.join(run, waiting=True)


def _open_first(run):
    """Opens the file of a run that `relive record` began; False where the program runs unrecorded.

    A name that another run has taken meanwhile is replaced by the next one where it was ours."""
    stem = run["path"][: -len(".relive")]
    for n in range(1000):
        try:
            _open_where_space_is(run)
            return True
        except ReliveError as error:
            if error.code == "ERR_LIMIT":
                return _go_on_unrecorded(str(error))
            if error.code != "ERR_FILE_EXISTS":
                raise
            if run["config"].get("output") is not None:
                if not run.get("forced"):
                    error.advice = _run.BY_OPTION
                    raise
                return _go_on_unrecorded(f"another run has just begun {run['path']}")
            run["path"] = f"{stem}-{os.getpid()}{f'-{n}' if n else ''}.relive"
    raise ReliveError("ERR_FILE_EXISTS", f"{stem}.relive and all names like it are taken")


def _open_where_space_is(run):
    """Opens the file of a run; on a disk that is full or read-only, one in the run's spare folder.
    Whoever has named a file with -o gets no other."""
    folder, name = os.path.split(run["path"])
    stem, suffix = os.path.splitext(name)
    spare = run.get("spare")
    try:
        _run.open_file(run["path"], run["config"], waiting=True, run=run)
    except ReliveError as error:
        if not spare or error.code not in ("ERR_LIMIT", "ERR_IO") or not os.path.isdir(folder):
            raise
        path = os.path.join(spare, f"{stem}-{os.getpid()}{suffix}")
        try:
            _run.open_file(path, run["config"], waiting=True, run=dict(run, path=path))
        except ReliveError:
            raise error from None
        _run.complain(f"{error}; recording into {path}")


def _go_on_unrecorded(why):
    """The program matters more than its recording, and its children are not asked either."""
    _run.complain(f"not recorded: {why}")
    os.environ.pop(_run.VARIABLE, None)
    return False


def _begin_from_environment(path):
    run = _resolved_elsewhere(path)
    if run is None:
        from relive import _resolve

        run = _resolve.run_of(path)
    if "error" in run:
        raise ReliveError(*run["error"])
    if run["config"]["enabled"]:
        run["pid"] = os.getpid()
        try:
            _open_where_space_is(run)
        except ReliveError as error:
            advise(error, "RELIVE_FORCE=1 replaces it", run["config"]["force"])
            raise
        _become_parent()


def _resolved_elsewhere(path):
    """The run, as a helper process finds it that reads TOML and all else that a program should not
    find imported; None where this executable starts no interpreter."""
    if not os.path.basename(sys.executable or "").startswith("python"):
        return None
    words = [sys.executable, *_flags(), "-m", "relive._resolve", path]
    environ = {key: value for key, value in os.environ.items() if key not in _OURS_TO_BEGIN}
    out, into = os.pipe()
    try:
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
        files = [null, (os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        child = os.posix_spawn(sys.executable, words, environ, file_actions=files)
    except (OSError, ValueError):
        os.close(out)
        return None
    finally:
        os.close(into)
    text = b""
    with open(out, "rb", 0) as file:
        text = file.read()
    os.waitpid(child, 0)
    try:
        run = _core.read_json(text.decode("ascii"))
    except ValueError:
        return None
    return run if isinstance(run, dict) and ("config" in run or "error" in run) else None


def _flags():
    """The options that say where an interpreter finds its modules."""
    pairs = (("-I", "isolated"), ("-E", "ignore_environment"), ("-s", "no_user_site"))
    return [option for option, name in pairs if getattr(sys.flags, name)]


def _become_parent():
    run = dict(_run.opened(), state="child", parent=os.getpid())
    run.pop("report", None)
    run.pop("forced", None)
    run.pop("spare", None)
    _run.write_variable(run)


def _restore_path():
    """Takes back what the fallback launcher put in front of PYTHONPATH for this interpreter."""
    added = os.environ.get("RELIVE_PYTHONPATH")
    if added:
        sys.path[:] = [entry for entry in sys.path if entry != added]

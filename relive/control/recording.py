"""What can be done to the recording of this process, and how a request from outside is handled."""

import os
import sys
import threading
from typing import Any, Callable, Dict, Mapping, Optional

from relive import _core, _run, config, recorder
from relive._version import __version__
from relive.errors import ReliveError

_lock = threading.RLock()


def start(path: Optional[str] = None, *, seconds: Optional[float] = None,
          **settings: Any) -> Dict[str, Any]:  # fmt: skip
    """Begins a recording, into relive-PID-TIME.relive here where no path is given, and returns
    status(). With `seconds` it ends by itself after that time."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 < seconds <= threading.TIMEOUT_MAX):
        raise ReliveError(
            "ERR_USAGE",
            f"seconds: {seconds!r:.40} is not a number above 0 and up to {threading.TIMEOUT_MAX:g}",
        )
    with _lock:
        recorder.start(path, config.load(arguments=settings))
        if seconds is not None:
            _end_after(seconds)
        return status()


def change(**settings: Any) -> Dict[str, Any]:
    """Changes settings of the recording that is on, and returns status(). The events that follow
    are in another file of the same run, which every verb that opens the first one reads too. Wrong
    settings leave everything as it is."""
    with _lock:
        _check_is_recording()
        before = _run.opened()
        merged = dict(before["config"])
        for key, value in settings.items():
            if key in ("output", "force", "enabled", "children", "children_exclude"):
                raise ReliveError("ERR_USAGE", f"{key} cannot change while a recording is on")
            merged[key] = config.check(key, value, "argument")
        chain = _run.filter_chain(merged)
        _run.choose_backend(merged, chain.highest(merged["level"]))
        recorder.continue_in_sibling(merged)
        return status()


def stop() -> Dict[str, Any]:
    """Ends the recording, and returns status() with what was written."""
    with _lock:
        _check_is_recording()
        path, stats = _core.state()["path"], recorder.stop()
        return dict(status(), path=path, stats=dict(stats or {}))


def status() -> Dict[str, Any]:
    """Returns whether, where and how this process is recorded."""
    is_on = recorder.is_recording()
    found: Dict[str, Any] = {
        "pid": os.getpid(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "relive": __version__,
        "recording": is_on,
    }
    if is_on:
        state, opened = _core.state(), _run.opened()
        found.update(path=state["path"], backend=state["backend"], run=opened["path"])
        changed = {
            key: value for key, value in opened["config"].items()
            if value != config.BY_KEY[key].default and key != "output"
        }  # fmt: skip
        found["settings"] = dict({"level": opened["config"]["level"]}, **changed)
    return found


def _check_is_recording() -> None:
    if not recorder.is_recording():
        raise ReliveError(
            "ERR_NOT_RECORDING",
            f"process {os.getpid()} is not being recorded:"
            " control.start(), or relive attach, begins it",
        )


def _end_after(seconds: float) -> None:
    run = _run.opened()["id"]

    def end() -> None:
        _core.suppress(True)
        with _lock:
            if recorder.is_recording() and _run.opened()["id"] == run:
                recorder.stop()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.name = "relive-timer"
    timer.start()


# ---- requests ----


def handle(request: Any) -> Dict[str, Any]:
    """Handles a request from outside and returns the answer. A mistake is an answer too."""
    try:
        return {"ok": True, "status": _run_verb(request)}
    except ReliveError as error:
        if error.advice:
            error.advice = "another name is wanted"  # whoever asks cannot have it replaced
        return {"ok": False, "code": error.code, "message": str(error)}
    except Exception as error:  # the thread that answers lives on, whatever was sent
        return {
            "ok": False,
            "code": "ERR_USAGE",
            "message": f"the request cannot be done: {type(error).__name__}: {error}",
        }


def _run_verb(request: Any) -> Dict[str, Any]:
    verb = request.get("do") if isinstance(request, Mapping) else None
    if not isinstance(verb, str) or verb not in _VERBS:
        raise ReliveError("ERR_USAGE", f"a request says do: {', '.join(_VERBS)}")
    settings = request.get("settings", {})
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        raise ReliveError("ERR_USAGE", "settings are values by name")
    return _VERBS[verb](request, dict(settings))


def _handle_start(request: Mapping[str, Any], settings: Dict[str, Any]) -> Dict[str, Any]:
    if recorder.is_recording():
        if request.get("path") is not None:
            raise ReliveError(
                "ERR_BUSY",
                f"process {os.getpid()} is being recorded already, into {_core.state()['path']}:"
                " detach first, or attach without -o to change how",
            )
        return dict(change(**settings), changed=True) if settings else status()
    path, seconds = request.get("path"), request.get("seconds")
    if path is not None:
        _check_path(path)
    return start(path, seconds=seconds, **settings)


def _check_path(path: object) -> str:
    """Returns the path. Refuses what is no name of a file from the root."""
    if not isinstance(path, str) or not os.path.isabs(path) or "\0" in path:
        raise ReliveError("ERR_USAGE", f"path: {path!r} is not a path from the root")
    return path


def _handle_snapshot(request: Mapping[str, Any], settings: Dict[str, Any]) -> Dict[str, Any]:
    path = _check_path(request.get("path"))
    return dict(status(), snapshot=recorder.snapshot(path, force=bool(settings.get("force"))))


_VERBS: Dict[str, Callable[[Mapping[str, Any], Dict[str, Any]], Dict[str, Any]]] = {
    "start": _handle_start,
    "stop": lambda request, settings: stop(),
    "snapshot": _handle_snapshot,
    "status": lambda request, settings: status(),
}

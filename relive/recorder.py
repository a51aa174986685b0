"""Recording from inside a program: start() and stop(), record(), snapshot(), previews."""

from __future__ import annotations

import builtins
import os
from _thread import get_ident

from relive import _core, _files, _run, config
from relive.errors import ReliveError, advise, ask_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

    _Function = TypeVar("_Function", bound=Callable[..., Any])
    _Value = TypeVar("_Value")
    _Path = Union[str, "os.PathLike[str]"]

_BY_ARGUMENT = "force=True replaces it"


def start(
    path: Optional[_Path] = None, options: Optional[config.Config] = None, **settings: Any
) -> None:
    """Starts recording this process into a new file; without a path relive-PID-TIME.relive here.

    `options` is a Config; `settings` are its keys and override it. Frames that already run are
    written as such. With enabled=False (RELIVE_ENABLED=0) nothing happens."""
    with _run.changing():
        merged = _merge_settings(options, settings)
        path = path if path is not None else default_path()
        if merged["enabled"]:
            for one in _run.watchers:
                one.before_start(merged)
        try:
            _start_recording(path, merged)
        except ReliveError as error:
            advise(error, _BY_ARGUMENT, merged["force"])
            raise
        finally:
            _tell_watchers_of_change()


def _tell_watchers_of_change() -> None:
    for one in _run.watchers:
        one.changed()


def _tell_watchers_of_start() -> None:
    for one in _run.watchers:
        one.started()


def _start_recording(path: _Path, merged: Mapping[str, Any]) -> None:
    if is_recording():
        raise ReliveError(
            "ERR_BUSY", f"recording is on already, into {_core.state()['path']}: stop it first"
        )
    if not merged["enabled"]:
        return
    path = os.path.abspath(os.fspath(path))
    _files.prepare(path, merged["force"])
    run = {"id": os.urandom(16).hex(), "path": path, "config": merged, "pid": os.getpid()}
    _run.open_file(path, merged, run)
    try:
        _run.tell_children()
        if merged["children"]:
            _run.reach_children()
        _tell_watchers_of_start()
    except BaseException:  # what could not begin wholly is off
        stop()
        os.unlink(path)
        raise


def continue_in_sibling(settings: Mapping[str, Any]) -> None:
    """Continues the recording with other settings in another file of the same run. What happens
    between the two is in neither."""
    with _run.changing():
        run = dict(_run.opened(), config=settings)
        _core.stop()
        try:
            _run.join(run)
            _tell_watchers_of_start()
        finally:
            _tell_watchers_of_change()


def stop() -> Optional[Mapping[str, Any]]:
    """Stops and closes the recording, and returns its statistics. Returns None where nothing
    recorded, or another thread has stopped it meanwhile."""
    with _run.changing():
        if _has_private_recording():
            return None
        _run.forget_children()
        for one in _run.watchers:
            one.before_stop()
        stats: Optional[Mapping[str, Any]] = _core.stop()
        _tell_watchers_of_change()
        return stats


def snapshot(path: _Path, *, force: bool = False) -> str:
    """Writes what the recording holds now into a file of its own while it goes on, and returns the
    path. The program pauses meanwhile: for a ring of 64 MB some tens of milliseconds."""
    with _run.changing():
        path = os.path.abspath(os.fspath(path))
        if not is_recording():
            raise ReliveError(
                "ERR_NOT_RECORDING", "nothing is being recorded: relive.start() first"
            )
        if path == _core.state()["path"]:
            raise ReliveError(
                "ERR_USAGE", f"{path} is the recording itself: another name is wanted"
            )
        try:
            _files.prepare(path, force)
            ask_core(_core.snapshot, path)
        except ReliveError as error:
            advise(error, _BY_ARGUMENT, force)
            raise
    return path


def is_recording() -> bool:
    """Returns whether this process is being recorded."""
    return bool(_core.state()["recording"]) and not _has_private_recording()


def _has_private_recording() -> bool:
    """Returns whether the recording that is on is for callbacks (relive.backends) alone."""
    return any(one.is_private() for one in _run.watchers)


class _Shared:
    """A recording that a call of a decorated function began, and the calls that are in it."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.calls: Dict[object, int] = {}  # each with its thread


_shared: Optional[_Shared] = None
_knows_forks = False


def _keep_own_calls() -> None:
    """Runs in a forked child, where only calls of the thread that forked will ever end."""
    if _shared is not None:
        own = get_ident()
        _shared.calls = {call: thread for call, thread in _shared.calls.items() if thread == own}


def _enter_call(path: _Path, settings: config.Config) -> Optional[Tuple[_Shared, object]]:
    """Begins a call of a decorated function: it starts a recording or joins the one that is on.
    Returns (shared recording, call), or None where the call has nothing to end."""
    global _shared, _knows_forks
    with _run.changing():
        if not _knows_forks:
            os.register_at_fork(after_in_child=_keep_own_calls)
            _knows_forks = True
        if is_recording():
            if _shared is None or _shared.run != _run.opened()["id"]:
                return None  # somebody else's, who will end it
        else:
            start(path, settings)
            if not is_recording():
                return None  # enabled=False
            _shared = _Shared(_run.opened()["id"])
        call = object()
        _shared.calls[call] = get_ident()
        return _shared, call


def _leave_call(entered: Optional[Tuple[_Shared, object]]) -> Optional[Mapping[str, Any]]:
    """Ends a call. The last one ends the recording, if it is still theirs, and returns its
    statistics."""
    if entered is None:
        return None
    shared, call = entered
    with _run.changing():
        shared.calls.pop(call, None)
        if not shared.calls and is_recording() and _run.opened()["id"] == shared.run:
            return stop()
        return None


class record:
    """`with relive.record(path):`, or `@relive.record(path)` on a function. Without a path it is
    relive-PID-TIME.relive here.

    As a decorator it records each call of the function, and replaces an existing path only with
    force=True. A call that begins while a recording is on (recursion, another thread) joins it. The
    last such call to end stops what the first has started. `record(ring="64MB",
    dump_on=("exception", "signal:USR2"))` is a flight recorder: it keeps the newest events, and
    copies them beside itself when that happens."""

    def __init__(
        self,
        path: Optional[_Path] = None,
        options: Optional[config.Config] = None,
        **settings: Any,
    ) -> None:
        with _run.quiet:
            self.path = os.fspath(path) if path is not None else default_path()
            self._config = config.Config(**_merge_settings(options, settings))
        self.stats: Optional[Mapping[str, Any]] = None

    def __enter__(self) -> record:
        start(self.path, self._config)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.stats = stop()

    def __call__(self, function: _Function) -> _Function:
        with _run.quiet:
            wrapped: _Function = self._wrap(function)
            return wrapped

    def _wrap(self, function: Callable[..., Any]) -> Any:
        import functools
        import inspect

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                entered = _enter_call(self.path, self._config)
                try:
                    return await function(*args, **kwargs)
                finally:
                    self.stats = _leave_call(entered) or self.stats

            return async_wrapper

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            entered = _enter_call(self.path, self._config)
            try:
                return function(*args, **kwargs)
            finally:
                self.stats = _leave_call(entered) or self.stats

        return wrapper


def default_path() -> str:
    """Returns a free name for a recording of this process."""
    import time

    stem = f"relive-{os.getpid()}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = f"{stem}.relive", 1
    while os.path.lexists(path):
        number += 1
        path = f"{stem}-{number}.relive"
    return path


def preview(
    type: Type[_Value], *, subclasses: bool = False
) -> Callable[[Callable[[_Value], str]], Callable[[_Value], str]]:
    """`@relive.preview(Money)` on a function that makes a str of an instance: recordings then show
    instances of exactly this type so. With subclasses=True it also applies to subclasses.

    The function runs inside the recorder, with recording off in its thread. `<preview failed: ...>`
    replaces its text where it raises, returns no str, or once took over 100 ms (see previews())."""
    if not isinstance(type, builtins.type):
        raise ReliveError("ERR_USAGE", f"preview() wants a class, not {type!r}")

    def register(function: Callable[[_Value], str]) -> Callable[[_Value], str]:
        if not callable(function):
            raise ReliveError("ERR_USAGE", f"a preview must be callable, {function!r} is not")
        _core.preview(type, function, subclasses)
        return function

    return register


def previews() -> List[Mapping[str, Any]]:
    """Returns every registered preview: type, calls, failures, seconds, and whether it was switched
    off."""
    return [
        {"type": kind, "calls": calls, "failures": failures, "seconds": ns / 1e9, "off": off}
        for kind, calls, failures, ns, off in _core.previews()
    ]


def _merge_settings(options: object, settings: Mapping[str, Any]) -> Dict[str, Any]:
    if options is not None and not isinstance(options, config.Config):
        raise ReliveError(
            "ERR_USAGE", f"options is {type(options).__name__}, a relive.Config is wanted"
        )
    if options is None:
        return dict(config.load(arguments=settings).as_dict())
    return dict(options.with_(**settings).as_dict())

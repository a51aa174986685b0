"""The recording whose events the active backends get.

    _core.tap(sinks) -> src/cpython/callbacks/tap.c -> the sink of each backend that wants an event

Events are those of the recording that is on. Without one it is a recording of our own, which keeps
next to nothing, in a file that is removed when the last backend stops. So filters, redaction,
capture and mechanisms are the recorder's, and there is no second tracer."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback
from types import CodeType
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple

from relive import _core, _run, _terminal, config
from relive.errors import ReliveError

if TYPE_CHECKING:
    from relive.backends.backend import Backend

_RING = 1 << 20

_active: Tuple[Backend, ...] = ()
_private: Optional[Tuple[str, Dict[str, Any]]] = None  # (path, settings) of our own recording
_is_registered = False


class _Here(threading.local):
    left: Tuple[Tuple[str, int, str], ...] = ()  # the places where an exception left frames


_here = _Here()


def attach(backend: Backend) -> None:
    """Connects a backend. Raises ReliveError where its events cannot be had."""
    global _active, _is_registered
    with _run.changing():
        if not _is_registered:
            atexit.register(_stop_all)
            os.register_at_fork(after_in_child=_forget_parent)
            _is_registered = True
        before = _active
        _active = (*before, backend)
        is_told = False
        try:
            _apply_active()
            is_told = True
        finally:
            if not is_told:
                _active = before
                _apply_active()


def _stop_all() -> None:
    """Stops backends at exit: what waits is delivered, and the file of our own recording is
    removed."""
    for backend in _active:
        backend.stop()


def _forget_parent() -> None:
    """Runs in a forked child: the recording is the parent's, and so is its file."""
    global _active, _private
    _active, _private = (), None
    _core.tap((), None)


def detach(backend: Backend) -> None:
    """Disconnects a backend."""
    global _active
    with _run.changing():
        _active = tuple(one for one in _active if one is not backend)
        _apply_active()


def is_enabled() -> bool:
    """Returns whether the settings allow any recording."""
    return config.load().enabled


def mechanism() -> Optional[str]:
    """Returns the mechanism that delivers events now, or None."""
    state = _core.state()
    return state["backend"] if state["recording"] else None


class _Watcher(_run.Watcher):
    def before_start(self, settings: Mapping[str, Any]) -> None:
        """Ends our own recording. The sinks that are on get the events of the program's, so one by
        another mechanism is refused."""
        _make_way(settings)

    def changed(self) -> None:
        with _run.changing():
            _apply_active()

    def is_private(self) -> bool:
        return _private is not None


_run.watchers.append(_Watcher())


def _make_way(settings: Mapping[str, Any]) -> None:
    with _run.changing():
        wanted = _run.choose_backend(settings, settings["level"])[0]
        for one in _active:
            if one.mechanism not in (None, wanted):
                raise ReliveError(
                    "ERR_BUSY",
                    f"callbacks are on, by {one.mechanism}, and a recording by {wanted} cannot tell"
                    f" them: stop them first, or record with backend={one.mechanism!r}",
                )
        _end_private()


def _apply_active() -> None:
    """Makes recording and tap what the active backends need."""
    _core.tap((), None)
    if not _active:
        if _private is not None:
            _end_private()
            for one in _run.watchers:
                one.come_back()
        return
    settings = _merge_settings(_active)
    if _private is None:
        for one in _run.watchers:
            one.give_way()
    if _private is None and _core.state()["recording"]:
        _check_joined()
    elif _private is None or _private[1] != settings:
        _end_private()
        _begin_private(settings)
    for backend in _active:
        backend.sink.begin()
    _core.tap(tuple(backend.sink for backend in _active), _format_traceback)


def _merge_settings(active: Tuple[Backend, ...]) -> Dict[str, Any]:
    """Returns the settings of one recording for all of them."""
    first = active[0]
    named = {one.mechanism for one in active if one.mechanism is not None}
    if len(named) > 1:
        raise ReliveError(
            "ERR_BUSY", f"one mechanism at a time: {' and '.join(sorted(named))} are both asked for"
        )
    patterns = [text for one in active for text in one.include_patterns]
    values = any(
        one.capture_args or one.capture_returns or one.capture_locals or one.capture_exceptions
        for one in active
    )
    lines = any(one.capture_lines for one in active)
    return {
        "backend": named.pop() if named else "auto",
        "level": "lines" if lines else "values" if values else "calls",
        "max_str": min(4096, max(one.max_repr_length for one in active)),
        "include": [] if "*" in patterns else sorted(set(patterns)),
        "exclude": list(first.exclude_patterns) if len(active) == 1 else [],
        "trace_filter": [one for backend in active for one in backend.trace_filter],
        "ring": _RING,
        "dump_on": [],
        "children": False,
    }


def _check_joined() -> None:
    """Raises ReliveError where a recording that is already on does not deliver what is wanted."""
    now = mechanism()
    for one in _active:
        if one.mechanism not in (None, now):
            raise ReliveError(
                "ERR_BUSY",
                f"a recording is on, by {now}: {one.mechanism} cannot tell events beside it"
                " (create_backend('auto') joins the recording)",
            )


def _begin_private(settings: Dict[str, Any]) -> None:
    global _private
    import tempfile

    folder = tempfile.mkdtemp(prefix="relive-")
    path = os.path.join(folder, "callbacks.relive")
    try:
        merged = dict(config.load(arguments=settings).as_dict())
        _run.open_file(path, merged)
        _private = (path, settings)
    finally:
        if _private is None:
            _remove_file(path)


def _end_private() -> None:
    global _private
    if _private is not None:
        path, _private = _private[0], None
        _core.stop()
        _remove_file(path)


def _remove_file(path: str) -> None:
    for remove, name in ((os.unlink, path), (os.rmdir, os.path.dirname(path))):
        try:
            remove(name)
        except OSError:
            pass  # it is in the folder for temporary files


def _format_traceback(
    kind: int, code: CodeType, line: int, raised: object, goes_on: bool
) -> Optional[str]:
    """Returns where an exception was raised and what it has left, as text. C calls it. Where the
    mechanism does not have the exception itself, it uses the frames that were seen to be left."""
    own = (code.co_filename, line, code.co_name)
    left = _here.left if goes_on else ()
    rows: Tuple[Tuple[str, int, str], ...] = (own, *left) if kind in (6, 8) else (own,)
    _here.left = rows if kind == 6 else left if kind == 7 else ()
    tb = raised.__traceback__ if isinstance(raised, BaseException) else None
    if tb is not None:
        found = traceback.walk_tb(tb)
        rows = tuple((f.f_code.co_filename, n, f.f_code.co_name) for f, n in found)
    return "".join(f'  File "{file}", line {n}, in {name}\n' for file, n, name in rows) or None


def report(text: str) -> None:
    """Reports something once, where the program's own messages go."""
    if sys.stderr is not None:
        sys.stderr.write(f"relive: {_terminal.safe(text)}\n")

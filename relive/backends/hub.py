"""Which recording the backends that are on are told of.

    _core.tap(sinks) -> src/cpython/callbacks/tap.c -> the sink of each backend that wants an event

Events are those of a recording: of the one that is on, or else of one of our own, which keeps next
to nothing in a file that is gone when the last backend stops. So filters, redaction, capture and
mechanisms are the recorder's, and there is no second tracer."""

import atexit
import os
import sys
import threading
import traceback
from typing import Any, Mapping, Tuple

from relive import _core, _run, _terminal, config
from relive.errors import ReliveError

_RING = 1 << 20

_active: Tuple[Any, ...] = ()
_private: Any = None  # (path, settings) of our own recording
_is_registered = False


class _Here(threading.local):
    left = ()  # where an exception has left frames, one after the other


_here = _Here()


def attach(backend):
    """Tells a backend of events from now on; ReliveError where that cannot be."""
    global _active, _is_registered
    with _run.changing():
        if not _is_registered:
            atexit.register(_at_exit)
            os.register_at_fork(after_in_child=_in_forked_child)
            _is_registered = True
        before = _active
        _active = (*before, backend)
        is_told = False
        try:
            _settle()
            is_told = True
        finally:
            if not is_told:
                _active = before
                _settle()


def _at_exit():
    """Whoever did not stop: what waits is told, and the file of our own recording goes."""
    for backend in _active:
        backend.stop()


def _in_forked_child():
    """The recording is the parent's, and so is its file."""
    global _active, _private
    _active, _private = (), None
    _core.tap((), None)


def detach(backend):
    """The other way round."""
    global _active
    with _run.changing():
        _active = tuple(one for one in _active if one is not backend)
        _settle()


def is_enabled():
    """Whether anything is recorded at all, as the settings have it."""
    return config.load().enabled


def mechanism():
    """What tells of events now, or None."""
    state = _core.state()
    return state["backend"] if state["recording"] else None


class _Watcher(_run.Watcher):
    def before_start(self, settings: Mapping[str, Any]) -> None:
        """Ends our own recording. The sinks that are on get the events of the program's, so one by
        another mechanism is refused."""
        _make_way(settings)

    def changed(self) -> None:
        with _run.changing():
            _settle()

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


def _settle():
    """Makes recording and tap what the backends that are on need."""
    _core.tap((), None)
    if not _active:
        _end_private()
        return
    settings = _settings(_active)
    if _private is None and _core.state()["recording"]:
        _check_joined()
    elif _private is None or _private[1] != settings:
        _end_private()
        _begin_private(settings)
    for backend in _active:
        backend.sink.begin()
    _core.tap(tuple(backend.sink for backend in _active), _traceback)


def _settings(active):
    """What one recording for all of them is to keep."""
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


def _check_joined():
    """Whether a recording that is on already tells what is asked for."""
    now = mechanism()
    for one in _active:
        if one.mechanism not in (None, now):
            raise ReliveError(
                "ERR_BUSY",
                f"a recording is on, by {now}: {one.mechanism} cannot tell events beside it"
                " (create_backend('auto') joins the recording)",
            )


def _begin_private(settings):
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
            _remove(path)


def _end_private():
    global _private
    if _private is not None:
        path, _private = _private[0], None
        _core.stop()
        _remove(path)


def _remove(path):
    for remove, name in ((os.unlink, path), (os.rmdir, os.path.dirname(path))):
        try:
            remove(name)
        except OSError:
            pass  # it is in the folder for temporary files


def _traceback(kind, code, line, raised, goes_on):
    """Where an exception was raised and what it has left, as text: from itself or, where the
    mechanism does not give it, from the frames that were seen to be left. Called from C."""
    own = (code.co_filename, line, code.co_name)
    left = _here.left if goes_on else ()
    rows = (own, *left) if kind in (6, 8) else (own,)
    _here.left = rows if kind == 6 else left if kind == 7 else ()
    tb = raised.__traceback__ if isinstance(raised, BaseException) else None
    if tb is not None:
        found = traceback.walk_tb(tb)
        rows = [(f.f_code.co_filename, n, f.f_code.co_name) for f, n in found]
    return "".join(f'  File "{file}", line {n}, in {name}\n' for file, n, name in rows) or None


def report(text):
    """Says something once, where the program's own messages go."""
    if sys.stderr is not None:
        sys.stderr.write(f"relive: {_terminal.safe(text)}\n")

"""Backends: a callback for each event, with the same events from every mechanism."""

import fnmatch
import os
import threading
import traceback
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from relive import _core, config
from relive.backends import costs, hub
from relive.backends.context import ThreadLocalContext
from relive.backends.drain import MOST, Drain
from relive.backends.event import TraceEvent
from relive.errors import OverheadWarning, ReliveError

TYPES = {1: "call", 2: "return", 3: "yield", 4: "resume", 5: "throw", 6: "exception",
         7: "raise", 8: "handled", 9: "line"}  # fmt: skip
LOCALS, ARGS, RETURNS, EXCEPTIONS = 1, 2, 4, 8  # what is to be seen (sink_event.h)
_ERRORS = 10  # so often may a callback raise (sink.c)


_Backend = TypeVar("_Backend", bound="Backend")


class BackendInfo(NamedTuple):
    """One mechanism, here and now."""

    name: str
    usable: bool
    reason: str
    capabilities: Tuple[str, ...]


def available_backends() -> List[BackendInfo]:
    """Returns every mechanism, the best one first."""
    return [
        BackendInfo(name, bool(usable), why, _list_capabilities(abilities))
        for name, usable, why, abilities in _core.backends()
    ]


def is_supported(name: str = "auto") -> bool:
    """Returns whether that mechanism works here; `auto` means any."""
    rows = available_backends()
    if name == "auto":
        return any(row.usable for row in rows)
    return any(row.usable for row in rows if row.name == _check_name(name))


def _list_capabilities(abilities: Sequence[str]) -> Tuple[str, ...]:
    more = ("caught_raises",) if "raise" in abilities else ()
    return (*abilities, *more)


def _check_name(name: str) -> str:
    names = [row[0] for row in _core.backends()]
    if name not in names:
        raise ReliveError(
            "ERR_USAGE",
            f"there is no backend {name!r}{config.nearest(str(name), names)}"
            f" (backends: auto, {', '.join(names)})",
        )
    return name


class Backend:
    """Calls a callback for calls, returns, exceptions and lines.

        with create_backend(callback=print, include_patterns=["app.*"]):
            main()

    `callback(event)` runs in the thread where the event happened, with recording off in it. With
    `batch=N` it gets lists of at most N events, in a thread of their own. `event_filter` decides
    whether an event is kept and delivered. Patterns are names of modules: `*`, `app.*`, `app`."""

    mechanism: Optional[str] = None  # the recorder's own choice

    def __init__(
        self,
        callback: Optional[Callable[[Any], Any]] = None,
        include_patterns: Union[None, str, Sequence[str]] = None,
        exclude_patterns: Union[None, str, Sequence[str]] = None,
        capture_args: bool = True,
        capture_returns: bool = True,
        capture_locals: bool = True,
        capture_lines: bool = False,
        capture_exceptions: bool = True,
        max_repr_length: int = 1000,
        max_events_per_thread: int = 10000,
        *,
        event_filter: Optional[Callable[[TraceEvent], Any]] = None,
        batch: Optional[int] = None,
        trace_filter: Any = (),
    ) -> None:
        for name, function in (("callback", callback), ("event_filter", event_filter)):
            if function is not None and not callable(function):
                raise ReliveError("ERR_USAGE", f"{name} must be callable, {function!r} is not")
        self.callback, self.event_filter = callback, event_filter
        self.include_patterns = _parse_texts("include_patterns", include_patterns, ["*"])
        self.exclude_patterns = _parse_texts("exclude_patterns", exclude_patterns, [])
        self.capture_args, self.capture_returns = bool(capture_args), bool(capture_returns)
        self.capture_locals, self.capture_lines = bool(capture_locals), bool(capture_lines)
        self.capture_exceptions = bool(capture_exceptions)
        self.max_repr_length = _check_count("max_repr_length", max_repr_length)
        self.max_events_per_thread = _check_count("max_events_per_thread", max_events_per_thread)
        self.trace_filter = _parse_filters(trace_filter)
        self.batch = None if batch is None else _check_count("batch", batch)
        self.context = ThreadLocalContext()
        self.kinds = set(TYPES) - (set() if self.capture_lines else {9})
        self.kinds -= set() if self.capture_exceptions else {6, 7, 8}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self.sink = self._make_sink()
        self.context.on_change = self.sink.forget_state
        self._drain: Optional[Drain] = None
        self._is_on = self._was_on = False
        self._hook_taken = 0  # in the times that have ended

    def _make_sink(self) -> _core.Sink:
        wanted = zip((LOCALS, ARGS, RETURNS, EXCEPTIONS), (
            self.capture_locals, self.capture_args, self.capture_returns, self.capture_exceptions,
        ))  # fmt: skip
        batch = self.batch or 0 if self.callback is not None else 0
        return _core.Sink(
            self.callback, self.event_filter, self._wants_module, self._report_failure,
            self.context, self._wake.set, TraceEvent, sum(1 << kind for kind in self.kinds),
            sum(bit for bit, is_on in wanted if is_on), self.max_repr_length,
            self.max_events_per_thread, batch, MOST,
        )  # fmt: skip

    # ---- on and off ----

    @classmethod
    def is_supported(cls) -> bool:
        """Returns whether it works here."""
        return is_supported(cls.mechanism or "auto")

    def start(self) -> None:
        """Starts the delivery of events, or raises ReliveError. Does nothing where recording is
        turned off (RELIVE_ENABLED=0, BREADCRUMB_ENABLED=0, `enabled` in pyproject.toml)."""
        with self._lock:
            if self._is_on or not hub.is_enabled():
                return
            if not self._was_on:
                self._warn_of_cost()
            self._was_on = True
            if self.batch is not None and self.callback is not None:
                self._drain = Drain(self.sink, self.batch, self._wake)
            try:
                hub.attach(self)
                self._is_on = True
            finally:
                if not self._is_on:
                    self._end_drain()

    def stop(self) -> None:
        """Stops the delivery. The events of an unfinished batch are delivered before this
        returns."""
        with self._lock:
            if self._is_on:
                self._hook_taken += _core.hook_taken()
                self._is_on = False
                hub.detach(self)
                self._end_drain()

    def _end_drain(self) -> None:
        if self._drain is not None:
            self._drain.stop()
            self._drain = None

    def is_active(self) -> bool:
        """Returns whether it is on."""
        return self._is_on

    def __enter__(self: _Backend) -> _Backend:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _warn_of_cost(self) -> None:
        text = costs.warning(self.mechanism)
        if text is not None and not os.environ.get("RELIVE_NO_WARNINGS"):
            warnings.warn(text, OverheadWarning, stacklevel=4)

    # ---- what was delivered ----

    def get_events(self) -> List[TraceEvent]:
        """Returns all events that are kept, of all threads, in the order of their delivery."""
        return self.sink.events()

    def clear_events(self) -> None:
        """Forgets the events, and what was counted."""
        self.sink.clear()
        self._hook_taken = 0
        self.context.clear()

    def get_stats(self) -> Dict[str, Any]:
        """Returns counts and times, since it was made or cleared. `hook_taken` counts threads that
        deliver no more, since the program has replaced or removed our hook."""
        counts, kept, filtered, overflowed, errors, callback, backend = self.sink.stats()
        return {
            "mechanism": hub.mechanism() if self._is_on else None,
            "events": {TYPES[kind]: n for kind, n in enumerate(counts) if n},
            "kept": kept,
            "filtered": filtered,
            "overflowed": overflowed,
            "callback_errors": errors,
            "hook_taken": self._hook_taken + (_core.hook_taken() if self._is_on else 0),
            "callback_seconds": callback,
            "backend_seconds": backend,
        }

    # ---- called from C: once a module, and when a callback raises ----

    def _wants_module(self, module: str) -> bool:
        return _match_any(self.include_patterns, module) and not _match_any(
            self.exclude_patterns, module
        )

    def _report_failure(self, name: str, error: BaseException) -> None:
        if self.sink.stats()[4] == 1:
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            hub.report(
                f"{name} of {type(self).__name__}: {text}"
                f" (reported once; after {_ERRORS} errors it is not called any more)"
            )


class MonitoringBackend(Backend):
    """Uses sys.monitoring: 3.12 and later."""

    mechanism = "monitoring"


PEP669Backend = MonitoringBackend


class EvalHookBackend(Backend):
    """Uses a frame evaluator: 3.8 to 3.11."""

    mechanism = "evalhook"


class SetprofileBackend(Backend):
    """Uses a profile function in C: every version; no lines, no types of exceptions."""

    mechanism = "setprofile"


class SettraceBackend(Backend):
    """Uses a trace function in C: every version."""

    mechanism = "settrace"


_CLASSES = {
    one.mechanism: one
    for one in (MonitoringBackend, EvalHookBackend, SetprofileBackend, SettraceBackend)
}


def create_backend(name: str = "auto", **options: Any) -> Backend:
    """Returns a backend by name; `auto` is the best that works here. Options are those of
    Backend."""
    if name == "auto":
        wants_lines = options.get("capture_lines")
        for row in available_backends():
            if row.usable and not (wants_lines and "lines" not in row.capabilities):
                return _CLASSES[row.name](**options)
        reasons = "; ".join(f"{row.name}: {row.reason}" for row in available_backends())
        raise ReliveError("ERR_UNSUPPORTED", f"no backend works here: {reasons}")
    row = next(row for row in available_backends() if row.name == _check_name(name))
    if not row.usable:
        raise ReliveError("ERR_UNSUPPORTED", f"backend {name} cannot work here: {row.reason}")
    return _CLASSES[name](**options)


def _match_any(patterns: Sequence[str], module: str) -> bool:
    for pattern in patterns:
        if pattern == "*" or pattern == module:
            return True
        if pattern.endswith(".*") and (module + ".").startswith(pattern[:-1]):
            return True
        if any(c in pattern for c in "*?[") and fnmatch.fnmatchcase(module, pattern):
            return True
    return False


def _parse_texts(name: str, value: Any, default: List[str]) -> List[str]:
    if value is None:
        return default
    try:
        texts: List[str] = config.BY_KEY["include"].parse(value)
        return texts
    except ValueError:
        raise ReliveError("ERR_USAGE", f"{name}: {value!r} is no list of texts") from None


def _parse_filters(value: Any) -> List[Dict[str, Any]]:
    try:
        filters: List[Dict[str, Any]] = config.BY_KEY["trace_filter"].parse(value)
        return filters
    except ValueError:
        wanted = config.BY_KEY["trace_filter"].allowed()
        raise ReliveError("ERR_USAGE", f"trace_filter: {value!r} is not {wanted}") from None


def _check_count(name: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ReliveError("ERR_USAGE", f"{name}: {value!r} is no whole number above 0")
    return value

"""Backends: a callback for each event, by whichever mechanism; the same events from all of them."""

import fnmatch
import os
import threading
import time
import traceback
import uuid
import warnings
from threading import get_ident
from typing import (
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from relive import _core, config
from relive.backends import costs, hub
from relive.backends.context import ThreadLocalContext
from relive.backends.drain import Drain
from relive.backends.event import TraceEvent, lazy
from relive.errors import OverheadWarning, ReliveError

TYPES = {1: "call", 2: "return", 3: "yield", 4: "resume", 5: "throw", 6: "exception",
         7: "raise", 8: "handled", 9: "line"}  # fmt: skip
_VARARGS = 0x04
_COROUTINE = 0x80 | 0x100 | 0x200  # coroutine, iterable coroutine, asynchronous generator
_ERRORS = 10  # so often may a callback raise
_CUT = "...[TRUNCATED]"


_Backend = TypeVar("_Backend", bound="Backend")


class BackendInfo(NamedTuple):
    """One mechanism, here and now."""

    name: str
    usable: bool
    reason: str
    capabilities: Tuple[str, ...]


def available_backends() -> List[BackendInfo]:
    """Every mechanism, the best one first."""
    return [
        BackendInfo(name, bool(usable), why, _capabilities(abilities))
        for name, usable, why, abilities in _core.backends()
    ]


def is_supported(name: str = "auto") -> bool:
    """Whether that mechanism works here; `auto`: whether any does."""
    rows = available_backends()
    if name == "auto":
        return any(row.usable for row in rows)
    return any(row.usable for row in rows if row.name == _known(name))


def _capabilities(abilities):
    more = ("caught_raises",) if "raise" in abilities else ()
    return (*abilities, *more)


def _known(name):
    names = [row[0] for row in _core.backends()]
    if name not in names:
        raise ReliveError(
            "ERR_USAGE",
            f"there is no backend {name!r}{config.nearest(str(name), names)}"
            f" (backends: auto, {', '.join(names)})",
        )
    return name


class Backend:
    """Tells a callback of calls, returns, exceptions and lines.

        with create_backend(callback=print, include_patterns=["app.*"]):
            main()

    `callback(event)` is called in the thread where it happened, with recording off in it; with
    `batch=N` it is given lists of at most N events, from a thread of their own. `event_filter` says
    of an event whether it is kept and told. Patterns are names of modules: `*`, `app.*`, `app`."""

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
        self.include_patterns = _texts("include_patterns", include_patterns, ["*"])
        self.exclude_patterns = _texts("exclude_patterns", exclude_patterns, [])
        self.capture_args, self.capture_returns = bool(capture_args), bool(capture_returns)
        self.capture_locals, self.capture_lines = bool(capture_locals), bool(capture_lines)
        self.capture_exceptions = bool(capture_exceptions)
        self.max_repr_length = _count("max_repr_length", max_repr_length)
        self.max_events_per_thread = _count("max_events_per_thread", max_events_per_thread)
        self.trace_filter = _filters(trace_filter)
        self.batch = None if batch is None else _count("batch", batch)
        self.context = ThreadLocalContext()
        self.kinds = set(TYPES) - (set() if self.capture_lines else {9})
        self.kinds -= set() if self.capture_exceptions else {6, 7, 8}
        self._lock = threading.Lock()
        self._wanted: Dict[int, bool] = {}  # by number of a code object
        self._offset = 0
        self._events: List[TraceEvent] = []
        self._drain: Optional[Drain] = None
        self._is_on = self._was_on = False
        self._forget()

    def _forget(self):
        self._counts = dict.fromkeys(TYPES, 0)
        self._filtered = self._overflowed = self._errors = 0
        self._callback_ns = self._backend_ns = 0

    # ---- on and off ----

    @classmethod
    def is_supported(cls) -> bool:
        """Whether it works here."""
        return is_supported(cls.mechanism or "auto")

    def start(self) -> None:
        """Events are told from now on. ReliveError where that cannot be."""
        with self._lock:
            if self._is_on:
                return
            if not self._was_on:
                self._warn()
            self._was_on = True
            if self.batch is not None and self.callback is not None:
                self._drain = Drain(self._call, self.batch)
            try:
                hub.attach(self)
                self._is_on = True
            finally:
                if not self._is_on:
                    self._end_drain()

    def stop(self) -> None:
        """No event is told any more; what a batch still holds is, before this returns."""
        with self._lock:
            if self._is_on:
                self._is_on = False
                hub.detach(self)
                self._end_drain()

    def _end_drain(self):
        if self._drain is not None:
            self._drain.stop()
            self._overflowed += self._drain.overflowed
            self._drain = None

    def is_active(self) -> bool:
        """Whether it is on."""
        return self._is_on

    def __enter__(self: _Backend) -> _Backend:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _warn(self):
        text = costs.warning(self.mechanism)
        if text is not None and not os.environ.get("RELIVE_NO_WARNINGS"):
            warnings.warn(text, OverheadWarning, stacklevel=4)

    # ---- what was told ----

    def get_events(self) -> List[TraceEvent]:
        """All that are kept, of all threads, in the order in which they were told."""
        return list(self._events)

    def clear_events(self) -> None:
        """Forgets them, and what was counted."""
        self._events.clear()
        self.context.clear()
        self._forget()

    def get_stats(self) -> Dict[str, Any]:
        """Counts and times, since it was made or cleared."""
        drain = self._drain
        return {
            "mechanism": hub.mechanism() if self._is_on else None,
            "events": {TYPES[kind]: n for kind, n in self._counts.items() if n},
            "kept": len(self._events),
            "filtered": self._filtered,
            "overflowed": self._overflowed + (drain.overflowed if drain is not None else 0),
            "callback_errors": self._errors,
            "callback_seconds": self._callback_ns / 1e9,
            "backend_seconds": self._backend_ns / 1e9,
        }

    # ---- one event, in any thread ----

    def begin(self, offset):
        """What tells of events begins anew: numbers of code mean others. The offset is from
        monotonic ns to ns since 1970."""
        self._offset = offset
        self._wanted = {}

    def take(self, row, duration, shown):
        """An event of the recorder (hub.told) that is of one of our kinds."""
        number = row[2]
        wanted = self._wanted.get(number)
        if wanted is None:
            name = row[6] or ""
            wanted = self._wanted[number] = _matches(self.include_patterns, name) and not _matches(
                self.exclude_patterns, name
            )
        if not wanted:
            return
        state = self.context.thread_state() if row[12] is None else self.context.state()
        if state.trace_id is None:
            state.trace_id = uuid.uuid4().hex
        event = lazy((self._values, row, duration, shown, state.trace_id, get_ident()))
        if self.event_filter is not None and not self._ask_filter(event):
            self._filtered += 1
        else:
            self._keep(event, row[0], state)
        self._backend_ns += time.monotonic_ns() - row[5]

    def _keep(self, event, kind, state):
        self._counts[kind] += 1
        if len(state.events) < self.max_events_per_thread:
            state.events.append(event)
            self._events.append(event)
        else:
            self._overflowed += 1
        if self._drain is not None:
            self._drain.put(event)
        elif self.callback is not None:
            self._call(event)

    def _ask_filter(self, event):
        try:
            return self.event_filter(event)
        except Exception as error:
            self._failed("event_filter", error)
            return True

    def _call(self, what):
        if self._errors >= _ERRORS:
            return
        began = time.perf_counter_ns()
        try:
            self.callback(what)
        except Exception as error:
            self._failed("callback", error)
        self._callback_ns += time.perf_counter_ns() - began

    def _failed(self, name, error):
        self._errors += 1
        if self._errors == 1:
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            hub.report(
                f"{name} of {type(self).__name__}: {text}"
                f" (told once; after {_ERRORS} errors it is not called any more)"
            )

    # ---- values ----

    def _values(self, row, duration, shown, trace_id, thread_id):
        """Those of a TraceEvent."""
        (kind, code, _, line, _, ns, module, values, local_vars, exception, caller, caller_line, _,
         task) = row  # fmt: skip
        args = kwargs = result = None
        if kind == 1 and self.capture_args and values is not None:
            args, kwargs = self._arguments(code, values)
        elif kind in (2, 3, 4) and self.capture_returns and values:
            result = self._cut(values[0])
        if local_vars is not None:
            local_vars = {name: self._cut(value) for name, value in local_vars.items()}
        kind_of, message = exception if exception is not None else (None, None)
        return (
            TYPES[kind], ns + self._offset, ns, thread_id, trace_id, code.co_name,
            getattr(code, "co_qualname", code.co_name), module, code.co_filename, line, args,
            kwargs, result, local_vars if self.capture_locals else None, kind_of,
            self._cut(message), shown, (code.co_flags & _COROUTINE) != 0, task,
            None if caller is None else f"{caller.co_filename}:{caller_line} {caller.co_name}",
            duration,
        )  # fmt: skip

    def _arguments(self, code, values):
        positional = code.co_argcount
        varargs = positional + code.co_kwonlyargcount if code.co_flags & _VARARGS else None
        args, kwargs = {}, {}
        for index, (name, value) in enumerate(zip(code.co_varnames, values)):
            if value is not ...:
                into = args if index < positional or index == varargs else kwargs
                into[name] = self._cut(value)
        return args, kwargs

    def _cut(self, value):
        if type(value) is not str or len(value) <= self.max_repr_length or (
            value.endswith(_CUT) and len(value) <= self.max_repr_length + len(_CUT)
        ):  # fmt: skip
            return value
        return value[: self.max_repr_length] + _CUT


class MonitoringBackend(Backend):
    """By sys.monitoring: 3.12 and later."""

    mechanism = "monitoring"


PEP669Backend = MonitoringBackend


class EvalHookBackend(Backend):
    """By a frame evaluator: 3.8 to 3.11."""

    mechanism = "evalhook"


class SetprofileBackend(Backend):
    """By a profile function in C: every version; no lines, no types of exceptions."""

    mechanism = "setprofile"


class SettraceBackend(Backend):
    """By a trace function in C: every version."""

    mechanism = "settrace"


_CLASSES = {
    one.mechanism: one
    for one in (MonitoringBackend, EvalHookBackend, SetprofileBackend, SettraceBackend)
}


def create_backend(name: str = "auto", **options: Any) -> Backend:
    """A backend by name; `auto` is the best that works here. Options are those of Backend."""
    if name == "auto":
        wants_lines = options.get("capture_lines")
        for row in available_backends():
            if row.usable and not (wants_lines and "lines" not in row.capabilities):
                return _CLASSES[row.name](**options)
        reasons = "; ".join(f"{row.name}: {row.reason}" for row in available_backends())
        raise ReliveError("ERR_UNSUPPORTED", f"no backend works here: {reasons}")
    row = next(row for row in available_backends() if row.name == _known(name))
    if not row.usable:
        raise ReliveError("ERR_UNSUPPORTED", f"backend {name} cannot work here: {row.reason}")
    return _CLASSES[name](**options)


def _matches(patterns, module):
    for pattern in patterns:
        if pattern == "*" or pattern == module:
            return True
        if pattern.endswith(".*") and (module + ".").startswith(pattern[:-1]):
            return True
        if any(c in pattern for c in "*?[") and fnmatch.fnmatchcase(module, pattern):
            return True
    return False


def _texts(name, value, default):
    if value is None:
        return default
    try:
        return config.BY_KEY["include"].parse(value)
    except ValueError:
        raise ReliveError("ERR_USAGE", f"{name}: {value!r} is no list of texts") from None


def _filters(value):
    try:
        return config.BY_KEY["trace_filter"].parse(value)
    except ValueError:
        wanted = config.BY_KEY["trace_filter"].allowed()
        raise ReliveError("ERR_USAGE", f"trace_filter: {value!r} is not {wanted}") from None


def _count(name, value):
    if type(value) is not int or value < 1:
        raise ReliveError("ERR_USAGE", f"{name}: {value!r} is no whole number above 0")
    return value

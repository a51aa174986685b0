"""Sessions: what ties a request to what ran for it. They are events of the recording that is on."""

import functools
import inspect
import itertools
import json
import os
import time
from contextvars import ContextVar
from types import MappingProxyType
from typing import (
    Any,
    Callable,
    Dict,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from relive import _core, _run, api, config
from relive.errors import ReliveError
from relive.sessions import trace_context

LOG, SESSION_START, SESSION_END, HTTP_REQUEST, HTTP_RESPONSE, MARK = range(21, 27)
_PARSE_ERROR = "<parse-error>"
_PREVIEW = 1000  # characters of a body
_Function = TypeVar("_Function", bound=Callable[..., Any])


_START = ("id", "tag", "attrs", "trace_id", "parent_id", "span_id", "tracestate")
_END = ("id", "ns")


class _Session:
    __slots__ = (
        "attrs", "began", "flags", "id", "number", "parent_id", "span_id", "tag", "trace_filter",
        "trace_id", "tracestate",
    )  # fmt: skip

    id: str
    number: int
    tag: Optional[str]
    attrs: Mapping[str, str]
    trace_id: str
    parent_id: Optional[str]
    span_id: str
    flags: str
    tracestate: Optional[str]
    trace_filter: Any
    began: int


_open: Dict[str, _Session] = {}
_numbers = itertools.count(1)
_by_number: Dict[int, _Session] = {}  # those that are open
_active: ContextVar[int] = ContextVar("relive_session", default=0)
_hidden: ContextVar[int] = ContextVar("relive_suppressed", default=0)
_core.follow(_active, _hidden)
_profiled: Dict[str, bool] = {}  # session -> whether it began the recording
_counts = {"bad_traceparents": 0, "parse_errors": 0, "unrecorded": 0}


# ---- sessions ----


def start_session(
    tag: Optional[str] = None,
    attrs: Optional[Mapping[str, str]] = None,
    traceparent: Optional[str] = None,
    span_id: Optional[str] = None,
    *,
    tracestate: Optional[str] = None,
    trace_filter: Any = None,
) -> str:
    """Begins a session; its id.

    `traceparent` is that of the request: the session belongs to its trace, as a span of its own.
    One that is not valid is counted, and a trace of our own begins. `trace_filter` is for the
    recording that start_profiler() begins; where one is on already it has its own."""
    tag, attrs, filters = _text("tag", tag), _attributes(attrs), _filters(trace_filter)
    span_id = _span(span_id) if span_id is not None else None
    return begin(tag, traceparent, _text("tracestate", tracestate), attrs, span_id, filters).id


def begin(tag: Optional[str], traceparent: Optional[str], tracestate: Optional[str],
          attrs: Mapping[str, str] = MappingProxyType({}), span_id: Optional[str] = None,
          filters: Any = ()) -> _Session:  # fmt: skip
    """A new session, of values that were checked."""
    made = _Session()
    made.id, own_trace, own_span = trace_context.new_ids()
    made.number = next(_numbers)
    made.tag, made.attrs, made.trace_filter = tag, attrs, filters
    made.span_id = span_id or own_span
    parent = None
    if traceparent is not None:
        parent = trace_context.parse(traceparent)
        _counts["bad_traceparents"] += parent is None
    if parent is None:
        made.trace_id, made.parent_id, made.flags, made.tracestate = own_trace, None, "01", None
    else:
        made.trace_id, made.parent_id, made.flags = parent
        made.tracestate = tracestate
    made.began = time.monotonic_ns()
    _open[made.id] = _by_number[made.number] = made
    _core.session_is_open(made.number, True)
    _tell_start(made)
    return made


def tell_open() -> None:
    """Those that are open, in a recording that has just begun."""
    for one in list(_open.values()):
        _tell_start(one)


def _tell_start(made):
    note(
        SESSION_START, made.number, _START, made.id, made.tag, made.attrs or None, made.trace_id,
        made.parent_id, made.span_id, made.tracestate,
    )  # fmt: skip


def end_session(session_id: str) -> None:
    """Ends it. ReliveError where there is no such session, or it has ended."""
    finish(_find(session_id))


def finish(session: _Session, token: Any = None) -> None:
    """Ends a session that is open; with its token it also is not the active one any more."""
    del _open[session.id], _by_number[session.number]
    _profiled.pop(session.id, None)
    if token is not None:
        _reset(token)
    elif _active.get() == session.number:
        _active.set(0)
    _core.session_is_open(session.number, False)
    note(SESSION_END, session.number, _END, session.id, time.monotonic_ns() - session.began)


def active_session_id() -> Optional[str]:
    """That of this thread or task, and of those that were made in it with its context."""
    found = _by_number.get(_active.get())
    return found.id if found is not None else None


def enter(number: int) -> Any:
    """Makes it the active one here; what leave() wants."""
    token = _active.set(number)
    _core.look_here()
    return token


def leave(token: Any) -> None:
    """Undoes one enter()."""
    _reset(token)
    _core.look_here()


def _reset(token):
    try:
        _active.reset(token)
    except ValueError:  # in another context: asynchronous generators are closed so
        _active.set(0)


class session:
    """`with session("checkout", {"user": "7"}):`, or as a decorator of a function, also of an
    `async def`: a session that is the active one until it ends."""

    def __init__(self, tag: Optional[str] = None, attrs: Optional[Mapping[str, str]] = None,
                 traceparent: Optional[str] = None, **more: Any) -> None:  # fmt: skip
        self._how = dict(more, tag=tag, attrs=attrs, traceparent=traceparent)
        self.id: Optional[str] = None
        self._token: Any = None

    def __enter__(self) -> "session":
        self.id = start_session(**self._how)
        self._token = enter(_open[self.id].number)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.id in _open:
            finish(_open[self.id], self._token)
        else:
            leave(self._token)

    async def __aenter__(self) -> "session":
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        self.__exit__(*exc_info)

    def __call__(self, function: _Function) -> _Function:
        how = self._how if self._how["tag"] is not None else dict(self._how, tag=function.__name__)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with session(**how):
                    return await function(*args, **kwargs)
        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with session(**how):
                    return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


def traceparent(session_id: Optional[str] = None) -> Optional[str]:
    """The header to send on with requests of this session, or of the active one."""
    session_id = session_id or active_session_id()
    if session_id is None:
        return None
    found = _find(session_id)
    return trace_context.render(found.trace_id, found.span_id, found.flags)


def outgoing_headers() -> Dict[str, str]:
    """traceparent, and tracestate where there is one, of the active session; none without one."""
    found = _by_number.get(_active.get())
    if found is None:
        return {}
    headers = {"traceparent": trace_context.render(found.trace_id, found.span_id, found.flags)}
    if found.tracestate:
        headers["tracestate"] = found.tracestate
    return headers


def is_open(session_id: Optional[str]) -> bool:
    """Whether there is such a session, and it has not ended."""
    return session_id in _open


# ---- recording ----


def start_profiler(session_id: str) -> None:
    """The session is the active one here from now on; where nothing records, a recording begins,
    into RELIVE_OUTPUT or relive-PID.relive, with the session's filter."""
    found = _find(session_id)
    if api.is_recording():
        if found.trace_filter:
            raise ReliveError(
                "ERR_BUSY", "a recording is on and has its filters: start_session(trace_filter=...)"
                " is for the one that start_profiler() begins",
            )  # fmt: skip
        _profiled[session_id] = False
    else:
        settings = {"trace_filter": found.trace_filter} if found.trace_filter else {}
        wanted = config.load(arguments=settings)
        path = wanted.as_dict()["output"] or f"relive-{os.getpid()}.relive"
        api.start(path, wanted)
        _profiled[session_id] = True
    enter(found.number)


def stop_profiler() -> None:
    """The other way round; a recording that start_profiler() began ends."""
    session_id = active_session_id()
    _active.set(0)
    _core.look_here()
    if session_id is not None and _profiled.pop(session_id, False):
        api.stop()


def flush() -> bool:
    """Whether a recording is on. What was told before is in its file: readers of it see it."""
    return api.is_recording()


class suppress:
    """`with suppress():` nothing that this task, or this thread, does is recorded; also not what
    runs in tasks and threads that are made in it with its context."""

    def __enter__(self) -> "suppress":
        suppress_enter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        suppress_exit()


def suppress_enter() -> None:
    """From here on nothing of this task or thread is recorded, until as many suppress_exit()."""
    _hidden.set(_hidden.get() + 1)
    _core.hide(1)


def suppress_exit() -> None:
    """Undoes one suppress_enter(); nothing where there is none."""
    if _hidden.get():
        _hidden.set(_hidden.get() - 1)
        _core.hide(-1)


# ---- events of one's own ----


def mark(name: str, **attrs: Any) -> None:
    """A mark in the recording, of the active session."""
    tell(None, MARK, name=_text("name", name), attrs=attrs)


def on_call(session_id: str, func: str, module: str, file: str, line: int, t0_ns: int) -> None:
    """A call that something else has seen."""
    tell(session_id, MARK, name="call", func=func, module=module, file=file, line=line, t0_ns=t0_ns)


def on_call_with_args(session_id: str, func: str, module: str, file: str, line: int, t0_ns: int,
                      args_preview_json: Union[str, Mapping[str, Any]]) -> None:  # fmt: skip
    """The same with its arguments: JSON, or a dict."""
    tell(
        session_id, MARK, name="call", func=func, module=module, file=file, line=line, t0_ns=t0_ns,
        args=_preview(args_preview_json),
    )  # fmt: skip


def on_return(session_id: str, func: str, t1_ns: int, dt_ns: int) -> None:
    """A return."""
    tell(session_id, MARK, name="return", func=func, t1_ns=t1_ns, dt_ns=dt_ns)


def on_return_with_preview(session_id: str, func: str, t1_ns: int, dt_ns: int,
                           locals_preview_json: Union[str, Mapping[str, Any]]) -> None:  # fmt: skip
    """The same with what it returned: JSON, or a dict."""
    tell(
        session_id, MARK, name="return", func=func, t1_ns=t1_ns, dt_ns=dt_ns,
        locals=_preview(locals_preview_json),
    )  # fmt: skip


def on_exception(session_id: str, func: str, ts_ns: int, type_name: str, message: str) -> None:
    """An exception."""
    tell(
        session_id, MARK, name="exception", func=func, ts_ns=ts_ns, type=type_name, message=message
    )


def get_stats() -> Dict[str, int]:
    """Sessions that are open, and what was counted: traceparents that were not valid, previews that
    were no JSON, events that no recording was there for."""
    return dict(_counts, open=len(_open))


# ---- helpers ----


def _find(session_id):
    found = _open.get(session_id) if isinstance(session_id, str) else None
    if found is None:
        raise ReliveError("ERR_NOT_FOUND", f"there is no session {session_id!r}, or it has ended")
    return found


def number_of(session_id: Optional[str]) -> int:
    """That of a session; None: of the active one, or 0."""
    if session_id is not None:
        number: int = _find(session_id).number
        return number
    return still_open(_active.get())


def still_open(number: int) -> int:
    """The number, or 0 where that session has ended."""
    return number if number in _by_number else 0


def tell(session_id: Optional[str], kind: int, **fields: Any) -> None:
    """An event of a session; None: of the active one, or of none. Fields that are None or empty are
    left out."""
    values = [value if value != {} else None for value in fields.values()]
    note(kind, number_of(session_id), tuple(fields), *values)


def note(kind: int, number: int, names: Tuple[str, ...], *values: Any) -> None:
    """An event of the session with this number (0: of none). Values that are None are left out."""
    if not _core.note(kind, number, names, *values):
        _counts["unrecorded"] += 1


def _text(name, value):
    if value is not None and type(value) is not str:
        raise ReliveError("ERR_USAGE", f"{name} must be a str, {value!r} is not")
    return value


def _attributes(attrs):
    if not attrs:
        return {}
    found = dict(attrs)
    for name, value in found.items():
        if type(name) is not str or type(value) is not str:
            raise ReliveError(
                "ERR_USAGE", f"attrs are texts by name: {name!r}: {value!r} is something else"
            )
    return found


def _span(text):
    if isinstance(text, str) and len(text) == 16 and text.strip("0"):
        if not text.strip("0123456789abcdef"):
            return text
    raise ReliveError("ERR_USAGE", f"span_id: {text!r} is not 16 hexadecimal digits, not all 0")


def _filters(value):
    if value is None:
        return []
    setting = config.BY_KEY["trace_filter"]
    try:
        found = setting.parse(value)
    except ValueError:
        raise ReliveError(
            "ERR_USAGE", f"trace_filter: {value!r} is not {setting.allowed()}"
        ) from None
    _run.filter_chain(config.load(arguments={"trace_filter": found}).as_dict())  # wrong ones: now
    return found


def _preview(value):
    if isinstance(value, dict):
        return value
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        _counts["parse_errors"] += 1
        return _PARSE_ERROR

"""Sessions tie a request to what ran for it. They are events of the recording that is on."""

import _thread
import functools
import inspect
import json
import os
from contextvars import ContextVar
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar, Union

from relive import _core, _run, config, recorder
from relive.errors import ReliveError
from relive.sessions import links, trace_context

LOG, SESSION_START, SESSION_END, HTTP_REQUEST, HTTP_RESPONSE, MARK = range(21, 27)
_Function = TypeVar("_Function", bound=Callable[..., Any])


_active: ContextVar[int] = ContextVar("relive_session", default=0)
_hidden: ContextVar[int] = ContextVar("relive_suppressed", default=0)
_core.follow(_active, _hidden)
_counts = {"parse_errors": 0}


class _Profilers:
    """The recording that start_profiler() began. Every session that profiles shares it, and the
    last one that stops or ends also ends it. A recording that something else began is never counted
    or ended. C counts which sessions profile, where sessions end."""

    def __init__(self) -> None:
        self._lock = _thread.RLock()  # type: ignore[attr-defined]
        self._run: Optional[str] = None  # the run that was begun here

    def begin(self, found: _core.Session) -> None:
        """Counts the session, and begins a recording where none is on."""
        with self._lock:
            if not recorder.is_recording():
                self._begin_recording(found)
            elif found.has_filter:
                raise ReliveError(
                    "ERR_BUSY", "a recording is on and has its filters: start_session("
                    "trace_filter=...) is for the one that start_profiler() begins",
                )  # fmt: skip
            if self._is_on():
                _core.add_profiler(found)

    def end(self) -> None:
        """Ends the recording, unless another session has started to profile meanwhile."""
        with self._lock:
            if self._is_on() and not _core.session_counts()["profiling"]:
                self._run = None
                recorder.stop()

    def forget_others(self) -> None:
        """Runs in a forked child, where nobody will stop the sessions of other threads."""
        self._lock = _thread.RLock()  # type: ignore[attr-defined]
        _core.reset_profilers(_core.active_session())

    def _is_on(self) -> bool:
        return recorder.is_recording() and _run.opened() and _run.opened()["id"] == self._run

    def _begin_recording(self, found: _core.Session) -> None:
        if found.has_filter and not found.trace_filter:
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"the filter of session {found.id} is not known any more: too many later sessions"
                " were started and did not end",
            )
        settings = {"trace_filter": found.trace_filter} if found.trace_filter else {}
        wanted = config.load(arguments=settings)
        try:
            _start_in_free_file(wanted)
        except ReliveError as error:
            if error.code != "ERR_BUSY" or found.trace_filter:
                raise
            return  # another thread has just begun one: it is joined
        _core.reset_profilers(None)
        self._run = _run.opened()["id"] if recorder.is_recording() else None


def _start_in_free_file(wanted: config.Config) -> None:
    """Starts into the wanted file, or where it exists beside it: NAME-2, NAME-3 and so on. A file
    that this process has written is not replaced, whatever `force` says."""
    path = wanted.as_dict()["output"] or f"relive-{os.getpid()}.relive"
    stem, suffix = os.path.splitext(path)
    number = _names.get(path, 1)
    while True:
        try:
            recorder.start(
                path if number == 1 else f"{stem}-{number}{suffix}",
                wanted if number == 1 else wanted.with_(force=False),
            )
        except ReliveError as error:
            if error.code != "ERR_FILE_EXISTS":
                raise
            number += 1
        else:
            _names[path] = number + 1
            return


_names: Dict[str, int] = {}  # path -> the number of the next file beside it
_profilers = _Profilers()
_core.when_unprofiled(_profilers.end)
os.register_at_fork(after_in_child=_profilers.forget_others)


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
    """Begins a session and returns its id.

    `traceparent` is that of the request: the session belongs to its trace, as a span of its own. An
    invalid one is counted, and a new trace begins. `trace_filter` is for the recording that
    start_profiler() begins; a recording that is already on has its own."""
    wanted = (tag, attrs, traceparent, span_id, tracestate, trace_filter)
    return begin_session(*wanted, is_by_hand=True).id


def begin_session(
    tag: Optional[str],
    attrs: Optional[Mapping[str, str]],
    traceparent: Optional[str],
    span_id: Optional[str] = None,
    tracestate: Optional[str] = None,
    trace_filter: Any = None,
    *,
    is_by_hand: bool = False,
) -> _core.Session:
    tag, attrs, filters = (
        _check_text("tag", tag),
        _check_attributes(attrs),
        _check_filters(trace_filter),
    )
    span_id = _check_span(span_id) if span_id is not None else None
    tracestate = _check_text("tracestate", tracestate)
    return _core.begin_session(tag, traceparent, tracestate, attrs, span_id, filters, is_by_hand)


class _Watcher(_run.Watcher):
    def started(self) -> None:
        """Sessions that are open when a recording begins are in it from its beginning."""
        _core.tell_sessions()


_run.watchers.append(_Watcher())


def end_session(session_id: str) -> None:
    """Ends a session. Raises ReliveError where there is none of this id, or it has ended."""
    _core.finish_session(_find_session(session_id))


def active_session_id() -> Optional[str]:
    """Returns the id of the active session of this thread or task, or of the context in which it
    was made."""
    found = _core.active_session()
    return found.id if found is not None else None


class session:
    """`with session("checkout", {"user": "7"}):`, or a decorator of a function, also of an `async
    def`: a session that is active until it ends. Entering it again begins another session, also
    meanwhile or in another thread or task. `id` is that of the one entered last."""

    def __init__(self, tag: Optional[str] = None, attrs: Optional[Mapping[str, str]] = None,
                 traceparent: Optional[str] = None, **more: Any) -> None:  # fmt: skip
        self._how = dict(more, tag=tag, attrs=attrs, traceparent=traceparent)
        self.id: Optional[str] = None
        self._entered: List[
            Tuple[_core.Session, Any]
        ] = []  # (session, token) of those that were not left yet

    def __enter__(self) -> "session":
        found = begin_session(**self._how)
        self.id = found.id
        self._entered.append((found, _core.enter_session(found)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        found, token = self._take_entered()
        if found.is_open:
            _core.finish_session(found, token, exc_info[1])
        else:
            _core.leave_session(token)

    def _take_entered(self) -> Tuple[_core.Session, Any]:
        """Returns the one to leave: the active one here, else the one entered last."""
        if len(self._entered) == 1:
            chosen: Tuple[_core.Session, Any] = self._entered[
                0
            ]  # ours, whatever other threads do meanwhile
        else:
            entered = list(self._entered)
            if not entered:
                raise ReliveError(
                    "ERR_USAGE", "this session was left more often than it was entered"
                )
            active = _core.active_session()
            chosen = next((one for one in entered if one[0] is active), entered[-1])
        self._entered.remove(chosen)
        return chosen

    async def __aenter__(self) -> "session":
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        self.__exit__(*exc_info)

    def __call__(self, function: _Function) -> _Function:
        with _run.quiet:
            wrapped: _Function = self._wrap(function)
            return wrapped

    def _wrap(self, function: Callable[..., Any]) -> Any:
        how = self._how if self._how["tag"] is not None else dict(self._how, tag=function.__name__)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                with session(**how):
                    return await function(*args, **kwargs)

            return async_wrapper

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with session(**how):
                return function(*args, **kwargs)

        return wrapper


def traceparent(session_id: Optional[str] = None) -> Optional[str]:
    """Returns the header to send on with requests of this session, or of the active one."""
    session_id = session_id or active_session_id()
    if session_id is None:
        return None
    found = _find_session(session_id)
    return trace_context.render(found.trace_id, found.span_id, found.flags)


def outgoing_headers() -> Dict[str, str]:
    """Returns traceparent, and tracestate where there is one, of the active session; {} without
    one."""
    found = _core.active_session()
    if found is None:
        return {}
    headers = {"traceparent": trace_context.render(found.trace_id, found.span_id, found.flags)}
    if found.tracestate:
        headers["tracestate"] = found.tracestate
    return headers


def is_open(session_id: Optional[str]) -> bool:
    """Returns whether there is such a session, and it has not ended."""
    return isinstance(session_id, str) and _core.find_session(session_id) is not None


# ---- recording ----


def start_profiler(session_id: str) -> None:
    """Makes the session the active one here. Where nothing records, a recording with the session's
    filter begins, into RELIVE_OUTPUT or relive-PID.relive (where that exists: NAME-2, NAME-3).
    Sessions that start meanwhile share it."""
    found = _find_session(session_id)
    _profilers.begin(found)
    _core.enter_session(found)


def stop_profiler() -> None:
    """Leaves the session. A recording that start_profiler() began ends with the last session that
    stops or ends."""
    found = _core.active_session()
    _core.leave_session(None)
    if found is not None:
        _core.remove_profiler(found)


def flush() -> bool:
    """Returns whether a recording is on. Its file already has what was written before."""
    return recorder.is_recording()


class suppress:
    """`with suppress():` nothing that this task or thread does is recorded, nor what runs in tasks
    and threads that are made in it with its context."""

    def __enter__(self) -> "suppress":
        suppress_enter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        suppress_exit()


def suppress_enter() -> None:
    """Stops recording this task or thread, until as many suppress_exit()."""
    _hidden.set(_hidden.get() + 1)
    _core.hide(1)


def suppress_exit() -> None:
    """Undoes one suppress_enter(); does nothing where there is none."""
    if _hidden.get():
        _hidden.set(_hidden.get() - 1)
        _core.hide(-1)


# ---- events of one's own ----


def mark(name: str, **attrs: Any) -> None:
    """Writes a mark into the recording, for the active session."""
    tell(None, MARK, name=_check_text("name", name), attrs=attrs)


def on_call(session_id: str, func: str, module: str, file: str, line: int, t0_ns: int) -> None:
    """Writes a call that something else has seen. It is a call of the recording, at the current
    time."""
    _calls.begin(session_id, func, module, file, line, None)


def on_call_with_args(session_id: str, func: str, module: str, file: str, line: int, t0_ns: int,
                      args_preview_json: Union[str, Mapping[str, Any]]) -> None:  # fmt: skip
    """Writes a call with its arguments: a JSON object, or a dict."""
    _calls.begin(session_id, func, module, file, line, _parse_preview(args_preview_json, {}))


def on_return(session_id: str, func: str, t1_ns: int, dt_ns: int) -> None:
    """Writes the return of the last call of that name in this session and thread. Where none is
    open, it writes a mark."""
    if not _calls.end(session_id, func, None):
        tell(session_id, MARK, name="return", func=func, t1_ns=t1_ns, dt_ns=dt_ns)


def on_return_with_preview(session_id: str, func: str, t1_ns: int, dt_ns: int,
                           locals_preview_json: Union[str, Mapping[str, Any]]) -> None:  # fmt: skip
    """Writes a return with its value: JSON, or a dict, whose "return" is the value."""
    preview = _parse_preview(locals_preview_json, {"return": "<parse-error>"})
    is_value = isinstance(preview, dict) and set(preview) == {"return"}
    value = preview["return"] if is_value else preview
    if not _calls.end(session_id, func, value):
        tell(session_id, MARK, name="return", func=func, t1_ns=t1_ns, dt_ns=dt_ns, locals=preview)


def on_exception(session_id: str, func: str, ts_ns: int, type_name: str, message: str) -> None:
    """Writes an exception."""
    tell(
        session_id, MARK, name="exception", func=func, ts_ns=ts_ns, type=type_name, message=message
    )


class _Calls:
    """Calls that on_call() wrote and that have not returned: by thread, session and name, the
    newest last."""

    MOST = 10000  # what never returns is forgotten beyond

    def __init__(self) -> None:
        self._open: Dict[Any, List[Any]] = {}
        self._count = 0

    def begin(
        self,
        session_id: Optional[str],
        func: str,
        module: str,
        file: str,
        line: int,
        args: Any,
    ) -> None:
        """Writes a call and keeps it open."""
        number = number_of(session_id)
        func, module = _check_text("func", func), _check_text("module", module)
        file = _check_text("file", file)
        args = args if isinstance(args, dict) else None
        call = _core.given_call(number, func, module, file, line, args)
        if call is None:
            return
        if self._count >= self.MOST:
            self._open.clear()
            self._count = 0
        self._open.setdefault((_thread.get_ident(), number, func), []).append(call)
        self._count += 1

    def end(self, session_id: Optional[str], func: str, value: Any) -> bool:
        """Returns whether such a call was open in the current recording, and has ended now."""
        key = (_thread.get_ident(), number_of(session_id), func)
        calls = self._open.get(key)
        if not calls:
            return False
        call = calls.pop()
        if not calls:
            del self._open[key]
        self._count -= 1
        return _core.given_return(call, value)


_calls = _Calls()


def get_stats() -> Dict[str, int]:
    """Returns counts of sessions: open ones, their bytes of memory, those that profile, those that
    were forgotten since over 10,000 were open. Others are invalid traceparents, previews that were
    no JSON, events without a recording, and errors of tools that a session is linked to."""
    return dict(_counts, **_core.session_counts(), link_errors=_core.link_failures())


def position() -> Optional[str]:
    """Returns the position of this thread's last event in its recording, 'T1@48213'. Returns None
    where nothing of the thread was recorded yet. Every verb takes it."""
    return links.here()


# ---- helpers ----


def _find_session(session_id: Optional[str]) -> _core.Session:
    found = _core.find_session(session_id) if isinstance(session_id, str) else None
    if found is None:
        raise ReliveError("ERR_NOT_FOUND", f"there is no session {session_id!r}, or it has ended")
    return found


def number_of(session_id: Optional[str]) -> int:
    """Returns the number of a session, or for None of the active one, or 0."""
    found = _find_session(session_id) if session_id is not None else _core.active_session()
    return found.number if found is not None else 0


def tell(session_id: Optional[str], kind: int, **fields: Any) -> bool:
    """Writes an event of a session, or for None of the active one, if any. Fields that are None or
    empty are left out. Returns whether it is in the recording."""
    values = [value if value != {} else None for value in fields.values()]
    return _core.note(kind, number_of(session_id), tuple(fields), *values)


def _check_text(name: str, value: Any) -> Any:
    if value is not None and type(value) is not str:
        raise ReliveError("ERR_USAGE", f"{name} must be a str, {value!r} is not")
    return value


def _check_attributes(attrs: Any) -> Dict[str, str]:
    if not attrs:
        return {}
    try:
        found = dict(attrs)
    except (TypeError, ValueError):
        raise ReliveError("ERR_USAGE", f"attrs are texts by name, {attrs!r} is not") from None
    for name, value in found.items():
        if type(name) is not str or type(value) is not str:
            raise ReliveError(
                "ERR_USAGE", f"attrs are texts by name: {name!r}: {value!r} is something else"
            )
    return found


def _check_span(text: object) -> str:
    if isinstance(text, str) and len(text) == 16 and text.strip("0"):
        if not text.strip("0123456789abcdef"):
            return text
    raise ReliveError("ERR_USAGE", f"span_id: {text!r} is not 16 hexadecimal digits, not all 0")


def _check_filters(value: Any) -> List[Any]:
    if value is None:
        return []
    setting = config.BY_KEY["trace_filter"]
    with _run.quiet:
        try:
            found: List[Any] = setting.parse(value)
        except ValueError:
            raise ReliveError(
                "ERR_USAGE", f"trace_filter: {value!r} is not {setting.allowed()}"
            ) from None
        wanted = config.load(arguments={"trace_filter": found}).as_dict()
        _run.filter_chain(wanted)  # wrong ones raise now
    return found


def _parse_preview(value: Any, otherwise: Any) -> Any:
    """Returns the value of a preview, or `otherwise` where it is no JSON, as the seed does."""
    if isinstance(value, dict):
        return value
    try:
        with _run.quiet:
            return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        _counts["parse_errors"] += 1
        return otherwise

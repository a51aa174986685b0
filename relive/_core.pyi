"""The engine, as C tells it. Policy lives in the modules above it."""

from contextvars import ContextVar
from os import PathLike
from types import CodeType, FrameType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union, final

from typing_extensions import disjoint_base

_Path = Union[str, bytes, "PathLike[str]", "PathLike[bytes]"]
# code, parent, calls, total_ns, self_ns, unwinds, exc, exc_line, max_depth, open
_Node = Tuple[int, int, int, int, int, int, str, int, int, int]
# code, calls, total_ns, self_ns, unwinds, open
_Function = Tuple[int, int, int, int, int, int]

class Error(Exception):
    """args are (code, text)."""

@final
class Reader:
    def __init__(self, path: _Path) -> None: ...
    def header(self) -> Dict[str, Any]: ...
    def totals(self, session: int = ..., /) -> Dict[str, Any]: ...
    def tree(self, session: int = ..., /) -> List[_Node]: ...
    def sessions(self, codes: Sequence[int], /) -> List[Tuple[int, int, int]]: ...
    def functions(self) -> List[_Function]: ...
    def code(self, number: int, /) -> Tuple[str, str, str, int, int]: ...
    def codes(self) -> List[Tuple[int, str, str, str, int, int, int, List[str]]]: ...
    def stack_at(self, thread: int, seq: int, /) -> List[int]: ...
    def select(
        self,
        kinds: int = ...,
        codes: Optional[Sequence[int]] = ...,
        frames: Optional[Sequence[int]] = ...,
        line: int = ...,
        name: Optional[str] = ...,
        thread: int = ...,
        session: int = ...,
    ) -> None: ...
    def calls(
        self,
        codes: Optional[Sequence[int]] = ...,
        thread: int = ...,
        session: int = ...,
        depth: int = ...,
        least: int = ...,
        limit: int = ...,
    ) -> int: ...
    def calls_piece(self) -> List[Tuple[int, bytes, Optional[bytes]]]: ...
    def progress(self) -> Tuple[int, int]: ...
    def check(self) -> Dict[str, Any]: ...
    def dump(self) -> Optional[bytes]: ...
    def close(self) -> None: ...

@disjoint_base
class Event:
    event_type: str
    monotonic_ns: Optional[int]
    thread_id: Optional[int]
    trace_id: Optional[str]
    function_name: Optional[str]
    qualified_name: Optional[str]
    module_name: Optional[str]
    file_path: Optional[str]
    line_number: Optional[int]
    args: Optional[Dict[str, Any]]
    kwargs: Optional[Dict[str, Any]]
    return_value: Any
    local_vars: Optional[Dict[str, Any]]
    exception_type: Optional[str]
    exception_message: Optional[str]
    exception_traceback: Optional[str]
    is_async: Optional[bool]
    task: Optional[str]
    called_from: Optional[str]
    duration: Optional[float]
    def _all(self) -> Tuple[Any, ...]: ...
    def _fill(self, values: Tuple[Any, ...], /) -> None: ...

@final
class Sink:
    def __init__(
        self,
        callback: Optional[Callable[[Any], Any]],
        event_filter: Optional[Callable[[Any], Any]],
        decide: Callable[[str], Any],
        failed: Callable[[str, BaseException], Any],
        context: Any,
        wake: Callable[[], Any],
        type: Type[Event],
        kinds: int,
        flags: int,
        max_repr: int,
        max_events: int,
        batch: int,
        most_waiting: int,
    ) -> None: ...
    def begin(self) -> None: ...
    def forget_state(self) -> None: ...
    def events(self) -> List[Any]: ...
    def clear(self) -> None: ...
    def take_waiting(self) -> List[Any]: ...
    def tell(self, events: List[Any], /) -> None: ...
    def stats(self) -> Tuple[Tuple[int, ...], int, int, int, int, float, float]: ...

def start(
    path: _Path,
    backend: str,
    meta: Dict[str, str],
    buffer: int = ...,
    ring: int = ...,
    drop: bool = ...,
    c_calls: bool = ...,
    tool_id: int = ...,
    waiting: bool = ...,
    run_id: bytes = ...,
    run_mono: int = ...,
    parent_pid: int = ...,
    child: int = ...,
    level: int = ...,
    max_depth: int = ...,
    max_items: int = ...,
    max_str: int = ...,
    library_lines: bool = ...,
    globals: bool = ...,
    gc: bool = ...,
    output: int = ...,
    budget: int = ...,
    trace_filter: Optional[Filter] = ...,
    activate: str = ...,
    activate_other: str = ...,
) -> None: ...
def start_child(
    path: _Path,
    backend: str,
    meta: Dict[str, str],
    buffer: int = ...,
    ring: int = ...,
    drop: bool = ...,
    c_calls: bool = ...,
    tool_id: int = ...,
    waiting: bool = ...,
    run_id: bytes = ...,
    run_mono: int = ...,
    parent_pid: int = ...,
    child: int = ...,
    level: int = ...,
    max_depth: int = ...,
    max_items: int = ...,
    max_str: int = ...,
    library_lines: bool = ...,
    globals: bool = ...,
    gc: bool = ...,
    output: int = ...,
    budget: int = ...,
    trace_filter: Optional[Filter] = ...,
    activate: str = ...,
    activate_other: str = ...,
) -> None: ...
def stop() -> Optional[Dict[str, Any]]: ...
def state() -> Dict[str, Any]: ...
def backends() -> List[Tuple[str, bool, str, List[str]]]: ...
def facts() -> Dict[str, Any]: ...
def schema() -> str: ...

SENTINELS: Dict[str, str]

@final
class Filter:
    def add_file(
        self,
        version: int,
        builtin: bool,
        root: str,
        resolved: str,
        exec: int,
        value: int,
        level: int,
        /,
    ) -> None: ...
    def add_rule(
        self,
        selector: str,
        exec: int,
        value: int,
        level: int,
        sample: float,
        every: int,
        min_duration: int,
        max_str: int,
        max_items: int,
        max_depth: int,
        max_locals: int,
        /,
    ) -> None: ...
    def add_pattern(self, selector: str, action: int, /) -> None: ...
    def add_gate(self, gate: int, text: str, /) -> None: ...
    def set_sample(self, sample: float, /) -> None: ...
    def decide(self, module: str, qualname: str, name: str, file: str, /) -> Dict[str, Any]: ...
    def matches(
        self, module: str, qualname: str, name: str, file: str, /
    ) -> List[Tuple[int, str, int, int, int]]: ...
    def value(
        self, module: str, qualname: str, name: str, file: str, kind: int, variable: str, /
    ) -> Tuple[int, Optional[str]]: ...

def is_secret_name(name: str, /) -> bool: ...
def find_secret(text: str, /) -> Optional[Tuple[int, int]]: ...
def without_secrets(text: str, /) -> str: ...
def read_json(text: str, /) -> Any: ...
def json_text(value: object, /) -> str: ...
def kinds() -> Dict[str, int]: ...
def exclude(prefix: str, /) -> None: ...
def preview(
    type: Type[Any], function: Optional[Callable[[Any], str]], with_subclasses: bool, /
) -> None: ...
def previews() -> List[Tuple[Type[Any], int, int, int, bool]]: ...
def library(folder: str, /) -> None: ...
def want_report(wanted: object, /) -> None: ...
def snapshot(path: _Path, /) -> None: ...
def note(kind: int, session: int, names: Tuple[str, ...], /, *values: Any) -> bool: ...
def given_call(
    number: int, func: str, module: str, file: str, line: int, args: Optional[Dict[str, Any]], /
) -> Optional[Tuple[int, int, int]]: ...
def given_return(call: Tuple[int, int, int], value: Any, /) -> bool: ...
def recorded_level() -> int: ...
def tap(sinks: Tuple[Sink, ...], traceback: Optional[Callable[..., Any]], /) -> None: ...
def suppress(flag: object, /) -> bool: ...
def follow(session: ContextVar[Any], hidden: ContextVar[Any], /) -> None: ...
def hide(change: int, /) -> None: ...
@final
class Session:
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
    is_open: int

open_sessions: Dict[str, Session]

def begin_session(
    tag: Optional[str],
    traceparent: Optional[str],
    tracestate: Optional[str],
    attrs: Mapping[str, str],
    span_id: Optional[str],
    trace_filter: Any,
    /,
) -> Session: ...
def tell_session(session: Session, /) -> None: ...
def finish_session(session: Session, token: Any = ..., error: object = ..., /) -> None: ...
def enter_session(session: Session, /) -> Any: ...
def leave_session(token: Any, /) -> None: ...
def active_session() -> Optional[Session]: ...
def traceparent(header: object, /) -> Optional[Tuple[str, str, str]]: ...
def session_counts() -> Dict[str, int]: ...
@final
class Request:
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def saw(self, data: bytes, /) -> None: ...
    def pause(self) -> None: ...
    def go_on(self) -> None: ...
    def end(self, error: Optional[BaseException] = ..., /) -> None: ...

def run_wsgi(
    app: Callable[..., Any],
    environ: Dict[str, Any],
    start_response: Callable[..., Any],
    wrap: Callable[..., Any],
    /,
) -> Any: ...
def begin_asgi(scope: Any, send: Callable[..., Any], /) -> Request: ...
def keep_headers(names: List[Tuple[str, str]], shown: Callable[..., Any], /) -> None: ...
def next_exchange() -> int: ...
def debug_start(
    on_stop: Callable[..., Any],
    on_log: Callable[..., Any],
    on_reason: Callable[..., Any],
    make_condition: Callable[..., Any],
    waits_for_main: bool,
    filter: Optional[Filter],
    rewrites: bool,
    steps_in_thread: bool,
    budget_s: float,
    /,
) -> str: ...
def debug_stop() -> None: ...
def debug_points(path: Optional[str], points: List[Tuple[Any, ...]], /) -> int: ...
def debug_rewrite(
    code: CodeType, lines: Sequence[int], /
) -> Tuple[Optional[CodeType], Union[int, str], Optional[str]]: ...
def debug_check(code: CodeType, copy: CodeType, /) -> Optional[str]: ...
def debug_decision(frame: FrameType, /) -> Tuple[str, List[int]]: ...
def debug_code_info(code: CodeType, /) -> Optional[Tuple[str, List[int]]]: ...
def debug_hits(text: str, /) -> None: ...
def debug_step(mode: int, line: int, frame: Optional[FrameType], /) -> None: ...
def debug_pause() -> None: ...
def debug_internal(flag: object, /) -> bool: ...
def debug_counts() -> Dict[str, int]: ...
def debug_evaluator() -> Optional[str]: ...
def debug_exceptions(catches: List[Tuple[int, int, Optional[str]]], /) -> None: ...

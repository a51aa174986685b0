"""Sessions: what ties a request to what ran for it (docs/embed.md).

    from relive import sessions

    with sessions.session("checkout", {"user": "7"}, traceparent=headers.get("traceparent")):
        handle(request)

They are events of the recording that is on: `relive sessions FILE` lists them.
"""

from typing import Mapping, Optional

from relive.sessions.api import (
    active_session_id,
    end_session,
    flush,
    get_stats,
    mark,
    on_call,
    on_call_with_args,
    on_exception,
    on_return,
    on_return_with_preview,
    position,
    session,
    start_profiler,
    start_session,
    stop_profiler,
    suppress,
    suppress_enter,
    suppress_exit,
    traceparent,
)
from relive.sessions.http import on_http_request, on_http_response


# The names of the seed, whose programs run with their import changed.
def start_session_py(
    tag: Optional[str] = None,
    attrs: Optional[Mapping[str, str]] = None,
    traceparent: Optional[str] = None,
    _span_id: Optional[str] = None,
) -> str:
    """Begins a session and returns its id. `_span_id` changes nothing, as in the seed."""
    return start_session(tag, attrs, traceparent)


start_profiler_py = start_profiler
stop_profiler_py = stop_profiler
get_active_session_id_py = active_session_id
on_call_py = on_call
on_call_with_args_py = on_call_with_args
on_return_py = on_return
on_return_with_preview_py = on_return_with_preview
on_exception_py = on_exception
on_http_request_py = on_http_request
on_http_response_py = on_http_response
suppress_profiler_enter_py = suppress_enter
suppress_profiler_exit_py = suppress_exit

__all__ = [
    "active_session_id",
    "end_session",
    "flush",
    "get_stats",
    "mark",
    "on_call",
    "on_call_with_args",
    "on_exception",
    "on_http_request",
    "on_http_response",
    "on_return",
    "on_return_with_preview",
    "position",
    "session",
    "start_profiler",
    "start_session",
    "stop_profiler",
    "suppress",
    "suppress_enter",
    "suppress_exit",
    "traceparent",
]

"""Links between sessions and the traces of other tools: OpenTelemetry, Sentry.

C calls these two functions where the program has imported one of them (src/cpython/module/links.c).
Nothing is imported here, and what goes wrong in a tool is counted there."""

import sys
from typing import Any, Dict, Optional

from relive import _core
from relive.sessions import trace_context

RECORDING, POSITION = "relive.recording", "relive.position"  # names of attributes and of tags


def find_parent() -> Optional[str]:
    """Returns the traceparent of OpenTelemetry's current span, None where there is none."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    ids = (format(context.trace_id, "032x"), format(context.span_id, "016x"))
    return trace_context.render(*ids, format(int(context.trace_flags), "02x"))


def put_place() -> None:
    """Puts the place of the session that has just begun into the current span, and into the tags of
    Sentry's scope."""
    found = here()
    if found is None:
        return
    place: Dict[str, str] = {RECORDING: _core.state()["path"], POSITION: found}
    trace: Any = sys.modules.get("opentelemetry.trace")
    sentry: Any = sys.modules.get("sentry_sdk")
    try:
        if trace is not None:
            trace.get_current_span().set_attributes(place)
    finally:
        if sentry is not None:
            for name, text in place.items():
                sentry.set_tag(name, text)


def here() -> Optional[str]:
    """Returns the position of this thread's last event, 'T1@48213'; None where nothing of it is
    recorded."""
    found = _core.position()
    return None if found is None else f"T{found[0]}@{found[1]}"


_core.set_links(find_parent, put_place)

"""W3C Trace Context: the header `traceparent`, read as strictly as the recommendation requires."""

from typing import NamedTuple, Optional

from relive import _core


class TraceParent(NamedTuple):
    """The parts of a traceparent."""

    trace_id: str
    span_id: str
    flags: str


def parse(header: object) -> Optional[TraceParent]:
    """Returns None where it is no valid traceparent: then a new trace begins."""
    found = _core.traceparent(header)
    return TraceParent(*found) if found is not None else None


def render(trace_id: str, span_id: str, flags: str = "01") -> str:
    """Returns the header to send on."""
    return f"00-{trace_id}-{span_id}-{flags}"

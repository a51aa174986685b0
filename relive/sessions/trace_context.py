"""W3C Trace Context: the header `traceparent`, read as strictly as the recommendation says."""

from typing import NamedTuple, Optional

from relive import _core


class TraceParent(NamedTuple):
    """What a traceparent says."""

    trace_id: str
    span_id: str
    flags: str


def parse(header: object) -> Optional[TraceParent]:
    """None where it is no valid traceparent: then a trace of one's own begins."""
    found = _core.traceparent(header)
    return TraceParent(*found) if found is not None else None


def render(trace_id: str, span_id: str, flags: str = "01") -> str:
    """The header to send on."""
    return f"00-{trace_id}-{span_id}-{flags}"

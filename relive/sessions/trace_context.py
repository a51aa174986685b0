"""W3C Trace Context: the header `traceparent`, read as strictly as the recommendation says."""

import os
import random
import re
from typing import NamedTuple, Optional, Tuple

_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<rest>-.*)?"
)


class TraceParent(NamedTuple):
    """What a traceparent says."""

    trace_id: str
    span_id: str
    flags: str


def parse(header: object) -> Optional[TraceParent]:
    """None where it is no valid traceparent: then a trace of one's own begins."""
    found = _HEADER.fullmatch(header) if isinstance(header, str) and len(header) <= 512 else None
    if found is None or found["version"] == "ff":
        return None
    if found["version"] == "00" and found["rest"] is not None:
        return None  # only later versions may say more
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return TraceParent(found["trace"], found["span"], found["flags"])


_random = random.Random(os.urandom(32))


def _in_forked_child():
    _random.seed(os.urandom(32))


os.register_at_fork(after_in_child=_in_forked_child)


def new_ids() -> Tuple[str, str, str]:
    """Of a session, of a trace and of a span: random hexadecimal digits, none of them all zero."""
    while True:
        text = "%080x" % _random.getrandbits(320)
        found = text[:32], text[32:64], text[64:]
        if found[1].strip("0") and found[2].strip("0"):
            return found


def render(trace_id: str, span_id: str, flags: str = "01") -> str:
    """The header to send on."""
    return f"00-{trace_id}-{span_id}-{flags}"

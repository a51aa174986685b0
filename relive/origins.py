"""Where a value came from: the objects that Recording.origin() gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

CERTAIN, ONLY_ONE, ONE_OF = "certain", "only one", "one of"

# How a trail ends.
LITERAL, INPUT, CALL, CREATED, COMPUTATION, DEFAULT, IMPORT, START, LOST, LIMIT = ENDS = (
    "literal", "input", "call", "created", "computation", "default", "import", "start", "lost",
    "limit",
)  # fmt: skip


@dataclass(frozen=True)
class Holder:
    """What held a value: `name` is a variable, a path such as order.items[0], or a call."""

    name: str
    value: Optional[Mapping[str, Any]]
    """as in `relive dump`; None where it was not recorded"""
    position: Optional[str] = None
    """of the event that recorded the value"""


@dataclass(frozen=True)
class Hop:
    """One step back. At `position` the source line put the value where the hop before found it."""

    how: str
    """bound, argument, result, yielded, item, attribute, default: how the value came there"""
    name: str
    """what held the value here, as the source says it"""
    value: Optional[Mapping[str, Any]]
    position: str
    frame: Optional[str]
    """T1#5"""
    call: Optional[str]
    """price#118, None where the frame has no number"""
    func: str
    file: str
    line: Optional[int]
    source: Optional[str]
    confidence: str
    """that this is the value of the hop before: certain, only one, or one of"""
    candidates: Tuple[Holder, ...] = ()
    """the others, where it is one of several"""
    changed_at: Optional[str] = None
    """the last change inside the object since; None where none was seen"""
    changed_line: Optional[int] = None


@dataclass(frozen=True)
class Origin:
    """The way of a value from `position` back to where it came from."""

    name: str
    position: str
    value: Optional[Mapping[str, Any]]
    hops: Tuple[Hop, ...]
    end: str
    """one of ENDS: literal, input, call, created, computation, default, import, start (of the
    recording), lost, limit (of hops)"""
    reason: str
    """the end in words"""
    operands: Tuple[Holder, ...] = ()
    """what the last line reads, where the end is a computation, a call or created. Each can be
    followed, by its name or its number from 1"""
    advice: str = ""
    """what to record so that the trail goes on"""
    notes: Tuple[str, ...] = field(default=())

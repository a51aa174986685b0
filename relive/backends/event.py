"""The events that a callback gets: one class for all backends."""

import json
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple

from relive import _core

FIELDS = (
    "event_type", "timestamp", "monotonic_ns", "thread_id", "trace_id", "function_name",
    "qualified_name", "module_name", "file_path", "line_number", "args", "kwargs", "return_value",
    "local_vars", "exception_type", "exception_message", "exception_traceback", "is_async", "task",
    "called_from", "duration",
)  # fmt: skip


class TraceEvent(_core.Event):
    """One event, frozen.

    event_type is call, return, yield, resume, throw, line, exception (it leaves the frame), raise
    or handled. Values are None, bool, int, float and str as they were (a long str ends in
    `...[TRUNCATED]`). All other values are text, made without running the program's code.
    `timestamp` is in UTC. `duration` is in seconds, from the call of the function to where it is
    left."""

    __slots__ = ()

    def __init__(self, event_type: str, **fields: Any) -> None:
        unknown = sorted(set(fields) - set(FIELDS))
        if unknown:
            raise TypeError(f"TraceEvent has no field {', '.join(unknown)}")
        fields["event_type"] = event_type
        self._fill(tuple(map(fields.get, FIELDS)))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a TraceEvent is frozen: {name!r} stays as it is")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a TraceEvent is frozen: {name!r} stays as it is")

    @property
    def timestamp(self) -> Optional[datetime]:
        """The time in UTC."""
        value = self._all()[1]
        if isinstance(value, int):
            return datetime.fromtimestamp(value / 1e9, timezone.utc)
        found: Optional[datetime] = value
        return found

    def as_dict(self) -> Dict[str, Any]:
        """Returns plain values by name; the timestamp as text."""
        found: Dict[str, Any] = dict(zip(FIELDS, self._all()))
        timestamp = self.timestamp
        found["timestamp"] = timestamp.isoformat() if timestamp is not None else None
        return found

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "TraceEvent":
        """Returns the event of an as_dict(). Raises ValueError where it has none."""
        rest = dict(fields)
        event_type = rest.pop("event_type", None)
        timestamp = rest.get("timestamp")
        if not isinstance(event_type, str):
            raise ValueError("an event has an event_type")
        if isinstance(timestamp, str):
            rest["timestamp"] = _parse_timestamp(timestamp)
        return cls(event_type, **rest)

    def as_json(self) -> str:
        """Returns as_dict() as one line of JSON."""
        return json.dumps(self.as_dict(), separators=(",", ":"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TraceEvent) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.event_type, self.monotonic_ns, self.thread_id))

    def __repr__(self) -> str:
        where = f"{self.module_name}.{self.qualified_name or self.function_name}"
        return f"<TraceEvent {self.event_type} {where}:{self.line_number}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        return TraceEvent.from_dict, (self.as_dict(),)


def _parse_timestamp(text: str) -> datetime:
    """Reads what isoformat() wrote, in UTC; 3.8 to 3.10 do not accept "Z"."""
    found = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)

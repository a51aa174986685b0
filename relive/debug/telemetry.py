"""What did not go the fast way, and why: reason codes, counters, and the last events in full."""

import collections
import json
import threading
import time
from typing import Any, Callable, Deque, Dict, List

# Each with what it says. The seed's first, ours after them.
REASONS = {
    "AUTO_INTEGRATION_FAILED": "a debugger that was found could not be worked with",
    "CACHE_HIT": "a decision was known",
    "CACHE_MISS": "code was looked at for the first time",
    "CACHE_INVALIDATION_BREAKPOINT_CHANGE": "breakpoints of a file changed: its code is new",
    "CACHE_INVALIDATION_CONFIG_CHANGE": "the configuration changed: code is decided again",
    "CACHE_INVALIDATION_FILE_RELOAD": "a file was loaded again",
    "BYTECODE_INJECTION_FAILED": "code could not be rewritten",
    "BYTECODE_OPTIMIZATION_FAILED": "rewritten code was refused",
    "BYTECODE_OPTIMIZATION_FILE_READ_FAILED": "a file with breakpoints could not be read",
    "BYTECODE_ROLLBACK": "rewritten code was taken back",
    "BYTECODE_EAGER_INSTRUMENTATION": "code was made ready before it ran",
    "BYTECODE_CACHE_KEY_MISMATCH": "code was not the expected code",
    "MODIFIED_CODE_UNAVAILABLE": "there is no rewritten code for a frame",
    "HOT_RELOAD_FAILED": "a file could not be loaded again",
    "HOT_RELOAD_SUCCEEDED": "a file was loaded again",
    "INTEGRATION_BDB_FAILED": "bdb could not be worked with",
    "INTEGRATION_REMOVE_FAILED": "what was patched could not be put back",
    "PY_DEBUGGER_BREAKPOINT_HOOK_FAILED": "breakpoint() could not be made to open our prompt",
    "PY_DEBUGGER_INTEGRATION_FAILED": "a debugger could not be worked with",
    "PY_DEBUGGER_TRACE_HOOK_FAILED": "a debugger's trace function could not be worked with",
    "SELECTIVE_TRACING_ANALYSIS_FAILED": "code could not be looked at",
    "SELECTIVE_TRACING_DISABLED_BY_POLICY": "this environment is not supported",
    "INTEGRATION_PATCH_FAILED": "a function could not be patched, or was patched by somebody else",
    "FALLBACK_TO_TRACE_DISPATCH": "frames are traced in place of something faster",
    "FRAME_ALREADY_RUNNING": "a frame began before its breakpoint: it is traced to its end",
    "STACKSIZE_GROWTH_REFUSED": "rewritten code needs more stack than its frame has",
    "GENERATOR_NOT_SWAPPABLE": "a generator keeps the code that it began with",
    "TOOL_ID_IN_USE": "sys.monitoring has no tool id left",
    "FOREIGN_TRACE_FUNCTION": "somebody else's trace function is set: frames there are not traced",
    "FOREIGN_EVAL_FRAME": "somebody else evaluates frames: ours goes before it",
    "CONDITION_ERROR": "a condition raised: it stopped once",
    "CONDITION_BUDGET_EXCEEDED": "a condition took longer than its budget",
    "EXTENSION_MISSING": "the C module is not there",
}
RECENT = 50


class Telemetry:
    """Counts by reason code. Any thread may use it."""

    def __init__(self, enabled: bool = True, recent: int = RECENT) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(REASONS, 0)
        self._recent: Deque[Dict[str, Any]] = collections.deque(maxlen=recent)
        self.enabled = enabled

    def record(self, reason_code: str, **context: Any) -> None:
        """Records one event. A code that is not in REASONS is a mistake of the caller."""
        if reason_code not in REASONS:
            raise ValueError(f"{reason_code!r} is no reason code")
        if self.enabled:
            event = {"timestamp": time.time(), "reason_code": reason_code, "context": context}
            with self._lock:
                self._counts[reason_code] += 1
                self._recent.append(event)

    def snapshot(self) -> "TelemetrySnapshot":
        """Returns the counts and events of now."""
        with self._lock:
            return TelemetrySnapshot(dict(self._counts), list(self._recent))

    def clear(self) -> None:
        """Forgets all events."""
        with self._lock:
            self._counts = dict.fromkeys(REASONS, 0)
            self._recent.clear()

    def as_json(self) -> str:
        """Returns the snapshot as one line of JSON."""
        return self.snapshot().as_json()

    def __getattr__(self, name: str) -> Callable[..., None]:
        code = name[len("record_") :].upper() if name.startswith("record_") else ""
        if code not in REASONS:
            raise AttributeError(name)
        return lambda **context: self.record(code, **context)


class ReasonCounts:
    """Counts as attributes, `counts.CONDITION_ERROR` or `counts.condition_error`."""

    def __init__(self, counts: Dict[str, int]) -> None:
        self._counts = counts

    def __getattr__(self, name: str) -> int:
        try:
            counts: Dict[str, int] = self.__dict__["_counts"]
            return counts[name.upper()]
        except KeyError:
            raise AttributeError(name) from None

    def as_dict(self) -> Dict[str, int]:
        """Returns {} while nothing happened, else every code."""
        return dict(self._counts) if any(self._counts.values()) else {}


class TelemetrySnapshot:
    """Counts and recent events of one moment."""

    def __init__(self, counts: Dict[str, int], recent: List[Dict[str, Any]]) -> None:
        self.reason_counts, self.recent_events = ReasonCounts(counts), recent

    def as_dict(self) -> Dict[str, Any]:
        """Returns {reason_counts, recent_events}."""
        return {
            "reason_counts": self.reason_counts.as_dict(),
            "recent_events": list(self.recent_events),
        }

    def as_json(self) -> str:
        """Returns the same as one line of JSON."""
        return json.dumps(self.as_dict(), default=str)


telemetry = Telemetry()


def get_frame_eval_telemetry() -> TelemetrySnapshot:
    """Returns the snapshot of the process."""
    return telemetry.snapshot()


def reset_frame_eval_telemetry() -> None:
    """Forgets what was counted."""
    telemetry.clear()

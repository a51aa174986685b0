"""Which frames the engine looks at, and why: the decision about a code object, as C has it.

decision = get_trace_manager().decide(frame)
decision.path              # skip, original (its lines are traced), breakpointed"""

from types import CodeType, FrameType
from typing import Any, Dict, FrozenSet, List, NamedTuple, Set

from relive.debug.breakpoints import Breakpoint, canonical
from relive.debug.engine import Lines, runtime

REASONS = (
    "no_breakpoints_in_file", "file_not_tracked", "thread_skip_frame", "inside_frame_eval",
    "thread_not_initialized", "debugger_internal_thread", "conditional_breakpoint_pending",
    "condition_not_met", "breakpoint_on_line", "function_has_breakpoints",
    "no_breakpoints_in_function",
)  # fmt: skip


class TraceDecision(NamedTuple):
    """What happens to frames of a code object, and why; `reason` is one of REASONS."""

    path: str
    should_trace: bool
    reason: str
    breakpoint_lines: FrozenSet[int]
    frame_info: Dict[str, Any]


class TraceManager:
    """The engine's decisions, and its breakpoints by file."""

    @property
    def enabled(self) -> bool:
        """Whether the engine runs."""
        return runtime.initialized

    def decide(self, frame: FrameType) -> TraceDecision:
        """Returns the decision about a frame as it is now."""
        from relive import _core

        code = frame.f_code
        info = {"filename": code.co_filename, "function": code.co_name, "lineno": frame.f_lineno}
        if not self.enabled:
            return TraceDecision("skip", False, "thread_not_initialized", frozenset(), info)
        if _core.debug_internal(None):
            return TraceDecision("skip", False, "debugger_internal_thread", frozenset(), info)
        path, found = _core.debug_decision(frame)
        lines = frozenset(found)
        if not lines:
            known = runtime.breakpoints.of_file(code.co_filename)
            reason = "no_breakpoints_in_function" if known else "no_breakpoints_in_file"
            return TraceDecision(path, path != "skip", reason, lines, info)
        on_line = [one for one in self._find_enabled(code) if one.line == frame.f_lineno]
        reason = "function_has_breakpoints"
        if on_line:
            reason = "breakpoint_on_line"
            conditions = [one.condition for one in on_line if one.condition]
            if len(conditions) == len(on_line):
                reason = "conditional_breakpoint_pending"
                if not any(runtime.conditions.evaluate(one, frame)["passed"] for one in conditions):
                    reason = "condition_not_met"
        return TraceDecision(path, True, reason, lines, info)

    def _find_enabled(self, code: CodeType) -> List[Breakpoint]:
        return [one for one in runtime.breakpoints.of_file(code.co_filename) if one.enabled]

    def update_breakpoints(self, file: str, lines: Lines) -> List[Breakpoint]:
        """Replaces the breakpoints of a file."""
        return runtime.update_breakpoints(file, lines)

    def add_breakpoint(self, file: str, line: int) -> Breakpoint:
        """Adds a breakpoint."""
        return runtime.breakpoints.add(Breakpoint(file, line))

    def remove_breakpoint(self, file: str, line: int) -> int:
        """Removes the breakpoints of a line, and returns how many there were."""
        path = canonical(file)
        found = [one for one in runtime.breakpoints.of_file(path)
                 if line in (one.line, one.requested_line)]  # fmt: skip
        for one in found:
            runtime.breakpoints.remove(one)
        return len(found)

    def remove_breakpoints(self, file: str) -> None:
        """Removes all breakpoints of a file."""
        runtime.update_breakpoints(file, ())

    def get_breakpoints(self, file: str) -> Set[int]:
        """Returns the lines of a file that have breakpoints."""
        return {one.line for one in runtime.breakpoints.of_file(file)}

    def get_statistics(self) -> Dict[str, Any]:
        """Returns trace_stats of the runtime."""
        return runtime.get_stats().trace_stats


_manager = TraceManager()


def get_trace_manager() -> TraceManager:
    """Returns the manager of this process."""
    return _manager


def enable_selective_tracing() -> bool:
    """Starts the engine, and returns whether it runs now."""
    return runtime.initialize()


def disable_selective_tracing() -> None:
    """Stops the engine."""
    runtime.shutdown()


update_breakpoints = _manager.update_breakpoints
add_breakpoint = _manager.add_breakpoint
remove_breakpoint = _manager.remove_breakpoint
remove_breakpoints = _manager.remove_breakpoints
get_tracing_statistics = _manager.get_statistics

"""Which frames the engine looks at, and why: the decision of a code object, as C has it.

    decision = get_trace_manager().decide(frame)
    decision.path              # skip, original (its lines are traced), breakpointed

The functions here are fronts of the shared runtime, as everything in relive.frame_eval."""

from typing import Any, Dict, FrozenSet, NamedTuple

from relive.frame_eval.breakpoints import Breakpoint, canonical
from relive.frame_eval.runtime import runtime

REASONS = (
    "no_breakpoints_in_file", "file_not_tracked", "thread_skip_frame", "inside_frame_eval",
    "thread_not_initialized", "debugger_internal_thread", "conditional_breakpoint_pending",
    "condition_not_met", "breakpoint_on_line", "function_has_breakpoints",
    "no_breakpoints_in_function",
)  # fmt: skip


class TraceDecision(NamedTuple):
    """What becomes of frames of a code object, and why; `reason` is one of REASONS."""

    path: str
    should_trace: bool
    reason: str
    breakpoint_lines: FrozenSet[int]
    frame_info: Dict[str, Any]


class TraceManager:
    """The engine's decisions, and its breakpoints by file."""

    @property
    def enabled(self):
        """Whether the engine runs."""
        return runtime.initialized

    def decide(self, frame):
        """Of a frame, as it is now."""
        from relive import _core

        code = frame.f_code
        info = {"filename": code.co_filename, "function": code.co_name, "lineno": frame.f_lineno}
        if not self.enabled:
            return TraceDecision("skip", False, "thread_not_initialized", frozenset(), info)
        if _core.debug_internal(None):
            return TraceDecision("skip", False, "debugger_internal_thread", frozenset(), info)
        path, lines = _core.debug_decision(frame)
        lines = frozenset(lines)
        if not lines:
            known = runtime.breakpoints.of_file(code.co_filename)
            reason = "no_breakpoints_in_function" if known else "no_breakpoints_in_file"
            return TraceDecision(path, path != "skip", reason, lines, info)
        on_line = [one for one in self._of(code) if one.line == frame.f_lineno]
        reason = "function_has_breakpoints"
        if on_line:
            reason = "breakpoint_on_line"
            if all(one.condition for one in on_line):
                reason = "conditional_breakpoint_pending"
                if not any(runtime.conditions.evaluate(one.condition, frame)["passed"]
                           for one in on_line):  # fmt: skip
                    reason = "condition_not_met"
        return TraceDecision(path, True, reason, lines, info)

    def _of(self, code):
        return [one for one in runtime.breakpoints.of_file(code.co_filename) if one.enabled]

    def update_breakpoints(self, file, lines):
        """The lines of a file, all anew."""
        return runtime.update_breakpoints(file, lines)

    def add_breakpoint(self, file, line):
        """One more."""
        return runtime.breakpoints.add(Breakpoint(file, line))

    def remove_breakpoint(self, file, line):
        """Those of a line; how many there were."""
        path = canonical(file)
        found = [one for one in runtime.breakpoints.of_file(path)
                 if line in (one.line, one.requested_line)]  # fmt: skip
        for one in found:
            runtime.breakpoints.remove(one)
        return len(found)

    def remove_breakpoints(self, file):
        """All of a file."""
        runtime.update_breakpoints(file, ())

    def get_breakpoints(self, file):
        """The lines of a file that have some."""
        return {one.line for one in runtime.breakpoints.of_file(file)}

    def get_statistics(self):
        """As trace_stats of the runtime."""
        return runtime.get_stats().trace_stats


_manager = TraceManager()


def get_trace_manager():
    """The one of this process."""
    return _manager


def enable_selective_tracing():
    """Starts the engine; whether it runs now."""
    return runtime.initialize()


def disable_selective_tracing():
    """Stops it."""
    runtime.shutdown()


update_breakpoints = _manager.update_breakpoints
add_breakpoint = _manager.add_breakpoint
remove_breakpoint = _manager.remove_breakpoint
remove_breakpoints = _manager.remove_breakpoints
get_tracing_statistics = _manager.get_statistics

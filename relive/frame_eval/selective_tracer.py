"""The seed's name for relive.debug.decisions."""

from relive.debug.decisions import (
    REASONS,
    TraceDecision,
    TraceManager,
    add_breakpoint,
    disable_selective_tracing,
    enable_selective_tracing,
    get_trace_manager,
    get_tracing_statistics,
    remove_breakpoint,
    remove_breakpoints,
    update_breakpoints,
)

__all__ = [
    "REASONS",
    "TraceDecision",
    "TraceManager",
    "add_breakpoint",
    "disable_selective_tracing",
    "enable_selective_tracing",
    "get_trace_manager",
    "get_tracing_statistics",
    "remove_breakpoint",
    "remove_breakpoints",
    "update_breakpoints",
]

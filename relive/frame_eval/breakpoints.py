"""The seed's name for relive.debug.breakpoints."""

from relive.debug.breakpoints import (
    CATCHES,
    Breakpoint,
    BreakpointTable,
    calls_of_line,
    canonical,
    code_lines,
    compiled,
    executable_lines,
    log_parts,
    log_text,
)

__all__ = [
    "CATCHES",
    "Breakpoint",
    "BreakpointTable",
    "calls_of_line",
    "canonical",
    "code_lines",
    "compiled",
    "executable_lines",
    "log_parts",
    "log_text",
]

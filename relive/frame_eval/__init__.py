"""The seed's names for the debugger, for programs that were written against them.

Each module here re-exports from relive.debug, which is the debugger. All share one runtime,
`relive.debug.engine.runtime`."""

from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import FrameEvalRuntime, FrameEvalStatus
from relive.debug.manager import (
    FrameEvalManager,
    disable_frame_eval,
    enable_frame_eval,
    get_eval_frame_hook_status,
    get_frame_eval_stats,
    get_frame_eval_status,
    initialize_with_config,
    install_eval_frame_hook,
    is_frame_eval_available,
    is_frame_eval_enabled,
    mark_thread_as_debugger_internal,
    set_thread_skip_all,
    uninstall_eval_frame_hook,
    unmark_thread_as_debugger_internal,
)
from relive.debug.policy import (
    CompatibilityPolicy,
    FrameEvalCompatibilityPolicy,
    check_environment_compatibility,
)
from relive.debug.settings import FrameEvalBackendKind, FrameEvalConfig, TracingBackendKind
from relive.debug.statistics import FrameEvalStats
from relive.debug.telemetry import get_frame_eval_telemetry, reset_frame_eval_telemetry

__all__ = [
    "Breakpoint",
    "CompatibilityPolicy",
    "FrameEvalBackendKind",
    "FrameEvalCompatibilityPolicy",
    "FrameEvalConfig",
    "FrameEvalManager",
    "FrameEvalRuntime",
    "FrameEvalStats",
    "FrameEvalStatus",
    "TracingBackendKind",
    "check_environment_compatibility",
    "disable_frame_eval",
    "enable_frame_eval",
    "get_eval_frame_hook_status",
    "get_frame_eval_stats",
    "get_frame_eval_status",
    "get_frame_eval_telemetry",
    "initialize_with_config",
    "install_eval_frame_hook",
    "is_frame_eval_available",
    "is_frame_eval_enabled",
    "mark_thread_as_debugger_internal",
    "reset_frame_eval_telemetry",
    "set_thread_skip_all",
    "uninstall_eval_frame_hook",
    "unmark_thread_as_debugger_internal",
]

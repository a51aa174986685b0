"""The debug runtime: breakpoints that cost nothing until they are hit.

The functions here share one runtime, `relive.frame_eval.runtime.runtime`."""

import platform
import sys

_LAZY = {
    "CompatibilityPolicy": "compatibility_policy",
    "FrameEvalCompatibilityPolicy": "compatibility_policy",
    "check_environment_compatibility": "compatibility_policy",
    "FrameEvalConfig": "config",
    "FrameEvalBackendKind": "config",
    "TracingBackendKind": "config",
    "FrameEvalRuntime": "runtime",
    "FrameEvalStatus": "runtime",
    "FrameEvalStats": "runtime",
    "FrameEvalManager": "frame_eval_main",
    "Breakpoint": "breakpoints",
    "get_frame_eval_telemetry": "telemetry",
    "reset_frame_eval_telemetry": "telemetry",
}

__all__ = [
    *_LAZY,
    "disable_frame_eval",
    "enable_frame_eval",
    "get_eval_frame_hook_status",
    "get_frame_eval_stats",
    "get_frame_eval_status",
    "initialize_with_config",
    "install_eval_frame_hook",
    "is_frame_eval_available",
    "is_frame_eval_enabled",
    "mark_thread_as_debugger_internal",
    "set_thread_skip_all",
    "uninstall_eval_frame_hook",
    "unmark_thread_as_debugger_internal",
]


def __getattr__(name):
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(f"module 'relive.frame_eval' has no attribute {name!r}")
    return getattr(import_module(f"relive.frame_eval.{_LAZY[name]}"), name)


def _runtime():
    from relive.frame_eval.runtime import runtime

    return runtime


def is_frame_eval_available():
    """Whether the debugger can work here."""
    return _runtime().policy.evaluate_environment()["compatible"]


def is_frame_eval_enabled():
    """Whether it runs."""
    return _runtime().initialized


def enable_frame_eval():
    """Starts it as it is configured; whether it runs now."""
    return _runtime().initialize()


def disable_frame_eval():
    """Stops it; whether it ran."""
    was_on = _runtime().initialized
    _runtime().shutdown()
    return was_on


def initialize_with_config(config):
    """Starts it with these settings; whether it runs now."""
    return _runtime().initialize(config)


def get_frame_eval_status():
    """{available, enabled, hook, python_version, platform, implementation}"""
    return {
        "available": is_frame_eval_available(),
        "enabled": is_frame_eval_enabled(),
        "hook": get_eval_frame_hook_status(),
        "python_version": platform.python_version(),
        "platform": platform.system(),
        "implementation": sys.implementation.name,
    }


def get_frame_eval_stats():
    """The statistics of the shared runtime, as a dict."""
    return _runtime().get_stats().as_dict()


def install_eval_frame_hook():
    """Starts the engine where it is a frame evaluator; whether one is installed now. Where it would
    be another mechanism, nothing is started."""
    if not _runtime().policy.can_use_eval_frame()[0]:
        return False
    _runtime().initialize()
    return _runtime().status().hook_installed


def uninstall_eval_frame_hook():
    """Stops it again; whether one was installed."""
    was_installed = _runtime().status().hook_installed
    _runtime().shutdown()
    return was_installed


def get_eval_frame_hook_status():
    """{available, installed, reason}"""
    available, reason = _runtime().policy.can_use_eval_frame()
    installed = _runtime().status().hook_installed
    return {"available": available, "installed": installed, "reason": reason}


def mark_thread_as_debugger_internal():
    """This thread never stops: it is the debugger's own."""
    from relive import _core

    return _core.debug_internal(True)


def unmark_thread_as_debugger_internal():
    """It is the program's again."""
    from relive import _core

    return _core.debug_internal(False)


def set_thread_skip_all(skip):
    """Whether this thread never stops."""
    from relive import _core

    return _core.debug_internal(bool(skip))

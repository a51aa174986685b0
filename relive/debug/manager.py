"""Thin fronts of the shared runtime: module-level functions, and FrameEvalManager."""

import platform
import sys
import threading
from typing import Any, Dict, Mapping, Optional, Union

from relive.debug.engine import runtime
from relive.debug.policy import check_environment_compatibility
from relive.debug.settings import FrameEvalConfig

Settings = Union[Mapping[str, Any], FrameEvalConfig]


class FrameEvalManager:
    """The manager of this process: FrameEvalManager() always returns the same object."""

    _made: "Optional[FrameEvalManager]" = None
    _lock = threading.Lock()

    def __new__(cls) -> "FrameEvalManager":
        with cls._lock:
            if cls._made is None:
                cls._made = super().__new__(cls)
        return cls._made

    @property
    def is_initialized(self) -> bool:
        """Whether the runtime runs."""
        return runtime.initialized

    @property
    def config(self) -> FrameEvalConfig:
        """The settings of the runtime."""
        return runtime.config

    @property
    def active_backend(self) -> Optional[str]:
        """The name of the engine, or None."""
        return runtime.status().backend_type

    def initialize(self, config: Optional[Settings] = None) -> bool:
        """Starts the runtime, and returns whether it runs now."""
        return runtime.initialize(config)

    def update_config(self, settings: Mapping[str, Any]) -> bool:
        """Changes settings for the next start, and returns whether they are valid."""
        try:
            runtime.config.update(settings)
        except (TypeError, ValueError):
            return False
        return True

    def check_environment_compatibility(self) -> Dict[str, Any]:
        """Returns the policy's decision."""
        return check_environment_compatibility()

    def setup_frame_eval(self, config: Settings) -> bool:
        """Starts the runtime with these settings."""
        return runtime.initialize(config)

    def shutdown_frame_eval(self) -> None:
        """Stops the runtime."""
        runtime.shutdown()

    def get_debug_info(self) -> Dict[str, Any]:
        """Returns what a bug report needs."""
        return {
            "frame_eval_initialized": runtime.initialized,
            "frame_eval_config": runtime.config.to_dict(),
            "runtime_status": runtime.status().as_dict(),
            "python_version": platform.python_version(),
            "platform": platform.system(),
            "architecture": platform.machine(),
            "implementation": sys.implementation.name,
            "compatibility": check_environment_compatibility(),
        }


def setup_frame_eval(config: Settings) -> bool:
    """Starts the shared runtime with these settings."""
    return FrameEvalManager().setup_frame_eval(config)


def shutdown_frame_eval() -> None:
    """Stops the shared runtime."""
    FrameEvalManager().shutdown_frame_eval()


def get_debug_info() -> Dict[str, Any]:
    """Returns what a bug report needs."""
    return FrameEvalManager().get_debug_info()


def is_frame_eval_available() -> bool:
    """Returns whether the debugger can work here."""
    return bool(runtime.policy.evaluate_environment()["compatible"])


def is_frame_eval_enabled() -> bool:
    """Returns whether the debugger runs."""
    return runtime.initialized


def enable_frame_eval() -> bool:
    """Starts the debugger as it is configured, and returns whether it runs now."""
    return runtime.initialize()


def disable_frame_eval() -> bool:
    """Stops the debugger, and returns whether it ran."""
    was_on = runtime.initialized
    runtime.shutdown()
    return was_on


def initialize_with_config(config: Settings) -> bool:
    """Starts the debugger with these settings, and returns whether it runs now."""
    return runtime.initialize(config)


def get_frame_eval_status() -> Dict[str, Any]:
    """Returns {available, enabled, hook, python_version, platform, implementation}."""
    return {
        "available": is_frame_eval_available(),
        "enabled": is_frame_eval_enabled(),
        "hook": get_eval_frame_hook_status(),
        "python_version": platform.python_version(),
        "platform": platform.system(),
        "implementation": sys.implementation.name,
    }


def get_frame_eval_stats() -> Dict[str, Any]:
    """Returns the statistics of the shared runtime."""
    return runtime.get_stats().as_dict()


def install_eval_frame_hook() -> bool:
    """Starts the engine where it is a frame evaluator, and returns whether one is installed now.
    Starts nothing where the engine is another mechanism."""
    if not runtime.policy.can_use_eval_frame()[0]:
        return False
    runtime.initialize()
    return runtime.status().hook_installed


def uninstall_eval_frame_hook() -> bool:
    """Stops the engine, and returns whether a frame evaluator was installed."""
    was_installed = runtime.status().hook_installed
    runtime.shutdown()
    return was_installed


def get_eval_frame_hook_status() -> Dict[str, Any]:
    """Returns {available, installed, reason}."""
    available, reason = runtime.policy.can_use_eval_frame()
    installed = runtime.status().hook_installed
    return {"available": available, "installed": installed, "reason": reason}


def mark_thread_as_debugger_internal() -> bool:
    """Makes this thread the debugger's own, so that it never stops. Returns whether it was."""
    return runtime.mark_own_thread(True)


def unmark_thread_as_debugger_internal() -> bool:
    """Makes this thread the program's again. Returns whether it was the debugger's."""
    return runtime.mark_own_thread(False)


def set_thread_skip_all(skip: object) -> bool:
    """Sets whether this thread never stops. Returns what was set before."""
    return runtime.mark_own_thread(bool(skip))

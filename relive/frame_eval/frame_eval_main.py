"""The manager of the seed, as a thin front of the shared runtime."""

import platform
import sys
import threading

from relive.frame_eval.compatibility_policy import check_environment_compatibility
from relive.frame_eval.runtime import runtime


class FrameEvalManager:
    """One object; FrameEvalManager() gives it."""

    _made = None
    _lock = threading.Lock()

    def __new__(cls):
        with cls._lock:
            if cls._made is None:
                cls._made = super().__new__(cls)
        return cls._made

    @property
    def is_initialized(self):
        """Whether the runtime runs."""
        return runtime.initialized

    @property
    def config(self):
        """Its settings."""
        return runtime.config

    @property
    def active_backend(self):
        """The name of its engine, or None."""
        return runtime.status().backend_type

    def initialize(self, config=None):
        """Starts it; whether it runs now."""
        return runtime.initialize(config)

    def update_config(self, settings):
        """Takes settings; whether they could be taken. The engine has them when it starts next."""
        try:
            runtime.config.update(settings)
        except (TypeError, ValueError):
            return False
        return True

    def check_environment_compatibility(self):
        """The policy's decision."""
        return check_environment_compatibility()

    def setup_frame_eval(self, config):
        """Starts it with these settings."""
        return runtime.initialize(config)

    def shutdown_frame_eval(self):
        """Stops it."""
        runtime.shutdown()

    def get_debug_info(self):
        """What a bug report needs."""
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


def setup_frame_eval(config):
    """Starts the shared runtime with these settings."""
    return FrameEvalManager().setup_frame_eval(config)


def shutdown_frame_eval():
    """Stops it."""
    FrameEvalManager().shutdown_frame_eval()


def get_debug_info():
    """What a bug report needs."""
    return FrameEvalManager().get_debug_info()

"""The seed's name for relive.debug.settings."""

from relive.debug.settings import FrameEvalBackendKind, FrameEvalConfig, TracingBackendKind

__all__ = [
    "FrameEvalBackendKind",
    "FrameEvalConfig",
    "TracingBackendKind",
]

"""The seed's name for relive.debug.manager."""

from relive.debug.manager import (
    FrameEvalManager,
    get_debug_info,
    setup_frame_eval,
    shutdown_frame_eval,
)

__all__ = [
    "FrameEvalManager",
    "get_debug_info",
    "setup_frame_eval",
    "shutdown_frame_eval",
]

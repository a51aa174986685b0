"""The seed's name for relive.debug.engine and relive.debug.statistics."""

from relive.debug.engine import (
    STEP_IN,
    STEP_NONE,
    STEP_OUT,
    STEP_OVER,
    STEP_UNTIL,
    FrameEvalRuntime,
    FrameEvalStatus,
    ignore,
    runtime,
)
from relive.debug.statistics import FrameEvalStats

__all__ = [
    "STEP_IN",
    "STEP_NONE",
    "STEP_OUT",
    "STEP_OVER",
    "STEP_UNTIL",
    "FrameEvalRuntime",
    "FrameEvalStats",
    "FrameEvalStatus",
    "ignore",
    "runtime",
]

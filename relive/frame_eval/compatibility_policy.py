"""The seed's name for relive.debug.policy."""

from relive.debug.policy import (
    DETECTORS,
    OUR_TOOL_IDS,
    CompatibilityPolicy,
    Facts,
    FrameEvalCompatibilityPolicy,
    check_environment_compatibility,
    policy,
)

__all__ = [
    "DETECTORS",
    "OUR_TOOL_IDS",
    "CompatibilityPolicy",
    "Facts",
    "FrameEvalCompatibilityPolicy",
    "check_environment_compatibility",
    "policy",
]

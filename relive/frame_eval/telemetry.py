"""The seed's name for relive.debug.telemetry."""

from relive.debug.telemetry import (
    REASONS,
    RECENT,
    ReasonCounts,
    Telemetry,
    TelemetrySnapshot,
    get_frame_eval_telemetry,
    reset_frame_eval_telemetry,
    telemetry,
)

__all__ = [
    "REASONS",
    "RECENT",
    "ReasonCounts",
    "Telemetry",
    "TelemetrySnapshot",
    "get_frame_eval_telemetry",
    "reset_frame_eval_telemetry",
    "telemetry",
]

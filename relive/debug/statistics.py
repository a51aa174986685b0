"""The statistics of the runtime as pure data, in the shapes that tools of the seed read.

Each count is C's or telemetry's own. Keys without a meaning in this engine stay 0 and are listed
in docs/debug-engine.md."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, TypedDict


class HookStats(TypedDict):
    """What the engine did: every count that C has, and the seed's names."""

    active: bool
    is_active: bool
    has_breakpoint_manager: bool
    evaluation_time: float
    hook_available: bool
    hook_installed: bool
    slow_path_attempts: int
    slow_path_activations: int
    return_events: int
    exception_events: int
    frames_evaluated: int
    fast_path_hits: int
    cache_hits: int
    cache_misses: int
    line_callbacks: int
    line_hits: int
    line_disabled: int
    py_start_callbacks: int
    py_return_callbacks: int
    condition_evaluations: int
    condition_skips: int
    conditions_in_c: int
    frames_traced: int
    bytecode_injections: int
    deep_frames: int
    scoped_trace_installs: int
    invalidations: int
    stops: int
    logs: int
    code_objects: int
    stepping_threads: int


class TraceStats(TypedDict):
    """Which frames the engine looked at, and which of them it traces or gave probes."""

    enabled: bool
    total_files_with_breakpoints: int
    total_breakpoints: int
    dispatcher_stats: Dict[str, Dict[str, float]]


class CacheStats(TypedDict):
    """What the engine knows about code."""

    func_code_cache: Dict[str, float]
    breakpoint_cache: Dict[str, Any]
    global_stats: Dict[str, int]


class IntegrationStats(TypedDict):
    """Patches of other debuggers, and once more all of the above."""

    config: Dict[str, Any]
    integration_stats: Dict[str, int]
    performance_data: Dict[str, Any]
    trace_manager_stats: TraceStats
    cache_stats: CacheStats
    telemetry: Dict[str, Any]


class Stats(TypedDict):
    """FrameEvalRuntime.get_stats().as_dict()"""

    initialized: bool
    hook_stats: HookStats
    cache_stats: CacheStats
    trace_stats: TraceStats
    integration_stats: IntegrationStats
    telemetry: Dict[str, List[Any]]


class FrameEvalStats(NamedTuple):
    """What was counted; docs/debug-engine.md explains every key."""

    initialized: bool
    hook_stats: Dict[str, Any]
    cache_stats: Dict[str, Any]
    trace_stats: Dict[str, Any]
    integration_stats: Dict[str, Any]
    telemetry: Dict[str, Any]

    def as_dict(self) -> Dict[str, Any]:
        """Returns the fields by name."""
        return self._asdict()


class Snapshot(NamedTuple):
    """What a runtime knows at one moment; collect() makes the statistics from it alone."""

    engine: Optional[str]  # None where it does not run
    hook_available: bool
    counts: Mapping[str, int]  # C's, since the start
    config: Dict[str, Any]
    files: List[str]  # those with breakpoints
    breakpoints: int
    patches: int
    condition_errors: int
    telemetry: Dict[str, Any]


# What the seed's tools read that C does not count under that name; all else of HookStats is C's.
_SEEDS = (
    "active", "is_active", "has_breakpoint_manager", "evaluation_time", "hook_available",
    "hook_installed", "slow_path_attempts", "slow_path_activations", "return_events",
    "exception_events",
)  # fmt: skip
_COUNTS = tuple(name for name in HookStats.__annotations__ if name not in _SEEDS)


def collect(found: Snapshot) -> FrameEvalStats:
    """Returns the statistics of a snapshot."""
    counts: Dict[str, int] = dict.fromkeys(_COUNTS, 0)
    counts.update(found.counts)
    # C counts frames that it lets pass at its first look apart, for speed.
    counts["frames_evaluated"] += counts["fast_path_hits"]
    counts["cache_hits"] += counts["fast_path_hits"]
    trace, cache = _make_trace_stats(found, counts), _make_cache_stats(found, counts)
    return FrameEvalStats(
        initialized=found.engine is not None,
        hook_stats=_make_hook_stats(found, counts),
        cache_stats=cache,
        trace_stats=trace,
        integration_stats={
            "config": found.config,
            "integration_stats": {
                "integrations_enabled": found.patches,
                "breakpoints_optimized": counts["conditions_in_c"],
                "trace_calls_saved": counts["line_disabled"],
                "bytecode_injections": counts["bytecode_injections"],
                "errors_handled": found.condition_errors,
            },
            "performance_data": {},
            "trace_manager_stats": trace,
            "cache_stats": cache,
            "telemetry": found.telemetry,
        },
        telemetry=found.telemetry,
    )


def _make_hook_stats(found: Snapshot, counts: Mapping[str, int]) -> Dict[str, Any]:
    is_on = found.engine is not None
    return {
        "active": is_on,
        "is_active": is_on,
        "has_breakpoint_manager": True,
        "evaluation_time": 0.0,
        "hook_available": found.hook_available,
        "hook_installed": found.engine == "hook",
        "slow_path_attempts": counts["line_callbacks"],
        "slow_path_activations": counts["stops"] + counts["logs"],
        "return_events": counts["py_return_callbacks"],
        "exception_events": 0,
        **{name: counts[name] for name in _COUNTS},
    }


def _make_trace_stats(found: Snapshot, counts: Mapping[str, int]) -> Dict[str, Any]:
    frames, traced = counts["frames_evaluated"], counts["frames_traced"]
    return {
        "enabled": found.engine is not None,
        "total_files_with_breakpoints": len(found.files),
        "total_breakpoints": found.breakpoints,
        "dispatcher_stats": {
            "dispatcher_stats": {
                "total_calls": frames,
                "dispatched_calls": traced,
                "skipped_calls": frames - traced,
                "dispatch_rate": _divide(traced, frames),
                "skip_rate": _divide(frames - traced, frames),
            },
            "analyzer_stats": {
                "total_frames": frames,
                "traced_frames": traced,
                "cache_hits": counts["cache_hits"],
                "fast_path_hits": counts["fast_path_hits"],
                "trace_rate": _divide(traced, frames),
                "cache_size": counts["code_objects"],
            },
        },
    }


def _make_cache_stats(found: Snapshot, counts: Mapping[str, int]) -> Dict[str, Any]:
    """The code objects themselves hold what is known about them, so there is no limit."""
    hits, misses = counts["cache_hits"], counts["cache_misses"]
    return {
        "func_code_cache": {
            "hits": hits,
            "misses": misses,
            "evictions": 0,
            "total_entries": counts["code_objects"],
            "max_size": found.config["cache_size"],
            "ttl": 0,
            "hit_rate": _divide(hits, hits + misses),
            "memory_usage": 0,
        },
        "breakpoint_cache": {
            "total_files": len(found.files),
            "max_entries": found.config["cache_size"],
            "cached_files": found.files,
        },
        "global_stats": {"hits": hits, "misses": misses},
    }


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

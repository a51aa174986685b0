"""The statistics of the runtime, in the shapes that tools of the seed read. Each count is C's or
telemetry's own; keys without a meaning in this engine stay 0 and are listed in
docs/debug-engine.md."""

from typing import Any, Dict, List, TypedDict


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
    """Which frames were looked at, and which of them are traced or have probes."""

    enabled: bool
    total_files_with_breakpoints: int
    total_breakpoints: int
    dispatcher_stats: Dict[str, Dict[str, float]]


class CacheStats(TypedDict):
    """What is known of code."""

    func_code_cache: Dict[str, float]
    breakpoint_cache: Dict[str, Any]
    global_stats: Dict[str, int]


class IntegrationStats(TypedDict):
    """Other debuggers, and once more all of the above."""

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


def _rate(part, whole):
    return part / whole if whole else 0.0


def collect(runtime):
    """FrameEvalStats of a runtime."""
    from relive.frame_eval.integration import bridge
    from relive.frame_eval.runtime import FrameEvalStats

    counts = dict.fromkeys(_COUNTS, 0)
    counts.update(runtime._counts())
    # Frames that C let pass at its first look are counted apart, for speed.
    counts["frames_evaluated"] += counts["fast_path_hits"]
    counts["cache_hits"] += counts["fast_path_hits"]
    telemetry = runtime.telemetry.snapshot().as_dict()
    reasons = runtime.telemetry.snapshot().reason_counts
    trace = trace_stats(runtime, counts)
    cache = cache_stats(runtime, counts)
    return FrameEvalStats(
        initialized=runtime.initialized,
        hook_stats=hook_stats(runtime, counts),
        cache_stats=cache,
        trace_stats=trace,
        integration_stats={
            "config": runtime.config.to_dict(),
            "integration_stats": {
                "integrations_enabled": bridge.count,
                "breakpoints_optimized": counts["conditions_in_c"],
                "trace_calls_saved": counts["line_disabled"],
                "bytecode_injections": counts["bytecode_injections"],
                "errors_handled": reasons.CONDITION_ERROR,
            },
            "performance_data": {},
            "trace_manager_stats": trace,
            "cache_stats": cache,
            "telemetry": telemetry,
        },
        telemetry=telemetry,
    )


# What the seed's tools read that C does not count under that name; all else of HookStats is C's.
_SEEDS = (
    "active", "is_active", "has_breakpoint_manager", "evaluation_time", "hook_available",
    "hook_installed", "slow_path_attempts", "slow_path_activations", "return_events",
    "exception_events",
)  # fmt: skip
_COUNTS = tuple(name for name in HookStats.__annotations__ if name not in _SEEDS)


def hook_stats(runtime, counts):
    """What the engine did."""
    from relive.frame_eval.compatibility_policy import policy

    is_hook = runtime._engine == "hook"
    return {
        "active": runtime.initialized,
        "is_active": runtime.initialized,
        "has_breakpoint_manager": True,
        "evaluation_time": 0.0,
        "hook_available": policy.supports_eval_frame(),
        "hook_installed": is_hook,
        "slow_path_attempts": counts["line_callbacks"],
        "slow_path_activations": counts["stops"] + counts["logs"],
        "return_events": counts["py_return_callbacks"],
        "exception_events": 0,
        **{name: counts[name] for name in _COUNTS},
    }


def trace_stats(runtime, counts):
    """Which code is traced."""
    table = runtime.breakpoints
    frames, traced = counts["frames_evaluated"], counts["frames_traced"]
    return {
        "enabled": runtime.initialized,
        "total_files_with_breakpoints": len(table.files()),
        "total_breakpoints": len(table.all()),
        "dispatcher_stats": {
            "dispatcher_stats": {
                "total_calls": frames,
                "dispatched_calls": traced,
                "skipped_calls": frames - traced,
                "dispatch_rate": _rate(traced, frames),
                "skip_rate": _rate(frames - traced, frames),
            },
            "analyzer_stats": {
                "total_frames": frames,
                "traced_frames": traced,
                "cache_hits": counts["cache_hits"],
                "fast_path_hits": counts["fast_path_hits"],
                "trace_rate": _rate(traced, frames),
                "cache_size": counts["code_objects"],
            },
        },
    }


def cache_stats(runtime, counts):
    """What is known of code. It lies in the code objects themselves, so it has no limit."""
    hits, misses = counts["cache_hits"], counts["cache_misses"]
    files = runtime.breakpoints.files()
    return {
        "func_code_cache": {
            "hits": hits,
            "misses": misses,
            "evictions": 0,
            "total_entries": counts["code_objects"],
            "max_size": runtime.config.cache_size,
            "ttl": 0,
            "hit_rate": _rate(hits, hits + misses),
            "memory_usage": 0,
        },
        "breakpoint_cache": {
            "total_files": len(files),
            "max_entries": runtime.config.cache_size,
            "cached_files": files,
        },
        "global_stats": {"hits": hits, "misses": misses},
    }

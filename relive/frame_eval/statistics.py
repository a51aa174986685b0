"""The seed's name for relive.debug.statistics."""

from relive.debug.statistics import CacheStats, HookStats, IntegrationStats, Stats, TraceStats

__all__ = [
    "CacheStats",
    "HookStats",
    "IntegrationStats",
    "Stats",
    "TraceStats",
]

"""The seed's name for relive.debug.known_code."""

from relive.debug.known_code import (
    clear_all_caches,
    get_breakpoints,
    get_cache_statistics,
    get_func_code_info,
    invalidate_breakpoints,
)

__all__ = [
    "clear_all_caches",
    "get_breakpoints",
    "get_cache_statistics",
    "get_func_code_info",
    "invalidate_breakpoints",
]

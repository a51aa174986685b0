"""What the engine knows about code objects. They hold it themselves and it dies with them, so
nothing can fill up or expire."""

from types import CodeType
from typing import Any, Dict, Optional, Set

from relive.debug.breakpoints import canonical
from relive.debug.engine import runtime


def get_func_code_info(code: CodeType) -> Optional[Dict[str, Any]]:
    """Returns {breakpoint_lines, path} of a code object, or None where the engine has not seen it.
    `path` is skip, original or breakpointed, as in relive.debug.decisions."""
    from relive import _core

    known = _core.debug_code_info(code)
    return None if known is None else {"path": known[0], "breakpoint_lines": set(known[1])}


def get_breakpoints(file: str) -> Optional[Set[int]]:
    """Returns the lines of a file that have breakpoints, or None where there are none."""
    return {one.line for one in runtime.breakpoints.of_file(file)} or None


def invalidate_breakpoints(file: str) -> int:
    """Makes the engine decide again about a file's code. Returns the number of code objects."""
    path, before = canonical(file), runtime.counts().get("invalidations", 0)
    runtime.breakpoints.set_file(path, runtime.breakpoints.of_file(path))
    runtime.telemetry.record("CACHE_INVALIDATION_FILE_RELOAD", file=path)
    return runtime.counts().get("invalidations", 0) - before


def clear_all_caches() -> int:
    """Does the same for every file that has breakpoints."""
    return sum(invalidate_breakpoints(file) for file in runtime.breakpoints.files())


def get_cache_statistics() -> Dict[str, Any]:
    """Returns cache_stats of the runtime."""
    return runtime.get_stats().cache_stats

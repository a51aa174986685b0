"""What is known of code objects. It lies in them and dies with them, so that there is nothing to
fill up or to run out; what can be asked and thrown away is here."""

from relive.frame_eval.breakpoints import canonical
from relive.frame_eval.runtime import runtime


def get_func_code_info(code):
    """{breakpoint_lines, path} of a code object; None where it was not met yet. `path` is skip,
    original or breakpointed, as in relive.frame_eval.selective_tracer."""
    from relive import _core

    known = _core.debug_code_info(code)
    return None if known is None else {"path": known[0], "breakpoint_lines": set(known[1])}


def get_breakpoints(file):
    """The lines of a file that have breakpoints; None where there are none."""
    return {one.line for one in runtime.breakpoints.of_file(file)} or None


def invalidate_breakpoints(file):
    """What is decided of a file's code is decided anew; how many code objects that was."""
    path, before = canonical(file), runtime._counts().get("invalidations", 0)
    runtime.breakpoints.set_file(path, runtime.breakpoints.of_file(path))
    runtime.telemetry.record("CACHE_INVALIDATION_FILE_RELOAD", file=path)
    return runtime._counts().get("invalidations", 0) - before


def clear_all_caches():
    """The same of every file that has breakpoints."""
    return sum(invalidate_breakpoints(file) for file in runtime.breakpoints.files())


def get_cache_statistics():
    """As cache_stats of the runtime."""
    return runtime.get_stats().cache_stats

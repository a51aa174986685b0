"""Another tool's trace function is on in a thread (CPython 3.8 to 3.11): coverage, debugpy, or one
of the program's own.

The engine leaves it on. Breakpoints stop by probes, without a trace function. Steps, watches and
`raised` need one, so one sentence says that they do not work there. From 3.12 on each tool has
events of its own, and nothing of this is needed."""

from types import FrameType

STEP = (
    "another tool's trace function is on in this thread (up to 3.11): it cannot step here;"
    " breakpoints stop"
)
MISSED = (
    "relive debug: another tool's trace function is on (up to 3.11). Steps, watches and `raised` do"
    " not stop in this thread; breakpoints stop in functions that begin now"
)


def can_step() -> bool:
    """Returns whether this thread can step: no other tool has its trace function there."""
    from relive import _core

    return _core.debug_can_step()


def stop_now(frame: FrameType) -> None:
    """Stops in a frame of this thread at once, without a trace function."""
    from relive import _core

    _core.debug_stop_now(frame)

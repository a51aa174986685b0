"""Breakpoints from inside a program: python examples/breakpoints.py

A service can watch itself: a log message, a condition and a count, on lines of its own. Nothing but
those lines pays for it."""

from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime


def total(prices):
    found = 0
    for price in prices:
        found += price  # <- here
    return found


def show(frame, why, breakpoints):
    """Called where the program stops; it goes on when this returns."""
    names = {name: frame.f_locals[name] for name in ("price", "found")}
    print(f"stopped at line {frame.f_lineno} of {frame.f_code.co_name}: {names}")


def main():
    line = total.__code__.co_firstlineno + 3
    runtime.on_stop = show
    runtime.on_log = lambda text, one, frame: print(f"log: {text}")
    if not runtime.initialize():
        raise SystemExit(runtime.telemetry.as_json())
    try:
        runtime.update_breakpoints(
            __file__,
            [
                Breakpoint(__file__, line, condition="price > 90"),
                Breakpoint(__file__, line, hit_condition="% 40", log_message="{price} of many"),
            ],
        )
        print(total(range(100)))
        counts = runtime.get_stats().hook_stats
        print(f"{counts['condition_evaluations']} conditions, {counts['stops']} stops")
    finally:
        runtime.shutdown()


if __name__ == "__main__":
    main()

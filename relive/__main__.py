"""`relive`, and `python -m relive`, which is the same.

Ctrl-C ends the process quietly with status 130 at every moment. While modules are imported, and at
the end, a handler of ours does so. While a verb runs, Python's own handler raises
KeyboardInterrupt, so that files are closed and a program that a verb runs has what it knows."""

import os
import sys

INTERRUPTED = 130


def main() -> int:
    """Runs the command of this process, and returns its exit status."""
    _end_at_interrupt()
    try:
        return _run()
    except KeyboardInterrupt:
        _end_at_interrupt()
        return INTERRUPTED


def _run() -> int:
    from relive.cli import RUNS, main

    status = main(before_verb=_raise_at_interrupt)
    if sys.argv[1:2] and sys.argv[1] not in RUNS:  # the end of a program is its own
        _end_at_interrupt()
    return status


def _end_at_interrupt() -> None:
    """Makes Ctrl-C end the process, where nobody has chosen another answer to it."""
    signals = __import__("_signal")  # signal itself imports much
    if signals.getsignal(signals.SIGINT) is signals.default_int_handler:
        signals.signal(signals.SIGINT, _end)


def _raise_at_interrupt() -> None:
    """Gives Ctrl-C back to Python, where _end_at_interrupt() took it."""
    signals = __import__("_signal")
    if signals.getsignal(signals.SIGINT) is _end:
        signals.signal(signals.SIGINT, signals.default_int_handler)


def _end(number: int, frame: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())

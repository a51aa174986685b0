"""What a breakpoint on a cold line costs beside cProfile, and without it.

    python bench/debug_profiled.py [--repeat N]

Up to 3.11 a frame of code with breakpoints is traced while a profile function is on. So each
function keeps its one code object. Pairs with and without the breakpoint, in turns, in one process;
CPU time of the thread; medians."""

import argparse
import cProfile
import statistics
import time

from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime

CALLS = 20_000


def tiny(n):
    if n < 0:
        n = 1  # cold
    return n


def body(n):
    total = 0
    for i in range(10):
        total += i * n
        total ^= n
    if n < 0:
        total = 1  # cold
    return total


def measure(function, is_profiled):
    """Returns the nanoseconds of a call."""
    profile = cProfile.Profile()
    if is_profiled:
        profile.enable()
    began = time.thread_time_ns()
    for n in range(CALLS):
        function(n)
    spent = time.thread_time_ns() - began
    profile.disable()
    return spent / CALLS


def compare(function, line, is_profiled, repeat):
    """Returns the medians of the ratio and of the difference, with a breakpoint and without."""
    ratios, differences = [], []
    for turn in range(repeat):
        spent = {}
        for is_set in (turn % 2 == 0, turn % 2 == 1):
            wanted = [Breakpoint(__file__, line)] if is_set else []
            runtime.update_breakpoints(__file__, wanted)
            measure(function, False)  # makes the copy of the code
            spent[is_set] = measure(function, is_profiled)
        ratios.append(spent[True] / spent[False])
        differences.append(spent[True] - spent[False])
    return statistics.median(ratios), statistics.median(differences)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=21)
    args = parser.parse_args()
    runtime.on_stop = lambda *stop: None
    assert runtime.initialize()
    with open(__file__, encoding="utf-8") as file:
        cold = [n for n, text in enumerate(file, 1) if text.rstrip().endswith("# cold")]
    for function, line in zip((tiny, body), cold):
        for name in ("alone", "cProfile"):
            ratio, more = compare(function, line, name == "cProfile", args.repeat)
            print(f"{function.__name__:6} {name:9} {ratio:.2f} {more:+.0f} ns")
    runtime.shutdown()


if __name__ == "__main__":
    main()

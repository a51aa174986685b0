"""What a fork of a recorded process costs: `python bench/forks.py [FORKS]`.

Forks while a recording is on alternate with forks without one, in one process. The figures are
medians of the pairs' differences and ratios. They are the CPU time of the thread that forks, the
time until os.fork() has returned in it, and the CPU time of the child. A recording begins and ends
in the child."""

import os
import statistics
import sys
import tempfile
import time

import relive

NAMES = ("CPU time of the parent", "wall time of the parent", "CPU time of the child")


def fork():
    """Milliseconds, as NAMES has them."""
    cpu, wall = time.thread_time(), time.perf_counter()
    child = os.fork()
    if child == 0:
        os._exit(0)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    _, _, usage = os.wait4(child, 0)
    return 1000 * cpu, 1000 * wall, 1000 * (usage.ru_utime + usage.ru_stime)


def main(forks="200"):
    """Prints a line for each figure."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(int(forks)):
            plain = fork()
            relive.start(f"{folder}/{number}.relive")
            recorded = fork()
            relive.stop()
            pairs.append((plain, recorded))
    version = "%d.%d" % sys.version_info[:2]
    for i, name in enumerate(NAMES):
        more = statistics.median(recorded[i] - plain[i] for plain, recorded in pairs)
        ratio = statistics.median(recorded[i] / max(plain[i], 1e-3) for plain, recorded in pairs)
        print(f"{version}: {name}: {more:+.2f} ms a fork, {ratio:.2f} of it ({forks} pairs)")


if __name__ == "__main__":
    main(*sys.argv[1:])

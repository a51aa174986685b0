"""Bytes of an event in the files of six programs, without what a file has anyway.

    size.py PYTHON [PYTHON ...]

Each PYTHON can import relive and the packages of the application. A figure is the difference of a
recording of four rounds and one of a single round, over the difference of their events. All code is
recorded. Several interpreters, such as those of two trees, are columns of one table."""

import os
import subprocess
import sys
import tempfile

from workloads import HERE, WORKLOADS

LEVELS = ("calls", "values")
RECORD = """
import importlib, os, sys
sys.path.insert(0, sys.argv[1])
work = importlib.import_module(sys.argv[2]).work
import relive
size, path = int(sys.argv[3]), sys.argv[4]
work(max(1, size // 10))
relive.start(path, level=sys.argv[5], builtin_filter=False, force=True)
work(size)
print(relive.stop()["events"], os.path.getsize(path))
"""


def measure(python, module, size, level, folder):
    """Returns the bytes of an event."""
    found = []
    for rounds in (1, 4):
        path = os.path.join(folder, "out.relive")
        words = [os.path.join(HERE, "programs"), module, str(size * rounds), path, level]
        text = subprocess.check_output([python, "-c", RECORD, *words], cwd=folder)
        found.append([int(word) for word in text.split()[-2:]])
    (events, least), (more_events, most) = found
    return (most - least) / (more_events - events)


def main(*pythons):
    """Prints a table: a row for each program and level."""
    pythons = [os.path.abspath(python) for python in pythons]
    print("| program | level |" + " bytes |" * len(pythons))
    print("| --- | --- |" + " --- |" * len(pythons))
    with tempfile.TemporaryDirectory() as folder:
        for name, (module, size) in WORKLOADS.items():
            for level in LEVELS:
                row = [f"{measure(one, module, size, level, folder):.2f}" for one in pythons]
                print(f"| {name} | {level} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

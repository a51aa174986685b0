"""What a thread pays for handing over a full slot and taking another, without Python.

    handover.py [TREE ...]

Each TREE is a source tree of Relive; the default is this one. They take turns, process by
process. A thread writes calls and returns at the pace of a busy program, while the writer thread
works beside it. The table has the medians of all processes."""

import os
import statistics
import subprocess
import sys
import tempfile

import core

EVENTS, PACE, PROCESSES = 2_000_000, 100, 9
COLUMNS = ("hand-overs", "CPU time of one, us", "time of one, us", "CPU time an event, ns")


def main(*trees):
    """Prints a table, a tree a row."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        programs = {}
        for number, tree in enumerate(trees or [core.TREE]):
            place = os.path.join(folder, str(number))
            os.mkdir(place)
            programs[tree] = core.build(
                "handover", ["record", "format", "base"], place, os.path.abspath(tree)
            )
        path = os.path.join(folder, "out.relive")
        for _ in range(PROCESSES):
            for tree, program in programs.items():
                line = subprocess.check_output([program, path, str(EVENTS), str(PACE)])
                rows.setdefault(tree, []).append([float(word) for word in line.split()])
                os.unlink(path)
    print("| tree |", " | ".join(COLUMNS), "|")
    print("| --- |" + " --- |" * len(COLUMNS))
    for tree, row in rows.items():
        medians = [statistics.median(column) for column in zip(*row)]
        print(f"| {os.path.basename(tree)} |", " | ".join(f"{one:.4g}" for one in medians), "|")


if __name__ == "__main__":
    main(*sys.argv[1:])

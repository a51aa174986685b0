"""What the writer thread does with the slots of seven programs, step by step.

    writer.py PYTHON [TREE ...]

PYTHON can import relive and the packages of the application. Each program is recorded at level
`calls` into a ring, whose file keeps the slots as they were filled; a loop is at level `lines`. A C
program walks them in a process of its own (writer.c): rows alone, then the walk, then zstd and
check sum. It is built of each TREE, a source tree of Relive; the default is this one. Instructions
are those of callgrind.

`live` is what the thread itself takes in PYTHON, by its CPU clock. A recording has two rounds of
the program; the second one counts, until the thread has nothing to do. The least of all recordings
is shown. Waking up and writing the file are part of it."""

import os
import re
import subprocess
import sys
import tempfile

import core
from workloads import HERE, WORKLOADS

ROUNDS = 15
RECORDINGS = 12
PROGRAMS = {name: (*workload, "calls") for name, workload in WORKLOADS.items()}
PROGRAMS["lines"] = ("lines", 60000, "lines")
RECORD = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
work = importlib.import_module(sys.argv[2]).work
import relive
work(int(sys.argv[3]))
relive.start(sys.argv[4], level=sys.argv[5], builtin_filter=False, ring="64M", force=True)
work(int(sys.argv[3]))
relive.stop()
"""
LIVE = """
import importlib, os, sys, time
sys.path.insert(0, sys.argv[1])
work = importlib.import_module(sys.argv[2]).work
import relive
size, least = int(sys.argv[3]), 1e9
def settled(clock):
    before = -1
    while time.clock_gettime(clock) - before > 50e-6:
        before = time.clock_gettime(clock)
        time.sleep(0.11)
    return before
work(size)
for _ in range(int(sys.argv[6])):
    tasks = set(os.listdir("/proc/self/task"))
    relive.start(sys.argv[4], level=sys.argv[5], builtin_filter=False, force=True)
    work(size)
    (writer,) = set(os.listdir("/proc/self/task")) - tasks
    clock = ~int(writer) << 3 | 6  # the CPU clock of that thread
    before = settled(clock)
    work(size)
    spent = settled(clock) - before
    least = min(least, spent / (relive.stop()["events"] / 2))
print(least * 1e9)
"""


def instructions(writer, path, function, folder):
    """Returns the instructions of one round in a function."""
    out = os.path.join(folder, "counts")
    words = ["valgrind", "--tool=callgrind", f"--toggle-collect={function}"]
    words += ["--callgrind-out-file=" + out, writer, path, "1"]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(out, encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1))


def measure(writer, path, folder, live):
    """Returns a row of the table, without the name."""
    events, *row = subprocess.check_output([writer, path, str(ROUNDS)]).decode().split()
    row.append(live)
    for function in ("slot_walk", "block_seal"):
        row.append(f"{instructions(writer, path, function, folder) / int(events):.1f}")
    return " | ".join(row)


def main(python, *trees):
    """Prints a table, a program a row: an event's ns, bytes of the chunks, and instructions."""
    python = os.path.abspath(python)
    print("| program | tree | rows | walk | seal | bytes | live | walk, instructions | seal |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        writers = {}
        for number, tree in enumerate(trees or [core.TREE]):
            place = os.path.join(folder, str(number))
            os.mkdir(place)
            writers[tree] = core.build("writer", ["format", "base"], place, os.path.abspath(tree))
        path = os.path.join(folder, "out.relive")
        for name, (module, size, level) in PROGRAMS.items():
            words = [os.path.join(HERE, "programs"), module, str(size), path, level]
            # `python -c` imports from the folder first.
            live = subprocess.check_output(
                [python, "-c", LIVE, *words, str(RECORDINGS)], cwd=folder
            )
            live = f"{float(live):.1f}"
            subprocess.run([python, "-c", RECORD, *words], cwd=folder, check=True)
            for tree, writer in writers.items():
                row = measure(writer, path, folder, live)
                print(f"| {name} | {os.path.basename(tree)} | {row} |", flush=True)
            os.unlink(path)


if __name__ == "__main__":
    main(*sys.argv[1:])

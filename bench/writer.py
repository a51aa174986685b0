"""What the writer thread does with the slots of six programs, step by step.

    writer.py PYTHON [TREE ...]

PYTHON can import relive and the packages of the application. Each program is recorded at level
`calls` into a ring, whose file keeps the slots as they were filled. A C program walks them in a
process of its own (writer.c): rows alone, then the walk, then zstd and check sum. It is built of
each TREE, a source tree of Relive; the default is this one. Instructions are those of callgrind."""

import os
import re
import subprocess
import sys
import tempfile

import core
from workloads import HERE, WORKLOADS

ROUNDS = 15
RECORD = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
work = importlib.import_module(sys.argv[2]).work
import relive
work(int(sys.argv[3]))
relive.start(sys.argv[4], level="calls", builtin_filter=False, ring="64M")
work(int(sys.argv[3]))
relive.stop()
"""


def instructions(writer, path, function, folder):
    """Returns the instructions of one round in a function."""
    out = os.path.join(folder, "counts")
    words = ["valgrind", "--tool=callgrind", f"--toggle-collect={function}"]
    words += ["--callgrind-out-file=" + out, writer, path, "1"]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(out, encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1))


def measure(writer, path, folder):
    """Returns a row of the table, without the name."""
    events, *row = subprocess.check_output([writer, path, str(ROUNDS)]).decode().split()
    for function in ("slot_walk", "block_seal"):
        row.append(f"{instructions(writer, path, function, folder) / int(events):.1f}")
    return " | ".join(row)


def main(python, *trees):
    """Prints a table, a program a row: an event's ns, bytes of the chunks, and instructions."""
    python = os.path.abspath(python)
    print("| program | tree | rows | walk | seal | bytes | walk, instructions | seal |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        writers = {}
        for number, tree in enumerate(trees or [core.TREE]):
            place = os.path.join(folder, str(number))
            os.mkdir(place)
            writers[tree] = core.build("writer", ["format", "base"], place, os.path.abspath(tree))
        path = os.path.join(folder, "out.relive")
        for name, (module, size) in WORKLOADS.items():
            words = [python, "-c", RECORD, os.path.join(HERE, "programs"), module, str(size), path]
            subprocess.run(words, cwd=folder, check=True)  # `python -c` imports from there first
            for tree, writer in writers.items():
                row = measure(writer, path, folder)
                print(f"| {name} | {os.path.basename(tree)} | {row} |", flush=True)
            os.unlink(path)


if __name__ == "__main__":
    main(*sys.argv[1:])

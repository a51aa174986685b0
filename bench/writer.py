"""What the writer thread does with the slots of six programs, step by step.

    writer.py PYTHON

PYTHON can import relive and the packages of the application. Each program is recorded at level
`calls` into a ring, whose file keeps the slots as they were filled. A C program walks them in a
process of its own (writer.c): rows alone, then the walk, then zstd and check sum."""

import os
import subprocess
import sys
import tempfile

from workloads import HERE, WORKLOADS

ROOT = os.path.dirname(HERE)
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


def build(folder):
    """Builds the core without Python, and writer.c with it. Returns the program."""
    core, program = os.path.join(folder, "core"), os.path.join(folder, "writer")
    words = ["meson", "setup", core, ROOT, "-Dpython=false", "--buildtype=release"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["ninja", "-C", core], stdout=subprocess.DEVNULL, check=True)
    words = ["cc", "-O3", "-std=gnu11", os.path.join(HERE, "writer.c"), "-o", program]
    words += ["-I" + os.path.join(ROOT, "src", room) for room in ("base", "format")]
    words += ["-I" + os.path.join(ROOT, "include")]
    words += [os.path.join(core, f"librelive_{room}.a") for room in ("format", "base")]
    subprocess.run([*words, "-lzstd", "-lpthread"], check=True)
    return program


def main(python):
    """Prints a table, a program a row: ns an event, bytes of the chunks an event."""
    python = os.path.abspath(python)
    print("| program | rows | walk | zstd and check sum | bytes an event |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        writer, path = build(folder), os.path.join(folder, "out.relive")
        for name, (module, size) in WORKLOADS.items():
            words = [python, "-c", RECORD, os.path.join(HERE, "programs"), module, str(size), path]
            subprocess.run(words, cwd=folder, check=True)  # `python -c` imports from there first
            line = subprocess.check_output([writer, path, str(ROUNDS)]).decode()
            print(f"| {name} | {' | '.join(line.split()[1:])} |", flush=True)
            os.unlink(path)


if __name__ == "__main__":
    main(*sys.argv[1:])

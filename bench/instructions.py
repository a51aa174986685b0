"""Counts the instructions of a recorded call, value and line, by callgrind: whatever else runs on
the machine does not change them.

    instructions.py PYTHON [PYTHON_AFTER]

Each PYTHON is an interpreter that can import relive. With two, the last column is the second's
count as a ratio of the first's: what a change to the recorder costs. Each case runs twice, with one
round count and with twice that, so that the start and the end of the process cancel out. Only the
program's own thread counts: what the writer thread compresses depends on where blocks end.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

ROUNDS = 20000
CASES = {
    "call and return, level calls": ("calls", "def f(): pass\nfor _ in range(N): f()"),
    "call with two arguments and a result": (
        "values",
        "def f(a, b): return a\nfor i in range(N): f(i, 'x')",
    ),
    "call with a list and a dict": (
        "values",
        "def f(a, b): return a\nl, d = [1, 2, 3], {'k': 1}\nfor i in range(N): f(l, d)",
    ),
    "method of an instance": (
        "values",
        "class C:\n    def __init__(self): self.x = 1\n    def f(self): return self.x\n"
        "c = C()\nfor i in range(N): c.f()",
    ),
    "generator, one step": (
        "values",
        "def g():\n    for i in range(N): yield i\nfor _ in g(): pass",
    ),
    "exception, caught in the caller": (
        "values",
        "def f(): raise KeyError(1)\ndef g():\n    try: f()\n    except KeyError: pass\n"
        "for _ in range(N // 10): g()",
    ),
    "line with one changed local": (
        "lines",
        "def f(n):\n    a = 0\n    for i in range(n):\n        a = i\nf(N)",
    ),
}


def instructions(python, level, program, rounds, folder):
    """Returns the instructions of one recorded run."""
    script = os.path.join(folder, "program.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"N = {rounds}\n{program}\n")
    start = (
        "import relive, sys, runpy\n"
        "relive.start(sys.argv[1], level=sys.argv[2], force=True)\n"
        "runpy.run_path(sys.argv[3], run_name='__main__')\n"
        "relive.stop()\n"
    )
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--separate-threads=yes",
            "--callgrind-out-file=" + os.path.join(folder, "counts"),
            python,
            "-c",
            start,
            os.path.join(folder, "out.relive"),
            level,
            script,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{python}: {done.stderr.decode(errors='replace')[-2000:]}")
    with open(os.path.join(folder, "counts-01"), encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1))


def per_round(python, level, program, folder):
    """Returns the instructions of one round."""
    once = instructions(python, level, program, ROUNDS, folder)
    twice = instructions(python, level, program, 2 * ROUNDS, folder)
    return (twice - once) / ROUNDS


def main():
    """Prints a table, a case a row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("-k", default="", help="only the cases with this text in their name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, (level, program) in CASES.items():
            if options.k in name:
                counts = [per_round(python, level, program, folder) for python in options.pythons]
                ratio = f"{counts[-1] / counts[0]:.3f}" if len(counts) > 1 else ""
                print(f"| {name} |", " | ".join(f"{n:,.0f}" for n in counts), f"| {ratio} |")
                sys.stdout.flush()


main()

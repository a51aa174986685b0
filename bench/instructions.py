"""Counts the instructions of a recorded call, value and line, by callgrind: whatever else runs on
the machine does not change them.

    instructions.py PYTHON [PYTHON_AFTER]

Each PYTHON is an interpreter that can import relive. With two, the last column is the second's
count as a ratio of the first's: what a change to the recorder costs. Each case runs twice, with one
round count and with twice that, so that the start and the end of the process cancel out.

The program's own thread counts, or with --writer the other threads: less exact, since what the
writer compresses depends on where blocks end. The cases include the six workloads of workloads.py,
whose round is one turn of `work`. At level `nothing` they are not recorded, and at `floor` there
are callbacks that do nothing (pairs.py).
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

from workloads import HERE, WORKLOADS

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
    "a text with signs that comes again": (
        "values",
        "def f(a): pass\nt = 'level: info, path = /srv/app; ' * 9\nfor i in range(N): f(t)",
    ),
    "a text with signs, never the same": (
        "values",
        "def f(a): pass\nt = 'level: info, path = /srv/app; ' * 9\n"
        "for i in range(N): f(str(i) + t)",
    ),
    "a text with signs, half of them come again": (
        "values",
        "def f(a): pass\nt = 'level: info, path = /srv/app; ' * 9\n"
        "for i in range(N): f(str(i if i % 2 else i % 128) + t)",
    ),
    "a text with signs, one of 10,000 in turn": (
        "values",
        "def f(a): pass\nt = 'level: info, path = /srv/app; ' * 9\n"
        "for i in range(N): f(str(i % 10000) + t)",
    ),
    "a text of 40 bytes with signs, never the same": (
        "values",
        "def f(a): pass\nfor i in range(N): f('level: info, path = /srv/app; %d' % (10 ** 9 + i))",
    ),
    "a text of 200 bytes with runs, never the same": (
        "values",
        "def f(a): pass\nt = '/usr/lib/python/site_packages/some_package/module_of_it.py ' * 3\n"
        "for i in range(N): f(str(i) + t)",
    ),
    "a text of 200 bytes of words": (
        "values",
        "def f(a): pass\nt = 'the quick brown fox jumps over a lazy dog and ' * 4\n"
        "for i in range(N): f(str(i) + t)",
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


def cases():
    """Yields (name, level, program, rounds)."""
    for name, (level, program) in CASES.items():
        yield name, level, program, ROUNDS
    for name, (module, size) in WORKLOADS.items():
        with open(os.path.join(HERE, "programs", module + ".py"), encoding="utf-8") as file:
            program = file.read() + "\nwork(N)"
        for level in ("nothing", "floor", "calls", "values"):
            yield f"workload {name}, level {level}", level, program, size // 16


def instructions(python, level, program, rounds, folder):
    """Returns the instructions of one recorded run: of its own thread, and of the others."""
    script = os.path.join(folder, "program.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"N = {rounds}\n{program}\n")
    start = (
        "import os, relive, sys, runpy\n"
        "is_recorded = sys.argv[2] not in ('nothing', 'floor')\n"
        "if sys.argv[2] == 'floor':\n"
        f"    sys.path.insert(0, {HERE!r})\n"
        "    import pairs\n"
        "    pairs.Floor(os.getcwd(), 'calls').start()\n"
        "if is_recorded: relive.start(sys.argv[1], level=sys.argv[2], force=True)\n"
        "runpy.run_path(sys.argv[3], run_name='__main__')\n"
        "if is_recorded: relive.stop()\n"
    )
    if level == "floor":  # it is built by itself: valgrind does not run a compiler on each version
        words = [python, "-c", f"import pairs; pairs.build_floor({folder!r})"]
        subprocess.run(words, cwd=HERE, check=True)
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
    counts = []
    for path in sorted(glob.glob(os.path.join(folder, "counts-*"))):
        with open(path, encoding="utf-8") as file:
            counts.append(int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1)))
        os.unlink(path)
    return counts[0], sum(counts[1:])


def per_round(python, level, program, rounds, folder):
    """Returns the instructions of one round, of the own thread and of the others."""
    once = instructions(python, level, program, rounds, folder)
    twice = instructions(python, level, program, 2 * rounds, folder)
    return [(b - a) / rounds for a, b in zip(once, twice)]


def main():
    """Prints a table, a case a row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("-k", default="", help="only the cases with this text in their name")
    parser.add_argument("--writer", action="store_true", help="count the other threads")
    options = parser.parse_args()
    options.pythons = [os.path.abspath(python) for python in options.pythons]
    with tempfile.TemporaryDirectory() as folder:
        for name, *case in cases():
            if options.k in name:
                both = [per_round(python, *case, folder) for python in options.pythons]
                counts = [one[options.writer] for one in both]
                ratio = f"{counts[-1] / counts[0]:.3f}" if len(counts) > 1 else ""
                print(f"| {name} |", " | ".join(f"{n:,.0f}" for n in counts), f"| {ratio} |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Measures what recording costs on this interpreter; see docs/performance.md for the method.

Paired differences of thread CPU time in one process. Prints a Markdown table."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import repeat

import relive
from relive import _core

PAIRS = 41
WARM = 400_000  # calls until slots are reused: pages of a new file are touched once
FOLDER = tempfile.mkdtemp(prefix="relive-bench-")
_n = 0


def fresh():
    global _n
    _n += 1
    return os.path.join(FOLDER, f"b{_n}.relive")


def f():
    pass


def calls(n):
    for _ in range(n):
        f()


def g(a, b):
    return a


def calls_with_two_ints(n):
    for _ in range(n):
        g(1, 2)


def one(a):
    pass


def calls_with(value):
    """Work that passes this value to a function of one parameter."""

    def work(n):
        for _ in range(n):
            one(value)

    return work


class Plain:
    pass


# What an encoder costs: a call with the value less a call with None.
VALUES = {
    "int": 7,
    "text of 12 characters": "twelve chars",
    "text of 12, not ASCII": "zw\xf6lf Zeichen",
    "float": 2.5,
    "list of 10 ints": list(range(10)),
    "list of 100,000 ints": list(range(100_000)),
    "dict of 10": {f"key{i}": i for i in range(10)},
    "instance without attributes": Plain(),
}


class Thing:
    def __init__(self):
        self.number, self.text, self.none = 1, "abc", None

    def method(self):
        pass


def calls_of_method(n):
    method = Thing().method
    for _ in range(n):
        method()


def same_lines(n):
    """Eight lines a turn, of which none changes anything."""
    x = None
    for _ in repeat(None, n):
        x = None
        x = None
        x = None
        x = None
        x = None
        x = None
        x = None
    return x


def changing_lines(n):
    """Ten variables; seven of eight lines change one of them."""
    a, b, c, d, e, h, i, j = 1, 2.5, "text", None, (1, 2), "more", 7, True
    for k in repeat(None, n):
        k = 1
        k = 2
        k = 3
        k = 4
        k = 5
        k = 6
        k = 7
    return a, b, c, d, e, h, i, j, k


def empty(n):
    for _ in range(n):
        pass


def cpu(function, n):
    begin = time.thread_time_ns()
    function(n)
    return time.thread_time_ns() - begin


def cost(work, n, each=1, **settings):
    """(ns, untraced ns, bytes an event) of one of the `each` things in a turn of `work`, that
    recording adds: untraced and traced alternate."""
    work(n)
    differences = []
    plain = []
    size = 0.0
    for _ in range(PAIRS):
        untraced = cpu(work, n)
        path = fresh()
        relive.start(path, **settings)
        work(WARM // each)
        traced = cpu(work, n)
        stats = relive.stop()
        size = (os.stat(path).st_blocks * 512 - 16384) / stats["events"]
        os.unlink(path)
        differences.append((traced - untraced) / n / each)
        plain.append(untraced / n / each)
    return statistics.median(differences), statistics.median(plain), size


def value_cost(value, n=20000):
    """ns that a call with this value takes more than one with None, both recorded, alternating."""
    with_none, with_value = calls_with(None), calls_with(value)
    differences = []
    path = fresh()
    relive.start(path, level="values")
    with_none(WARM)
    for _ in range(PAIRS):
        less = cpu(with_none, n)
        differences.append((cpu(with_value, n) - less) / n)
    relive.stop()
    os.unlink(path)
    return statistics.median(differences)


def excluded_cost(n):
    """ns a call of code that is never recorded (our own)."""
    space = {}
    code = compile(
        "def f(): pass\ndef calls(n):\n    for _ in range(n): f()\n",
        os.path.join(os.path.dirname(relive.__file__), "excluded.py"),
        "exec",
    )
    exec(code, space)
    run = space["calls"]
    run(n)
    differences = []
    for _ in range(PAIRS):
        untraced = cpu(run, n)
        relive.start(fresh())
        run(100)
        traced = cpu(run, n)
        relive.stop()
        differences.append((traced - untraced) / n)
    return statistics.median(differences)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def workload_tokenize():
    import ast
    import difflib
    import io
    import json
    import tokenize

    path = json.decoder.__file__
    with open(path) as file:
        text = file.read()
    list(tokenize.generate_tokens(io.StringIO(text).readline))
    ast.dump(ast.parse(text))
    json.loads(json.dumps({str(i): [i, str(i), None] for i in range(2000)}, indent=1))
    lines = text.splitlines()[:120]
    list(difflib.unified_diff(lines, lines[::-1]))


def workload_typical():
    """Objects, methods, loops and containers: about 2 million calls a second."""

    class Account:
        def __init__(self, name):
            self.name, self.balance, self.log = name, 0, []

        def post(self, amount, note):
            if not isinstance(amount, int):
                raise TypeError(note)
            self.balance += amount
            self.log.append((note.strip().title(), amount, self.balance))

        def report(self, width):
            lines = [f"{note:<{width}} {amount:>8} {left:>8}" for note, amount, left in self.log]
            return "\n".join(sorted(lines, key=len))

    def parse(line):
        name, _, rest = line.partition(":")
        words = [word.strip() for word in rest.split(",") if word]
        return name.strip().lower(), {word.split("=")[0]: word.split("=")[1] for word in words}

    accounts = {}
    for i in range(1500):
        name, fields = parse(f"Customer{i % 40}: amount={i}, note=order {i} of today, kind={i % 7}")
        account = accounts.get(name)
        if account is None:
            account = accounts[name] = Account(name)
        account.post(int(fields["amount"]), fields["note"])
    return sum(len(account.report(24)) for account in accounts.values())


def rst(paragraphs=60):
    words = "a recording is a file that holds what a program did and when it did so".split()
    parts = ["Title\n=====\n"]
    for i in range(paragraphs):
        text = " ".join(words[(i * 7 + j) % len(words)] for j in range(40))
        parts.append(f"Part {i}\n{'-' * 12}\n\n{text} with *stress*, ``code`` and `a link`__.\n")
        parts.append(f"- one {i}\n- two\n\n  1. inner\n")
        parts.append(f"====  ====\na     b\n====  ====\n{i:<4}  2\n====  ====\n")
        parts.append("__ https://example.org/\n")
    return "\n".join(parts)


def workload_docutils():
    """A large program from PyPI: reStructuredText to HTML."""
    from docutils.core import publish_string

    publish_string(rst(), writer_name="html", settings_overrides={"report_level": 5})


WORKLOADS = {
    "fib(18)": lambda: fib(18),
    "typical": workload_typical,
    "tokenize, ast, json, difflib": workload_tokenize,
}
try:
    import docutils

    WORKLOADS[f"docutils {docutils.__version__}"] = workload_docutils
except ImportError:
    print("docutils is not installed: that workload is left out", file=sys.stderr)


def rounds(work, n):
    begin = time.thread_time_ns()
    for _ in range(n):
        work()
    return (time.thread_time_ns() - begin) / n


def ratio(work, pairs=9, **settings):
    """(traced / untraced, events of one run, bytes an event, million events a second untraced).

    What only the beginning of a recording costs is left out: names of functions, specialised code,
    first touches of the slots' pages."""
    work()
    once = rounds(work, 1)
    n = max(1, int(50e6 / once))
    ratios, seconds, events, size = [], [], 0, 0.0
    for _ in range(pairs):
        untraced = rounds(work, n)
        path = fresh()
        relive.start(path, **settings)
        warm = 1 + (WARM // (n * events) if events else 0)
        for _ in range(warm):
            rounds(work, n)
        traced = rounds(work, n)
        stats = relive.stop()
        events = stats["events"] // (n * (warm + 1))
        ratios.append(traced / untraced)
        seconds.append(untraced / 1e9)
        size = (os.stat(path).st_blocks * 512 - 16384) / stats["events"]
        os.unlink(path)
    rate = events / statistics.median(seconds) / 1e6
    return statistics.median(ratios), events, size, rate


INSTRUCTIONS = """
import sys
import relive
def f(): pass
def calls(n):
    for _ in range(n): f()
if sys.argv[2] == "traced":
    relive.start(sys.argv[3], level="calls")
calls(int(sys.argv[1]))
relive.stop()
"""


def instructions():
    """Instructions of the traced thread that a recorded pair adds; None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counts = {}
    for mode in ("untraced", "traced"):
        for n in (20000, 60000):
            out = os.path.join(FOLDER, "callgrind")
            subprocess.run(
                [
                    *("valgrind", "--tool=callgrind", "--separate-threads=yes"),
                    *(f"--callgrind-out-file={out}", sys.executable, "-c", INSTRUCTIONS),
                    *(str(n), mode, fresh()),
                ],
                check=True,
                cwd=FOLDER,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if not k.startswith("RELIVE_")},
            )
            with open(out + "-01") as file:  # the first thread's
                counts[mode, n] = next(
                    int(line.split()[1])
                    for line in file
                    if line.startswith(("totals:", "summary:"))
                )
    traced = counts["traced", 60000] - counts["traced", 20000]
    untraced = counts["untraced", 60000] - counts["untraced", 20000]
    return (traced - untraced) / 40000


def reading(calls_wanted):
    """Open and verbs on a long recording, ms; and the scan of one that was not closed."""
    path = fresh()
    relive.start(path, level="calls")
    calls(calls_wanted)
    relive.stop()
    begin = time.perf_counter()
    recording = relive.open(path)
    opened = time.perf_counter()
    recording.tree()
    tree = time.perf_counter()
    recording.functions()
    top = time.perf_counter()
    events = recording.header["events"]
    cut = path + ".cut"
    with open(path, "rb") as source, open(cut, "wb") as target:
        target.write(source.read()[:-96])
    scan_begin = time.perf_counter()
    relive.open(cut).tree()
    scan = time.perf_counter() - scan_begin
    return {
        "events": events,
        "open": (opened - begin) * 1e3,
        "tree": (tree - opened) * 1e3,
        "top": (top - tree) * 1e3,
        "scan": events / scan / 1e6,
    }


def memory():
    """MiB that recording adds to a program of two million calls."""
    code = (
        "def f(): pass\nfor _ in range(2000000): f()\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RELIVE_")}
    plain = int(subprocess.check_output([sys.executable, "-c", code], env=environ))
    environ.update(RELIVE_RECORD=fresh(), RELIVE_LEVEL="values")
    traced = int(subprocess.check_output([sys.executable, "-c", code], env=environ))
    return (traced - plain) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the table to this file")
    parser.add_argument("--calls", type=int, default=10_000_000, help="calls of the long recording")
    parser.add_argument("--quick", action="store_true", help="only the costs of single events")
    args = parser.parse_args()
    backend = next(name for name, usable, _, _ in _core.backends() if usable)
    pair, plain, _ = cost(calls, 20000, level="calls")
    rows = [
        ("call + return, untraced", f"{plain:.1f} ns"),
        ("excluded code, added a call", f"{excluded_cost(20000):.1f} ns"),
        ("recorded call + return, added", f"{pair:.1f} ns"),
    ]
    for name, work, n, each, level in (
        ("with two ints and a result", calls_with_two_ints, 20000, 1, "values"),
        ("of a method, instance with 3 fields", calls_of_method, 20000, 1, "values"),
        ("line, nothing changed", same_lines, 3000, 8, "lines"),
        ("line, 10 variables, one changed", changing_lines, 3000, 8, "lines"),
    ):
        ns, _, size = cost(work, n, each, level=level)
        rows.append((name, f"{ns:.1f} ns ({size:.2f} bytes an event)"))
    for name, value in VALUES.items():
        rows.append((f"value over None: {name}", f"{value_cost(value):.1f} ns"))
    if args.quick:
        show(rows, backend, args.append)
        return
    count = instructions()
    rows.append(
        ("its instructions (callgrind)", "no valgrind" if count is None else f"{count:.0f}")
    )
    for name, work in WORKLOADS.items():
        for level in ("calls", "values"):
            slower, events, size, rate = ratio(work, level=level)
            text = f"{slower:.3f} ({events:,} events, {rate:.1f} M/s, {size:.2f} bytes an event)"
            rows.append((f"{name} at {level}: traced / untraced", text))
    slower, events, size, rate = ratio(workload_typical, c_calls=True, level="calls")
    rows.append(("typical, with --c-calls", f"{slower:.3f} ({events:,} events, {rate:.1f} M/s)"))
    rows.append(("memory over the untraced program", f"{memory():.1f} MiB"))
    long = reading(args.calls)
    rows.append((f"{long['events']:,} events: open", f"{long['open']:.1f} ms"))
    rows.append(("tree, top", f"{long['tree']:.1f} ms, {long['top']:.1f} ms"))
    rows.append(("not closed: scan", f"{long['scan']:.1f} M events/s"))
    show(rows, backend, args.append)


def show(rows, backend, append):
    text = f"### {sys.version.split()[0]}, {backend}\n\n| what | figure |\n| --- | --- |\n"
    text += "".join(f"| {name} | {figure} |\n" for name, figure in rows) + "\n"
    print(text)
    if append:
        with open(append, "a") as file:
            file.write(text)


if __name__ == "__main__":
    main()

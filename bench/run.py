"""Measures what recording costs on this interpreter; see docs/performance.md for the method.

Paired differences of thread CPU time in one process. Prints a Markdown table."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

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


def empty(n):
    for _ in range(n):
        pass


def cpu(function, n):
    begin = time.thread_time_ns()
    function(n)
    return time.thread_time_ns() - begin


def pair_cost(n, **settings):
    """ns a call that recording adds: untraced and traced alternate."""
    calls(n)
    differences = []
    plain = []
    for _ in range(PAIRS):
        untraced = cpu(calls, n)
        path = fresh()
        relive.start(path, **settings)
        calls(WARM)
        traced = cpu(calls, n)
        relive.stop()
        os.unlink(path)
        differences.append((traced - untraced) / n)
        plain.append(untraced / n)
    return statistics.median(differences), statistics.median(plain)


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


WORKLOADS = {"fib(18)": lambda: fib(18), "tokenize, ast, json, difflib": workload_tokenize}


def ratio(work, pairs=9):
    """(traced / untraced, events of one run, bytes an event)."""
    work()
    ratios, events, size = [], 0, 0.0
    for _ in range(pairs):
        begin = time.thread_time_ns()
        work()
        untraced = time.thread_time_ns() - begin
        path = fresh()
        relive.start(path)
        work()  # each recording names each function once; that is no cost of an event
        begin = time.thread_time_ns()
        work()
        traced = time.thread_time_ns() - begin
        events = relive.stop()["events"]  # of two rounds
        ratios.append(traced / untraced)
        size = (os.stat(path).st_blocks * 512 - 16384) / events
        os.unlink(path)
    return statistics.median(ratios), events, size


def reading(calls_wanted):
    """Open and verbs on a long recording, ms; and the scan of one that was not closed."""
    path = fresh()
    relive.start(path)
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
    environ["RELIVE_RECORD"] = fresh()
    traced = int(subprocess.check_output([sys.executable, "-c", code], env=environ))
    return (traced - plain) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the table to this file")
    parser.add_argument("--calls", type=int, default=10_000_000, help="calls of the long recording")
    args = parser.parse_args()
    backend = next(name for name, usable, _, _ in _core.backends() if usable)
    pair, plain = pair_cost(20000)
    rows = [
        ("call + return, untraced", f"{plain:.1f} ns"),
        ("excluded code, added a call", f"{excluded_cost(20000):.1f} ns"),
        ("recorded call + return, added", f"{pair:.1f} ns"),
    ]
    for name, work in WORKLOADS.items():
        slower, events, size = ratio(work)
        rows.append((f"{name}: traced / untraced", f"{slower:.3f} ({events // 2:,} events)"))
        rows.append((f"{name}: bytes an event", f"{size:.2f}"))
    rows.append(("memory over the untraced program", f"{memory():.1f} MiB"))
    long = reading(args.calls)
    rows.append((f"{long['events']:,} events: open", f"{long['open']:.1f} ms"))
    rows.append(("tree, top", f"{long['tree']:.1f} ms, {long['top']:.1f} ms"))
    rows.append(("not closed: scan", f"{long['scan']:.1f} M events/s"))
    text = f"### {sys.version.split()[0]}, {backend}\n\n| what | figure |\n| --- | --- |\n"
    text += "".join(f"| {name} | {figure} |\n" for name, figure in rows) + "\n"
    print(text)
    if args.append:
        with open(args.append, "a") as file:
            file.write(text)


if __name__ == "__main__":
    main()

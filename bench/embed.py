"""What callbacks inside a program cost: ns that a call and its return add, by backend.

    python bench/embed.py [--append FILE] [--write] [--repeat N]

A pair is the same loop without and with the backend, alternating in one process. What counts is the
least of the pairs, in CPU time of the working thread. `--write` keeps the figures in
relive/backends/costs.py, where the warning about overhead reads them."""

import argparse
import ast
import json
import os
import re
import sys
import time
import warnings

import relive
from relive.backends import available_backends, create_backend

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COSTS = os.path.join(ROOT, "relive", "backends", "costs.py")
CALLS = 20000
QUIET = {"capture_args": False, "capture_returns": False, "capture_locals": False}
ROWS = {
    "calls alone": dict(QUIET, capture_exceptions=False),
    "arguments and results": {"capture_locals": False},
    "the defaults: locals too": {},
    "lists of 1000 (batch)": {"batch": 1000},
    "other modules (excluded)": {"include_patterns": ["nothing.*"]},
}


def leaf(a, b):
    return a


def loop(n):
    for i in range(n):
        leaf(i, n)


def nothing(event):
    pass


def timed():
    began = time.thread_time_ns()
    loop(CALLS)
    return time.thread_time_ns() - began


def measure(name, repeat, options):
    options = dict({"include_patterns": [__name__]}, **options)
    backend = create_backend(name, callback=nothing, max_events_per_thread=1, **options)
    pairs = []
    for _ in range(repeat):
        alone = timed()
        with backend:
            loop(10)
            told = timed()
        pairs.append((told - alone) / CALLS)
    return min(pairs)


def write(figures):
    version = "%d.%d" % sys.version_info[:2]
    with open(COSTS, encoding="utf-8") as file:
        text = file.read()
    found = re.search(r"^CALL_NS: .* = (\{.*?\})$", text, re.M | re.S)
    rows = ast.literal_eval(found.group(1))
    rows[version] = {name: int(round(ns, -1)) for name, ns in figures.items()}
    order = sorted(rows, key=lambda one: tuple(map(int, one.split("."))))
    body = "".join(f"    {json.dumps(one)}: {json.dumps(rows[one])},\n" for one in order)
    before, after = text[: found.start(1)], text[found.end(1) :]
    with open(COSTS, "w", encoding="utf-8") as file:
        file.write(f"{before}{{\n{body}}}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the table to this file")
    parser.add_argument("--write", action="store_true", help="keep the figures of the defaults")
    parser.add_argument("--repeat", type=int, default=9)
    args = parser.parse_args()
    warnings.simplefilter("ignore", relive.OverheadWarning)
    names = [row.name for row in available_backends() if row.usable]
    text = f"### Python {sys.version.split()[0]}: ns added by a call and its return\n\n"
    text += f"| | {' | '.join(names)} |\n|{' --- |' * (len(names) + 1)}\n"
    defaults = {}
    for row, options in ROWS.items():
        found = {name: measure(name, args.repeat, options) for name in names}
        defaults = found if not options else defaults
        text += f"| {row} | {' | '.join(f'{ns:.0f}' for ns in found.values())} |\n"
    print(text)
    if args.append:
        with open(args.append, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    if args.write:
        write(defaults)


if __name__ == "__main__":
    main()

"""What a recording adds to six programs, beside VizTracer and beside the floor, in one run.

    workloads.py [--before PYTHON ...] PYTHON ...

Each PYTHON is an interpreter that can import relive, viztracer and the packages of the application.
Those of --before have an older Relive, version by version: the two trees take turns. `make
bench-workloads` runs it. The file of --write has all that is measured so far. Two kinds of ratios,
traced over untraced:

- warm: pairs of rounds in one process, with one untimed round after each switch;
- cold: first rounds of neighbouring processes; the third figure adds starting and saving.

A cell has the CPU time of the program's own thread and that of the whole process. Each is a median,
with the least in brackets. For each recorded event, `thread` is what the recording adds to the
program's own thread, handing over slots included. `writer` is what it adds beside that."""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# {workload: (module of bench/programs, size of a round, which takes 20 to 100 ms untraced)}
WORKLOADS = {
    "calls": ("calls", 320),
    "objects": ("objects", 16000),
    "app": ("app", 20),
    "exceptions": ("exceptions", 60000),
    "asyncio": ("tasks", 12000),
    "generators": ("generators", 300000),
}
LEVELS = ("calls", "values", "lines")
RECORDERS = [
    *[f"relive {level}" for level in LEVELS],
    "viztracer calls",
    "viztracer values",
    "floor calls",
    "floor lines",
]
TIMEOUT = 300


def ratio_columns(pairs):
    """Returns [(median, least)] of the pairs' columns, each traced over untraced."""
    rows = [[b / a for a, b in zip(plain, traced)] for plain, traced in pairs]
    return [(statistics.median(column), min(column)) for column in zip(*rows)]


def added_ns(pairs):
    """Returns what a recording adds to the thread, and beside it: ns an event, medians."""
    threads, writers = [], []
    for pair in pairs:
        thread, process = (b - a for a, b in zip(pair["plain"], pair["traced"]))
        threads.append(thread / pair["events"] * 1e9)
        writers.append((process - thread) / pair["events"] * 1e9)
    return statistics.median(threads), statistics.median(writers)


def all_in(first):
    """Returns the two times of a cold round, and a third that adds starting and saving."""
    return [*first["first"], first["whole"]]


def summarize(warm, cold):
    """Returns the figures of one recorder on one program; `cold` is (without, with) pairs."""
    last, (_, traced) = warm[-1], cold[-1]
    events = last["events"] or None
    thread, writer = added_ns(warm) if events else (None, None)
    return {
        "warm": ratio_columns([(pair["plain"], pair["traced"]) for pair in warm]),
        "cold": ratio_columns([(all_in(a), all_in(b)) for a, b in cold]),
        "events": events,
        "thread": thread,
        "writer": writer,
        "bytes": last["bytes"] / events if events else None,
        "size": traced["bytes"] / 1e6 or None,
        "memory": statistics.median(b["memory"] - a["memory"] for a, b in cold),
    }


def run_child(python, workload, recorder, pairs):
    """Returns what bench/pairs.py prints."""
    program, size = WORKLOADS[workload]
    words = [python, os.path.join(HERE, "pairs.py"), program, str(size), recorder, str(pairs)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    done = subprocess.run(words, env=environ, stdout=subprocess.PIPE, timeout=TIMEOUT, check=True)
    return json.loads(done.stdout.decode().splitlines()[-1])


def measure(pythons, workload, recorder, pairs, runs):
    """Returns the figures of one recorder on one program, for each interpreter; they take turns."""
    warm, cold = {python: [] for python in pythons}, {python: [] for python in pythons}
    for _ in range(runs):
        for python in pythons:
            warm[python] += run_child(python, workload, recorder, pairs)
            plain = run_child(python, workload, "nothing", "cold")
            cold[python].append((plain, run_child(python, workload, recorder, "cold")))
    return [summarize(warm[python], cold[python]) for python in pythons]


def show_ratios(columns):
    """'1.45 / 2.01 (1.41 / 1.98)'."""
    medians, leasts = (" / ".join(f"{value:.3g}" for value in row) for row in zip(*columns))
    return f"{medians} ({leasts})"


def show_costs(figures):
    """Thread, writer, bytes an event, file of a cold round, memory: '40 ns, 27 ns, 0.9 B, ...'."""
    formats = [("thread", "{:.0f} ns"), ("writer", "{:.0f} ns"), ("bytes", "{:.2f} B"),
               ("size", "{:.1f} MB"), ("memory", "{:.0f} MiB")]  # fmt: skip
    return ", ".join(
        text.format(figures[name]) for name, text in formats if figures[name] is not None
    )


TABLES = {
    "Warm: thread / process": lambda figures: show_ratios(figures["warm"]),
    "Cold: thread / process / all": lambda figures: show_ratios(figures["cold"]),
    "Thread, writer and bytes an event, file, memory": show_costs,
}


def tables(results, versions):
    """Returns Markdown. `results` is {(workload, recorder): {version: figures, or why not}}."""
    text = ""
    for title, show in TABLES.items():
        text += f"### {title}\n\n| workload | recorder | {' | '.join(versions)} |\n"
        text += "| --- | --- |" + " --- |" * len(versions) + "\n"
        for (workload, recorder), row in results.items():
            found = [row.get(version, "") for version in versions]
            cells = [show(one) if isinstance(one, dict) else one for one in found]
            text += f"| {workload} | {recorder} | {' | '.join(cells)} |\n"
        text += "\n"
    return text


def version_of(python):
    """'3.13'."""
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.check_output(words).decode().strip()


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--before", nargs="+", default=[], metavar="PYTHON")
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--recorders", nargs="+", default=RECORDERS, choices=RECORDERS)
    parser.add_argument("--pairs", type=int, default=3, help="warm pairs of a process")
    parser.add_argument("--runs", type=int, default=3, help="processes, and pairs of cold ones")
    parser.add_argument("--write", help="also write the tables to this file")
    return parser.parse_args(words)


def main(words):
    """Prints the tables; a cell that could not be measured says why."""
    args = parse(words)
    before = {version_of(python): python for python in args.before}
    pythons = {version_of(python): python for python in args.pythons}
    results = {}
    for workload in args.workloads:
        for recorder in args.recorders:
            names = [recorder]
            if before and recorder.startswith("relive"):
                names = [recorder + ", before", recorder]
            for version, python in pythons.items():
                chosen = [before.get(version, python), python][-len(names) :]
                try:
                    found = measure(chosen, workload, recorder, args.pairs, args.runs)
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                    found = [type(error).__name__] * len(names)
                for name, figures in zip(names, found):
                    results.setdefault((workload, name), {})[version] = figures
            print(workload, recorder, file=sys.stderr, flush=True)
            if args.write:
                with open(args.write, "w", encoding="utf-8") as file:
                    file.write(tables(results, list(pythons)))
    print(tables(results, list(pythons)))


if __name__ == "__main__":
    main(sys.argv[1:])

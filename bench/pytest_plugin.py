"""What `pytest --relive` costs: `python bench/pytest_plugin.py [PAIRS [LEVEL [FOLDER ...]]]`.

Pairs of runs, without and with the option: of 10,000 empty tests in one file, and of the suite in
each FOLDER. A time is the CPU time of the process, its children included. A row has the medians of
both and of the ratio of each pair, and what a test costs more. Nothing may fail in a suite, so that
no recording is kept.

From 3.12 on, a row before those has the floor. It runs the empty tests under plain pytest, where
a callback does nothing for each event of an exception. Relive needs these events, so it cannot
cost less.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

EMPTY = 10_000
QUIET = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio"]
# Suites that take warnings for errors are older than the newest pytest.
QUIET += ["-W", "ignore::pytest.PytestDeprecationWarning"]

# str.format takes any arguments, so it is a callback in C that does nothing.
FLOOR = """\
import sys
monitoring = sys.monitoring
monitoring.use_tool_id(4, "floor")
events = 0
for name in "RAISE RERAISE EXCEPTION_HANDLED PY_UNWIND PY_THROW".split():
    event = getattr(monitoring.events, name)
    monitoring.register_callback(4, event, "".format)
    events |= event
monitoring.set_events(4, events)
"""


def cpu_seconds(folder, *options):
    """Runs the tests in a folder; returns (CPU seconds, pytest's last line)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *QUIET, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = done.stdout.decode("utf-8", "replace").strip().splitlines()[-1]
    if done.returncode != 0:
        why = done.stdout.decode("utf-8", "replace")[-2000:]
        sys.exit(f"pytest {' '.join(options)} ended with {done.returncode}:\n{why}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, last.partition(" in ")[0]


def recorded(level, folder):
    """Returns pytest's options for a suite that is recorded."""
    return [f"--relive={level}", "--relive-dir", os.path.abspath(os.path.join(folder, "kept"))]


def compare(title, folder, pairs, kind, options, count):
    """Prints the row of a suite. The first run of each kind is not counted: it compiles."""
    plain, other = [], []
    for number in range(pairs + 1):
        kinds = [(plain, []), (other, options)]
        for times, words in kinds if number % 2 else kinds[::-1]:
            seconds, last = cpu_seconds(folder, *words)
            if number:
                times.append(seconds)
    ratio = statistics.median(b / a for a, b in zip(plain, other))
    more = statistics.median(b - a for a, b in zip(plain, other)) / count * 1e6
    print(
        f"{title}: {statistics.median(plain):.2f} s, with {kind} {statistics.median(other):.2f}"
        f" s, ratio {ratio:.3f}, {more:.1f} us a test more ({last})",
        flush=True,
    )


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    level = sys.argv[2] if len(sys.argv) > 2 else "values"
    print("Python " + sys.version.split()[0])
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "test_empty.py"), "w") as file:
            file.write("".join(f"def test_{n}(): pass\n" for n in range(EMPTY)))
        title = f"{EMPTY} empty tests"
        if sys.version_info >= (3, 12):
            with open(os.path.join(folder, "floor.py"), "w") as file:
                file.write(FLOOR)
            compare(title, folder, pairs, "the floor", ["-p", "floor"], EMPTY)
        compare(title, folder, pairs, level, recorded(level, folder), EMPTY)
    for folder in sys.argv[3:]:
        name = os.path.basename(os.path.abspath(folder))
        found = subprocess.run(
            [sys.executable, "-m", "pytest", *QUIET, "--collect-only"], cwd=folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        ).stdout.decode()  # fmt: skip
        compare(name, folder, pairs, level, recorded(level, folder), max(found.count("::"), 1))


if __name__ == "__main__":
    main()

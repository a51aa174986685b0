"""What filters cost: 10,000 calls with 50 variables, with and without 50 rules and 10 patterns.

    python bench/filters.py              the table (make bench-filters); 1 where a ratio is missed
    python bench/filters.py work N KIND  the workload alone, for callgrind

Paired runs in one process, thread CPU time, medians. On 3.12 and 3.13 the same under CodeTracer's
recorder, where it can be installed."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

TARGET = 1.10  # with 50 rules over none
VARIABLES = 50


def workload(module="workload"):
    """run(n): n calls of a function with 50 variables, from a module with this name."""
    lines = [f"    v{i} = a + {i}" for i in range(VARIABLES - 2)]
    text = "def f(a, b):\n" + "\n".join(lines) + "\n    return v7\n"
    text += "def run(n):\n    for i in range(n):\n        f(i, 'text')\n"
    space = {"__name__": module}
    exec(compile(text, os.path.join(tempfile.gettempdir(), "workload.py"), "exec"), space)
    return space["run"]


def rules(kind, version=2):
    """The tables of a filter with 50 rules, the last of which has 10 patterns."""
    made = []
    for i in range(49):
        if kind == "glob":
            made.append({"selector": f"pkg:package{i}.*.views_{i}*", "exec": "skip"})
        else:
            made.append(
                {"selector": f"obj:regex:^package{i}\\.(a|b)+\\.view[0-9]+$", "exec": "skip"}
            )
    match = "regex:^customer_{}_[a-z]+$" if kind == "regex" else "customer_{}_*"
    patterns = [
        {"selector": f"{where}:{match.format(i)}", "action": "redact"}
        for i in range(5)
        for where in ("local", "arg")
    ]
    made.append({"selector": "pkg:*", "exec": "trace", "value_patterns": patterns})
    return {
        "meta": {"name": f"{kind}-heavy", "version": version},
        "scope": {"default_exec": "trace", "default_value_action": "allow", "rules": made},
    }


def cpu(run, n):
    begin = time.thread_time_ns()
    run(n)
    return time.thread_time_ns() - begin


def ratio(tables, level, n=10_000, pairs=9):
    """CPU time with the filter over that without, both recorded; bytes of the last recording."""
    import relive

    run, found = workload(), []
    path = os.path.join(tempfile.mkdtemp(prefix="relive-filters-"), "f.relive")
    for _ in range(pairs):
        took = []
        for trace_filter in ([], [tables]):
            relive.start(
                path, level=level, force=True, auto_filter=False, trace_filter=trace_filter
            )
            run(n // 10)
            took.append(cpu(run, n))
            relive.stop()
        found.append(took[1] / took[0])
    return statistics.median(found)


def decisions(tables):
    """Microseconds to decide about a new function, median; bytes a cached decision."""
    from relive import config
    from relive.filters import doors

    settings = dict(config.load(options={"trace_filter": tables}, environ={}, folder="/").as_dict())
    core = doors.chain(settings, []).core
    took = []
    for i in range(1000):
        begin = time.perf_counter_ns()
        core.decide("app.views", f"function_{i}", f"function_{i}", "/project/app/views.py")
        took.append(time.perf_counter_ns() - begin)
    return statistics.median(took) / 1e3


def codetracer():
    """How CodeTracer's recorder slows the same workload down; or why it was not run."""
    if sys.version_info[:2] not in ((3, 12), (3, 13)):
        return "works on 3.12 and 3.13 only"
    python, package = sys.executable, "codetracer-python-recorder"
    subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False)
    done = subprocess.run([python, "-m", "pip", "install", "-q", package], capture_output=True)
    if done.returncode != 0:
        return "not installable"
    folder = tempfile.mkdtemp(prefix="relive-filters-")
    script = os.path.join(folder, "w.py")
    with open(os.path.abspath(__file__)) as file:
        text = file.read().partition("def rules(")[0]
    with open(script, "w") as file:
        file.write(text + "\nrun = workload('__main__')\nb = time.process_time()\nrun(300)\n"
                   "print('TIMED', time.process_time() - b)\n")  # fmt: skip
    times = []
    recorder = os.path.join(os.path.dirname(python), package)
    for command in ([python, script], [recorder, "--trace-dir", os.path.join(folder, "o"), script]):
        done = subprocess.run(command, capture_output=True, cwd=folder, timeout=300)
        words = [line for line in done.stdout.decode().splitlines() if line.startswith("TIMED")]
        if not words:
            return "failed"
        times.append(float(words[0].split()[1]))
    return f"{times[1] / times[0]:.0f} times the untraced program"


def main():
    if sys.argv[1:2] == ["work"]:
        work(int(sys.argv[2]), sys.argv[3])
        return 0
    missed = False
    print(f"### {sys.version.split()[0]}\n\n| what | figure |\n| --- | --- |")
    for kind in ("glob", "regex"):
        print(f"| new function, 50 {kind} rules | {decisions(rules(kind)):.1f} us |")
        for level in ("values", "lines"):
            got = ratio(rules(kind), level)
            missed |= got > TARGET
            print(f"| {level}, {kind}-heavy: on / off | {got:.3f} |", flush=True)
    print(f"| the same program under CodeTracer's recorder | {codetracer()} |")
    return 1 if missed else 0


def work(n, kind):
    """One recorded run, for callgrind: kind is off, glob or regex."""
    import relive

    run = workload()
    path = os.path.join(tempfile.mkdtemp(prefix="relive-filters-"), "f.relive")
    chosen = [] if kind == "off" else [rules(kind)]
    relive.start(path, level="lines", auto_filter=False, trace_filter=chosen)
    run(n)
    relive.stop()


if __name__ == "__main__":
    sys.exit(main())

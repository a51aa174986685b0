"""Other tools beside Relive, on the same programs, in one run.

Each tool runs each program through its own command. A cell holds three ratios of CPU time, traced
over untraced of neighbouring runs, each a median of --rounds:

- of the program's own thread in its timed part (what the program feels);
- of the whole process in that part (with a tool's own threads);
- all in all, which adds what the tool spends on starting and on saving.

What a tool has kept is counted in its own file: calls and lines of the program,
against what a counting trace function saw happen. A tool that cannot be installed or that fails is
named with its reason. Run by `make bench-peers`, in an environment of its own."""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Of bench/programs; `work` of each takes a size.
PROGRAMS = ("calls", "lines", "accounts", "app")
TIMED = """
import time
work_begin = time.thread_time(), time.process_time()
work({})
print("TIMED", time.thread_time() - work_begin[0], time.process_time() - work_begin[1])
"""
# What happens in the program: calls and lines of its own file.
COUNT = """
import sys
calls, lines = 0, 0
def local(frame, event, arg):
    global lines
    lines += event == "line"
    return local
def start(frame, event, arg):
    global calls
    if frame.f_code.co_filename == path:
        calls += frame.f_code.co_flags & 2 != 0  # neither a module's nor a class's body
        return local
path = sys.argv[1]
code = compile(open(path).read(), path, "exec")
sys.settrace(start)
exec(code, {"__name__": "__main__"})
sys.settrace(None)
print("KEPT", calls, lines)
"""
# A recorder of changed locals in 20 lines of Python, for scale.
SETTRACE = """
import sys
told, last = [], {}
def show(value, has_items=True):  # runs no __repr__: one may fail, or show a whole document
    if type(value) in (str, bytes):
        return repr(value[:80])
    if type(value) in (bool, int, float, type(None)):
        return repr(value)
    if has_items and type(value) in (list, tuple):
        return str([show(one, False) for one in value[:5]])
    return object.__repr__(value)
def local(frame, event, arg):
    before = last.setdefault(id(frame), {})
    for name, value in list(frame.f_locals.items()):
        text = show(value)
        if before.get(name) != text:
            before[name] = text
            told.append((frame.f_lineno, name, text))
    told.append((event, frame.f_code.co_name, frame.f_lineno))
    return local
def start(frame, event, arg):
    kind = "call" if frame.f_code.co_flags & 2 else "body"
    told.append((kind, frame.f_code.co_name, frame.f_lineno))
    return local
path = sys.argv[1]
code = compile(open(path).read(), path, "exec")
sys.settrace(start)
exec(code, {"__name__": "__main__"})
sys.settrace(None)
calls = sum(event[0] == "call" for event in told)
print("KEPT", calls, sum(event[0] == "line" for event in told))
"""


class Tool:
    """One way to run one tool. `kept(output of the run, folder)` gives (calls, lines) that it has
    kept of the program, None where it keeps none; a slow one gets programs smaller by `scale`."""

    def __init__(self, name, records, package, command, kept=None, *, environ=(), scale=1,
                 count_command=None):  # fmt: skip
        self.name, self.records, self.package, self.command = name, records, package, command
        self.kept, self.environ, self.scale = kept, dict(environ), scale
        self.count_command = count_command  # where another format is the one that can be counted


def kept_relive(output, folder):
    """From the recording, through the package."""
    import relive

    recording = relive.open(os.path.join(folder, "out.relive"))
    own = [row for row in recording.codes() if row[3].endswith("w.py") and not row[5] & 16]
    calls = sum(1 for _ in recording.select(["call"], codes=[row[0] for row in own]))
    return calls, recording.totals()["kinds"].get("line")


def kept_trace_events(output, folder):
    """From the Chrome format: complete events, or begins."""
    with open(os.path.join(folder, "out.json")) as file:
        text = file.read()
    try:
        events = json.loads(text)
    except ValueError:
        events = json.loads(text.rstrip().rstrip(",") + "]")  # the format allows an open end
    events = events["traceEvents"] if isinstance(events, dict) else events
    names = ("fib", "work", "loop", "post", "__init__", "turn", "page")
    calls = sum(
        event.get("ph") in ("X", "B")
        and (event["name"].partition(" (")[0].rpartition(".")[2] in names)
        and "w.py" in json.dumps(event)
        for event in events
    )
    return calls, None


def kept_profile(output, folder):
    """Sums of calls by function."""
    import pstats

    rows = pstats.Stats(os.path.join(folder, "out")).stats.items()
    return sum(row[1] for key, row in rows if "w.py" in key[0] and key[2] != "<module>"), None


def kept_hunter(output, folder):
    """From its text: a line an event."""
    bodies = ("<module>", "Account()")
    with open(os.path.join(folder, "out.txt")) as file:
        calls = [text for text in file if " call  " in text]
    return sum(not any(body in text for body in bodies) for text in calls), None


def kept_codetracer(output, folder):
    """From its JSON format."""
    with open(os.path.join(folder, "out.d", "trace.json")) as file:
        events = json.load(file)
    kinds = [next(iter(event)) for event in events if isinstance(event, dict)]
    return kinds.count("Call") - 1, kinds.count("Step")


def kept_printed(output, folder):
    """What the tool's own script says at its end."""
    words = next(line for line in output.splitlines() if line.startswith("KEPT ")).split()
    return int(words[1]), int(words[2])


def tools(python, folder):
    """Every tool that is compared, those that record alike side by side."""
    out = os.path.join(folder, "out")
    scripts = os.path.dirname(python)
    settrace = os.path.join(folder, "changed_locals.py")
    with open(settrace, "w") as file:
        file.write(SETTRACE)
    relive = [python, "-m", "relive", "record", "--force", "-o", out + ".relive", "--level"]
    viz = [python, "-m", "viztracer", "--quiet", "--tracer_entries", "20000000"]
    viz += ["-o", out + ".json"]
    cover = [python, "-m", "coverage", "run", "--data-file", out]
    trace0 = [os.path.join(scripts, "trace0"), "run"]
    codetracer = [os.path.join(scripts, "codetracer-python-recorder"), "--trace-dir", out + ".d"]
    chrono = [
        os.path.join(scripts, "chronotrace"),
        "record",
        "--no-index",
        "--out",
        out + ".chrono",
    ]
    hunter = "filename_endswith='w.py', action={}(stream=open('" + out + ".txt', 'w'))"
    printer = hunter.format("CallPrinter")
    return [
        Tool("relive --level calls", "calls, returns", None, [*relive, "calls"], kept_relive),
        Tool("viztracer --ignore_c_function", "calls, returns", "viztracer",
             [*viz, "--ignore_c_function"], kept_trace_events),
        Tool("trace0", "calls, returns", "trace0", [*trace0, "-o", out + ".pb"], kept_trace_events,
             count_command=[*trace0, "-f", "json", "-o", out + ".json"]),
        Tool("pyflight", "calls, the last ones, if it crashes", "pyflight",
             [os.path.join(scripts, "flight"), "run", "--output-dir", folder]),
        Tool("relive --level calls --c-calls", "calls, returns, C calls", None,
             [*relive, "calls", "--c-calls"], kept_relive),
        Tool("viztracer", "calls, returns, C calls", "viztracer", viz, kept_trace_events),
        Tool("cProfile", "sums of calls and C calls", None, [python, "-m", "cProfile", "-o", out],
             kept_profile),
        Tool("relive (level values)", "calls, arguments, results", None, [*relive, "values"],
             kept_relive),
        Tool("viztracer args, results", "calls, arguments, results", "viztracer",
             [*viz, "--log_func_args", "--log_func_retval", "--ignore_c_function"],
             kept_trace_events),
        Tool("hunter CallPrinter", "calls, arguments, results", "hunter", [python], kept_hunter,
             environ={"PYTHONHUNTER": "kind_in=('call', 'return'), " + printer},
             scale=40),
        Tool("relive --level lines", "calls, lines, changed variables", None, [*relive, "lines"],
             kept_relive),
        Tool("settrace in Python", "calls, lines, changed variables, in memory", None,
             [python, settrace], kept_printed),
        Tool("hunter VarsSnooper", "lines that changed a variable", "hunter", [python],
             environ={"PYTHONHUNTER": hunter.format("VarsSnooper")}, scale=40),
        Tool("codetracer recorder", "calls, lines, all variables", "codetracer-python-recorder",
             codetracer, kept_codetracer, scale=40,
             count_command=[*codetracer, "--format", "json"]),
        Tool("chronotrace", "calls, lines, variables", "chronotrace", chrono, scale=40),
        Tool("pyflight --lines", "calls, lines, the last ones, if it crashes", "pyflight",
             [os.path.join(scripts, "flight"), "run", "--output-dir", folder, "--lines"]),
        Tool("pyinstrument", "samples, a thousand a second", "pyinstrument",
             [python, "-m", "pyinstrument", "-r", "json", "-o", out + ".json"]),
        Tool("coverage ctrace", "lines, once each", "coverage", cover,
             environ={"COVERAGE_CORE": "ctrace"}),
        Tool("coverage sysmon", "lines, once each", "coverage", cover,
             environ={"COVERAGE_CORE": "sysmon"}),
    ]  # fmt: skip


class Bench:
    """The programs in all sizes, and what happens in each."""

    def __init__(self, args):
        self.python = sys.executable
        self.folder = tempfile.mkdtemp(prefix="relive-peers-")
        self.rounds = args.rounds
        self.sizes = {
            "calls": args.calls,
            "lines": args.lines,
            "accounts": args.accounts,
            "app": args.app,
        }
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("RELIVE_")}
        self.happened = {}
        self.counter = os.path.join(self.folder, "count.py")
        with open(self.counter, "w") as file:
            file.write(COUNT)

    def program(self, name, scale):
        """(path, (calls, lines) that happen in it)."""
        path = os.path.join(self.folder, f"{name}-{scale}", "w.py")
        if path not in self.happened:
            size = self.sizes[name] // scale
            os.makedirs(os.path.dirname(path))
            with open(os.path.join(HERE, "programs", name + ".py")) as file:
                text = file.read()
            with open(path, "w") as file:
                file.write(text + TIMED.format(size))
            _, _, output = self.run([self.python, self.counter, path], {})
            self.happened[path] = kept_printed(output, self.folder)
        return path, self.happened[path]

    def run(self, command, more):
        """((CPU seconds of the timed part: of its thread, of the process) or an error text, CPU
        seconds of the whole run, output)."""
        for name in os.listdir(self.folder):
            if name.startswith("out"):
                path = os.path.join(self.folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(
                command, env={**self.environ, **more}, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "over 120 s", 0.0, ""
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        output = done.stdout.decode(errors="replace")
        for line in output.splitlines():
            if line.startswith("TIMED "):
                return [float(word) for word in line.split()[1:3]], whole, output
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        text = lines[-1][:80] if lines else f"status {done.returncode}"
        return f"failed: {text}", whole, output

    def size(self):
        """Bytes on disk of what the last run has written."""
        total = 0
        for name in os.listdir(self.folder):
            if name.startswith("out"):
                path = os.path.join(self.folder, name)
                inner = (
                    [os.path.join(path, n) for n in os.listdir(path)]
                    if os.path.isdir(path)
                    else [path]
                )
                total += sum(os.stat(one).st_blocks * 512 for one in inner)
        return total

    def measure(self, tool, name):
        """'3.21, 1.2 MB, all' of one tool on one program."""
        path, happened = self.program(name, tool.scale)
        ratios, size = [], 0
        for _ in range(self.rounds):
            plain, plain_whole, _ = self.run([self.python, path], {})
            traced, traced_whole, output = self.run([*tool.command, path], tool.environ)
            size = self.size()
            if isinstance(traced, str) or isinstance(plain, str):
                return str(traced)
            whole = (traced_whole - plain_whole + plain[1]) / plain[1]
            ratios.append((traced[0] / plain[0], traced[1] / plain[1], whole))
        text = " / ".join(f"{statistics.median(column):.3g}" for column in zip(*ratios))
        if size:
            text += f", {size * tool.scale / 1e6:.1f} MB"
        if tool.kept is None:
            return text
        if tool.count_command is not None:
            _, _, output = self.run([*tool.count_command, path], tool.environ)
        try:
            kept = tool.kept(output, self.folder)
        except (OSError, ValueError, KeyError, StopIteration) as error:
            return f"{text}, not readable ({type(error).__name__})"
        return f"{text}, {compare(kept, happened)}"


def compare(kept, happened):
    """'all' or what is missing."""
    missing = [
        f"{want - have:,} of {want:,} {what} lost"
        for have, want, what in zip(kept, happened, ("calls", "lines"))
        if have is not None and have < want
    ]
    return " and ".join(missing) if missing else "all kept"


def install(python, packages):
    """{package: version} of those that could be installed."""
    versions = {}
    subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False)
    for package in packages:
        status = subprocess.run(
            [python, "-m", "pip", "install", "-q", package], capture_output=True, check=False
        )
        shown = subprocess.run(
            [python, "-m", "pip", "show", package], capture_output=True, check=False
        ).stdout.decode()
        if status.returncode == 0 and "Version: " in shown:
            versions[package] = shown.split("Version: ")[1].split()[0]
    return versions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=320, help="turns of 1,973 calls")
    parser.add_argument("--lines", type=int, default=100000, help="turns of the loop")
    parser.add_argument("--accounts", type=int, default=60000, help="posts to accounts")
    parser.add_argument("--app", type=int, default=200, help="turns of the application")
    parser.add_argument("--only", nargs="+", default=[""], help="tools whose name has such a text")
    parser.add_argument("--programs", nargs="+", default=PROGRAMS, choices=PROGRAMS)
    parser.add_argument("--append", help="also append the table to this file")
    args = parser.parse_args()
    bench = Bench(args)
    every = [
        tool
        for tool in tools(bench.python, bench.folder)
        if any(text in tool.name for text in args.only)
    ]
    packages = {tool.package for tool in every if tool.package is not None}
    versions = install(bench.python, sorted(packages | {"docutils", "jinja2", "markdown"}))
    heads = " | ".join(args.programs)
    rows = [f"### {sys.version.split()[0]}\n", f"| tool | records | {heads} |"]
    rows.append("| --- | --- |" + " --- |" * len(args.programs))
    print("\n".join(rows))
    for tool in every:
        name = tool.name
        if tool.package in versions:
            name = f"{name} ({tool.package} {versions[tool.package]})"
        if tool.package is not None and tool.package not in versions:
            cells = ["not installable"] * len(args.programs)
        else:
            cells = [bench.measure(tool, program) for program in args.programs]
        rows.append(f"| {name} | {tool.records} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    if args.append:
        with open(args.append, "a") as file:
            file.write("\n".join(rows) + "\n\n")
    shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()

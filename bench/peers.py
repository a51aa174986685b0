"""Other tools beside Relive, on the same programs, in one run.

Each tool runs each program through its own command. The program prints the CPU time of its timed
part (all threads of the process); a ratio is traced over untraced, of neighbouring runs, median of
--rounds. A tool that cannot be installed or that fails is named with its reason. Run by
`make bench-peers`, in an environment of its own."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PROGRAMS = {
    "calls": """
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def work(): fib({calls})
""",
    "lines": """
def loop(n):
    total, text, items = 0, "", []
    for i in range(n):
        total += i
        text = "x" * (i % 7)
        if i % 3 == 0:
            items = [i, total]
        total ^= len(text)
    return total, items
def work(): loop({lines})
""",
    "objects": """
class Account:
    def __init__(self, name): self.name, self.balance, self.log = name, 0, []
    def post(self, amount, note):
        self.balance += amount
        self.log.append((note, amount, self.balance))
        return self.balance
def work():
    accounts = [Account("a%d" % i) for i in range(10)]
    for i in range({objects}):
        accounts[i % 10].post(i, "note")
""",
}
TIMED = """
import time
work_begin = time.process_time()
work()
print("TIMED", time.process_time() - work_begin)
"""
# A recorder of changed locals in 20 lines of Python, for scale.
SETTRACE = """
import sys
told, last = [], {}
def local(frame, event, arg):
    before = last.setdefault(id(frame), {})
    for name, value in frame.f_locals.items():
        text = repr(value)[:80]
        if before.get(name) != text:
            before[name] = text
            told.append((frame.f_lineno, name, text))
    told.append((event, frame.f_code.co_name, frame.f_lineno))
    return local
sys.settrace(lambda frame, event, arg: local)
path = sys.argv[1]
exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__"})
"""


def tools(python, folder):
    """(name, what it records, package or None, command before the program, file, environment)."""
    out = os.path.join(folder, "out")
    script = os.path.join(folder, "changed_locals.py")
    with open(script, "w") as file:
        file.write(SETTRACE)
    relive = [python, "-m", "relive", "record", "--force", "-o", out + ".relive", "--level"]
    viz = [
        python,
        "-m",
        "viztracer",
        "--quiet",
        "--tracer_entries",
        "20000000",
        "-o",
        out + ".json",
    ]
    cover = [python, "-m", "coverage", "run", "--data-file", out]
    return [
        ("relive --level calls", "calls, returns", None, [*relive, "calls"], ".relive", {}),
        ("viztracer --ignore_c_function", "calls, returns", "viztracer",
         [*viz, "--ignore_c_function"], ".json", {}),
        ("viztracer", "calls, returns, C calls", "viztracer", viz, ".json", {}),
        ("relive --level calls --c-calls", "calls, returns, C calls", None,
         [*relive, "calls", "--c-calls"], ".relive", {}),
        ("cProfile", "sums only", None, [python, "-m", "cProfile", "-o", out], "", {}),
        ("relive (values)", "calls, arguments, results", None, [*relive, "values"], ".relive", {}),
        ("viztracer args, results", "calls, arguments, results", "viztracer",
         [*viz, "--log_func_args", "--log_func_retval", "--ignore_c_function"], ".json", {}),
        ("hunter CallPrinter", "calls, arguments, results", "hunter", [python], ".txt",
         {"PYTHONHUNTER": f"filename_endswith='w.py', kind_in=('call', 'return'),"
                          f" action=CallPrinter(stream=open('{out}.txt', 'w'))"}),
        ("relive --level lines", "lines, changed variables", None,
         [*relive, "lines"], ".relive", {}),
        ("settrace in Python", "lines, changed variables, in memory", None,
         [python, script], None, {}),
        ("hunter VarsSnooper", "lines, changed variables", "hunter", [python], ".txt",
         {"PYTHONHUNTER": f"filename_endswith='w.py',"
                          f" action=VarsSnooper(stream=open('{out}.txt', 'w'))"}),
        ("coverage ctrace", "lines, once each", "coverage", cover, "", {"COVERAGE_CORE": "ctrace"}),
        ("coverage sysmon", "lines, once each", "coverage", cover, "", {"COVERAGE_CORE": "sysmon"}),
    ]  # fmt: skip


def timed(command, environ, folder):
    """CPU seconds of the program's timed part; an error text where it did not come."""
    try:
        done = subprocess.run(
            command, env=environ, cwd=folder, capture_output=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "over 120 s"
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith("TIMED "):
            return float(line.split()[1])
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return "failed: " + (lines[-1][:80] if lines else f"status {done.returncode}")


def measure(tool, program, python, environ, folder, rounds):
    """'3.21 (1.2 MB)' of one tool on one program."""
    _, _, _, command, suffix, more = tool
    ratios, size = [], 0
    for _ in range(rounds):
        plain = timed([python, program], environ, folder)
        for name in os.listdir(folder):
            if name.startswith("out"):
                os.unlink(os.path.join(folder, name))
        traced = timed([*command, program], {**environ, **more}, folder)
        if isinstance(traced, str) or isinstance(plain, str):
            return str(traced)
        ratios.append(traced / plain)
        if suffix is not None:
            size = sum(
                os.stat(os.path.join(folder, name)).st_blocks * 512
                for name in os.listdir(folder)
                if name.startswith("out")
            )
    kept = "" if suffix is None else f" ({size / 1e6:.1f} MB)"
    return f"{statistics.median(ratios):.2f}{kept}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=22, help="fib of this")
    parser.add_argument("--lines", type=int, default=20000, help="turns of the loop")
    parser.add_argument("--objects", type=int, default=10000, help="posts to accounts")
    args = parser.parse_args()
    python = sys.executable
    folder = tempfile.mkdtemp(prefix="relive-peers-")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    versions = {}
    for package in ("viztracer", "hunter", "coverage"):
        status = subprocess.run(
            [python, "-m", "pip", "install", "-q", package], capture_output=True, check=False
        )
        shown = subprocess.run(
            [python, "-m", "pip", "show", package], capture_output=True, check=False
        ).stdout.decode()
        if status.returncode == 0 and "Version: " in shown:
            versions[package] = shown.split("Version: ")[1].split()[0]
    paths = {}
    for name, text in PROGRAMS.items():
        os.makedirs(os.path.join(folder, name))
        paths[name] = os.path.join(folder, name, "w.py")
        with open(paths[name], "w") as file:
            for key in ("calls", "lines", "objects"):
                text = text.replace("{" + key + "}", str(getattr(args, key)))
            file.write(text + TIMED)
    print(f"### {sys.version.split()[0]}\n\n| tool | records | {' | '.join(PROGRAMS)} |")
    print("| --- | --- |" + " --- |" * len(PROGRAMS))
    for tool in tools(python, folder):
        name, records, package = tool[:3]
        if package is not None and package not in versions:
            print(f"| {name} | {records} |" + " not installable |" * len(PROGRAMS))
            continue
        shown = f"{name} [{versions[package]}]" if package else name
        cells = [
            measure(tool, paths[program], python, environ, folder, args.rounds)
            for program in PROGRAMS
        ]
        print(f"| {shown} | {records} | {' | '.join(cells)} |", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

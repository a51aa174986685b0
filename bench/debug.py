"""What breakpoints cost that are not reached, beside pdb's engine and debugpy.

    python bench/debug.py [--append FILE] [--repeat N]

Every cell runs in a process of its own, paired with the same work undebugged. What counts is the
median of the pairs, in CPU time of the working thread. Exits 1 where a target of ours is missed."""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.abspath(__file__)


# ---- the work; what follows a "#" is where breakpoints go ----


def loop(n):
    i = total = 0
    while i < n:
        total += i
        i += 1
        if total == -1:
            total = 0  # cold
    return total


def leaf(a, b):
    return a  # leaf


def tiny(a, b):
    if a == -1:
        return b  # tiny
    return a


def tiny_calls(n):
    for i in range(n):
        tiny(i, n)


def calls(n):
    for i in range(n):
        leaf(i, n)


def lines(n):
    for i in range(n):
        x = i  # hit
    return x


def raises(n):
    for _ in range(n):
        try:
            int("x")
        except ValueError:
            pass


def elsewhere():
    return 1  # elsewhere


# scenario: (work, mark of the breakpoint's line, condition, hit condition, exceptions)
SCENARIOS = {
    "no breakpoint, calls": (calls, None, None, None, None),
    "no breakpoint, loop": (loop, None, None, None, None),
    "breakpoint elsewhere, calls": (calls, "elsewhere", None, None, None),
    "breakpoint elsewhere, loop": (loop, "elsewhere", None, None, None),
    "cold line of the hot function": (loop, "cold", None, None, None),
    "cold line of a tiny function": (tiny_calls, "tiny", None, None, None),
    "condition false, simple": (lines, "hit", "i == -1", None, None),
    "condition false, general": (lines, "hit", "i + 1 == -1", None, None),
    "hit count never met": (lines, "hit", None, "> 1000000000", None),
    "caught raise, `uncaught` on": (raises, None, None, None, "uncaught"),
}
# Ours: (most ratio, most ns added), by kind of version; None: not limited.
TARGETS = {
    "no breakpoint, calls": {"old": (1.05, None), "3.11": (1.3, 14), "new": (1.05, None)},
    "no breakpoint, loop": {"old": (1.05, None), "3.11": (1.05, None), "new": (1.05, None)},
    "breakpoint elsewhere, calls": {"old": (1.05, 3), "3.11": (1.3, 14), "new": (1.05, None)},
    "breakpoint elsewhere, loop": {"old": (1.05, None), "3.11": (1.05, None), "new": (1.05, None)},
    "cold line of the hot function": {"old": (1.1, None), "3.11": (1.1, None), "new": (1.05, None)},
    "cold line of a tiny function": {"old": (1.1, None), "3.11": (1.5, None), "new": (1.05, None)},
    "condition false, simple": dict.fromkeys(("old", "3.11", "new"), (None, 100)),
    "condition false, general": dict.fromkeys(("old", "3.11", "new"), (None, 500)),
    "hit count never met": dict.fromkeys(("old", "3.11", "new"), (None, 100)),
    "caught raise, `uncaught` on": dict.fromkeys(("old", "3.11", "new"), (None, 300)),
}
SLACK = 1.15  # of a ratio, and 8 ns: what one quiet run differs from another


def line_of(mark):
    with open(HERE, encoding="utf-8") as file:
        return next(n for n, text in enumerate(file, 1) if text.rstrip().endswith(f"# {mark}"))


def ns_each(work, n):
    work(1000)
    best = None
    for _ in range(5):
        began = time.thread_time_ns()
        work(n)
        took = time.thread_time_ns() - began
        best = took if best is None else min(best, took)
    return best / n


# ---- one cell, in a process of its own ----


def arm_plain(name):
    return 200_000


def arm_relive(name):
    from relive.debug.breakpoints import Breakpoint
    from relive.debug.engine import runtime

    _, mark, condition, hits, catch = SCENARIOS[name]
    if not runtime.initialize({"my_code_only": True}):
        raise SystemExit(runtime.telemetry.as_json())
    if mark:
        one = Breakpoint(HERE, line_of(mark), condition=condition, hit_condition=hits)
        runtime.update_breakpoints(HERE, [one])
    if catch:
        runtime.breakpoints.set_exceptions([Breakpoint(exception="*", when=catch)])
    return 200_000


def arm_pdb(name):
    import bdb

    _, mark, condition, hits, _ = SCENARIOS[name]
    engine = bdb.Bdb()
    engine.reset()
    if mark:
        engine.set_break(HERE, line_of(mark), cond=condition)
        if hits:
            bdb.Breakpoint.bpbynumber[-1].ignore = 1 << 40
        engine.set_trace()
        engine.set_continue()
    return 200_000 if not mark or mark == "elsewhere" else 20_000


def arm_debugpy(name):
    import debugpy

    print(json.dumps(debugpy.listen(("127.0.0.1", 0))), flush=True)
    debugpy.wait_for_client()
    time.sleep(0.3)  # what the client sends behind its attach
    _, mark, _, _, _ = SCENARIOS[name]
    return 200_000 if not mark or mark == "elsewhere" else 20_000


ARMS = {"plain": arm_plain, "relive": arm_relive, "pdb": arm_pdb, "debugpy": arm_debugpy}


def cell(tool, name):
    """The child: prints ns a turn."""
    n = ARMS[tool](name)
    work = SCENARIOS[name][0]
    print(json.dumps(ns_each(work, n // 10 if work is raises else n)), flush=True)
    os._exit(0)  # debugpy's own threads would wait for its client


# ---- debugpy's client ----


class Client:
    """As much of the protocol as sets breakpoints."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.seq = 0
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass

    def send(self, command, **arguments):
        self.seq += 1
        message = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(0.1)

    def arm(self, name):
        _, mark, condition, hits, catch = SCENARIOS[name]
        self.send("initialize", adapterID="bench", pathFormat="path")
        self.send("attach", justMyCode=False)
        if mark:
            one = {"line": line_of(mark)}
            one.update({"condition": condition} if condition else {})
            one.update({"hitCondition": hits} if hits else {})
            self.send("setBreakpoints", source={"path": HERE}, breakpoints=[one])
        self.send("setExceptionBreakpoints", filters=[catch] if catch else [])
        self.send("configurationDone")


def measure(tool, name):
    """ns a turn, or None where the tool did not work here."""
    words = [sys.executable, "-Xfrozen_modules=off", HERE, "--cell", tool, name]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if tool == "debugpy":
            Client(json.loads(child.stdout.readline())[1]).arm(name)
        return float(child.stdout.readline())
    except (ValueError, IndexError, OSError):
        return None
    finally:
        child.kill()  # a debugger's helpers may hold its output open
        child.wait()


def compare(tool, name, repeat):
    """(ratio, ns added): medians of pairs; None where the tool has no such thing, or did not work.

    debugpy's `uncaught` is left out: whether the filter of this client took effect is not seen."""
    pairs = []
    if SCENARIOS[name][4] and tool != "relive":
        return None
    for _ in range(repeat):
        plain, debugged = measure("plain", name), measure(tool, name)
        if plain is None or debugged is None:
            return None
        pairs.append((debugged / plain, debugged - plain))
    return tuple(statistics.median(column) for column in zip(*pairs))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the table to this file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell:
        cell(*args.cell)
    version = sys.version_info[:2]
    kind = "new" if version >= (3, 12) else "3.11" if version == (3, 11) else "old"
    tools = ["relive", "pdb"]
    subprocess.run([sys.executable, "-m", "ensurepip"], capture_output=True, check=False)
    words = [sys.executable, "-m", "pip", "install", "-q", "debugpy"]
    subprocess.run(words, capture_output=True, check=False)
    try:
        import debugpy

        tools.append("debugpy")
        peers = f"debugpy {debugpy.__version__}"
    except ImportError:
        peers = "debugpy cannot be installed here"
    text = f"### Python {sys.version.split()[0]}; {peers}\n\n"
    text += f"| | {' | '.join(tools)} | target |\n|{' --- |' * (len(tools) + 2)}\n"
    missed = []
    for name in SCENARIOS:
        most, most_ns = TARGETS[name][kind]
        cells = []
        for tool in tools:
            found = compare(tool, name, args.repeat)
            cells.append("-" if found is None else f"{found[0]:.2f}, {found[1]:+.0f} ns")
            if tool == "relive":
                good = found is not None and (
                    (most is not None and found[0] <= most * SLACK)
                    or (most_ns is not None and found[1] <= most_ns + 8)
                )
                missed += [] if good else [name]
        target = " or ".join(
            ([f"{most}"] if most is not None else [])
            + ([f"{most_ns} ns"] if most_ns is not None else [])
        )
        text += f"| {name} | {' | '.join(cells)} | {target} |\n"
    print(text)
    if args.append:
        with open(args.append, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    if missed:
        sys.exit(f"missed on {sys.version.split()[0]}: {'; '.join(missed)}")


if __name__ == "__main__":
    main()

"""What one breakpoint costs in a module of many functions, on a line that is never reached.

It shows what the debugger looks at, what it traces, and what a frame pays. It also measures a step
over an `await`.

    python bench/debug_modules.py [--append FILE] [--repeat N]

Small, medium and large modules have 10, 100 and 1000 functions. Beside it pdb's engine, whose
trace function sees every line of every frame. Each cell is a process of its own, paired with the
same work undebugged; medians of the pairs, CPU time of the working thread. Exits 1 where the
debugger traces frames without breakpoints, or a ratio is missed."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from debug import SLACK, TARGETS

MODULES = {"small": 10, "medium": 100, "large": 1000}
FRAMES = 200_000
STEPS = 200


def source(functions):
    """A module whose `run(rounds)` calls each function, ten lines long, once a round."""
    rows = ["def run(rounds):", "    for i in range(rounds):"]
    rows += [f"        f{k}(i)" for k in range(functions)]
    for k in range(functions):
        rows += [f"def f{k}(n):", "    a = n + 1", "    b = a * 2", "    if b < 0:"]
        rows += ["        c = never = b  # cold" if k == functions - 1 else "        c = b"]
        rows += ["    elif a > b:", "        c = a", "    else:", "        c = a + b"]
        rows += ["    d = c & 255", "    return d"]
    return "\n".join(rows) + "\n"


def load(path):
    names = {}
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), names)
    return names["run"]


def cold_line(path):
    with open(path, encoding="utf-8") as file:
        return next(n for n, text in enumerate(file, 1) if text.rstrip().endswith("# cold"))


# ---- one cell, in a process of its own: {"ns": a frame, counts} ----


def measure(run, rounds):
    best = None
    for _ in range(3):
        began = time.thread_time_ns()
        run(rounds)
        took = time.thread_time_ns() - began
        best = took if best is None else min(best, took)
    return best


def plain(path, run, rounds):
    return {"took": measure(run, rounds)}


def relive(path, run, rounds):
    from relive.debug.engine import runtime

    if not runtime.initialize({"enabled": True}):
        raise SystemExit(runtime.telemetry.as_json())
    run(1)
    runtime.update_breakpoints(path, [cold_line(path)])
    run(1)
    before = dict(runtime.get_stats().hook_stats)
    run(rounds)
    after = runtime.get_stats()
    moved = {
        key: after.hook_stats[key] - before[key]
        for key in ("frames_evaluated", "frames_traced", "line_callbacks", "bytecode_injections")
    }
    return {"took": measure(run, rounds), **moved}


def pdb(path, run, rounds):
    import bdb

    counts = {"line_callbacks": 0}

    class Counting(bdb.Bdb):
        def trace_dispatch(self, frame, event, arg):
            counts["line_callbacks"] += 1
            return super().trace_dispatch(frame, event, arg)

    def arm(engine):
        engine.reset()
        engine.set_break(path, cold_line(path))
        engine.set_trace()
        engine.set_continue()

    arm(Counting())
    run(rounds)
    sys.settrace(None)
    arm(bdb.Bdb())
    took = measure(run, max(1, rounds // 20)) * (rounds / max(1, rounds // 20))
    sys.settrace(None)
    return {"took": took, **counts}


def cell(tool, path, functions):
    rounds = FRAMES // functions
    run = load(path)
    run(1)
    found = {"plain": plain, "relive": relive, "pdb": pdb}[tool](path, run, rounds)
    print(json.dumps(dict(found, frames=rounds * functions + 1)), flush=True)


# ---- steps over an await, while other tasks run ----


def steps(task_aware):
    """us a step over an `await`, of a task beside which three others wait and run."""
    import asyncio

    from relive.debug.breakpoints import Breakpoint
    from relive.debug.engine import STEP_NONE, STEP_OVER, runtime

    async def stepped(n):
        for _ in range(n):
            await asyncio.sleep(0)
        return n  # done

    async def other(n):
        for _ in range(n):
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(stepped(STEPS), *(other(STEPS) for _ in range(3)))

    names, counts = [], {"left": 2 * STEPS}

    def on_stop(frame, why, found):
        names.append(frame.f_code.co_name)
        counts["left"] -= 1
        runtime.step(STEP_OVER if counts["left"] > 0 else STEP_NONE)

    runtime.on_stop = on_stop
    if not runtime.initialize({"enabled": True, "task_aware_stepping": task_aware}):
        raise SystemExit(runtime.telemetry.as_json())
    first = stepped.__code__.co_firstlineno
    runtime.update_breakpoints(__file__, [Breakpoint(__file__, first + 1, once=True)])
    began = time.thread_time_ns()
    asyncio.run(main())
    took = time.thread_time_ns() - began
    print(json.dumps({"us": took / 1000 / max(1, len(names)), "stops": len(names),
                      "elsewhere": sum(name != "stepped" for name in names)}))  # fmt: skip


# ---- the table ----


def ask(*words):
    command = [sys.executable, "-Xfrozen_modules=off", os.path.abspath(__file__), *map(str, words)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def compare(tool, path, functions, repeat):
    """Medians: ratio, ns added a frame; the counts of the last run."""
    pairs = []
    for _ in range(repeat):
        alone = ask("--cell", "plain", path, functions)
        found = ask("--cell", tool, path, functions)
        added = (found["took"] - alone["took"]) / alone["frames"]
        pairs.append((found["took"] / alone["took"], added))
    return (*(statistics.median(column) for column in zip(*pairs)), found)


def module_rows(kind, repeat, missed):
    most, most_ns = TARGETS["breakpoint elsewhere, calls"][kind]
    for name, functions in MODULES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f"{name}.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(source(functions))
            ratio, added, found = compare("relive", path, functions, repeat)
            pdb_ratio, pdb_added, pdb_found = compare("pdb", path, functions, 1)
        frames = found["frames"]
        skipped = 1 - found["frames_traced"] / frames
        if not (ratio <= most * SLACK or (most_ns is not None and added <= most_ns + 8)):
            missed.append(f"{name}: ratio {ratio:.2f}")
        if found["frames_traced"] > frames / functions + 1:
            missed.append(f"{name}: {found['frames_traced']} frames were traced")
        yield (
            f"| {name}, {functions} functions | {frames} | {found['frames_traced']} "
            f"| {skipped:.1%} | {found['line_callbacks']} | {ratio:.2f}, {added:+.0f} ns "
            f"| {pdb_found['line_callbacks']} | {pdb_ratio:.1f}, {pdb_added:+.0f} ns |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the table to this file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--steps", choices=("task", "thread"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell:
        return cell(args.cell[0], args.cell[1], int(args.cell[2]))
    if args.steps:
        return steps(args.steps == "task")
    version = sys.version_info[:2]
    kind = "new" if version >= (3, 12) else "3.11" if version == (3, 11) else "old"
    missed = []
    rows = [
        f"### Python {sys.version.split()[0]}: a breakpoint on a line that is never reached",
        "",
        "| module | frames run | with a breakpoint | skipped | lines told | a frame pays "
        "| lines told to pdb | a frame pays pdb |",
        f"|{' --- |' * 8}",
        *module_rows(kind, args.repeat, missed),
        "",
        "| a step over an `await` | CPU time a stop | stops | in other tasks |",
        f"|{' --- |' * 4}",
    ]
    for word, told in (("task", "stays in its task"), ("thread", "goes on in the thread")):
        found = ask("--steps", word)
        rows.append(f"| {told} | {found['us']:.0f} us | {found['stops']} | {found['elsewhere']} |")
        if (found["elsewhere"] != 0) != (word == "thread"):
            missed.append(f"steps, {word}: {found['elsewhere']} stops in other tasks")
    text = "\n".join(rows) + "\n"
    print(text)
    if args.append:
        with open(args.append, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    return f"missed on {sys.version.split()[0]}: {'; '.join(missed)}" if missed else None


if __name__ == "__main__":
    sys.exit(main())

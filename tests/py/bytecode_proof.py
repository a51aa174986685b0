"""Shows that code with probes is the code that it was made from: for every code object of a folder.

    python tests/py/bytecode_proof.py [--most N] [FOLDER ...]     (default: the standard library)
    python tests/py/bytecode_proof.py --suites                    (and tests, run with probes)
    python tests/py/bytecode_proof.py --armed FILE,FILE -m unittest test.test_json

C checks each product itself (src/debug/rewrite_check.c). This looks at them once more with other
eyes: `dis`, where lines begin, the columns on 3.11, and the `bytecode` package where it is
installed. With --suites, tests of the standard library run twice: alone, and with a probe on every
line of the tests and of what they test. It prints what was seen, and ends with 1 where anything was
not as it was."""

import argparse
import dis
import os
import random
import re
import runpy
import subprocess
import sys
import sysconfig
import types
import warnings

from relive import _core
from relive.debug.breakpoints import compiled

try:
    import bytecode
except ImportError:
    bytecode = None


def code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_objects(constant)


def sources(folders):
    for folder in folders:
        for at, names, files in os.walk(folder):
            names[:] = sorted(set(names) - {"site-packages", "__pycache__"})
            yield from (os.path.join(at, name) for name in sorted(files) if name.endswith(".py"))


def is_probe(one, code):
    return (
        one.opname == "LOAD_CONST" and one.arg < len(code.co_consts)
        and type(code.co_consts[one.arg]).__name__ == "Probe"
    )  # fmt: skip


def without_probes(code):
    """The instructions but for probes and what extends arguments; and how many probes."""
    found = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    kept, at, probes = [], 0, 0
    while at < len(found):
        if is_probe(found[at], code):
            names = [one.opname for one in found[at : at + 2]]
            assert names[0] == "LOAD_CONST" and names[1].endswith("IF_TRUE"), names
            at += 2
            probes += 1
        else:
            kept.append(found[at])
            at += 1
    return kept, probes


def lines_of(code):
    """[(line, columns)] of each instruction, where the version tells columns."""
    if hasattr(code, "co_positions"):
        return dict(enumerate(code.co_positions()))
    starts, now, found = dict(dis.findlinestarts(code)), None, {}
    ranges = list(code.co_lines()) if hasattr(code, "co_lines") else None
    for at in range(0, len(code.co_code), 2):
        now = starts.get(at, now)
        found[at // 2] = now
    for first, end, line in ranges or ():
        for at in range(first, end, 2):
            found[at // 2] = line
    return found


def same_name(before, after):
    return before == after or "BACKWARD" in before


def compare(code, copy):
    """What differs, as a text; None where nothing does."""
    before, none = without_probes(code)
    after, probes = without_probes(copy)
    if none:
        return "the code had probes already"
    jumps = set(dis.hasjrel) | set(dis.hasjabs)
    old, new = lines_of(code), lines_of(copy)
    for a, b in zip(before, after):
        if not same_name(a.opname, b.opname):
            return f"{a.opname} at {a.offset} has become {b.opname}"
        if a.opcode not in jumps and a.arg != b.arg:
            return f"{a.opname} at {a.offset} has another argument"
        if old[a.offset // 2] != new[b.offset // 2]:
            return f"{a.opname} at {a.offset}: {old[a.offset // 2]} became {new[b.offset // 2]}"
    names = {one.opname for one in after[len(before) :]}
    if not names <= {"JUMP_ABSOLUTE", "JUMP_BACKWARD"}:
        return f"behind the end: {names}"
    for name in ("co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags", "co_name",
                 "co_stacksize", "co_firstlineno", "co_argcount"):  # fmt: skip
        if getattr(code, name) != getattr(copy, name):
            return f"{name} has changed"
    return None


def by_oracle(code, copy):
    """What the bytecode package finds wrong: it may need no more stack than for the old code."""
    try:
        old = bytecode.Bytecode.from_code(code)
        before = old.compute_stacksize()
    except Exception:  # it cannot read the code itself
        return None
    try:
        after = bytecode.Bytecode.from_code(copy).compute_stacksize()
    except Exception as error:
        return f"the bytecode package cannot read it: {error!r}"
    return None if after <= max(before, code.co_stacksize) else f"stack {after}, was {before}"


def prove(folders, most, tell=print, seed=1):
    """(code objects, probes, refused by reason, problems)"""
    paths = list(sources(folders))
    if most:
        random.Random(seed).shuffle(paths)
    seen, probes, refused, problems = 0, 0, {}, []
    for path in paths:
        module = compiled(path)
        for code in code_objects(module) if module is not None else ():
            lines = sorted({line for _, line in dis.findlinestarts(code) if line})
            copy, count, why = _core.debug_rewrite(code, lines)
            seen += 1
            if copy is None:
                refused.setdefault(count, []).append(f"{path} {code.co_name}: {why}")
                continue
            probes += count
            problem = compare(code, copy)
            if problem is None and bytecode is not None and seen % 10 == 0:
                problem = by_oracle(code, copy)
            if problem is not None:
                problems.append(f"{path}:{code.co_firstlineno} {code.co_name}: {problem}")
        if most and seen >= most:
            break
    tell(f"{sys.version.split()[0]}: {seen} code objects, {probes} probes, {len(problems)} problems"
         + ("" if bytecode else " (the bytecode package is not installed)"))  # fmt: skip
    for reason, found in sorted(refused.items()):
        tell(f"    {reason}: {len(found)} ({100 * len(found) / seen:.2f} %), as {found[0]}")
    for problem in problems[:20]:
        tell(f"    {problem}")
    return seen, probes, refused, problems


# Tests of the standard library, and what they test besides themselves.
SUITES = {
    "argparse": "argparse.py", "asyncgen": "", "bisect": "bisect.py", "collections": "collections",
    "configparser": "configparser.py", "contextlib": "contextlib.py", "coroutines": "",
    "dataclasses": "dataclasses.py", "decorators": "", "enum": "enum.py", "exceptions": "",
    "extcall": "", "fractions": "fractions.py", "functools": "functools.py", "generators": "",
    "generator_stop": "", "genexps": "", "grammar": "", "heapq": "heapq.py", "json": "json",
    "listcomps": "", "raise": "", "scope": "", "statistics": "statistics.py", "string": "string.py",
    "textwrap": "textwrap.py", "traceback": "", "typing": "typing.py", "unpack": "", "with": "",
    "yield_from": "",
}  # fmt: skip


def arm(paths):
    """Probes on every line of these files and folders, which never stop."""
    from relive.debug.breakpoints import Breakpoint, executable_lines
    from relive.debug.engine import runtime

    assert runtime.initialize({"my_code_only": False}), runtime.telemetry.as_json()
    for path in paths:
        for file in sources([path]) if os.path.isdir(path) else [path]:
            lines = sorted(executable_lines(file) or ())
            runtime.update_breakpoints(
                file, [Breakpoint(file, line, hit_condition=f"> {10**15}") for line in lines]
            )
    return runtime


def run_armed(paths, command):
    """Runs `-m MODULE ARGS` or `FILE ARGS` so; says at the end how many code objects had probes."""
    import atexit

    runtime = arm(paths)

    @atexit.register
    def tell():
        counts = runtime.get_stats().hook_stats
        print(f"probes: {counts['bytecode_injections']} {counts['line_callbacks']}", flush=True)

    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


def result(words):
    """Returns the last lines of a test run, without times, and its line about probes."""
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
    )  # fmt: skip
    said = re.findall(r"^(?:Ran \d+ tests?|OK.*|FAILED.*|(?:FAIL|ERROR): .*)", done.stdout, re.M)
    probes = re.findall(r"^probes: (\d+) (\d+)", done.stdout, re.M)
    return (done.returncode, said), probes, done.stdout


def run_suites(tell=print):
    """How many suites did not run with probes as they do alone."""
    library, wrong = sysconfig.get_path("stdlib"), 0
    for name, subject in sorted(SUITES.items()):
        module = f"test.test_{name}"
        tests = os.path.join(library, "test", f"test_{name}")
        tests = tests if os.path.isdir(tests) else tests + ".py"
        if not os.path.exists(tests):
            continue
        paths = ",".join([tests, *([os.path.join(library, subject)] if subject else [])])
        command = ["-m", "unittest", module]
        alone, _, _ = result([sys.executable, *command])
        armed, probes, text = result([sys.executable, __file__, "--armed", paths, *command])
        wrong += alone != armed or not probes
        if alone != armed or not probes:
            tell(f"    {module}: alone {alone}, with probes {armed}\n{text[-3000:]}")
        else:
            tell(
                f"    {module}: {alone[1]}, {probes[0][0]} code objects asked {probes[0][1]} times"
            )
    return wrong


def main():
    if sys.argv[1:2] == ["--armed"]:
        return run_armed(sys.argv[2].split(","), sys.argv[3:])
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", default=[sysconfig.get_path("stdlib")])
    parser.add_argument("--most", type=int, default=0, help="code objects at most; 0: all")
    parser.add_argument("--suites", action="store_true", help="and run tests with probes")
    args = parser.parse_args()
    wrong = len(prove(args.folders, args.most)[3])
    return 1 if wrong + (run_suites() if args.suites else 0) else 0


if __name__ == "__main__":
    sys.exit(main())

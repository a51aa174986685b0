"""Shows that code with probes is the code that it was made from: for every code object of a folder.

    python tests/py/bytecode_proof.py [--most N] [FOLDER ...]     (default: the standard library)

C checks each product itself (src/debug/rewrite_check.c). This looks at them once more with other
eyes: `dis`, where lines begin, the columns and handlers on 3.11, and the `bytecode` package where it
is installed. It prints what was seen, and ends with 1 where anything was not as it was."""

import argparse
import dis
import os
import random
import sys
import sysconfig
import types
import warnings

from relive import _core
from relive.frame_eval.breakpoints import compiled

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
    kept, at, probes, ends = [], 0, 0, set()
    while at < len(found):
        if is_probe(found[at], code):
            names = [one.opname for one in found[at : at + 2]]
            assert names[0] == "LOAD_CONST" and names[1].endswith("IF_TRUE"), names
            ends.add(found[at].offset)
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


JUMPS_TURN = {"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}


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


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", default=[sysconfig.get_path("stdlib")])
    parser.add_argument("--most", type=int, default=0, help="code objects at most; 0: all")
    args = parser.parse_args()
    return 1 if prove(args.folders, args.most)[3] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Every program, under every usable backend, against the plain-Python oracle."""

import ast
import json
import sys

import pytest
from conftest import IS_SHORT, PROGRAMS, TESTS, dump, relive, run, usable_backends, wellformed

# The program takes the one thing away that the backend needs; compared up to there only.
TAKES_TRACE = {"settrace_by_program": "settrace"}
TAKES_PROFILE = {"setprofile_by_program": "setprofile", "cprofile_by_program": "setprofile"}
# What the oracle itself cannot watch: the program replaces its trace function, or leaves no room on
# the stack for one written in Python.
NO_ORACLE = {"settrace_by_program", "recursion_limit"}
# Where a backend tells more than settrace can: the lines that begin so are left out of both.
TELLS_MORE = {
    # A frame evaluator sees the program's own profile function run.
    ("setprofile_by_program", "evalhook"): ("call __main__:profiler", "return __main__:profiler"),
    # On 3.11 a coroutine that goes on after a throw() into its awaited one is no call.
    ("coroutine_throw", "evalhook"): ("resume",),
}
# Values that depend on who watches (frames on the stack) or on the clock.
NO_VALUES = {"frames_by_program", "cprofile_by_program"}
FRAME_KINDS = {"call", "resume", "throw", "return", "yield", "unwind"}
_cache = {}


def untraced(program):
    if ("plain", program) not in _cache:
        _cache["plain", program] = run(sys.executable, program, "a", "b")
    return _cache["plain", program]


def oracle(program, tmp_path_factory):
    if ("oracle", program) not in _cache:
        out = tmp_path_factory.mktemp("oracle") / "out.json"
        done = run(sys.executable, TESTS / "py" / "oracle.py", out, program, "a", "b")
        assert out.exists(), done.stderr
        _cache["oracle", program] = json.loads(out.read_text())
    return _cache["oracle", program]


LIBRARY = "def opens():\n    from unittest import mock\n    import asyncio\nopens()\n"


def importing(program, folder):
    """A copy that imports large libraries first, inside open frames: thousands of functions that
    the     default filter skips come between two events."""
    lines = program.read_text(encoding="utf-8").splitlines(True)
    body = ast.parse("".join(lines)).body
    first = 0
    for statement in body:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_text and getattr(statement, "module", "") != "__future__":
            break
        first = statement.end_lineno
    copy = folder / program.name
    copy.write_text("".join([*lines[:first], LIBRARY, *lines[first:]]), encoding="utf-8")
    return copy


# It reports no close of a generator outside a try. The end of its frame is reported once its memory
# is used again, or never.
HIDES_CLOSES = sys.version_info[:3] == (3, 13, 0)


def canonical_dump(events, file):
    """The oracle's shape out of a dump: own file only, parents of the same file, throw = resume."""
    parents, own, threads, last = {}, set(), {}, {}
    for event in events:
        if "func" not in event or event["kind"] not in FRAME_KINDS:
            continue
        frame = event["frame"]
        if event["kind"] == "call":
            parents[frame] = event["parent"]
            if event["file"] == file:
                own.add(frame)
        if event["file"] != file:
            continue
        if HIDES_CLOSES and event.get("unseen") and last.get(frame) == "yield":
            continue
        last[frame] = event["kind"]
        kind = "resume" if event["kind"] == "throw" else event["kind"]
        parent = None
        if kind == "call":
            parent = event["parent"]
            while parent is not None and parent not in own:
                parent = parents.get(parent)
        values = None
        if kind == "call":
            values = {name: value["r"] for name, value in event.get("args", {}).items()}
        elif kind in ("return", "yield") and "value" in event:
            values = event["value"]["r"]
        threads.setdefault((event["pid"], event["thread"]), []).append(
            [kind, event["func"], frame, parent, values]
        )
    return list(threads.values())


def comparable(threads, plain_names):
    """Frames named by order of appearance in their thread, so that numbering does not matter."""
    result = []
    for events in threads:
        lines, names = [], {}
        for kind, func, frame, parent, _ in events:
            if plain_names:
                module, _, name = func.partition(":")
                func = f"{module}:{name.rpartition('.')[2]}"
            if kind == "call":
                names[frame] = f"{func}#{len(names)}"
            line = f"{kind} {names.get(frame, '(elsewhere) ' + func)}"
            if kind == "call":
                line += f" from {names.get(parent, '-')}"
            lines.append(line)
        result.append(lines)
    return sorted(result)


def check_values(expected, found, plain_names):
    """Arguments and results, where the oracle has an exact one; lines match the threads."""
    expected = sorted(zip(comparable_each(expected, plain_names), expected), key=lambda x: x[0])
    found = sorted(zip(comparable_each(found, plain_names), found), key=lambda x: x[0])
    for (_, one), (lines, other) in zip(expected, found):
        for wanted, got, line in zip(one, other, lines):
            if isinstance(wanted[4], dict):
                for name, text in wanted[4].items():
                    assert text is None or got[4].get(name) == text, (line, name)
            elif wanted[4] is not None:
                assert got[4] == wanted[4], line


def comparable_each(threads, plain_names):
    return [comparable([events], plain_names)[0] for events in threads]


@pytest.mark.parametrize("backend", usable_backends())
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program(program, backend, tmp_path, tmp_path_factory):
    check(program, backend, tmp_path, tmp_path_factory)


# What the filter skips depends on the version, and not on what a program does besides.
@pytest.mark.parametrize("program", PROGRAMS[:: 4 if IS_SHORT else 1], ids=lambda path: path.stem)
def test_program_that_imports_large_libraries(program, tmp_path, tmp_path_factory):
    check(importing(program, tmp_path), usable_backends()[0], tmp_path, tmp_path_factory)


def check(program, backend, tmp_path, tmp_path_factory):
    plain = untraced(program)
    out = tmp_path / "out.relive"
    done = relive("record", "-o", out, "--backend", backend, program, "a", "b")
    report = [line for line in done.stderr.splitlines(True) if line.startswith(b"relive: ")]
    assert len(report) == 1 and b" events, " in report[0], done.stderr
    assert done.stdout == plain.stdout
    assert done.returncode == plain.returncode
    assert done.stderr.replace(report[0], b"") == plain.stderr
    headers, events = dump(out)
    assert headers[0]["is_complete"]
    assert not headers[0]["problems"]
    assert len(list(wellformed(events))) == len(events)
    if program.stem in NO_ORACLE or backend in (
        TAKES_TRACE.get(program.stem),
        TAKES_PROFILE.get(program.stem),
    ):
        return
    plain_names = sys.version_info < (3, 11)
    expected = comparable(oracle(program, tmp_path_factory), plain_names)
    found = comparable(canonical_dump(events, str(program)), plain_names)
    more = TELLS_MORE.get((program.stem, backend))
    if more is not None:
        expected, found = (
            [
                [line.partition("#")[0] for line in lines if not line.startswith(more)]
                for lines in told
            ]
            for told in (expected, found)
        )
    if program.stem == "atexit_handlers":
        # The oracle is an exit handler too: what runs after it was written is not in it.
        found = [lines[: len(e)] for lines, e in zip(found, expected)]
    elif found == expected and program.stem not in NO_VALUES and more is None:
        told = oracle(program, tmp_path_factory)
        check_values(told, canonical_dump(events, str(program)), plain_names)
    assert found == expected

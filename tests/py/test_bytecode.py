"""Code with probes (CPython 3.8 to 3.11).

It is the code that it was made from, and breakpoints stop alike with it and with a trace function.
Some code is refused."""

import dis
import json
import sys
import sysconfig
import types

import bytecode_proof
import pytest
from conftest import run
from debugging import HEAD, LENGTH, WORK

from relive import _core

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="from 3.12 on nothing is rewritten: monitoring is cheaper"
)

SAMPLE = 2000


def is_unknown(op):
    try:
        dis.stack_effect(op, 0 if op >= dis.HAVE_ARGUMENT else None)
    except ValueError:
        return op not in dis.opmap.values()
    return False


UNKNOWN = next(op for op in range(1, 256) if is_unknown(op))


def rewritten(code, lines=None):
    lines = sorted({line for _, line in dis.findlinestarts(code) if line}) if not lines else lines
    return _core.debug_rewrite(code, lines)


def test_a_sample_of_the_standard_library():
    said = []
    seen, probes, refused, problems = bytecode_proof.prove(
        [sysconfig.get_path("stdlib")], SAMPLE, said.append, seed=sys.version_info[1]
    )
    print("\n".join(said))
    assert problems == [] and seen >= SAMPLE and probes > seen
    failed = refused.pop("BYTECODE_INJECTION_FAILED", [])
    assert len(failed) <= 1 and set(refused) <= {
        "STACKSIZE_GROWTH_REFUSED", "GENERATOR_NOT_SWAPPABLE"
    }  # fmt: skip
    assert sum(map(len, refused.values())) < seen // 8


def test_jumps_are_known_as_dis_knows_them():
    """Each jump opcode, led over 300 instructions so that its argument grows."""
    body = "\n".join(f"        x = {i}" for i in range(300))
    sources = [
        f"def f(a):\n    while a:\n{body}\n    return a",
        f"def f(a):\n    for x in a:\n{body}\n        if x: continue\n        break\n    else:\n"
        f"        pass\n    return a",
        f"def f(a):\n    try:\n{body}\n    except ValueError:\n{body}\n    finally:\n{body}\n",
        f"def f(a):\n    with a:\n{body}\n    return a",
        f"async def f(a):\n    async with a:\n{body}\n    async for x in a:\n{body}\n",
    ]
    for source in sources:
        space = {}
        exec(source, space)
        copy, probes, why = rewritten(space["f"].__code__)
        assert copy is not None, why
        assert probes >= 300
        assert bytecode_proof.compare(space["f"].__code__, copy) is None


def test_what_is_no_code_is_refused_without_a_crash():
    def f(a):
        b = a
        return b

    code = f.__code__
    for tail in (bytes([UNKNOWN, 0]), bytes([dis.opmap["EXTENDED_ARG"], 255]),
                 bytes([dis.opmap["JUMP_FORWARD"], 77])):  # fmt: skip
        copy, reason, why = rewritten(code.replace(co_code=code.co_code + tail))
        assert copy is None and reason == "BYTECODE_INJECTION_FAILED" and why
    copy, reason, why = rewritten(code.replace(co_stacksize=0))
    assert copy is None and reason == "STACKSIZE_GROWTH_REFUSED" and "one more place" in why
    if sys.version_info >= (3, 11):
        copy, reason, why = rewritten(code.replace(co_exceptiontable=b"\x8f\x4f\x0f\x0f"))
        assert copy is None and "handler" in why
    with pytest.raises(TypeError):
        _core.debug_rewrite(f, [1])
    with pytest.raises(TypeError):
        _core.debug_rewrite(code, ["a"])
    with pytest.raises((OverflowError, ValueError)):
        _core.debug_rewrite(code, [-1])


# Every construct, with lines that are entered by falling through, by jumps ahead and back, by
# exceptions, and in their middle.
CONSTRUCTS = """\
import asyncio, contextlib
def loops(n):
    while n > 0:
        n -= 1
        if n == 3: continue
        for k in range(n): pass
        else:
            k = (n
                 + 1)
    for i in (1, 2, 3):
        for j in range(i):
            if j: break
        else:
            continue
        break
    while True:
        if n > 2: break
        n += 1
    return [x
            for x in range(3)
            if x]
def first(n):
    for i in range(n):
        n += i
    return n
def forever(n):
    while True:
        n -= 1
        if not n: return n
def handlers(n):
    try:
        try: return int('x' * n)
        except ValueError as error:
            if n > 1:
                raise KeyError(n) from error
        finally:
            n += 1
    except KeyError:
        pass
    except (TypeError,
            OSError):
        n = 0
    else:
        n += 5
    finally:
        n += 2
    for i in range(3):
        try:
            if i == 1: continue
            if i == 2: break
        finally:
            n += i
    with contextlib.suppress(ZeroDivisionError), contextlib.suppress(OSError):
        n = 1 // 0
    with contextlib.suppress(ValueError): int('y')
    return n
def generator(n):
    try:
        for i in range(n):
            got = yield i
            if got: return got
        yield from (a * 2 for a in range(2))
    finally:
        n = 0
class Class:
    '''Text.'''
    size: int = 3
    for i in range(2):
        size += i
    @property
    def value(self): return self.size
    @staticmethod
    def call(f, *args, **more):
        return f(*args,
                 **more)
async def waits(n):
    for i in range(n):
        await asyncio.sleep(0)
    async with Manager() as m:
        n += m
    return [i async for i in numbers()]
class Manager:
    async def __aenter__(self): return 2
    async def __aexit__(self, *args): return False
async def numbers():
    yield 1
    await asyncio.sleep(0)
    yield 2
def cells(n):
    def inner(k):
        nonlocal n
        n += k
        return lambda: n + k
    return inner(1)() if n else inner
def one_line(n): return n if n else -n
def strange(n):
    assert n, 'text'
    a, *b = n, n, \\
        n
    del a
    text = f'''{n}
{b}'''
    if n and \\
       b or \\
       text:
        return {'a': n,
                'b': b}
def everything():
    found = [loops(5), first(3), forever(2), handlers(0), handlers(1), handlers(2)]
    g = generator(3)
    found += [next(g), g.send(None), g.send(7) if False else list(g)]
    g = generator(3); next(g); g.close()
    g = generator(3); next(g)
    try: g.throw(KeyError('k'))
    except KeyError as error:
        found.append(error.__traceback__.tb_next.tb_lineno - generator.__code__.co_firstlineno)
    found += [Class().value, Class.call(one_line, 3), asyncio.run(waits(2)), cells(1)]
    found += [one_line(0), strange(1), one_line(2)]
    return repr(found)
"""


@pytest.fixture
def stops(tmp_path):
    def do(optimize, lines):
        source = (
            "runtime.shutdown()\n"
            f"assert runtime.initialize({{'my_code_only': False, 'optimize': {optimize}}})\n"
            + CONSTRUCTS
            + f"stop_at(*{[line + 2 for line in lines]})\n"
            "found = everything()\nstop_at()\n"
            "tell(found=found)\n"
        )
        path = tmp_path / "program.py"
        path.write_text(HEAD % LENGTH + source, encoding="utf-8")
        done = run(sys.executable, path, cwd=tmp_path)
        assert done.returncode == 0, (done.returncode, done.stderr.decode())
        return json.loads(done.stdout.splitlines()[-1])

    return do


LINES = len(CONSTRUCTS.splitlines())
IN_TRY = [2 + n for n, text in enumerate(CONSTRUCTS.splitlines(), 1)
          if text.endswith((": continue", "i == 2: break"))]  # fmt: skip


def test_breakpoints_stop_alike_with_probes_and_with_a_trace_function(stops):
    """On every line at once, and on each third line, so that one in the middle is not refused."""
    space = {}
    exec(CONSTRUCTS, space)
    for lines in (range(1, LINES + 1), range(1, LINES + 1, 3), range(2, LINES + 1, 3),
                  range(3, LINES + 1, 3)):  # fmt: skip
        probed, traced = stops(True, lines), stops(False, lines)
        assert probed["found"] == traced["found"] == space["everything"]()
        if sys.version_info < (3, 9):
            # A trace function sees `break` and `continue` again behind their `finally`.
            for told in (probed, traced):
                told["stops"] = [stop for stop in told["stops"] if stop[1] not in IN_TRY]
        assert probed["stops"] == traced["stops"]
        assert len(probed["stops"]) > 40
        assert probed["stats"]["hook_stats"]["bytecode_injections"] > 10
        assert traced["stats"]["hook_stats"]["bytecode_injections"] == 0


def test_nothing_is_traced_where_probes_are(debug):
    told = debug(
        WORK + "stop_at(4, condition='i == 7')\nwork(20)\n"
        "import sys\nassert sys.gettrace() is None\n"
        "before = work.__code__\nseen = []\n"
        "def look(frame): seen.append(frame.f_code.co_name)\n"
        "stop_at(4, once=True)\nscript[:] = [look]\nwork(3)\n"
        "assert work.__code__ is before\n"
        "tell(seen=seen)"
    )
    assert told["stops"] == [["work", 4, "breakpoint"]] * 2 and told["seen"] == ["work"]
    counts = told["stats"]["hook_stats"]
    assert counts["scoped_trace_installs"] == 0
    # A probe a turn, and the line at which it stopped. A frame whose breakpoints have changed is
    # traced to its end: six lines more.
    assert counts["line_callbacks"] == (20 + 1) + (1 + 1 + 6)
    assert counts["bytecode_injections"] == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("", "STACKSIZE_GROWTH_REFUSED"),
        (f"f.__code__ = f.__code__.replace(co_code=f.__code__.co_code + bytes([{UNKNOWN}, 0]))\n",
         "BYTECODE_INJECTION_FAILED"),
    ],
)  # fmt: skip
def test_what_is_refused_is_traced_and_reported(debug, change, reason):
    told = debug(
        "def f(a):\n    b = [a, a, a, [a, a, a,\n        a]]\n    return len(b)\n"
        + change
        + "stop_at(2, 3, 4)\nf(1)\ntell()"
    )
    counts = told["stats"]["telemetry"]["reason_counts"]
    assert [name for name, _, _ in told["stops"]] == ["f"] * len(told["stops"]) != []
    assert told["stops"][-1][1] == 4
    assert counts["FALLBACK_TO_TRACE_DISPATCH"] == 1
    assert counts[reason] == 1


def test_a_generator_that_has_no_room_is_kept_apart(debug):
    told = debug(
        "def g(a):\n    yield [a,\n        a,\n        a, (a,\n        a)]\n"
        "stop_at(1, 2, 3, 4, 5)\nlist(g(1))\ntell()"
    )
    counts = told["stats"]["telemetry"]["reason_counts"]
    assert counts["GENERATOR_NOT_SWAPPABLE"] == 1 and len(told["stops"]) >= 4


def test_tracebacks_and_columns_are_those_of_the_program(tmp_path):
    source = (
        "import traceback\n"
        "def f(a):\n    b = a\n    return (a +\n            b['key'])\n"
        "def g():\n    try:\n        f([1])\n    except TypeError:\n"
        "        return traceback.format_exc()\n"
    )
    path = tmp_path / "program.py"
    path.write_text(source + "print(g())\n", encoding="utf-8")
    alone = run(sys.executable, path)
    debugged = tmp_path / "debugged.py"
    debugged.write_text(
        "import runpy, sys\nfrom relive.debug.engine import FrameEvalRuntime\n"
        "runtime = FrameEvalRuntime()\n"
        "assert runtime.initialize({'my_code_only': False})\n"
        f"runtime.update_breakpoints({str(path)!r}, range(2, 11))\n"
        f"runpy.run_path({str(path)!r}, run_name='__main__')\n"
        "print(runtime.get_stats().hook_stats['bytecode_injections'], file=sys.stderr)\n",
        encoding="utf-8",
    )
    done = run(sys.executable, debugged)
    assert done.stdout == alone.stdout and int(done.stderr) >= 2, done.stderr.decode()


def test_a_copy_may_outlive_its_code(debug):
    told = debug(
        "import gc\ndef make():\n    space = {}\n"
        "    exec(compile('def g(n):\\n    for i in range(n):\\n        yield i\\n', "
        "__file__ + 'x', 'exec'), space)\n"
        "    return space['g'](4)\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='g')])\n"
        "suspended = make()\nnext(suspended)\n"
        "probe = [c for c in suspended.gi_frame.f_code.co_consts if type(c).__name__ == 'Probe']\n"
        "gc.collect()\nrest = list(suspended)\n"
        "del suspended\ngc.collect()\n"
        "assert not any(probe)\n"
        "tell(rest=rest)"
    )
    assert told["rest"] == [1, 2, 3] and told["stops"]


@pytest.mark.parametrize("hits", [False, True])
def test_a_recording_has_the_lines_of_the_program(debug, hits):
    """One code object, each line once, though probes are between and stop."""
    condition = "" if hits else ", condition='i == 50'"
    told = debug(
        "import relive\n" + WORK + f"stop_at(5{condition})\n"
        "relive.start('r.relive', force=True, level='lines')\nwork(3); work(3)\nrelive.stop()\n"
        "with relive.open('r.relive') as found:\n"
        "    events = [e for e in found.events() if e.get('func', '').endswith(':work')]\n"
        "    codes = [c for c in found.codes() if c[2] == 'work']\n"
        "tell(codes=len(codes),\n"
        "     lines=[e['line'] - OFFSET for e in events if e['kind'] == 'line'],\n"
        "     calls=sum(e['kind'] == 'call' for e in events))"
    )
    assert told["codes"] == 1 and told["calls"] == 2
    assert told["lines"] == [3, 4, 5, 4, 5, 4, 5, 4, 6] * 2
    assert told["stops"] == [["work", 5, "breakpoint"]] * (6 if hits else 0)


def test_steps_and_recorded_lines_at_once(debug):
    told = debug(
        "import relive\ndef inner(n):\n    m = n\n    return m\n"
        "def outer(n):\n    a = inner(n)\n    b = a\n    return b\n"
        "relive.start('r.relive', force=True, level='lines')\n"
        "stop_at(3, once=True)\nscript[:] = list('oooo')\nouter(1); outer(2)\nrelive.stop()\n"
        "with relive.open('r.relive') as found:\n"
        "    lines = [e['line'] - OFFSET for e in found.events() if e['kind'] == 'line'\n"
        "             and e['func'].endswith(('inner', 'outer'))]\n"
        "tell(lines=lines)"
    )
    assert told["lines"] == [6, 3, 4, 7, 8] * 2
    assert [line for _, line, _ in told["stops"]][:4] == [3, 4, 7, 8]


@pytest.mark.parametrize("steps", ["c", "uc", "uuc", "ouc"])
def test_lines_above_a_step_are_recorded_all_the_same(debug, steps):
    told = debug(
        "import relive\ndef inner(n):\n    m = n\n    return m\n"
        "def skipped(n):\n    k = inner(n)\n    k += 1\n    return k\n"
        "def outer(n):\n    a = skipped(n)\n    b = a\n    c = b\n    return c\n"
        "def main():\n    x = outer(1)\n    y = outer(2)\n    return x, y\n"
        "relive.start('r.relive', force=True, level='lines')\n"
        f"stop_at(3, once=True)\nscript[:] = list({steps!r})\nmain()\nrelive.stop()\n"
        "with relive.open('r.relive') as found:\n"
        "    lines = [e['line'] - OFFSET for e in found.events() if e['kind'] == 'line'\n"
        "             and e['line'] > OFFSET and not e['func'].endswith('<module>')]\n"
        "tell(lines=lines)"
    )
    once = [10, 6, 3, 4, 7, 8, 11, 12, 13]
    assert told["lines"] == [15, *once, 16, *once, 17]


def test_a_code_object_is_a_plain_one():
    def f(a):
        b = a
        return b

    copy, probes, _ = rewritten(f.__code__)
    assert type(copy) is types.CodeType and probes >= 1
    assert types.FunctionType(copy, {})(7) == 7
    assert f.__code__.co_consts == (None,)

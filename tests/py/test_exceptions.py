"""Exceptions in recordings and in `relive exc`, compared with what Python itself reports."""

import json
import re
import sys

import nestings
import pytest
from conftest import ROOT, relive, usable_backends

BACKENDS = usable_backends()
SEES_RAISE = sys.version_info >= (3, 12)
LEVELS = [
    (backend, level)
    for backend in BACKENDS
    for level in ("calls", "values", "lines")
    if (backend, level) != ("setprofile", "lines")
]


def stories(path, *options):
    """Returns what `exc --all --json` reports for each exception, in order of time."""
    done = relive("exc", "--all", "--json", *options, path)
    assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()][1:]
    return sorted(rows, key=lambda row: int(row["position"].rpartition("@")[2]))


def places(story):
    """(function, line) of each frame of the program, outermost first."""
    return [
        [frame["func"].rpartition(".")[2].rpartition(":")[2], frame["line"]]
        for frame in story["frames"]
        if frame["file"].endswith("prog.py")
    ]


def own(story):
    return story["file"].endswith("prog.py") and "StopIteration" not in story["type"]


@pytest.mark.parametrize("seed", (1, 3))
@pytest.mark.parametrize(("backend", "level"), LEVELS)
def test_every_frame_is_at_its_true_line(record, tmp_path, backend, level, seed):
    options = ("--backend", backend, "--level", level)
    sees_which = backend != "setprofile" and (level != "calls" or backend == "monitoring")
    done, _, _ = record(nestings.program(seed, sees_which), *options)
    assert done.returncode == 0, done.stderr.decode()
    oracle = json.loads(done.stdout.decode().splitlines()[-1])
    sees_raise = backend == "monitoring" or level == "lines"
    told = [places(story) for story in stories(tmp_path / "out.relive") if own(story)]
    wanted = [rows for rows, is_caught_there in oracle if sees_raise or not is_caught_there]
    assert told == wanted


HANDLERS = """\
class Quiet:
    def __enter__(self): return self
    def __exit__(self, *a): return True
def boom(): raise KeyError('k')
def k1():
    try: boom()
    finally:
        return 1
def k2():
    for i in (1,):
        try:
            boom()
        finally:
            x = 1
            break
    x = 3
def k3():
    i = 0
    while i < 2:
        i += 1
        try:
            boom()
        finally:
            continue
def k4():
    with Quiet():
        boom()
        x = 1
    x = 2
def k5():
    try:
        boom()
    except:
        return 1
def k6():
    try:
        boom()
    except (ValueError, KeyError) as e:
        x = 1
def k7():
    try:
        try:
            boom()
        finally:
            x = 2
    except KeyError:
        return 3
def k8(a=1):
    try:
        boom()
    finally:
        if a:
            return 1
        return 2
def k9():
    try:
        boom()
    finally:
        y = [z for z in (1, 2)]
        return y
for f in (k1, k2, k3, k4, k5, k6, k7, k8, k9): f()
class Loud(Quiet):
    def __exit__(self, *a): return False
def j1():
    try:
        with Loud():
            boom()
    except KeyError:
        x = 1
def j2():
    try:
        boom()
    except KeyError:
        with Quiet():
            boom()
        x = 2
        try:
            x = 3
        finally:
            x = 4
j1(); j2()
"""
FATES = [
    "discarded in __main__:k1 by the return on line 8",
    "discarded in __main__:k2 by the break or continue on line 15",
    "discarded in __main__:k3 by the break or continue on line 24",
    "discarded in __main__:k3 by the break or continue on line 24",
    "discarded in __main__:k4 by the with on line 26",
    "caught in __main__:k5 at prog.py:33",
    "caught in __main__:k6 at prog.py:38",
    "caught in __main__:k7 at prog.py:46",
    "discarded in __main__:k8 by the finally on line 52",
    "discarded in __main__:k9 by the return on line 60",
    "caught in __main__:j1 at prog.py:68",
    "caught in __main__:j2 at prog.py:73",
    "discarded in __main__:j2 by the with on line 74",
]


@pytest.mark.parametrize(
    ("backend", "level"),
    [pair for pair in LEVELS if pair[1] == "lines" or pair == ("monitoring", "values")],
)
def test_what_discards_an_exception_is_named(record, tmp_path, backend, level):
    record(HANDLERS, "--backend", backend, "--level", level)
    told = [row["fate"] for row in stories(tmp_path / "out.relive")]
    wanted = list(FATES)
    if "finally" in told[9]:  # 3.12: the comprehension in that finally has a way out of its own
        wanted[9] = "discarded in __main__:k9 by the finally on line 59"
    assert told == wanted


BUSY = """
class Busy:
    def __enter__(self):
        return self
    def __exit__(self, *exc_info):
        try:
            raise OSError("of the clean-up")
        except OSError:
            pass
def boom():
    raise KeyError("a")
def b():
    try:
        with Busy():
            boom()
    except KeyError:
        x = 3
def c():
    try:
        try:
            boom()
        finally:
            try:
                raise OSError("in between")
            except OSError:
                x = 4
    except KeyError:
        x = 5
b(); c()
"""


@pytest.mark.parametrize(
    ("backend", "level"),
    [pair for pair in LEVELS if pair[0] == "monitoring" and pair[1] != "calls"],
)
def test_a_clean_up_that_handles_others_does_not_discard(record, tmp_path, backend, level):
    record(BUSY, "--backend", backend, "--level", level)
    rows = [row for row in stories(tmp_path / "out.relive") if row["type"] == "KeyError"]
    assert [row["fate"] for row in rows] == [
        "caught in __main__:b at prog.py:16",
        "caught in __main__:c at prog.py:27",
    ]


def test_what_a_clean_up_raises_replaces_the_exception(record, tmp_path):
    record(
        "def f():\n    try:\n        raise KeyError('a')\n    finally:\n"
        "        raise ValueError('b')\n"
        "try:\n    f()\nexcept ValueError:\n    pass\n",
        "--level",
        "lines",
    )
    text = relive("exc", tmp_path / "out.relive").stdout.decode()
    assert "   1  KeyError  prog.py:3  replaced in __main__:f by exception 2, ValueError" in text
    text = relive("exc", "--nth", "2", tmp_path / "out.relive").stdout.decode()
    assert "while handling exception 1, KeyError: 'a'\n" in text
    for form in [], ["--json"]:
        done = relive("exc", "--nth", "3", tmp_path / "out.relive", *form)
        assert done.returncode == 2 and not done.stdout
        assert b"there is no exception 3: relive exc lists 2" in done.stderr


VALUES = """\
def total(xs):
    s = 0
    for x in xs: s += x
    return s
def f(a):
    x = 1
    x = a; y = 10 / x
def pick(os): return [price(o) for o in os]
def price(o): return 5 / o
def outer(n):
    z = n; return f(z)
for fn, arg in ((total, [6, None]), (f, 0), (pick, [2, 0]), (outer, 0)):
    try: fn(arg)
    except (TypeError, ZeroDivisionError): pass
"""


@pytest.mark.parametrize("backend", [name for name, level in LEVELS if level == "lines"])
def test_values_are_those_at_the_moment_of_the_exception(record, tmp_path, backend):
    record(VALUES, "--backend", backend, "--level", "lines")

    def shown(number):
        out = relive("exc", "--nth", number, tmp_path / "out.relive").stdout.decode()
        rows = out.partition("\n\n")[0].splitlines()
        return [row for row in rows if not row.startswith("    > ")]

    # A frame with a line of its own where comprehensions are functions.
    rows = [row.strip() for row in shown(1)]
    assert rows[rows.index("prog.py:3  __main__:total(xs=[6, None])") :][1:3] == [
        "s = 6",
        "x = None",
    ]
    assert "      x = 0" in shown(2) and not any(row.strip() == "x = 1" for row in shown(2))
    assert [row for row in shown(3) if "o = 0" in row or "(.0=" in row]
    rows = [row.strip() for row in shown(4)]
    assert rows[rows.index("prog.py:11  __main__:outer(n=0)") + 1] == "z = 0"
    assert not any("<function" in row for row in rows)  # of <module>


def test_a_raise_in_a_loop_costs_one_line_not_the_depth(record):
    source = (
        "def leaf():\n    raise KeyError('a')\n"
        "def loop():\n    for i in range(200):\n        try: leaf()\n"
        "        except KeyError: pass\n"
        "def deep(n):\n    return deep(n - 1) if n else loop()\ndeep(50)\n"
    )
    _, _, events = record(source)
    counts = [len(event["callers"]) for event in events if "callers" in event]
    assert 200 <= len(counts) <= 205 and counts.count(1) >= 195 and max(counts) == 53


@pytest.mark.parametrize("depth", [20, 3000])
def test_deep_stacks_are_written_as_far_as_there_is_room(record, tmp_path, depth):
    source = (
        "import sys\nsys.setrecursionlimit(9000)\n"
        "def deep(n):\n    if n:\n        return deep(n - 1)\n    raise KeyError('a')\n"
        f"try:\n    deep({depth})\nexcept KeyError:\n    pass\n"
    )
    record(source)
    (story,) = stories(tmp_path / "out.relive")
    lines = [line for name, line in places(story)]
    assert lines == [8] + [5] * depth + [6]


def test_each_chunk_has_the_lines_of_its_callers(record):
    """A ring may have lost all other chunks."""
    source = (
        "import sys\nsys.setrecursionlimit(9000)\n"
        "def deep(n):\n    return deep(n - 1) if n else int('a')\n"
        "try: deep(3000)\nexcept ValueError: pass\n"
    )
    _, _, events = record(source)
    left = [len(event.get("callers", ())) for event in events if event["kind"] == "unwind"]
    assert len(left) == 3001 and sum(count > 0 for count in left) >= 2


def test_a_rule_on_what_is_thrown_hides_it_wherever_it_comes_up(record, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[meta]\nname = "x"\nversion = 2\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n[[scope.rules]]\nselector = "obj:__main__.gen"\n'
        '[[scope.rules.value_patterns]]\nselector = "arg:exception"\naction = "redact"\n'
        '[[scope.rules.value_patterns]]\nselector = "local:e"\naction = "redact"\n'
    )
    source = (
        "def word(): return 's3' + 'cr3t'\n"  # which is not in the text of the source
        "def gen():\n    try:\n        yield 1\n    except KeyError as e:\n"
        "        raise ValueError('seen') from e\n"
        "g = gen(); next(g)\n"
        "try: g.throw(KeyError(word()))\nexcept ValueError: pass\n"
        "g = gen(); next(g)\n"
        "try: g.throw(TypeError(word()))\nexcept TypeError: pass\n"
        "def other(): raise KeyError('open')\n"
        "try: other()\nexcept KeyError: pass\n"
    )
    for level in ("values", "lines"):
        done, _, events = record(source, "--trace-filter", rules, "--level", level, "--force")
        assert done.returncode == 0, done.stderr
        told = [event for event in events if "exc" in event]
        assert [event for event in told if event["exc"].get("r") == "<redacted>"]
        text = json.dumps([event["exc"] for event in told])
        assert "s3cr3t" not in text and "seen" in text and "open" in text
        out = tmp_path / "out.relive"
        for number in ("1", "2", "3"):
            assert b"s3cr3t" not in relive("exc", "--nth", number, out).stdout
        info = json.loads(relive("info", "--json", out).stdout.splitlines()[1])
        counts = info["trace_filter"]["stats"]["value_redactions"]
        assert counts["argument"] >= 2 and counts["return"] >= 1


ORDER = """\
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor
def bad(n): return 1 // n
try: bad(0)
except ZeroDivisionError: pass
t = threading.Thread(target=bad, args=(0,)); t.start(); t.join()
with ThreadPoolExecutor(1) as pool:
    future = pool.submit(bad, 0)
    future.exception()
t = threading.Thread(target=sys.exit, args=(0,)); t.start(); t.join()
def leave(): sys.exit()
t = threading.Thread(target=leave); t.start(); t.join()
async def sleeps(): await asyncio.sleep(9)
async def main():
    task = asyncio.ensure_future(sleeps())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
asyncio.run(main())
def end():
    try: raise KeyError('first')
    except KeyError as e: raise RuntimeError('end') from e
end()
"""


def test_the_most_urgent_exception_comes_first(record, tmp_path):
    record(ORDER)
    out = tmp_path / "out.relive"
    text = relive("exc", out).stdout.decode()
    rows = [row.split(None, 2) for row in text.partition("\n\n")[0].splitlines()]
    told = [(kind, fate.partition("  ")[2]) for _, kind, fate in rows]
    assert told[0] == ("RuntimeError", "uncaught: it ended the program")
    assert told[1][0] == "ZeroDivisionError"
    assert told[1][1].startswith("uncaught: it ended thread 2")
    assert not any("uncaught" in fate for kind, fate in told[2:] if "Cancelled" not in kind and
                   kind != "SystemExit")  # fmt: skip
    assert {kind.rpartition(".")[2] for kind, _ in told[-2:]} == {"SystemExit", "CancelledError"}
    numbers = [int(row[0]) for row in rows]
    assert numbers[0] == 1 and numbers == sorted(numbers)
    if SEES_RAISE:
        number = next(row[0] for row in rows if row[1] == "KeyError")
        assert f"because of exception {number}, KeyError: 'first'\n" in text
    done = relive("exc", out, cwd=tmp_path)
    assert done.stderr.decode() == "next: relive exc --nth 2 out.relive\n"
    assert b"left the outermost frame" not in done.stdout


CHAIN = """\
import sys
import pluggy
spec, implement = pluggy.HookspecMarker("p"), pluggy.HookimplMarker("p")
class Specs:
    @spec
    def parse(self, text): pass
class Plugin:
    @implement
    def parse(self, text): return int(text)
manager = pluggy.PluginManager("p")
manager.add_hookspecs(Specs)
manager.register(Plugin())
def load(text):
    try: return manager.hook.parse(text=text)
    except ValueError as error: raise KeyError('load') from error
try: load('x' * 100)
except KeyError: sys.exit(3)
"""


@pytest.mark.skipif(not SEES_RAISE, reason="who caught it is not visible")
def test_causes_come_first_libraries_are_folded_and_an_exit_is_only_listed(record, tmp_path):
    record(CHAIN)
    done = relive("exc", "--nth", "3", "out.relive", cwd=tmp_path)
    cause, effect, listed = done.stdout.decode().split("\n\n")
    assert "SystemExit" in listed.splitlines()[0]
    assert cause.startswith("exception 2, ValueError: ")
    assert "\n  ... 1 frame, as below\n" in cause
    assert re.search(r"\n  \.\.\. \d+ frames of pluggy \(--full shows them\)\n", cause)
    assert "HookCaller" not in cause and f"text='{'x' * 100}'" not in cause
    assert effect.startswith("KeyError: 'load'\n  because of exception 2, ValueError: ")
    assert done.stderr.decode() == "next: relive exc --nth 4 out.relive\n"  # pluggy's own
    full = relive("exc", "--full", "out.relive", cwd=tmp_path).stdout.decode()
    shown = full.split("\n\n")[1]  # not the exit, which is the first of the list
    assert (
        shown.startswith("exception 2, ValueError: ")
        and ":HookCaller.__call__(" in shown
        and f"text='{'x' * 100}'" in shown
    )


def test_old_recordings_do_not_guess_at_lines():
    path = ROOT / "tests" / "golden" / "good" / "shop-1.relive"
    (story,) = stories(path)
    assert places(story) == [] and [frame["line"] for frame in story["frames"]] == [
        None, None, 29, 18]  # fmt: skip
    text = relive("exc", path).stdout.decode()
    assert "shop.py:?  __main__:main()  (the recording does not say at which line)" in text


def test_the_line_of_an_event_of_an_exception_is_where_it_was(record):
    source = "def f():\n    x = 1\n    raise KeyError\ntry:\n    f()\nexcept KeyError:\n    pass\n"
    _, _, events = record(source, "--level", "lines")
    told = [(e["kind"], e["line"]) for e in events if e.get("exc_type") == "KeyError"]
    assert told == [("raise", 3), ("unwind", 3), ("handled", 6)]


PASSED_ON = """
import json
def raises(): raise OSError(1)
def past_clauses():
    try:
        x = 1
        raises()
    except KeyError:
        pass
    except ValueError:
        pass
def through_finally():
    try:
        raises()
    finally:
        x = 2
        x = 3
def again():
    try:
        raises()
    except OSError:
        x = 1
        raise
def by_name():
    try:
        raises()
    except OSError as error:
        x = 1
        raise error
def another():
    try:
        raises()
    except OSError:
        x = 1
        raise KeyError(2)
lines = []
for function in (past_clauses, through_finally, again, by_name, another):
    try:
        function()
    except Exception as error:
        lines.append([function.__name__, error.__traceback__.tb_next.tb_lineno])
print(json.dumps(lines))
"""


@pytest.mark.parametrize("level", ["values", "lines"])
def test_an_exception_leaves_a_frame_at_the_line_of_its_traceback(record, level):
    done, _, events = record(PASSED_ON, "--level", level)
    expected = json.loads(done.stdout)
    told = [
        [event["func"].rpartition(":")[2], event["line"]]
        for event in events
        if event["kind"] == "unwind" and not event["func"].endswith(":raises")
    ]
    assert told == expected


WITHOUT_TRACEBACK = """
def raised():
    raise ValueError("one")
def removes():
    try:
        raised()
    except ValueError as e:
        e.__traceback__ = None
        raise
def replaces():
    try:
        raised()
    except ValueError as e:
        kept = e
    raise kept.with_traceback(None)
for f in (removes, replaces):
    try:
        f()
    except ValueError:
        pass
"""


@pytest.mark.parametrize("level", ("calls", "lines") if SEES_RAISE else ("lines",))
def test_an_exception_whose_traceback_is_removed(record, tmp_path, level):
    done, _, _ = record(WITHOUT_TRACEBACK, "--level", level)
    assert done.returncode == 0, done.stderr
    found = [(places(s)[1:], s["fate"]) for s in stories(tmp_path / "out.relive")]
    caught = "caught in __main__:<module> at prog.py:19"
    assert found[0] == ([["removes", 6], ["raised", 3]], caught)
    assert found[-1] == ([["replaces", 15]], caught)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="a static class of C with a dot came then")
def test_an_exception_of_c_is_called_by_its_name_alone(record):
    source = "import _interpreters\ntry:\n    _interpreters.is_running(9999)\n"
    _, _, events = record(source + "except Exception:\n    pass\n")
    types = {e["exc_type"] for e in events if "exc_type" in e}
    assert types == {"InterpreterNotFoundError"}


REPLACED = """
def clean():
    try: raise KeyError('inner')
    except KeyError: pass
class Manager:
    def __enter__(self): pass
    def __exit__(self, *why):
        clean()
        error = LookupError('outer')
        try: raise error
        finally: error.__context__ = None
try:
    with Manager(): raise ValueError('first')
except LookupError: pass
"""


@pytest.mark.skipif(not SEES_RAISE, reason="raises are seen from 3.12 on")
def test_what_a_clean_up_catches_itself_replaces_nothing(record, tmp_path):
    record(REPLACED)
    first, inner, outer = stories(tmp_path / "out.relive")
    by = f"exception {outer['number']}, LookupError"
    assert first["fate"] == f"replaced in __main__:<module> by {by}"


def test_a_generator_that_nobody_finishes_is_no_exception(record, tmp_path):
    source = "def f(xs): return any(x > 1 for x in xs)\nfor i in range(9): f([1, 2, 3])\n"
    record(source)  # 3.13 closes it without an event
    text = relive("exc", tmp_path / "out.relive").stdout.decode()
    assert text.startswith("no exception of the program was recorded")
    page = relive("summary", tmp_path / "out.relive").stdout.decode()
    assert "exception 1" not in page and "an exception left" not in page


def test_at_a_prompt_an_exception_ends_nothing(tmp_path):
    out = tmp_path / "out.relive"
    words = [sys.executable, "-i", "-c", "print(1)"]
    done = relive("record", "-o", out, *words, stdin=b"1/0\nprint(2)\n", cwd=tmp_path)
    assert done.returncode == 0 and b"2" in done.stdout
    (error,) = [s for s in stories(out) if s["type"] == "ZeroDivisionError"]
    if sys.version_info < (3, 13):  # later prompts catch it themselves
        assert error["fate"] == "uncaught: it left the outermost frame"


def test_one_of_a_thing_is_in_the_singular(record, tmp_path):
    source = "def f():\n    raise KeyError\n    yield\ntry: next(f())\nexcept KeyError: pass\n"
    record(source + "raise LookupError\n")
    out = tmp_path / "out.relive"
    text = relive("exc", out).stdout.decode()
    assert "\nLookupError\nat T1@" in text
    assert " 1 chunks" not in relive("check", out).stdout.decode()
    assert " 1 functions " not in relive("gaps", out).stdout.decode()


def test_an_exception_that_the_hook_does_not_show_is_no_damage(tmp_path):
    """setprofile shows no exception, but that it left the outermost frame."""
    (tmp_path / "prog.py").write_text("def f():\n yield 1\n yield 2\ng = f()\nnext(g)\n")
    relive("record", "--backend", "setprofile", "-o", "o.relive", "prog.py", cwd=tmp_path)
    checked = relive("check", "o.relive", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout

"""Another tool's trace function is on: breakpoints stop on each version. What does not work up to
3.11 is said in one sentence. tests/doors/test_tracers.py has coverage, pytest-cov and debugpy."""

import sys

import pytest
from conftest import clean_environ, relive, run

# A trace function of the program, on before or after the breakpoints are set.
PROGRAM = """\
import sys
from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime
def f(n):
    t = n
    t += 1
    return t
def g(n):
    u = n
    breakpoint()
    return u
def tracer(frame, event, arg):
    if frame.f_code.co_name in ("f", "ask"):
        seen.append((event, frame.f_code.co_name))
    return tracer
seen = []
def ask():
    return True
def set_them():
    runtime.initialize()
    runtime.on_log = lambda text, one, frame: print("log:", text)
    runtime.update_breakpoints(__file__, [
        Breakpoint(__file__, 6, condition="t == 1"),
        Breakpoint(__file__, 6, condition="ask() and t == 5"),
        Breakpoint(__file__, 7, log_message="t is {t}"),
    ])
import relive
if sys.argv[1] == "before":
    sys.settrace(tracer)
set_them()
if sys.argv[1] == "after":
    sys.settrace(tracer)
relive.set_trace(commands=["c"])
set_them()
del seen[:]
print("f gives", f(1), f(2), f(5))
events = [name for event, name in seen if event == "call"]
print("traced", events, sys.gettrace() is tracer)
print("g gives", g(7))
"""
SENTENCE = "another tool's trace function is on in this thread (up to 3.11): it cannot step here"
HAS_HOOK = sys.version_info < (3, 12)
STEPPED = [] if HAS_HOOK else ["c"]  # a step that cannot be goes on to the next breakpoint


def debug(tmp_path, *words, commands):
    (tmp_path / "app.py").write_text(PROGRAM)
    text = "\n".join(commands) + "\n"
    environ = dict(clean_environ(), PYTHONBREAKPOINT="relive.set_trace", HOME=str(tmp_path))
    done = run(sys.executable, "app.py", *words, cwd=tmp_path, stdin=text.encode(), env=environ)
    return done, done.stdout.decode()


@pytest.mark.parametrize("order", ["before", "after"])
def test_each_kind_of_breakpoint_stops(tmp_path, order):
    commands = ["p 'first', t", "t = 40", "n", *STEPPED, "p 'fifth', t", "c"]
    done, text = debug(tmp_path, order, commands=[*commands, "p 'mine', u", "w", "c"])
    assert done.returncode == 0, done.stderr
    assert "('first', 1)" in text and "app.py(6)f()\n-> t += 1" in text, text
    assert "('fifth', 5)" in text and "('mine', 7)" in text
    assert "f gives 41 3 6" in text and "g gives 7" in text  # what was assigned is there
    assert [line[5:] for line in text.splitlines() if "log:" in line][-1].endswith("t is 6")
    assert text.count("log: t is") == 3
    # The tool has the program's calls, and none of the debugger's.
    assert "traced ['f', 'f', 'f'] True" in text
    assert (SENTENCE in text) == HAS_HOOK, text
    if not HAS_HOOK:
        assert "app.py(7)f()" in text


def test_what_needs_a_trace_function_says_so_once(tmp_path):
    (tmp_path / "app.py").write_text(
        "import sys\ndef f():\n    try:\n        int('x')\n    except ValueError:\n        pass\n"
        "sys.settrace(lambda *_: None)\nf()\nf()\nprint('ends')\n"
    )
    done = relive(
        "debug", "--catch", "raised", "app.py", cwd=tmp_path, stdin=b"c\nc\nc\n",
    )  # fmt: skip
    text = done.stdout.decode()
    assert "ends" in text and done.returncode == 0, done.stderr
    missed = "watches and `raised` do not stop in this thread"
    assert text.count(missed) == int(HAS_HOOK), text
    assert text.count("Raised: ValueError") == (0 if HAS_HOOK else 2)


def test_a_step_ends_where_the_program_sets_its_own_trace_function(tmp_path):
    source = "import sys\ndef f():\n    return 1\nsys.settrace(lambda *_: None)\nf()\nf()\n"
    (tmp_path / "app.py").write_text(source)
    commands = b"n\nn\nb 3\nc\nc\np 6 * 7\nc\nc\n"
    done = relive("debug", "app.py", cwd=tmp_path, stdin=commands)
    assert b"app.py(3)f()" in done.stdout and done.returncode == 0, done.stdout

"""At the prompt: `restart`, `debug EXPR`, and the stack of an exception."""

import os
import signal
import sys

import pytest
from conftest import relive, run
from debugging_terminal import Terminal

ARGS = """\
import sys
def f(n):
    return 10 // n
print("args", sys.argv[1:], __name__, "RELIVE_DEBUG" in __import__("os").environ)
for k in (2, 1, 0):
    f(k)
"""


def prompt(tmp_path, commands, source=ARGS, words=("z",), options=(), target=("app.py",)):
    (tmp_path / "app.py").write_text(source)
    text = "\n".join(commands) + "\n"
    done = relive("debug", *options, *target, *words, cwd=tmp_path, stdin=text.encode())
    return done, done.stdout.decode()


def test_restart_keeps_what_was_set(tmp_path):
    commands = [
        "b 3, n == 1",
        "b 1",
        "ignore 2 7",
        "disable 2",
        "cl 2",
        "tbreak 5",
        "commands 1",
        "p 'at three', n",
        "end",
        "alias twice p 2 * (%1)",
        "catch raised KeyError",
        "restart a 'b c'",
        "b",
        "catch",
        "c",
        "c",
        "twice n",
        "q",
    ]
    done, text = prompt(tmp_path, commands)
    assert done.returncode == 0 and not done.stderr, done.stderr
    before, again = text.split("Restarting app.py with arguments:\n\ta b c\n")
    assert "args" not in before
    assert "1   breakpoint   keep yes" in again and "stop only if n == 1" in again
    assert "2   breakpoint" not in again and "3   breakpoint   del  yes" in again
    assert "raised KeyError" in again and "uncaught *" in again
    assert "args ['a', 'b c'] __main__ False" in again
    assert "app.py(5)<module>()" in again and "('at three', 1)" in again
    assert again.rstrip().endswith("(relive) 2\n(relive)")


def test_restart_again_with_the_same_arguments_and_what_is_still_to_be_read(tmp_path):
    source = "import sys\nprint('read', sys.stdin.readline())\n"
    commands = ["n", "restart", "n", "restart", "n", "n", "of the program", "p 6 * 7", "c"]
    done, text = prompt(tmp_path, commands, source)
    assert text.count("Restarting app.py with arguments:\n\tz\n") == 2
    assert "read of the program" in text and "(relive) 42" in text and done.returncode == 0


def test_a_prompt_within_the_prompt_after_a_restart(tmp_path):
    commands = ["restart", "n", "n", "debug f(x)", "s", "s", "p n", "c", "p 'outer'", "c"]
    _, text = prompt(tmp_path, commands, NESTED)
    assert "((relive)) 5\n" in text and "\n(relive) 'outer'" in text, text


def test_restart_and_an_interrupt_at_a_terminal(tmp_path):
    source = "import time\nwhile True:\n    print('round')\n    time.sleep(0.01)\n"
    terminal = Terminal(tmp_path, source)
    for typed in ("b 3", "restart", "c", "cl 1", "c"):
        terminal.read("(relive) ")
        os.write(terminal.fd, typed.encode() + b"\n")
    terminal.read("round\r\n")
    os.kill(terminal.process.pid, signal.SIGINT)
    assert "Program interrupted" in terminal.read("(relive) ")
    os.write(terminal.fd, b"p 6 * 7\n")
    assert "42" in terminal.run("q") and terminal.process.returncode == 0


def test_restart_of_a_module_in_its_first_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    source = "import os, sys\nos.chdir('elsewhere')\nprint('args', sys.argv[1:])\n"
    commands = ["n", "n", "restart x", "n", "n", "c"]
    done, text = prompt(tmp_path, commands, source, ["y"], target=["-m", "app"])
    assert "args ['x']" in text and "['y']" not in text and done.returncode == 0, done.stderr


def test_restart_from_the_stop_of_an_uncaught_exception(tmp_path):
    commands = ["c", "restart", "p k", "c", "p n", "q"]
    _, text = prompt(tmp_path, commands)
    assert text.count("Uncaught: ZeroDivisionError") == 2 and "*** NameError" in text
    assert text.rstrip().endswith("(relive) 0\n(relive)")


def test_restart_where_it_cannot_be_says_why(tmp_path):
    _, text = prompt(tmp_path, ["restart '", "q"])
    assert "*** Cannot run ': No closing quotation" in text
    path = tmp_path / "own.py"
    path.write_text("import relive\nrelive.set_trace()\nprint('goes on')\n")
    done = run(sys.executable, path, stdin=b"restart\nc\n")
    assert b"*** only the process that `relive debug` began can restart" in done.stdout
    assert b"goes on" in done.stdout


NESTED = """\
def f(n):
    m = n + 1
    return m
x = 5
y = f(1)
z = 7
"""


def test_debug_opens_a_prompt_within_the_prompt(tmp_path):
    inner = ["s", "s", "n", "p m", "debug f(m)", "b f", "c", "n", "p m", "c", "p 'inner'", "c"]
    commands = ["n", "n", "debug f(x)", *inner, "p 'outer'", "c", "p n", "c"]
    done, text = prompt(tmp_path, commands, NESTED)
    assert done.returncode == 0, done.stderr
    assert text.count("ENTERING RECURSIVE DEBUGGER") == text.count("LEAVING RECURSIVE") == 2
    assert "((relive)) 6\n" in text and "(((relive))) 7\n" in text
    assert "\n((relive)) 'inner'" in text and "\n(relive) 'outer'" in text
    assert text.index("'outer'") < text.index("\n(relive) 1\n"), text  # the program's own call


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("debug 1 +", "*** SyntaxError"), ("debug nothing", "*** NameError"), ("debug", "what shall")],
)
def test_debug_of_a_mistake_says_so_and_the_stop_stays(tmp_path, typed, shown):
    inner = ["c"] if typed == "debug nothing" else []
    done, text = prompt(tmp_path, ["n", typed, *inner, "n", "p x", "c"], NESTED)
    assert shown in text and "\n(relive) 5" in text.replace("(relive) >", ">"), text
    assert done.returncode == 0


def test_quitting_an_inner_prompt_leaves_the_outer_one(tmp_path):
    done, text = prompt(tmp_path, ["n", "n", "debug f(3)", "s", "q", "p x", "c"], NESTED)
    assert "\n(relive) 5" in text and done.returncode == 0


def test_what_debug_assigns_reaches_the_frame(tmp_path):
    commands = ["b 2", "c", "debug n = 41", "c", "n", "p m", "c"]
    _, text = prompt(tmp_path, commands, NESTED)
    assert "(relive) 42\n" in text


CALLED_BY_A_LIBRARY = """\
import functools
def fails(one, two):
    raise KeyError(two) from ValueError(one)
def work():
    mine = "the caller's"
    try:
        functools.reduce(fails, [1, 2])
    except KeyError:
        pass
def through():
    import contextlib
    with contextlib.suppress(KeyError):
        work_in_a_library()
def work_in_a_library():
    import bisect
    class Key:
        def __getitem__(self, i):
            raise KeyError(i)
        def __len__(self):
            return 3
    import random
    random.Random(1).choice(Key())
through()
"""


def test_an_exception_that_leaves_keeps_the_frames_above(tmp_path):
    options = ["--catch", "user_unhandled"]
    _, text = prompt(
        tmp_path, ["c", "w", "u", "u", "p 6 * 7", "q"], CALLED_BY_A_LIBRARY, [], options
    )
    assert "Leaves your code: KeyError" in text
    shown = text[text.index("(relive)   ") :]
    names = [line.split(")")[-2].split("(")[0] for line in shown.splitlines() if "app.py(" in line]
    assert names[:4] == ["<module>", "through", "work_in_a_library", "__getitem__"], text
    assert "42" in shown


CHAIN = """\
def first():
    raise ValueError("first")
def second():
    try:
        first()
    except ValueError as error:
        raise KeyError("second") from error
second()
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pdb has `exceptions` from 3.13 on")
def test_exceptions_shows_the_chain_and_the_real_object(tmp_path):
    commands = ["c", "exceptions", "p $_exception.__cause__", "exceptions 0", "p $_exception", "q"]
    _, text = prompt(tmp_path, commands, CHAIN, [])
    assert "    0 ValueError('first')" in text and ">   1 KeyError('second')" in text, text
    assert text.count("(relive) ValueError('first')") == 2 and "app.py(2)first()" in text


HANDLED = """\
def divide():
    try:
        1 / 0
    except ZeroDivisionError:
        raise KeyError("second")
divide()
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pdb has `exceptions` from 3.13 on")
def test_a_cause_is_shown_at_the_line_that_raised_it_though_its_frame_went_on(tmp_path):
    commands = ["c", "exceptions 0", "exceptions 1", "exceptions 0", "w", "q"]
    _, text = prompt(tmp_path, commands, HANDLED, [])
    assert text.count("app.py(3)divide()\n-> 1 / 0") == 3, text
    assert text.count("app.py(5)divide()") == 2 and text.count("app.py(6)<module>()") == 1, text

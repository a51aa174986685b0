"""Where the prompt stops: at the last statement, at calls, returns and exceptions, as pdb does."""

import re
import sys

from conftest import run
from debugging_terminal import Terminal

AT_THE_CALL = sys.version_info >= (3, 13)


def piped(tmp_path, source, *commands):
    """Runs a program in which breakpoint() opens Relive's prompt."""
    path = tmp_path / "last.py"
    path.write_text(source)
    done = run(
        sys.executable, path, env={"PYTHONBREAKPOINT": "relive.set_trace"},
        stdin="\n".join([*commands, ""]).encode(),
    )  # fmt: skip
    return done.stdout.decode()


def test_a_breakpoint_call_that_ends_a_function_stops_there(tmp_path):
    source = (
        "def view(x):\n    y = x + 1\n    breakpoint()\n\n\ndef main():\n    view(41)\n"
        '    print("after")\n\n\nmain()\n'
    )
    text = piped(tmp_path, source, "p y", "w", "c")
    assert "last.py(3)view()" in text and "(relive) 42" in text and "after" in text, text
    assert ("--Return--" in text) != AT_THE_CALL, text


def test_a_breakpoint_call_that_ends_the_program_stops(tmp_path):
    text = piped(tmp_path, "x = 1\nbreakpoint()\n", "p x", "c")
    assert "last.py(2)<module>()" in text and "(relive) 1" in text, text


def test_breakpoint_calls_open_this_prompt_under_relive_debug(tmp_path):
    source = (
        "def view(x):\n    y = x + 1\n    breakpoint()\n    return y\n\n\nprint(view(41))\n"
        "import pdb\nz = view(1) + 5\npdb.set_trace()\n"
    )
    text = Terminal(tmp_path, source, "--catch", "off").run("c", "p y", "c", "c", "p z + 1", "c")
    assert "view()" in text and "42" in text and "\n8" in text, text
    assert "app.py(10)<module>()" in text and "(Pdb)" not in text, text


CALLS = """\
def inner(n):
    return n * 2

def outer():
    got = inner(21)
    try:
        int("no")
    except ValueError:
        got += 1
    return got

print("result", outer())
"""


def test_calls_returns_and_exceptions_stop_as_with_pdb(tmp_path):
    text = Terminal(tmp_path, CALLS, "-b", "app.py:5").run(
        "s", "s", "s", "retval", "n", "n", "n", "c"
    )
    assert "--Call--" in text and "app.py(1)inner()" in text, text
    assert "--Return--" in text and "app.py(2)inner()->42" in text and "\n42" in text, text
    assert "ValueError: invalid literal" in text and "app.py(7)outer()" in text, text
    assert "result 43" in text, text


def test_hits_to_ignore_count_down_and_survive_other_breakpoints(tmp_path):
    source = 'def f(i):\n    return i\n\n\nfor i in range(5):\n    f(i)\nprint("end")\n'
    text = Terminal(tmp_path, source).run(
        "b 2", "ignore 1 2", "c", "p 'first', i", "b 7", "b", "c", "p 'next', i", "cl 1", "c", "c"
    )
    assert "('first', 2)" in text and "('next', 3)" in text, text
    assert "already hit 3 times" in text and "ignore next 2 hits" not in text, text


def test_a_condition_that_raises_says_so_and_stops_each_time(tmp_path):
    source = "for i in range(3):\n    n = i\n"
    text = Terminal(tmp_path, source, "-b", "app.py:2 if i.nothing").run(
        "p i", "c", "p i", "c", "c"
    )
    assert text.count("the condition raised an error") == 3 and "AttributeError" in text, text
    assert text.count("app.py(2)<module>()") == 3, text


TASKS = """\
import asyncio
async def work(n):
    m = n + 1
    await asyncio.sleep(0.01)
    return m
async def main():
    a = asyncio.create_task(work(1))
    x = await a
    print("x", x)
asyncio.run(main())
print("end")
"""


def test_next_at_the_end_of_a_task_stops_at_who_awaits_it(tmp_path):
    """And behind the loop once its last task has ended, never in asyncio itself."""
    awaits = [("8", "main")] if sys.version_info < (3, 15) else []  # 3.15 raises nothing there
    text = Terminal(tmp_path, TASKS, "-b", "app.py:3").run(*["n"] * (5 + len(awaits)), "c")
    lines = re.findall(r"app\.py\((\d+)\)(\w+|<module>)\(", text)
    assert lines == [
        ("3", "work"), ("4", "work"), ("5", "work"), *awaits, ("9", "main"), ("11", "<module>"),
        ("11", "<module>"),
    ], text  # fmt: skip
    assert "events.py" not in text and "x 2" in text


def test_next_at_the_end_of_a_generator_stops_though_its_caller_has_no_line_left(tmp_path):
    source = (
        "def numbers():\n    yield 1\n    print('last')\n\n\ndef outer():\n"
        "    return list(numbers())\n\n\nprint(outer())\n"
        "import asyncio\nasync def main():\n    return 5\nprint(asyncio.run(main()))\n"
    )
    text = Terminal(tmp_path, source, "-b", "app.py:3", "-b", "app.py:13").run(*["n"] * 6, "c")
    lines = re.findall(r"app\.py\((\d+)\)(\w+|<module>)\(", text)
    assert lines[:3] == [("3", "numbers"), ("7", "outer"), ("11", "<module>")], text
    assert ("14", "<module>") in lines and text.count("--Return--") == 2, text


def test_a_step_behind_a_task_goes_on_in_what_runs_next(tmp_path):
    text = Terminal(tmp_path, TASKS, "-b", "app.py:5").run("s", "s", "s", "c")
    assert "app.py(8)main()" in text and "asyncio/" not in text, text

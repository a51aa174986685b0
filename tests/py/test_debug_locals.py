"""What is assigned at a stop reaches the program: at once, and for that name alone."""

import json
import sys

import pytest
from conftest import run
from debugging import HEAD, LENGTH
from debugging_terminal import Terminal

from relive.debug.engine import runtime

FUNCTION = """\
def f(by):
    kept = [by]
    other = 2
    done = (by, other, kept)
    print("by", by, "other", other)

f(3)
"""


@pytest.mark.parametrize(
    ("commands", "printed"),
    [
        (["!by = 100"], "by 100 other 2"),
        (["!by = 100", "p by", "!by"], "by 100 other 2"),
        (["!by = 100", "!other = 5"], "by 100 other 5"),
        (["!by = 100", "u", "d", "p by", "args", "display by"], "by 100 other 2"),
        (["!by = 100", "n", "p by"], "by 100 other 2"),
        (["n", "!by = 100", "p locals()"], "by 100 other 2"),
        (["!by += 1", "!by += 1"], "by 5 other 2"),
        (["!new = 7", "!by = new"], "by 7 other 2"),
        (["!by, other = 8, 9"], "by 8 other 9"),
    ],
)
def test_assignments_at_the_prompt_reach_the_function(tmp_path, commands, printed):
    text = Terminal(tmp_path, FUNCTION, "-b", "app.py:4").run(*commands, "c")
    assert printed in text, text


def test_assignments_in_a_caller_reach_it(tmp_path):
    source = (
        "def inner():\n    return 1\n\n\ndef outer():\n    mine = 1\n    inner()\n"
        '    print("mine", mine)\n\n\nouter()\n'
    )
    text = Terminal(tmp_path, source, "-b", "app.py:2").run("u", "!mine = 42", "d", "c")
    assert "mine 42" in text, text


def test_assignments_reach_generators_classes_and_cells(tmp_path):
    source = (
        "def gen():\n    step = 1\n    while True:\n        yield step\n\n\n"
        "class Kind:\n    size = 1\n    double = size * 2\n\n\n"
        "def outer():\n    held = 1\n\n    def inner():\n        return held\n\n"
        "    held = 2\n    return inner()\n\n\n"
        'numbers = gen()\nnext(numbers)\nprint("got", next(numbers), Kind.double, outer())\n'
    )
    options = [word for line in (4, 9, 16) for word in ("-b", f"app.py:{line}")]
    text = Terminal(tmp_path, source, *options).run(
        "!size = 5", "c", "c", "!step = 6", "c", "!held = 7", "c"
    )
    assert "got 6 10 7" in text, text


def test_an_assignment_in_a_comprehension_reaches_it(tmp_path):
    source = "def f(many, k):\n    return [\n        x * k\n        for x in many\n    ]\n\n\n"
    text = Terminal(tmp_path, source + "print(f([1, 2], 10))\n", "-b", "app.py:3 if x == 2").run(
        "!x = 5", "p 'x is', x", "c"
    )
    assert "('x is', 5)" in text and "[10, 50]" in text, text


def test_a_local_is_deleted_or_the_reason_is_printed(tmp_path):
    source = (
        "def f():\n    gone = 1\n    try:\n        print(gone)\n"
        '    except UnboundLocalError:\n        print("un" + "bound")\n\n\nf()\n'
    )
    text = Terminal(tmp_path, source, "-b", "app.py:3").run("del gone", "c")
    if sys.version_info >= (3, 13):
        assert "unbound" not in text and "*** " in text, text
    elif sys.version_info >= (3, 12):
        assert "gone is None now" in text and "unbound" not in text, text
    else:
        assert "unbound" in text, text


PLAIN = """\
def f(by):
    made = 1
    shared = 1
    def change():
        nonlocal shared
        shared = 2
    done = 1
    return by, made, shared
"""


def in_file(tmp_path, source):
    path = tmp_path / "own.py"
    path.write_text(HEAD % LENGTH + source)
    done = run(sys.executable, path)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.splitlines()[-1])


def test_a_plain_f_locals_is_compared_after_the_stop(tmp_path):
    stop = (
        "def change_one(frame):\n    frame.f_locals['by'] = 100\n"
        "script.append(change_one)\nstop_at(7)\nprint(json.dumps(f(3)))\n"
    )
    assert in_file(tmp_path, PLAIN + stop) == [100, 1, 1]


def test_variables_write_at_once_and_read_what_is_there_now(tmp_path):
    stop = (
        "def change_more(frame):\n    found = runtime.variables(frame)\n    found['by'] = 100\n"
        "    assert found['by'] == 100 and frame.f_locals['by'] == 100\n"
        "    found['made'] = found['by'] + 1\n    assert len(found) == len(list(found))\n"
        "script.append(change_more)\nstop_at(7)\nprint(json.dumps(f(3)))\n"
    )
    assert in_file(tmp_path, PLAIN + stop) == [100, 101, 1]


def test_a_cell_that_another_thread_changes_during_the_stop_keeps_its_value(tmp_path):
    stop = (
        "import threading\n"
        "def change_cell(frame):\n    frame.f_locals['by'] = 100\n"
        "    thread = threading.Thread(target=frame.f_locals['change'])\n"
        "    frame.f_locals['by'] = 101\n    thread.start()\n    thread.join()\n"
        "    assert runtime.variables(frame)['shared'] == 2\n"
        "    runtime.variables(frame)['made'] = 9\n"
        "script.append(change_cell)\nstop_at(7)\nprint(json.dumps(f(3)))\n"
    )
    assert in_file(tmp_path, PLAIN + stop)[1:] == [9, 2]


def test_conditions_and_log_messages_that_assign_reach_the_frame(tmp_path):
    stop = (
        "stop_at(7, condition='(by := 50) < 0')\nfirst = f(3)\n"
        "stop_at(7, log_message='{(made := 60)}')\nprint(json.dumps([first, f(3), logs, stops]))\n"
    )
    assert in_file(tmp_path, PLAIN + stop) == [[50, 1, 1], [3, 60, 1], ["60"], []]


def make_frame(one, two):
    return sys._getframe()


def test_the_variables_of_a_frame_join_with_a_dictionary():
    seen = runtime.variables(make_frame(1, 2))
    assert seen.__ror__({"one": 0, "other": 5}) == {"one": 1, "two": 2, "other": 5}
    assert seen.__or__({"two": 0}) == {"one": 1, "two": 0}
    if sys.version_info >= (3, 9):
        assert {"one": 0} | seen == {"one": 1, "two": 2}

"""Loops that stay on one line: from 3.12 on a jump back within a line has no LINE event."""

import os
import signal
import time

import pytest
from debugging_terminal import Terminal

# Each runs until `over` has something. `began` is set before.
LOOPS = """\
import asyncio, itertools, threading, time
over, began = [], threading.Event()
go = lambda *_: not over
class Once:
    def empty(self):
        return not over
def while_pass():
    began.set()
    while not over: pass
def while_true():
    began.set()
    try:
        while True: 1 / (not over)
    except ZeroDivisionError: return
def while_sleep():
    began.set()
    while not over: time.sleep(0)
def while_method():
    one = Once(); began.set()
    while one.empty(): continue
def for_pass():
    began.set()
    for _ in iter(over.__len__, 1): pass
def list_made():
    began.set()
    return [one for one in iter(over.__len__, 1)]
def dict_made():
    began.set()
    return {one: 1 for one in iter(over.__len__, 1)}
def generator_made():
    began.set()
    return sum(one for one in itertools.takewhile(go, itertools.count()))
def nested():
    began.set()
    for _ in (one for one in iter(over.__len__, 1) for two in 'ab'): pass
def recursion():
    began.set()
    def down(n): return n and down(n - 1)
    while not over: down(20)
def coroutine():
    async def wait():
        began.set()
        while not over: await asyncio.sleep(0)
    asyncio.run(wait())
def suspended():
    async def wait():
        began.set()
        while not over: await asyncio.sleep(0.01)
    asyncio.run(wait())
def run(name):
    stops.clear(); over.clear(); began.clear()
    script[:] = [lambda frame: over.append(1)]
    thread = threading.Thread(target=globals()[name], daemon=True)
    thread.start(); began.wait()
    time.sleep(0.05)
    runtime.pause(thread.ident)
    thread.join(20)
    is_alive = thread.is_alive()
    over.append(1); thread.join(20)
    return [is_alive, len(stops), stops[0][2] if stops else None]
runtime.shutdown()
assert runtime.initialize({})
"""
NAMES = [line[4:-3] for line in LOOPS.splitlines() if line.startswith("def ") and "():" in line]


def test_pause_stops_a_thread_in_a_loop_on_one_line(debug):
    told = debug(LOOPS + f"found = {{name: run(name) for name in {NAMES!r}}}\ntell(found=found)")
    assert len(NAMES) == 12 and told["found"] == {name: [False, 1, "pause"] for name in NAMES}


TURNS = """\
def repeats(n=None):
    for i in range(3): n = i
    return n
def counts():
    i = 3
    while i: i -= 1
    return i
def makes():
    return [i for i in range(3)]
def sums():
    return sum(i for i in range(3))
def several():
    for i in range(3):
        n = i
    while i:
        i -= 1
    while True:
        i += 1
        if i > 2: return i
seen = []
"""


@pytest.mark.parametrize(
    ("call", "line", "lines"),
    [
        ("repeats()", 2, [2, 2, 2, 2, 3]),
        ("counts()", 6, None),  # up to 3.13 the line begins three times, later four times
        ("makes()", 9, None),
        ("sums()", 11, None),
        ("several()", 13, [13, 14, 13, 14, 13, 14, 13, 15, 16, 15, 16, 15]),
    ],
)
def test_each_turn_of_a_line_stops(debug, call, line, lines):
    told = debug(TURNS + f"stop_at({line}, once=True)\nscript[:] = ['i'] * 12\n{call}\ntell()")
    stops = [one for _, one, why in told["stops"]]
    assert stops.count(line) >= 3 and (lines is None or stops[: len(lines)] == lines), stops
    told = debug(TURNS + f"stop_at({line})\n{call}\ntell()")
    assert [one for _, one, why in told["stops"]].count(line) >= 3


def test_steps_stop_where_a_trace_function_has_line_events(debug):
    told = debug(
        TURNS + "import difflib, json.encoder, textwrap\n"
        "json.encoder.c_make_encoder = None\n"
        "def work():\n"
        "    repeats(); counts(); makes(); sums(); several()\n"
        "    textwrap.wrap('hello world this is ' * 5, 20)\n"
        "    json.dumps({'a': [1, 2, {'b': None}], 'c': 'x'})\n"
        "    list(difflib.unified_diff(list('abc'), list('acd')))\n"
        "    return 1\n"
        "lines = []\n"
        "def trace(frame, event, arg):\n"
        "    if event == 'line': lines.append([frame.f_code.co_name, frame.f_lineno - OFFSET])\n"
        "    return trace\n"
        "work()\n"
        "sys.settrace(trace); work(); sys.settrace(None)\n"
        "first = work.__code__.co_firstlineno + 1\n"
        "while lines[-1][0] != 'work': lines.pop()\n"
        "script[:] = ['i'] * (len(lines) - 1)\n"
        "stop_at(first - OFFSET, once=True)\nwork()\ntell(lines=lines)"
    )
    assert len(told["lines"]) > 500
    assert [[name, line] for name, line, _ in told["stops"]] == told["lines"]


def test_a_condition_and_a_log_see_each_turn(debug):
    told = debug(
        TURNS + "repeats()\n"  # without breakpoints: its jump is looked at once
        "runtime.update_breakpoints(__file__, [\n"
        "    Breakpoint(__file__, 2 + OFFSET, condition='n == 1'),\n"
        "    Breakpoint(__file__, 2 + OFFSET, log_message='{n}')])\n"
        "script[:] = [lambda frame: seen.append(frame.f_locals['n'])]\n"
        "repeats()\ntell(seen=seen)"
    )
    assert told["seen"] == [1] and told["logs"] == ["None", "0", "1", "2"]


def test_control_c_stops_a_loop_on_one_line_and_c_resumes(tmp_path):
    source = (
        "over = []\nprint('be' + 'gun')\nwhile not over: pass\n"
        "print('bet' + 'ween')\nfor _ in iter(over.__len__, 2): pass\nprint('all' + ' done')\n"
    )
    terminal = Terminal(tmp_path, source, "-b", "app.py:6")

    def interrupt(line):
        for _ in range(50):
            os.kill(terminal.process.pid, signal.SIGINT)
            text = terminal.read("(relive) ")
            if f"-> {line}" in text:
                return
            terminal.type("c")  # the signal came while the prompt was open
            time.sleep(0.1)
        raise AssertionError(text)

    terminal.read("begun")
    for _ in range(2):
        interrupt("while not over: pass")
        terminal.type("c")
        time.sleep(0.1)
    interrupt("while not over: pass")
    terminal.type("over.append(1)")
    terminal.read("(relive) ")
    terminal.type("c")
    terminal.read("between")
    interrupt("for _ in iter(over.__len__, 2): pass")
    terminal.type("over.append(1)")
    text = terminal.run("c", "c")
    assert "all done" in text and terminal.process.returncode == 0, text

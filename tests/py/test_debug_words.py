"""The words that the debugger's prompt and `relive replay` share."""

import argparse
import collections
import inspect
import io
import os
import re
import textwrap
import tokenize

import pytest
from conftest import relive
from debugging_terminal import Terminal

from relive.debug.values import show
from relive.prompt import syntax
from relive.prompt.breakpoints import CALL, LINE, parse_break, take_options

SHOP = """\
PRICES = {"tea": 3, "cake": 5}


def price(name, count):
    cost = PRICES[name] * count
    return cost


def leaf(n):
    return n + 1


def order(lines):
    total = 0
    for name, count in lines:
        total += price(name, count)
    return total


print(order([("tea", 2), ("cake", 1), ("tea", 4)]))
x = leaf(leaf(5) + leaf(price("tea", 2)))
print(x)
"""
TASKS = """\
import asyncio
import threading


async def fetch(n):
    await asyncio.sleep(0.001)
    return n * 2


def worker(n):
    more = n + 1
    return more


async def main():
    jobs = [asyncio.ensure_future(fetch(n)) for n in range(3)]
    for n, job in enumerate(jobs):
        job.set_name(f"job{n}")
    await asyncio.gather(*jobs)
    thread = threading.Thread(target=worker, args=(5,), name="Worker")
    thread.start()
    thread.join()


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
print("end")
"""
RECORDED = """\
import relive
relive.start("own.relive", level="lines")
def add(a, b):
    c = a + b
    return c
def main():
    total = 0
    for i in range(4):
        total = add(total, i)
    return total
main()
print("end")
"""


def typed(folder, source, commands, *options, code=0):
    (folder / "app.py").write_text(source)
    text = "\n".join(commands) + "\n"
    done = relive("debug", *options, "app.py", cwd=folder, stdin=text.encode())
    assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode()


def test_frames_source_and_values(tmp_path):
    text = typed(
        tmp_path, SHOP,
        ["b price", "c", "w 2", "a", "locals", "u", "p [name + k for k in 'xy']", "pp lines", "ll",
         "l 4", "d", "d", "u 9", "u", "c", "changed", "cl 1", "q"],
    )  # fmt: skip
    assert "name = 'tea'\ncount = 2\n(relive) name = 'tea'\ncount = 2\n" in text
    assert "['teax', 'teay']" in text and "[('tea', 2), ('cake', 1), ('tea', 4)]" in text
    assert (
        " 16  ->\t        total += price(name, count)" in text and "  4 B \tdef price" not in text
    )
    # From 3.13 on the first line of the body has it.
    assert "  4 B\tdef price(name, count):" in text or "  5 B\t    cost" in text
    assert "*** Newest frame" in text and "*** Oldest frame" in text
    assert "name = 'cake'  (was 'tea')\ncount = 1  (was 2)" in text


def test_a_step_may_have_a_number(tmp_path):
    text = typed(tmp_path, SHOP, ["b 14", "c", "n 3", "p total", "s 2", "w 1", "c", "q"])
    assert "app.py(16)order()" not in text.split("(relive) ")[3]
    assert "(relive) 6\n" in text
    # A breakpoint on the way ends the steps.
    text = typed(tmp_path, SHOP, ["b 14", "b 5", "c", "n 9", "p name", "q"])
    assert "app.py(5)price()" in text and "'tea'" in text


def test_breakpoints_have_options(tmp_path):
    commands = [
        'b 5 if count > 1, log "{name} x {count}"', "b 6, hit > 2, once", "b exc:KeyError", "b",
        "restart", "c", "p name, count", "c",
    ]  # fmt: skip
    text = typed(tmp_path, SHOP, commands)
    assert "hits that count: > 2" in text and "stop only if count > 1" in text
    assert "raised KeyError" in text and "Breakpoint 3" not in text
    assert "tea x 2\ntea x 4\n" in text and "cake x" not in text
    assert "(relive) ('tea', 4)\n" in text and text.count("app.py(6)price()") == 1
    text = typed(tmp_path, SHOP, ["c"], "-b", 'app.py:5, hit % 3, log "{name}"')
    assert text == "tea\n23\n14\n"


def test_a_breakpoint_that_is_refused_leaves_the_others_of_its_file(tmp_path):
    commands = ["b 5", "condition 1 count ==", "b 6", "b 5, hit % 0", "b", "c", "c", "q"]
    text = typed(tmp_path, SHOP, commands)
    assert "'% 0' is no hit condition" in text and "Breakpoint 3" not in text, text
    # An older pdb takes any condition, and the engine refuses it.
    assert text.count("count ==") == 1 or "'count ==' is no expression" in text, text
    assert "app.py(6)price()" in text


def test_options_are_told_from_conditions():
    one = parse_break("shop.py:12 if f(a, b), hit > 3, thread 2, once", "")
    assert (one.kind, one.file, one.line, one.condition) == (LINE, "shop.py", 12, "f(a, b)")
    assert one.options == {"hits": "> 3", "thread": "2"} and one.is_temporary
    assert parse_break("12, x == (1, 2)", "a.py").condition == "x == (1, 2)"
    assert parse_break("12, once", "a.py", names=["once"]).condition == "once"
    assert parse_break("order, task fetch", "").kind == CALL
    assert take_options('12, log "a, {b}"')[1] == {"log": "a, {b}"}
    assert take_options("12, hits > 3") == ("12, hits > 3", {})


def test_the_line_steps_into_a_chosen_call(tmp_path):
    commands = ["b 21", "c", "stepinto", "stepinto 3", "a", "r", "n", "q"]
    text = typed(tmp_path, SHOP, commands)
    calls = ["leaf(5)", 'price("tea", 2)', 'leaf(price("tea", 2))']
    listed = "".join(f"{number}  {one}\n" for number, one in enumerate(calls, 1))
    assert listed in text and "4  leaf(leaf(5) + leaf" in text
    assert "app.py(10)leaf()\n-> return n + 1\n(relive) n = 6\n" in text
    assert "this line has 4 calls" in typed(tmp_path, SHOP, ["b 21", "c", "stepinto 9", "c"])


def test_calls_of_a_function_are_traced(tmp_path):
    text = typed(tmp_path, SHOP, ["trace price", "context 3", "restart", "trace", "c"])
    assert text.count("  2  \t\n") == 1  # three lines at the stop behind the restart
    assert "price(name='cake', count=1)\nprice(name='tea', count=4)\n23\n" in text
    assert "price(" not in typed(tmp_path, SHOP, ["trace price", "trace off", "c"])


def test_threads_and_tasks(tmp_path):
    text = typed(
        tmp_path, TASKS,
        ["b 7, task job1", "b worker", "c", "tasks", "c", "threads", "thread 1", "u 3", "s",
         "thread Worker", "p n", "b 12, thread 7", "c"],
    )  # fmt: skip
    assert "job1  fetch()  runs in fetch() line 7" in text and text.count("(7)fetch()") == 1
    assert "job2  fetch()  waits in sleep()" in text
    assert "> MainThread" not in text and "> Worker  stopped in worker() line 11" in text
    assert "thread 2 has stopped: `thread 2` selects it" in text
    assert "(relive) 5\n" in text and "thread 7 does not run here" in text


@pytest.mark.parametrize(
    ("typed_text", "said"),
    [
        ("rs", "rs needs a recording, and none is made"),
        ("back", "back needs a recording"),
        ("history total", "history needs a recording"),
        ("watch nonsense", "there is no variable nonsense"),
        ("watch a[b]", "wanted is NAME"),
        ("p 1 +", "SyntaxError"),
        ("b 2, hit % 0", "'% 0' is no hit condition"),
        ('b 2, log "{x"', "what begins at '{x' is no {expression}"),
        ("thread x", "thread x does not run here: 1 MainThread do"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, typed_text, said):
    text = typed(tmp_path, "nope = 1\nprint(2)\n", ["n", typed_text, "c"])
    assert "*** " in text and said in text, text


def test_names_of_the_program_come_before_new_words(tmp_path):
    source = "out = [1]\nrc = 5\nlocals = 2\nprint(3)\n"
    text = typed(
        tmp_path, source, ["n", "n", "n", "out[0]", "rc", "locals + 40", "rc = 6", "p rc", "c"]
    )
    assert "(relive) 1\n(relive) 5\n(relive) 42\n(relive) (relive) 6\n" in text


def test_the_recording_opens_at_a_stop(tmp_path):
    text = typed(
        tmp_path, RECORDED,
        ["b 10", "c", "history total", "rs", "w", "rs", "q", "p total", "back b add; rc; a; q",
         "back", "goto add#2", "q", "calls add", "c"],
    )  # fmt: skip
    assert "3  by line 9" in text and "4 calls" in text
    assert "--Return--\n> app.py(5)add()->6" in text and text.count("(replay) ") == 5
    assert "(relive) > app.py(8)main()" in text
    assert "a = 3\nb = 3\n(relive) " in text and "app.py(3)add()  T1@" in text
    assert text.rstrip().endswith("end") and "(relive) 6\n" in text


def test_values_are_shown_without_code_of_the_program():
    class Loud:
        def __init__(self):
            self.inner = [self]

        def __repr__(self):
            raise AssertionError("code of the program runs")

        __getattr__ = __str__ = __len__ = __iter__ = __repr__

    class Slots:
        __slots__ = ("a",)

    class Rows(list):
        __repr__ = __iter__ = __len__ = None

    assert show(Loud()) == "Loud(inner=[Loud(inner=...)])"
    assert show({"a": (1,), 2: {3}, "e": set(), "f": frozenset([1])}) == (
        "{'a': (1,), 2: {3}, 'e': set(), 'f': frozenset({1})}"
    )
    assert show(Slots()).startswith("<Slots at 0x")
    assert show(list(range(30))).endswith("19, ... 10 more]")
    assert show("x" * 500).endswith("... (500 in all)")
    assert show(1 << 10000) == "<int of 10,001 bits>"
    assert show(Rows([1, 2])) == "Rows([1, 2])"
    assert show(collections.Counter("aab")) == "Counter({'a': 2, 'b': 1})"
    assert show(os) == "<module os>" and show(io.StringIO) == "<class StringIO>"


def test_a_terminal_names_thread_and_task_and_has_colours(tmp_path):
    text = Terminal(tmp_path, TASKS, "-b", "app.py:7", "-b", "app.py:11", "--context", "3").run(
        "p 1", "c", "c", "c", "threads", "c"
    )
    assert "[task job0] (relive) " in text and "[T2 Worker] (relive) " in text
    assert "\x1b[" not in text  # TERM=dumb
    assert "  6  \t    await" in text and "  7 " in text and "  8  \t" in text


def test_source_has_colours_on_a_terminal(tmp_path):
    def seen(**env):
        terminal = Terminal(tmp_path, SHOP, "-b", "app.py:5", env=env)
        return terminal.run("ll", "c", "cl 1", "c")

    text = seen(TERM="xterm", NO_COLOR="")
    assert "-> cost = PRICES[name] * count" in text
    assert "\x1b[35mdef\x1b[0m \x1b[1mprice\x1b[0m(name, count):" in text
    assert "\x1b[35mreturn\x1b[0m cost" in text and "\x1b[1m/" in text
    assert "\x1b[35m" not in seen(TERM="xterm", NO_COLOR="1")
    assert "\x1b[35m" not in seen(TERM="dumb", NO_COLOR="")


def test_a_line_of_a_long_text_is_coloured_as_one():
    lines = [
        "def f(x: int):  # why", '    """for one', "    class of", '    """',
        "    return 'a' + x1 + 1.5", "    @deco.x", "match x:", '    case "a#b": pass',
        "match = 3", 's = r"a\\', 'for"; t = 2',
    ]  # fmt: skip
    marks = {"35": "K", "32": "S", "36": "N", "2": "C", "1": "D", "0": "."}
    shown = [
        re.sub(r"\x1b\[(\d+)m", lambda found: f"<{marks[found[1]]}>", syntax.coloured(*row))
        for row in zip(lines, syntax.states(lines))
    ]
    assert shown == [
        "<K>def<.> <D>f<.>(x: int):  <C># why<.>", '    <S>"""for one<.>', "<S>    class of<.>",
        '<S>    """<.>', "    <K>return<.> <S>'a'<.> + x1 + <N>1.5<.>", "<N>    @deco.x<.>",
        "<K>match<.> x:", '    <K>case<.> <S>"a#b"<.>: <K>pass<.>', "match = <N>3<.>",
        's = <S>r"a\\<.>', '<S>for"<.>; t = <N>2<.>',
    ]  # fmt: skip


def test_texts_over_several_lines_are_those_of_tokenize():
    """The states of all lines of some modules of the standard library."""
    for module in (argparse, inspect, textwrap, tokenize):
        with open(module.__file__, encoding="utf-8") as file:
            text = file.read()
        within, begin = set(), 0
        for one in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[one.type]
            begin = one.start[0] if name in ("STRING", "FSTRING_START") else begin
            if name in ("STRING", "FSTRING_END"):
                within.update(range(begin + 1, one.end[0] + 1))
        states = syntax.states(text.splitlines())
        assert within == {number for number, state in enumerate(states, 1) if state}, module


def test_watches_have_numbers(tmp_path):
    text = typed(
        tmp_path, SHOP,
        ["b 14", "c", "watch total", "watch lines", "disable w1 w2", "watch", "cl w2 1", "n",
         "restart", "watch", "enable w1", "c", "clear w7", "watch name", "clear w1 w2", "b", "c"],
    )  # fmt: skip
    assert "w1  total: compared at each line of order\n" in text
    assert "w1  total: compared at each line of order  (disabled)\nw2  lines" in text
    assert "Deleted watch w2  lines\n" in text and "Deleted breakpoint 1" in text
    assert text.count("(disabled)") == 3 and "Enabled watch w1  total" in text
    assert "total: (no value) -> 0\n" in text and "there is no watch w7: w1\n" in text
    assert "w2  name" in text and "Deleted watch w1" in text and text.endswith("23\n14\n")


def test_words_complete_at_the_prompt(tmp_path):
    terminal = Terminal(tmp_path, SHOP, "-b", "app.py:5")
    terminal.read("(relive) ")
    os.write(terminal.fd, b"trace pri\t\n")
    seen = terminal.read("(relive) ")
    os.write(terminal.fd, b"stic\t\n")
    seen += terminal.read("(relive) ")
    for keys in (b"watch na\t", b"disable w\t", b"b 6, onc\t", b"b 6 if coun\t", b"b lea\t",
                 b"catch OverflowE\t", b"thread \t", b"stepi\t 1"):  # fmt: skip
        os.write(terminal.fd, keys + b"\n")
        seen += terminal.read("(relive) ")
    os.write(terminal.fd, b"q\n")
    seen += terminal.read()
    os.close(terminal.fd)
    assert "trace price" in seen and "sticky" in seen and "\x1b[2J" in seen
    assert "watch name" in seen and "disable w1" in seen and "b 6, once" in seen
    assert "b 6 if count" in seen and "b leaf" in seen and "catch OverflowError" in seen
    assert "thread 1" in seen and "stepinto" in seen

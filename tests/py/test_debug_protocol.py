"""The stop protocol: stopped threads, how they go on, evaluation, values, and fronts that fail."""

import json
import sys

import pytest
from conftest import ROOT, run

from relive.debug import values
from relive.debug.engine import runtime
from relive.errors import ReliveError

HEAD = """\
import json, sys, threading, time
from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import STEP_OVER, runtime
from relive.debug.stops import Front
from relive.errors import ReliveError

class Mine(Front):
    def __init__(self): self.come, self.seen, self.gone = threading.Semaphore(0), [], []
    def stopped(self, stop): self.seen.append(stop); self.come.release()
    def resumed(self, stop): self.gone.append(stop)
    def wait(self):
        assert self.come.acquire(timeout=60), "no stop"
        return self.seen[-1]

def work(n):
    total = n
    total += 1
    total += 1
    return total

def refused(call, *args, **named):
    try: call(*args, **named)
    except ReliveError as error: return str(error)

def start(*targets):
    made = [threading.Thread(target=one, name=f"t{n}") for n, one in enumerate(targets, 1)]
    for one in made: one.start()
    return made

front = runtime.front = Mine()
results = []
assert runtime.initialize({"my_code_only": False})
def at(*lines, **more):
    runtime.update_breakpoints(__file__, [Breakpoint(__file__, n, **more) for n in lines])
AT = 17
at(AT)
runtime.mark_own_thread()
"""


@pytest.fixture
def script(tmp_path):
    """script(source) -> what the program printed last, as JSON, and its stderr."""

    def do(source, wanted_stderr=""):
        path = tmp_path / "program.py"
        path.write_text(HEAD + source)
        done = run(sys.executable, path, cwd=tmp_path, timeout=120)
        errors = done.stderr.decode()
        assert done.returncode == 0, errors
        assert wanted_stderr in errors and (wanted_stderr or not errors), errors
        return json.loads(done.stdout.splitlines()[-1])

    return do


TWO = """\
def go(n): results.append(work(n))
made = start(lambda: go(1), lambda: go(10))
front.wait(); front.wait()
by_name = {stop.thread_name: stop for stop in runtime.stopped()}
one, two = by_name["t1"], by_name["t2"]
def end(**found):
    runtime.resume()
    for thread in made: thread.join(60)
    print(json.dumps(dict(found, results=sorted(results), left=len(runtime.stopped()))))
"""


def test_two_threads_are_listed_and_go_on_by_themselves(script):
    found = script(
        TWO + "plain = [one.as_dict(), two.reason, one.is_over]\n"
        "runtime.resume(one.thread, 'over'); again = front.wait()\n"
        "steps = [again.thread == one.thread, again.reason, again.frame.f_lineno, one.is_over]\n"
        "still = [stop.thread_name for stop in runtime.stopped()]\n"
        "runtime.resume(again.thread, 'until', line=AT + 2); last = front.wait()\n"
        "end(plain=plain, steps=steps, still=still, last=last.frame.f_lineno)"
    )
    row, reason, is_over = found["plain"]
    assert row["reason"] == reason == "breakpoint" and not is_over and row["line"] == 17
    assert row["function"] == "work" and row["breakpoints"] and row["task"] is None
    assert found["steps"] == [True, "step", 18, True] and sorted(found["still"]) == ["t1", "t2"]
    assert found["last"] == 19 and found["results"] == [3, 12] and found["left"] == 0


def test_a_step_for_a_frame_of_another_thread_works_or_is_refused(script):
    found = script(
        TWO + "runtime.step(STEP_OVER, 0, one.frame); again = front.wait()\n"
        "refusals = []\n"
        "def busy():\n    while not over: time.sleep(0.001)\n"
        "over = []; third = threading.Thread(target=busy); third.start()\n"
        "while third.ident not in sys._current_frames(): pass\n"
        "refusals.append(refused(runtime.step, STEP_OVER, 0,"
        " sys._current_frames()[third.ident]))\n"
        "over.append(1); third.join()\n"
        "end(line=again.frame.f_lineno, refusals=refusals)"
    )
    assert found["line"] == 18 and "pause it" in found["refusals"][-1]
    assert found["results"] == [3, 12]


def test_what_cannot_be_resumed_says_why(script):
    found = script(
        TWO
        + "said = [refused(runtime.resume, 5), refused(runtime.resume, one.thread, 'sideways'),\n"
        "  refused(runtime.resume, None, 'over'), refused(runtime.pause, 5),\n"
        "  refused(runtime.resume, one.thread, 'over', frame=two.frame),\n"
        "  refused(runtime.pause, threading.get_ident()), runtime.pause(one.thread)]\n"
        "end(said=said)"
    )
    stopped, mode, which, thread, stack, own, paused = found["said"]
    assert "has not stopped" in stopped and "sideways" in mode and "name it" in which
    assert "no thread 5" in thread and "not on the stack" in stack and "own" in own
    assert paused is False and found["results"] == [3, 12]


def test_a_thread_is_paused_and_another_runs_on(script):
    found = script(
        "at()\nover, counts = [], [0, 0]\n"
        "def spin(n):\n    while not over:\n        counts[n] += 1\n"
        "made = start(lambda: spin(0), lambda: spin(1))\n"
        "assert runtime.pause(made[0].ident); stop = front.wait()\n"
        "before = counts[1]\n"
        "while counts[1] == before: pass\n"
        "held = counts[0]; time.sleep(0.05)\n"
        "found = [stop.reason, stop.thread == made[0].ident, held == counts[0],\n"
        "         len(runtime.stopped())]\n"
        "over.append(1); runtime.resume()\n"
        "for one in made: one.join(60)\nprint(json.dumps(found))"
    )
    assert found == ["pause", True, True, 1]


def test_a_stop_stops_the_others_and_lets_them_go_on(script):
    found = script(
        "runtime.stop_others = True\nover, counts = [], [0]\n"
        "def spin():\n    while not over:\n        counts[0] += 1\n"
        "made = start(spin, lambda: (time.sleep(0.05), work(1)))\n"
        "stop = front.wait()\n"
        "while len(runtime.stopped()) < 2: time.sleep(0.001)\n"
        "held = counts[0]; time.sleep(0.05)\n"
        "found = [sorted(one.reason for one in runtime.stopped()), held == counts[0],\n"
        "         len(front.seen)]\n"
        "runtime.resume(stop.thread)\n"
        "while counts[0] == held: pass\n"
        "over.append(1)\nfor one in made: one.join(60)\n"
        "print(json.dumps(found + [len(runtime.stopped())]))"
    )
    assert found == [["breakpoint", "others"], True, 1, 0]


@pytest.mark.parametrize("context", ["repl", "watch"])
def test_evaluation_ends_with_its_budget(script, context):
    text = "while True: pass" if context == "repl" else "[0 for _ in iter(int, 1)]"
    found = script(
        TWO + f"answer = runtime.evaluate(one.frame, {text!r}, {context!r}, budget_s=0.05)\n"
        "after = runtime.evaluate(one.frame, 'total + 1').value\n"
        "end(over=answer.is_over_budget, text=answer.text, after=after)"
    )
    assert found["over"] and "0.05 s" in found["text"] and found["after"] == 2
    assert found["results"] == [3, 12]


def test_what_catches_the_end_of_a_budget_gets_it_again(script):
    found = script(
        "seen = []\ndef stubborn():\n    while len(seen) < 2:\n        try:\n"
        "            while True:\n                pass\n"
        "        except BaseException:\n            seen.append(1)\n    return 'ended'\n"
        + TWO
        + "answer = runtime.evaluate(one.frame, 'stubborn()', budget_s=0.05)\n"
        "end(over=answer.is_over_budget, value=answer.value)"
    )
    # Where the second one comes between two tries, it ends the call itself.
    assert found["over"] or found["value"] == "ended"
    assert found["results"] == [3, 12]


def test_evaluation_in_a_frame(script):
    found = script(
        TWO + "def ask(text, context='repl'):\n"
        "    answer = runtime.evaluate(one.frame, text, context)\n"
        "    return [answer.text, type(answer.error).__name__]\n"
        "import threading as known\n"
        "found = {text: ask(text) for text in ('total * 2', '[total + k for k in (n, n)]',\n"
        "  'total = 100', 'total', '1 / 0', 'a b', 'exit()', 'm = 5; m + n', '(n := 7)', 'n',\n"
        "  'threading.get_ident() == %d' % one.thread, 'sorted(locals())')}\n"
        "refusal = refused(runtime.evaluate, sys._getframe(), '1', 'nowhere')\n"
        "end(found=found, refusal=refusal)"
    )
    told = {text: said for text, (said, _) in found["found"].items()}
    assert told["total * 2"] == "2" and told["[total + k for k in (n, n)]"] == "[2, 2]"
    assert told["total"] == "100" and told["1 / 0"] == "ZeroDivisionError: division by zero"
    assert told["a b"].startswith("SyntaxError: invalid syntax") and told["m = 5; m + n"] == "6"
    assert "SystemExit" in told["exit()"] and told["n"] == "7"
    assert [said for text, said in told.items() if "get_ident" in text] == ["True"]
    assert "total" in told["sorted(locals())"] and "nowhere" in found["refusal"]
    assert found["results"] == [12, 102]


def test_hover_runs_no_code_of_the_program(script):
    found = script(
        "class Loud:\n    plain = property(lambda self: calls.append(1))\n"
        "    def __getattr__(self, name): calls.append(name)\n"
        "    def __repr__(self): calls.append('repr'); return 'loud'\n"
        "    def __init__(self): self.own = {'key': [1, 2]}\n"
        "calls, loud = [], Loud()\n" + TWO + "def ask(text):\n"
        "    answer = runtime.evaluate(one.frame, text, 'hover')\n"
        "    return answer.text\n"
        "found = [ask(text) for text in ('total', 'loud', 'loud.own', \"loud.own['key'][-1]\",\n"
        "         'loud.plain', 'loud.missing', 'work(1)', 'total + 1', 'len')]\n"
        "end(found=found, calls=calls)"
    )
    total, loud, own, item, plain, missing, call, sum_, length = found["found"]
    assert (
        found["calls"] == []
        and total == "1"
        and loud == "Loud(own={'key': [1, 2]})"
        and item == "2"
    )
    assert own == "{'key': [1, 2]}" and "AttributeError" in plain and "AttributeError" in missing
    assert "only names" in call and "only names" in sum_ and "builtin" in length


def test_set_next_line_reports_a_stop_again(script):
    found = script(
        TWO + "runtime.set_next_line(one.frame, AT + 1); again = front.wait()\n"
        "wrong = refused(runtime.set_next_line, again.frame, 999)\n"
        "end(again=[again.reason, again.frame.f_lineno, again.thread == one.thread], wrong=wrong)"
    )
    assert found["again"] == ["goto", 18, True] and "999" in found["wrong"]
    assert found["results"] == [2, 12]


@pytest.mark.parametrize("kind", ["KeyError", "SystemExit"])
def test_what_a_front_raises_is_printed_and_never_reaches_the_program(script, kind):
    found = script(
        f"def bad(stop): raise {kind}('mine')\n"
        "front.stopped = front.resumed = bad\n"
        "thread, = start(lambda: results.append(work(1)))\n"
        "thread.join(60)\nprint(json.dumps(results))",
        "mine",
    )
    assert found == [3]


def test_the_programs_own_excepthook_gets_no_error_of_the_debugger(script):
    found = script(
        "sys.excepthook = lambda *args: results.append('hook')\n"
        "runtime.front = None\n"
        "def bad(frame, why, found): raise KeyError('mine')\n"
        "runtime.on_stop = bad\n"
        "thread, = start(lambda: results.append(work(1)))\n"
        "thread.join(60)\nprint(json.dumps(results))",
        "KeyError: 'mine'",
    )
    assert found == [3]


def test_on_stop_is_an_adapter_over_the_protocol(script):
    found = script(
        "runtime.front, runtime.one_at_a_time = None, True\n"
        "inside, most = [], []\n"
        "def on_stop(frame, why, found):\n"
        "    inside.append(1); most.append(len(inside)); time.sleep(0.01); inside.pop()\n"
        "    results.append([why, len(runtime.stopped()) >= 1, runtime.stops.here().reason])\n"
        "runtime.on_stop = on_stop\n"
        "made = start(*[lambda: work(1)] * 4)\n"
        "for one in made: one.join(60)\n"
        "print(json.dumps([max(most), results]))"
    )
    assert found == [1, [["breakpoint", True, "breakpoint"]] * 4]


def test_a_forked_child_stops_though_another_thread_had_the_turn(script):
    found = script(
        "runtime.front, runtime.one_at_a_time = None, True\n"
        "inside, over = threading.Event(), threading.Event()\n"
        "def on_stop(frame, why, found):\n"
        "    if os.getpid() == parent: inside.set(); over.wait(60)\n"
        "    else: os.write(write, b'child ' + why.encode())\n"
        "import os, warnings\nwarnings.simplefilter('ignore')\n"
        "parent, (read, write) = os.getpid(), os.pipe()\n"
        "runtime.on_stop = on_stop\nruntime.mark_own_thread(False)\n"
        "made = start(lambda: work(1)); inside.wait(60)\n"
        "child = os.fork()\n"
        "if child == 0:\n    work(1)\n    os._exit(0)\n"
        "os.waitpid(child, 0); over.set(); made[0].join(60)\n"
        "print(json.dumps(os.read(read, 99).decode()))"
    )
    assert found == "child breakpoint"


def test_threads_of_the_debugger_never_stop_and_are_not_recorded(script, tmp_path):
    found = script(
        "import relive\n"
        "def own():\n    with runtime.own_thread(): results.append(work(1))\n"
        "    results.append(runtime.mark_own_thread(False))\n"
        "with relive.record('own.relive'):\n"
        "    thread, = start(own); thread.join(60)\n"
        "with relive.open('own.relive') as made:\n"
        "    names = [made.code(one.code).qualname for one in made.functions()]\n"
        "print(json.dumps([results, len(front.seen), [n for n in names if 'work' in n]]))"
    )
    assert found == [[3, False], 0, []]


def test_positions_of_a_recording_stay_while_code_of_the_prompt_runs(script):
    found = script(
        "import relive\n"
        "def helper():\n    return sum(helper2(k) for k in range(9))\n"
        "def helper2(k):\n    return k\n"
        "def both():\n    with relive.record('p.relive', level='lines'): results.append(work(1))\n"
        "thread, = start(both)\n"
        "stop = front.wait()\n"
        "ask = '__import__(\"relive\")._core.position()'\n"
        "where = lambda: runtime.evaluate(stop.frame, ask).value\n"
        "before = where()\n"
        "runtime.evaluate(stop.frame, 'helper()')\n"
        "runtime.evaluate(stop.frame, '__import__(\"threading\").current_thread().name')\n"
        "after, text = where(), stop.position\n"
        "runtime.resume(); thread.join(60)\n"
        "with relive.open('p.relive') as made:\n"
        "    state = made.state(text)\n"
        "    names = [made.code(one.code).qualname for one in made.functions()]\n"
        "print(json.dumps([before, after, text, [n for n in names if 'helper' in n]]))"
    )
    before, after, text, names = found
    assert before == after and text == "T{}@{}".format(*before) and names == []


def test_the_example_of_two_threads_prints_what_its_page_says():
    done = run(sys.executable, f"{ROOT}/examples/two_threads.py", check=True)
    page = (ROOT / "docs" / "debug-fronts.md").read_text(encoding="utf-8")
    assert "$ python two_threads.py\n" + done.stdout.decode() in page


# ---- values ----


class Loud:
    def __getattribute__(self, name):
        raise AssertionError(name)

    def __repr__(self):
        raise AssertionError("repr")

    __str__ = __len__ = __iter__ = __eq__ = __hash__ = __bool__ = __repr__


class Slotted:
    __slots__ = ("a", "b")


class Listed(list):
    def __len__(self):
        raise AssertionError("len")

    __iter__ = __getitem__ = __len__


def test_parts_come_in_pages_and_run_nothing_of_the_program():
    loud, slotted, listed = Loud(), Slotted(), Listed([1, 2, 3])
    object.__getattribute__(loud, "__dict__").update(x=1, y=[1])
    slotted.a = 5
    page = runtime.parts(list(range(1000)), 990, 20)
    assert page.total == 1000 and page.start == 990 and len(page.items) == 10
    assert page.items[0][:3] == ("[990]", 990, "990")
    for value, names in (
        (loud, ["x", "y"]), (slotted, ["a"]), (listed, ["[0]", "[1]", "[2]"]),
        ({"k": loud, 2: 3}, ["'k'", "2"]), ({1}, ["[0]"]), (5, []), ("text", []),
        (ValueError("x"), ["args"]),
    ):  # fmt: skip
        found = runtime.parts(value)
        assert [one.name for one in found.items] == names and found.total == len(names), value
    one = runtime.parts([loud]).items[0]
    assert one.type == f"{__name__}.Loud" and one.parts == 2 and one.text == "Loud(x=1, y=[1])"
    assert [part.name for part in runtime.parts({n: n for n in range(9)}, 3, 2).items] == [
        "3", "4"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"), ("it's", '"it\'s"'), (None, "None"), ((1,), "(1,)"), ([], "[]"), (set(), "set()"),
        ({1: [2]}, "{1: [2]}"), (frozenset((1,)), "frozenset({1})"), (Loud, "<class Loud>"),
        (1 << 10000, "<int of 10,001 bits>"), ([[1] * 9], "[[1, 1, 1, 1, 1, 1, ... 3 more]]"),
        (sys, "<module sys>"), (KeyError("a", 1), "KeyError('a', 1)"), (b"x", "b'x'"),
        ("x" * 500, f"'{'x' * 200}'... (500 in all)"), ([[[[1]]]], "[[[...]]]"),
    ],
)  # fmt: skip
def test_a_value_in_a_line(value, text):
    assert values.show(value) == text


def test_what_has_no_such_part_says_so():
    with pytest.raises(ReliveError, match="only items"):
        values.read_item(Loud(), 1)
    with pytest.raises(AttributeError, match="itself has no"):
        values.read_attribute(Loud(), "z")


def test_a_breakpoint_is_verified_once_its_code_is_met(debug):
    told = debug(
        "from relive.debug.stops import Front\nbound = []\n"
        "class Mine(Front):\n"
        "    def stopped(self, stop): runtime.resume(stop.thread)\n"
        "    def bound(self, one): bound.append([one.function or one.path, one.verified])\n"
        "runtime.front = Mine()\n"
        "known, later = Breakpoint(function='work'), Breakpoint(function='later')\n"
        "def work(): return 1\nwork()\n"
        "runtime.breakpoints.set_functions([known, later])\n"
        "runtime.update_breakpoints('<made>', [Breakpoint('<made>', 2)])\n"
        "before = [known.verified or 'work', later.verified, later.message]\n"
        "work()\ndef later_on():\n    def later(): return 2\n    return later()\nlater_on()\n"
        "exec(compile('def f():\\n    return 3\\nf()', '<made>', 'exec'))\n"
        "for _ in range(100): pass\n"
        "tell(before=before, bound=bound, after=[known.verified, later.verified, later.message])"
    )
    assert told["before"][1] is False and "binds when" in told["before"][2]
    assert ["later", True] in told["bound"] and ["<made>", True] in told["bound"]
    assert told["after"] == [True, True, ""]

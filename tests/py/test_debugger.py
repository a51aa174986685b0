"""The debug runtime: where a program stops, and that it goes on as if nothing had been."""

import sys

import pytest
from conftest import PROGRAMS, relive, run
from debugging import LENGTH, WORK

from relive.debug.breakpoints import executable_lines


def test_a_breakpoint_stops_each_time_its_line_runs(debug):
    told = debug(WORK + "stop_at(4)\nassert work(3) == 3\nstop_at()\nassert work(3) == 3\ntell()")
    assert told["stops"] == [["work", 4, "breakpoint"]] * 3
    assert told["stats"]["hook_stats"]["line_hits"] == 3


def test_a_line_without_code_moves_to_the_next_and_says_so(debug):
    source = "def f():\n    # nothing\n\n    return 1\nmade = stop_at(2, 99)\nf()\n"
    source += "tell(made=[[one.line - OFFSET, one.verified, one.message] for one in made])"
    told = debug(source)
    assert told["stops"] == [["f", 4, "breakpoint"]]
    (line, verified, message), (_, other, why) = told["made"]
    assert line == 4 and verified and "moved to line" in message
    assert not other and "no code" in why


@pytest.mark.parametrize(
    ("condition", "in_c"),
    [
        ("i == 7", True), ("i > 6 and i < 8", True), ("not i != 7", True), ("i == 7.0", True),
        ("text == 'x7'", True), ("flag is True", True), ("LIMIT == i", True), ("i % 9 == 7", False),
        ("text.endswith('7')", False), ("len(text) > 1 and i in (7, 70)", False),
        ("any(i == x for x in (7, 99))", False), ("i == 7 if True else 0", False),
    ],
)  # fmt: skip
def test_a_condition_means_what_it_means_in_python(debug, condition, in_c):
    source = (
        "LIMIT = 7\ndef f():\n    for i in range(15):\n        text = f'x{i}'; flag = i == 7\n"
        f"        seen = i\nseen = stop_at(5, condition={condition!r})\n"
        "f()\ntell()"
    )
    told = debug(source)
    assert told["stops"] == [["f", 5, "breakpoint"]]
    counts = told["stats"]["hook_stats"]
    assert counts["condition_evaluations"] == 15 and counts["condition_skips"] == 14
    assert counts["conditions_in_c"] == (15 if in_c else 0)


def test_conditions_give_the_same_without_the_fast_path(debug):
    told = debug(
        "runtime.shutdown()\n"
        "assert runtime.initialize({'conditional_breakpoints_enabled': False})\n"
        "def f():\n    for i in range(9):\n        seen = i\nstop_at(5, condition='i == 3')\nf()\n"
        "tell()"
    )
    assert told["stops"] == [["f", 5, "breakpoint"]]
    assert told["stats"]["hook_stats"]["conditions_in_c"] == 0


def test_conditions_see_cells_and_names_of_classes_and_modules(debug):
    told = debug(
        "def outer(n):\n    def inner():\n        return n\n    for n in range(5):\n"
        "        inner()\n"
        "stop_at(3, condition='n == 2')\nouter(0)\n"
        "class C:\n    for k in range(4):\n        v = k\n"
        "stop_at()\n"
        "stop_at(10, 16, condition='k == 2')\n"
        "def make():\n    class D:\n        for k in range(4):\n            v = k\n"
        "make()\n"
        "stop_at(20, condition='m == 1')\n"
        "for m in range(3):\n    pass\n"
        "tell()"
    )
    assert told["stops"] == [["inner", 3, "breakpoint"], ["D", 16, "breakpoint"],
                             ["<module>", 20, "breakpoint"]]  # fmt: skip


def test_a_condition_that_raises_stops_each_time_and_is_reported(debug):
    told = debug(
        "def f():\n    for i in range(5):\n        seen = i\nstop_at(3, condition='i.nothing')\n"
        "f()\ntell()"
    )
    assert told["stops"] == [["f", 3, "breakpoint"]] * 5
    assert told["stats"]["telemetry"]["reason_counts"]["CONDITION_ERROR"] == 5
    events = told["stats"]["telemetry"]["recent_events"]
    event = next(e for e in events if e["reason_code"] == "CONDITION_ERROR")
    assert "i.nothing" in event["context"]["detail"] and "attribute" in event["context"]["detail"]


def test_the_error_of_a_condition_is_shown_where_it_belongs(debug):
    told = debug(
        "seen = []\nruntime.on_stop = lambda frame, why, found: seen.append(runtime.trouble)\n"
        "def f():\n    a = 1\n    b = 2\n    return a\n"
        "runtime.update_breakpoints(__file__, [\n"
        "    Breakpoint(__file__, 4 + OFFSET, condition='nope', log_message='at {a}'),\n"
        "    Breakpoint(__file__, 5 + OFFSET, log_message='b'),\n"
        "    Breakpoint(__file__, 6 + OFFSET)])\n"
        "f()\ntell(seen=seen)"
    )
    error = "the condition raised an error: nope: NameError: name 'nope' is not defined"
    unbound = "<UnboundLocalError: " if "UnboundLocal" in told["logs"][0] else "<NameError: "
    assert told["logs"][0].startswith(f"at {unbound}") and told["logs"][0].endswith(f"({error})")
    assert told["logs"][1:] == ["b"] and told["seen"] == [""]


def test_a_slow_condition_is_reported_once_and_stays(debug):
    told = debug(
        "import time\nruntime.shutdown()\n"
        "assert runtime.initialize({'condition_budget_s': 0.001})\n"
        "def f():\n    for i in range(3):\n        seen = i\n"
        "stop_at(6, condition='time.sleep(0.01) or i == 2')\nf()\ntell()"
    )
    assert told["stops"] == [["f", 6, "breakpoint"]]
    assert told["stats"]["telemetry"]["reason_counts"]["CONDITION_BUDGET_EXCEEDED"] == 1


@pytest.mark.parametrize(
    ("hits", "stops"), [("3", 1), ("== 3", 1), ("> 7", 3), (">= 7", 4), ("% 5", 2), ("< 3", 2)]
)
def test_hit_counts(debug, hits, stops):
    told = debug(WORK + f"stop_at(4, hit_condition={hits!r})\nwork(10)\ntell()")
    assert len(told["stops"]) == stops


def test_a_wrong_condition_or_hit_count_is_refused_by_name(debug):
    told = debug(
        "from relive import ReliveError\nfound = []\n"
        "stop_at(15)\n"
        "for more in ({'condition': 'a ='}, {'hit_condition': '> x'}, {'log_message': '{a'},\n"
        "             {'thread': 'a'}, {'condition': 3}):\n"
        "    try: stop_at(1, **more)\n"
        "    except ReliveError as error:\n"
        "        assert error.code == 'ERR_BREAKPOINT'\n"
        "        found.append(str(error))\n"
        "if True:\n"
        "    pass\n"
        "\n"
        "x = 1\n"
        "\n"
        "tell(found=found)"
    )
    wanted = ("is no expression", "no hit condition", "{expression}", "thread is 'a'", "is 3")
    for text, part in zip(told["found"], wanted):
        assert part in text and f"program.py:{1 + LENGTH}" in text
    assert len(told["found"]) == 5
    assert told["stops"] == [["<module>", 15, "breakpoint"]]  # what was there before is there still


def test_a_log_message_is_written_without_a_stop(debug):
    told = debug(
        WORK + "stop_at(4, log_message='i={i} {{x}} {total + 1} {nothing} {dict(a={1: 2})}')\n"
        "work(2)\ntell()"
    )
    assert told["stops"] == []
    assert told["logs"][1] == ("i=1 {x} 1 <NameError: name 'nothing' is not defined> {'a': {1: 2}}")


def test_functions_stop_by_name_at_their_first_line(debug):
    told = debug(
        "class A:\n    def run(self):\n        return 1\ndef run():\n    'text'\n    return 2\n"
        "def gen():\n    yield 1\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='A.run'), "
        "Breakpoint(function='gen')])\n"
        "A().run(); run(); list(gen())\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='run', condition='1 == 1')])\n"
        "A().run(); run()\ntell()"
    )
    assert told["stops"] == [["run", 3, "breakpoint"], ["gen", 8, "breakpoint"],
                             ["run", 3, "breakpoint"], ["run", 6, "breakpoint"]]  # fmt: skip


def test_one_shot_and_disabled_breakpoints(debug):
    told = debug(
        WORK + "(one,) = stop_at(4, once=True)\nwork(3)\n"
        "(two,) = stop_at(4)\ntwo.enabled = False\nruntime.breakpoints.changed(two)\nwork(3)\n"
        "two.enabled = True\nruntime.breakpoints.changed(two)\nwork(1)\ntell()"
    )
    assert told["stops"] == [["work", 4, "breakpoint"]] * 2


def test_a_breakpoint_of_one_thread(debug):
    told = debug(
        "import threading\n"
        + WORK.replace("4", "4")
        + "def other():\n    stop_at(5, thread=threading.get_ident())\n"
        "    work(1); main.set(); done.wait()\n"
        "main, done = threading.Event(), threading.Event()\n"
        "thread = threading.Thread(target=other)\nthread.start()\nmain.wait()\nwork(1)\n"
        "done.set()\n"
        "thread.join()\ntell()"
    )
    assert told["stops"] == [["work", 5, "breakpoint"]]


def test_a_breakpoint_reaches_loops_generators_and_threads_that_run_already(debug):
    told = debug(
        "import threading, time\n"
        "def gen():\n    yield 1\n    yield 2\n"
        "def loop():\n    n = 0\n    while not end:\n        n += 1\n        time.sleep(0.001)\n"
        "end = []\nsuspended = gen(); next(suspended)\n"
        "thread = threading.Thread(target=loop); thread.start()\n"
        "script[:] = [lambda frame: (end.append(1), runtime.step(STEP_NONE))]\n"
        "stop_at(4, 8)\nthread.join()\n"
        "next(suspended)\n"
        "def here():\n    stop_at(19)\n    after = 1\nhere()\n"
        "tell()"
    )
    assert told["stops"] == [["loop", 8, "breakpoint"], ["gen", 4, "breakpoint"],
                             ["here", 19, "breakpoint"]]  # fmt: skip


def test_pause_stops_a_running_thread(debug):
    told = debug(
        "import threading, time\nend = []\n"
        "def loop():\n    while not end:\n        time.sleep(0.001)\n"
        "thread = threading.Thread(target=loop); thread.start()\n"
        "script[:] = [lambda frame: (end.append(1), runtime.step(STEP_NONE))]\n"
        "def wait():\n    runtime.pause(); thread.join()\n"
        "import concurrent.futures\n"
        "wait()\ntell()"
    )
    assert len(told["stops"]) == 1 and told["stops"][0][2] == "pause"


def test_deep_recursion_and_shared_code(debug):
    told = debug(
        "import types\ndef down(n):\n    if n == 0:\n        return 0\n    return down(n - 1)\n"
        "twin = types.FunctionType(down.__code__, globals())\n"
        "stop_at(4)\nsys.setrecursionlimit(5000)\ndown(2000)\ntwin(3)\ntell()"
    )
    assert told["stops"] == [["down", 4, "breakpoint"]] * 2


def test_files_that_come_later_and_code_without_files(debug):
    told = debug(
        "import os, importlib\n"
        "made = runtime.update_breakpoints('later.py', [2])\n"
        "before = made[0].verified\n"
        "open('later.py', 'w').write('def f():\\n    return 1\\n')\n"
        "sys.path.insert(0, '.')\nimport later\nlater.f()\n"
        "os.symlink('later.py', 'link.py')\nimport link\nlink.f()\n"
        "exec(compile('x = 1\\ny = 2\\n', '<made>', 'exec'))\n"
        "open('broken.py', 'w').write('def (')\n"
        "broken = runtime.update_breakpoints('broken.py', [1])\n"
        "tell(before=before, broken=broken[0].message)"
    )
    assert [name for name, _, _ in told["stops"]] == ["f", "f"]
    assert told["before"] is False and "no Python" in told["broken"]


def test_what_the_debugger_runs_is_not_debugged(debug):
    told = debug(
        WORK + "script[:] = [lambda frame: (work(3), runtime.step(STEP_NONE))]\n"
        "stop_at(2)\nwork(1)\nwork(1)\ntell()"
    )
    assert told["stops"] == [["work", 2, "breakpoint"]] * 2


def test_the_handler_ends_the_program_by_leaving_and_not_by_a_mistake(debug):
    told = debug(
        WORK + "def bad(frame): raise KeyError('mine')\n"
        "def leave(frame): raise SystemExit('mine')\n"
        "script[:] = [bad, leave]\nstop_at(2)\nwork(1)\n"
        "try:\n    work(1)\nexcept SystemExit as error:\n    found = str(error)\nwork(1)\n"
        "tell(found=found)"
    )
    assert told["found"] == "mine" and len(told["stops"]) == 3


def test_start_and_stop_many_times(debug):
    told = debug(
        WORK + "for n in range(20):\n"
        "    assert runtime.initialize() and runtime.initialize()\n"
        "    stop_at(2)\n    work(1)\n    runtime.shutdown()\n    runtime.shutdown()\n    work(1)\n"
        "tell(trace=str(sys.gettrace()))"
    )
    assert len(told["stops"]) == 20 and told["trace"] == "None"
    assert told["stats"]["initialized"] is False


def test_another_runtime_is_refused_while_one_is_on(debug):
    told = debug("other = FrameEvalRuntime()\ntell(first=other.initialize())")
    assert told["first"] is False
    counts = told["stats"]["telemetry"]["reason_counts"]
    assert counts["SELECTIVE_TRACING_DISABLED_BY_POLICY"] == 1


def test_recording_and_debugging_at_once(tmp_path, debug):
    told = debug(
        "import relive\n"
        + WORK
        + "stop_at(5)\nwith relive.record('both.relive'):\n    work(2)\ntell()"
    )
    assert len(told["stops"]) == 2
    text = relive("tree", tmp_path / "both.relive").stdout.decode()
    assert "work" in text and "on_stop" not in text


RAISES = """\
import threading, json
class Own(ValueError): pass
def fails(kind): raise kind('x')
def caught(kind):
    try: fails(kind)
    except Exception: return 1
def through(kind):
    try: list(map(fails, [kind]))
    except Exception: return 2
def calls_back(kind):
    try: return json.loads('1', parse_int=lambda text: fails(kind))
    except Exception: return 3
def thread(kind):
    threading.excepthook = lambda args: None
    one = threading.Thread(target=fails, args=(kind,)); one.start(); one.join()
def catch(when, name='*', **more):
    runtime.breakpoints.set_exceptions([Breakpoint(exception=name, when=when, **more)])
def told():
    found = [(name, why) for name, _, why in stops]; del stops[:]; return found
runtime.shutdown(); assert runtime.initialize({})
found = []
"""


@pytest.mark.parametrize(
    ("when", "name", "kind", "call", "expected"),
    [
        ("raised", "*", "ValueError", "caught", ["fails"]),
        ("raised", "ValueError", "Own", "caught", ["fails"]),
        ("raised", "__main__.Own", "Own", "caught", ["fails"]),
        ("raised", "Own", "ValueError", "caught", []),
        ("raised", "*", "StopIteration", "caught", []),
        ("raised", "StopIteration", "StopIteration", "caught", ["fails"]),
        ("uncaught", "*", "ValueError", "caught", []),
        ("uncaught", "*", "ValueError", "through", []),
        ("uncaught", "*", "ValueError", "thread", ["fails"]),
        ("uncaught", "KeyError", "ValueError", "thread", []),
        ("user_unhandled", "*", "ValueError", "caught", []),
        ("user_unhandled", "*", "ValueError", "calls_back", ["<lambda>"]),
        ("user_unhandled", "*", "ValueError", "thread", ["fails"]),
    ],
)
def test_exceptions_stop_by_when_and_by_type(debug, when, name, kind, call, expected):
    told = debug(RAISES + f"catch({when!r}, {name!r})\n{call}({kind})\ntell()")
    assert [(name, why) for name, _, why in told["stops"]] == [
        (name, "exception") for name in expected
    ]


def test_a_condition_on_an_exception_and_the_exception_itself(debug):
    told = debug(
        RAISES + "catch('raised', condition='kind is Own')\n"
        "script[:] = [lambda frame: found.append(repr(runtime.exception))]\n"
        "caught(KeyError); caught(Own); catch('raised', 'KeyError')\ncaught(Own)\n"
        "runtime.breakpoints.set_exceptions([])\ncaught(KeyError)\ntell(found=found)"
    )
    assert told["found"] == ["Own('x')"] and len(told["stops"]) == 1


def test_a_breakpoint_of_one_task(debug):
    told = debug(
        "import asyncio\nasync def step(n):\n    await asyncio.sleep(0)\n    seen = n\n"
        "async def main():\n"
        "    await asyncio.gather(*(asyncio.create_task(step(n), name=f'job-{n}') "
        "for n in range(3)))\n"
        "stop_at(4, task='job-1')\n"
        "script[:] = [lambda frame: logs.append(frame.f_locals['n'])]\nasyncio.run(main())\ntell()"
    )
    assert told["logs"] == [1] and len(told["stops"]) == 1


# ---- the prompt ----


def test_the_debugger_may_be_stopped_and_changed_while_it_has_stopped(debug):
    told = debug(
        WORK
        + "def off(frame): runtime.shutdown()\nscript[:] = [off]\nstop_at(4)\nassert work(3) == 3\n"
        "assert runtime.initialize()\n"
        "def less(frame): stop_at(5); runtime.step(STEP_NONE)\nscript[:] = [less]\nstop_at(4, 5)\n"
        "work(3)\n"
        "tell()"
    )
    assert [line for _, line, _ in told["stops"]] == [4, 4, 5]


def test_a_thread_may_stop_the_debugger_while_another_runs(debug):
    told = debug(
        "import threading, time\n" + WORK + "stop_at(5, condition='total == -1')\n"
        "def many():\n    for n in range(300): work(50)\n"
        "thread = threading.Thread(target=many); thread.start()\n"
        "for n in range(30):\n"
        "    stop_at(5 if n % 2 else 6, condition='total == -1'); time.sleep(0.001)\n"
        "runtime.shutdown(); thread.join()\ntell()"
    )
    assert told["stops"] == []


def test_reloaded_zipped_and_moved_code(debug):
    told = debug(
        "import importlib, os, zipfile\nsys.path.insert(0, '.')\nsys.dont_write_bytecode = True\n"
        "open('again.py', 'w').write('def f():\\n    return 1\\n')\n"
        "runtime.update_breakpoints('again.py', [2, 3])\nimport again\nagain.f()\n"
        "open('again.py', 'w').write('\\ndef f():\\n    return 22222\\n')\n"
        "importlib.reload(again)\n"
        "assert again.f() == 22222\n"
        "with zipfile.ZipFile('pack.zip', 'w') as pack: "
        "pack.writestr('inzip.py', 'def g():\\n    return 3\\n')\n"
        "sys.path.insert(0, os.path.abspath('pack.zip'))\n"
        "runtime.update_breakpoints('pack.zip/inzip.py', [2])\nimport inzip\ninzip.g()\n"
        "os.mkdir('there'); os.chdir('there'); again.f()\ntell()"
    )
    names = [name for name, _, _ in told["stops"]]
    # Line 2 was f's first, and is that of its def now; line 3 had no code then, and has some now.
    assert names == ["f", "<module>", "f", "g", "f"]


def test_a_forked_child_stops_too(debug):
    told = debug(
        "import os\n" + WORK + "stop_at(5)\nwork(1)\npid = os.fork()\n"
        "if pid == 0:\n    work(2)\n    os._exit(len(stops))\n"
        "tell(child=os.waitpid(pid, 0)[1] >> 8)"
    )
    assert told["child"] == 3 and len(told["stops"]) == 1


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_with_a_breakpoint_on_every_line_is_what_it_is_alone(program):
    words = ["--catch", "off"]
    for line in sorted(executable_lines(str(program)) or ()):
        words += ["-b", f"{program}:{line} if 'a' == 'b'"]
    alone = run(sys.executable, program, "a", "b")
    armed = relive("debug", *words, program, "a", "b")
    assert (armed.returncode, armed.stdout) == (alone.returncode, alone.stdout)
    assert armed.stderr == alone.stderr

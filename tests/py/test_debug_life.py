"""How the debugger begins and ends, beside threads, recordings and other tools."""

import sys

import pytest
from debugging import WORK


@pytest.mark.parametrize("step", "iou")
def test_a_step_ends_with_its_thread(debug, step):
    told = debug(
        "import threading\nfrom relive import _core\n" + WORK + "stop_at(5, once=True)\n"
        f"script[:] = ['{step}'] * 9\n"
        "thread = threading.Thread(target=work, args=(1,))\nthread.start(); thread.join()\n"
        "steps = _core.debug_counts()['stepping_threads']\n"
        "stops[:] = []; work(2); stepped = list(stops)\n"
        "tell(steps=steps, stepped=stepped)"
    )
    assert told["steps"] == 0 and told["stepped"] == []


def test_a_step_does_not_outlive_the_debugger(debug):
    told = debug(
        "import threading\nfrom relive import _core\n" + WORK + "def other():\n"
        "    work(1)\n    ready.set(); go.wait()\n    work(1)\n"
        "ready, go = threading.Event(), threading.Event()\n"
        "stop_at(5, once=True)\n"
        "script[:] = [lambda frame: runtime.step(STEP_OUT)]\n"
        "def stopped(frame):\n    runtime.shutdown()\n"
        "script += [lambda frame: (runtime.step(STEP_OUT, 0), ready.set(), go.wait(), None)[-1]]\n"
        "thread = threading.Thread(target=other)\nthread.start(); ready.wait()\n"
        "runtime.shutdown()\n"
        "assert runtime.initialize({'my_code_only': False})\n"
        "stops[:] = []; go.set(); thread.join()\n"
        "tell(steps=_core.debug_counts()['stepping_threads'])"
    )
    assert told["steps"] == 0 and told["stops"] == []


def test_recording_and_debugging_begin_and_end_in_any_order(debug):
    told = debug(
        "import relive\n" + WORK + "def record(n): relive.start(f'{n}.relive', force=True)\n"
        "losses = []\ndef stop(): losses.append(relive.stop()['lost'])\n"
        "runtime.shutdown()\nrecord(1)\n"
        "assert runtime.initialize({'my_code_only': False})\n"
        "stop_at(5)\nwork(1); stop(); work(1); record(2); work(1)\n"
        "runtime.shutdown(); work(1)\nassert runtime.initialize({'my_code_only': False})\n"
        "stop_at(5)\nwork(1); stop(); record(3); work(1); stop()\n"
        "counts = []\n"
        "for n in (1, 2, 3):\n"
        "    with relive.open(f'{n}.relive') as found:\n"
        "        counts.append(sum(event['kind'] == 'call' and event['func'].endswith(':work')\n"
        "                          for event in found.events()))\n"
        "tell(counts=counts, losses=losses)"
    )
    assert told["stops"] == [["work", 5, "breakpoint"]] * 5
    assert told["counts"] == [1, 3, 1] and told["losses"] == [{}, {}, {}]


def test_breakpoints_set_at_a_stop_reach_the_callers(debug):
    told = debug(
        "def inner():\n    a = 1\n    return a\n"
        "def between():\n    inner()\n    return 2\n"
        "def outer():\n    between()\n    b = 1\n    return b\n"
        "script[:] = [lambda frame: (stop_at(2, 9), None)[1]]\n"
        "stop_at(2)\nouter()\ntell()"
    )
    assert told["stops"] == [["inner", 2, "breakpoint"], ["outer", 9, "breakpoint"]]


TARGETS = (
    "def one(n):\n    return n + 1\ndef two(n):\n    m = n\n    return m\n"
    "class A:\n    def get(self, n):\n        return n\n"
    "def line(a):\n    x = two(one(a.get(1)))\n    return x\n"
    "def first(frame):\n"
    "    names.append(runtime.step_in_targets(frame)); runtime.step_into(TARGET)\n"
    "names = []\nscript[:] = [first, 'u', 'c']\nstop_at(11, once=True)\n"
)


@pytest.mark.parametrize(
    ("target", "lines"), [("two", [4, 10]), ("get", [8, 10]), ("one", [2, 10]), ("none", [11, 16])]
)
def test_a_step_into_one_of_the_calls_of_a_line(debug, target, lines):
    told = debug(f"TARGET = {target!r}\n" + TARGETS + "line(A())\n" + "tell(names=names)")
    assert told["names"] == [["get", "one", "two"]]
    places = [line - 1 for _, line, _ in told["stops"]]
    assert places[:2] == [10, lines[0]] and [why for *_, why in told["stops"]][1] == "step"
    assert told["stats"]["trace_stats"]["total_breakpoints"] == 0  # nothing is left behind


def test_the_line_that_runs_next_can_be_set(debug):
    told = debug(
        "from relive import ReliveError\nfound, said = [], []\n"
        "def f():\n    found.append(1)\n    found.append(2)\n    for i in ():\n"
        "        found.append(3)\n"
        "    found.append(4)\n"
        "def jump(frame):\n"
        "    try: runtime.set_next_line(frame, 7 + OFFSET)\n"
        "    except ReliveError as error: said.append(str(error))\n"
        "    runtime.set_next_line(frame, 8 + OFFSET)\n"
        "stop_at(4)\nscript[:] = [jump]\nf()\ntell(found=found, said=said)"
    )
    assert told["found"] == [4]
    assert len(told["said"]) == 1 and "cannot be next" in told["said"][0]


def test_a_function_of_one_line_that_ran_before(debug):
    told = debug("def f(): return 1\nf(); f()\nstop_at(1)\nf(); f()\ntell()")
    assert [name for name, _, _ in told["stops"]] == ["f", "f"]


def test_a_breakpoint_set_deep_in_a_recorded_recursion_holds_when_it_is_left(debug):
    """3.11: there the evaluators have stepped aside for want of C stack."""
    told = debug(
        "import relive, threading\n" + WORK + "def down(n):\n"
        "    if n: return down(n - 1)\n    stop_at(5)\n"
        "def run():\n    down(900); work(1)\n"
        "relive.start('r.relive', force=True)\n"
        "threading.stack_size(512 * 1024 if sys.version_info[:2] == (3, 11) else 1 << 24)\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
        "work(1)\nrelive.stop()\nwork(1)\n"
        "with relive.open('r.relive') as found:\n"
        "    calls = sum(e['kind'] == 'call' and e['func'].endswith(':work') "
        "for e in found.events())\n"
        "tell(calls=calls)"
    )
    assert told["stops"] == [["work", 5, "breakpoint"]] * 3 and told["calls"] == 2


SLOW_LINES = sys.version_info[:2] in ((3, 12), (3, 13))  # docs/compat.md: lines of large code


def test_a_generated_module_of_five_megabytes(debug, tmp_path):
    """Breakpoints in its function and, where the interpreter tells lines at an even price, on its
    own last line."""
    rows = ",\n".join(f"    'name {n}': [{n}, '{n % 10}{'text' * 60}']" for n in range(20_000))
    text = f"TABLE = {{\n{rows}\n}}\ndef size():\n    return len(TABLE)\nlast = size()\n"
    assert len(text) > 5_000_000
    (tmp_path / "generated.py").write_text(text)
    lines = [20_004] if SLOW_LINES else [20_004, 20_005]
    told = debug(
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"path = {str(tmp_path)!r} + '/generated.py'\nOFFSET = 0\n"
        f"runtime.update_breakpoints(path, {lines})\n"
        "import generated\ntell(size=generated.last)"
    )
    assert told["size"] == 20_000
    assert told["stops"] == [
        [name, line, "breakpoint"]
        for name, line in (("<module>", 20_005), ("size", 20_004))
        if line in lines
    ]


ROUND = """\
import gc
def work(n):
    for i in range(n):
        seen = [i]
    return seen
def gen():
    yield 1
def fails():
    try: int('x')
    except ValueError: pass
made = [work.__code__, gen.__code__, fails.__code__, on_stop]
def at(line, **more):
    return Breakpoint(__file__, line + OFFSET, **more)
def once():
    assert runtime.initialize({'my_code_only': True}, rules={'exclude': ['json.*']})
    runtime.update_breakpoints(__file__, [
        at(4, condition='i == 3'), at(4, condition='i + 1 == 2'), at(4, hit_condition='% 3'),
        at(4, log_message='{i}'), at(4, condition='missing'), at(4, task='none'),
        at(5, once=True), at(7)])
    runtime.breakpoints.set_exceptions(
        [Breakpoint(exception='*', when='raised'), Breakpoint(exception='ValueError')])
    runtime.breakpoints.set_functions(
        [Breakpoint(function='fails'), Breakpoint(function='work', data='seen')])
    script[:] = list('ooiuc')
    work(9); list(gen()); fails()
    runtime.step_into('gen', sys._getframe())
    list(gen())
    fresh = {}
    exec(compile('def h():\\n  return 1\\nh()\\n', '<x>', 'exec'), fresh)
    runtime.telemetry.clear()
    runtime.shutdown()
    stops.clear(); logs.clear()
runtime.shutdown()
def held():
    gc.collect()
    return sys.getallocatedblocks(), [sys.getrefcount(one) for one in made]
for _ in range(40): once()
before = now = held()
more = []
while len(more) < 30 and (not more or more[-1] >= 30):
    for _ in range(30): once()
    more.append(-now[0])
    now = held()
    more[-1] += now[0]
tell(more=more, before=before[1], after=now[1])
"""


def test_nothing_is_kept_or_freed_too_often_in_many_rounds_of_everything(debug):
    told = debug(ROUND)
    assert told["before"] == told["after"]
    # Objects in 30 rounds. One that is kept each time is in all of them; the interpreter's own
    # caches come to rest, slowly on 3.12+.
    assert told["more"][-1] < 30, told["more"]

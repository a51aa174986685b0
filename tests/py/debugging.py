"""What the tests of the debugger share: a program that says where it stopped."""

# What each program below begins with: `stops` are the places at which it stopped, and `script` says
# what to do at each.
HEAD = """\
import json, sys
from relive.debug.engine import (
    FrameEvalRuntime, STEP_IN, STEP_NONE, STEP_OUT, STEP_OVER, STEP_UNTIL)
from relive.debug.breakpoints import Breakpoint
STEPS = {'i': STEP_IN, 'o': STEP_OVER, 'u': STEP_OUT, 'c': STEP_NONE}
runtime = FrameEvalRuntime()
stops, logs, script = [], [], []
def on_stop(frame, why, found):
    stops.append([frame.f_code.co_name, frame.f_lineno - OFFSET, why])
    what = script.pop(0) if script else 'c'
    if callable(what): what(frame)
    else: runtime.step(STEPS[what])
runtime.on_stop = on_stop
runtime.on_log = lambda text, one, frame: logs.append(text)
def stop_at(*lines, **more):
    return runtime.update_breakpoints(
        __file__, [Breakpoint(__file__, line + OFFSET, **more) for line in lines])
def tell(**more):
    runtime_stats = runtime.get_stats().as_dict()
    print(json.dumps(dict(more, stops=stops, logs=logs, stats=runtime_stats)))
assert runtime.initialize({'enabled': True, 'my_code_only': False}), runtime.telemetry.as_json()
OFFSET = %d
"""
LENGTH = HEAD.count("\n")


WORK = """\
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""

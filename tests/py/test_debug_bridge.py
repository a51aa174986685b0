"""A bdb.Bdb of the program on the engine stops as bdb itself does; cProfile counts as without a
debugger."""

import json
import sys

import pytest
from conftest import run

# What is done at each event: the words are methods; a frame is passed to those that take one.
PROGRAM = """\
import bdb, json, sys
def leaf(n):
    if n > 2:
        raise KeyError(n)
    return n * 2
def pairs(n):
    for i in range(n):
        yield i
def work(n):
    total = 0
    for i in pairs(n):
        total += leaf(i)
    try:
        leaf(9)
    except KeyError:
        total += 100
    return total
class Mine(bdb.Bdb):
    def __init__(self, todo, **options):
        super().__init__(**options)
        self.todo, self.seen = list(todo), []
    def act(self, event, frame, value=None):
        if frame.f_code.co_filename not in (__file__, "<string>"):
            self.set_continue()
            return
        self.seen.append([event, frame.f_code.co_name, frame.f_lineno, value])
        what, *rest = (self.todo.pop(0) if self.todo else "continue").split()
        if what == "until":
            self.set_until(frame, *map(int, rest))
        elif what in ("next", "return"):
            getattr(self, "set_" + what)(frame)
        else:
            getattr(self, "set_" + what)()
    def do_clear(self, number):
        self.clear_bpbynumber(number)
    def user_call(self, frame, args):
        if self.stop_here(frame):  # bdb also calls it for all of a file with breakpoints
            self.act("call", frame)
    def user_line(self, frame):
        self.act("line", frame)
    def user_return(self, frame, value):
        self.act("return", frame, repr(value) if not hasattr(value, "gi_code") else "generator")
    def user_exception(self, frame, info):
        self.act("exception", frame, info[0].__name__)
is_driven, how, todo, breaks, options = json.loads(sys.argv[1])
mine = Mine(todo, **options)
if is_driven:
    from relive.debug.engine import runtime
    from relive.debug.integration import integrate_with_bdb, remove_integration
    assert runtime.initialize({"enabled": True, "my_code_only": False})
    assert integrate_with_bdb(mine)
for line, temporary, condition in breaks:
    assert mine.set_break(__file__, line, temporary, condition) is None
if how == "call":
    result = mine.runcall(work, 3)
elif how == "eval":
    result = mine.runeval("work(2) + 1", globals())
else:
    result = mine.run("y = work(2)\\nz = y + 1\\n", globals())
print(json.dumps([mine.seen, result, sys.gettrace() is None]))
"""
# bdb itself does not stop any more where `next` has followed a generator to its end.
CASES = {
    "steps": ("call", ["step"] * 60, [], {}),
    "next": ("call", ["step"] + ["next"] * 30, [], {}),
    "return": ("call", ["next", "next", "step", "step", "return", "step", "return"], [], {}),
    "until": ("call", ["next", "next", "step", "until", "until", "until 13", "step"], [], {}),
    "breaks": ("call", ["continue"] * 9, [[12, 0, "i > 0"], [5, 1, None], [4, 0, None]], {}),
    "break, then next": ("call", ["continue", "next", "next", "return"], [[4, 0, None]], {}),
    "skip": ("call", ["step"] * 40, [], {"skip": ["string*"]}),
    "skip all": ("call", ["step"] * 40, [[5, 0, None]], {"skip": ["__main__"]}),
    "quit": ("call", ["step", "step", "step", "quit"], [], {}),
    "run": ("run", ["step", "step", "next", "next", "step", "step"], [[16, 0, None]], {}),
    "eval": ("eval", ["step", "step", "step", "continue", "continue"], [[5, 0, "n == 1"]], {}),
    "eval, return": ("eval", ["step", "return", "step", "step"], [], {}),
}


def found(path, is_driven, case):
    done = run(sys.executable, path, json.dumps([is_driven, *case]), cwd=path.parent)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CASES)
def test_a_bdb_of_the_program_stops_as_bdb_does(tmp_path, name):
    path = tmp_path / "app.py"
    path.write_text(PROGRAM)
    plain, driven = (found(path, is_driven, CASES[name]) for is_driven in (False, True))
    for event in plain[0] + driven[0]:
        if event[0] == "return" and sys.version_info < (3, 10):
            event[2] = None  # with a trace function, the line before is that of an implicit return
    assert driven[0] == plain[0] and driven[1] == plain[1]
    assert plain[0] and driven[2]  # and the engine sets no trace function


PROFILED = """\
import cProfile, json, pstats
from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime
def leaf(n):
    if n > 1:
        return leaf(n - 1)
    return n
def pairs(n):
    for i in range(n):
        yield i
def main(with_breakpoints):
    for i in range(10):
        if i == 4 and with_breakpoints:
            runtime.update_breakpoints(__file__, [
                Breakpoint(__file__, 6, condition="n == 3"), Breakpoint(__file__, 10),
            ])
        if i == 7 and with_breakpoints:
            runtime.update_breakpoints(__file__, [])
        leaf(3)
        list(pairs(3))
def counts(with_breakpoints):
    profile = cProfile.Profile()
    profile.runcall(main, with_breakpoints)
    found = {}
    for (_, _, name), (once, all_, _, _, callers) in pstats.Stats(profile).stats.items():
        if name in ("leaf", "pairs", "main"):
            found[name] = once, all_, sorted((who[2], row[:2]) for who, row in callers.items())
    return found
plain = counts(False)
stops = []
runtime.on_stop = lambda frame, why, breakpoints: stops.append(frame.f_lineno)
assert runtime.initialize()
print(json.dumps([plain, counts(True), stops.count(6), stops.count(10)]))
"""


def test_cprofile_counts_a_function_with_breakpoints_as_one(tmp_path):
    path = tmp_path / "app.py"
    path.write_text(PROFILED)
    done = run(sys.executable, path)
    assert done.returncode == 0, done.stderr.decode()
    plain, debugged, leafs, pairs = json.loads(done.stdout)
    assert plain == debugged and plain["leaf"][:2] == [10, 30]
    assert leafs == 3 and pairs == 9

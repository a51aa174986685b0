"""What happens where memory ends.

Each piece of work runs again and again. In round N the Nth allocation of the core fails, and in
every other round all after it, until none is left to fail.

A program for an assert build (tests/py/test_no_memory.py runs it): no_memory.py [work ...]. A line
for each piece of work, and one for each wrong answer; status 1 where there is one."""

import asyncio
import contextlib
import gc
import io
import os
import re
import sys
import tempfile
import threading
import traceback

import relive
from relive import _core, backends, sessions

# Rounds one after the other; then steps become wider, so that long work ends as well. A question
# makes thousands of allocations, most of them of a few kinds.
DENSE = 700
DENSE_OF_QUESTIONS = 250
NEVER = 1 << 40
# So often some rounds run once more; and so many blocks of memory each may leave then.
AGAIN = 4
MOST_LEFT = 8.0
# What a piece of work may leave in its folder.
LEFT = ("new.relive", "copy.relive")
# What a call of ours may raise into the program.
OURS = (MemoryError, relive.ReliveError)


class Wrong(Exception):
    """The program or the recording was not as it must be."""


def expect(is_right, *what):
    if not is_right:
        raise Wrong(*what)


class Shop:
    def __init__(self, name):
        self.name = name
        self.stock = {"apples": 3, "pears": [1, 2.5, None]}

    def __repr__(self):
        raise ValueError("nobody calls this")


def items(n):
    for i in range(n):
        yield {"n": i, "text": "x" * i}


SECRET = "hunter22x"


def login(user, password, many=(1, 2)):
    session = {"user": user, "api_key": password}
    return session["user"], len(many)


def program():
    """Calls, values, a generator, exceptions with a cause, an object, many names."""
    shop = Shop("here")
    login("me", SECRET)
    found = [item["n"] for item in items(4)]
    caught = None
    try:
        try:
            raise KeyError("password=" + SECRET)
        except KeyError as error:
            raise ValueError(b"bytes", 10**40) from error
    except ValueError as error:
        caught = error
    shop.stock["plums"] = found
    total = sum(len(str(value)) for value in shop.stock.values())
    return total, type(caught.__cause__).__name__


EXPECTED = program()


def run_program():
    expect(program() == EXPECTED, "the program's answer is another")


async def shop_later(name):
    await asyncio.sleep(0)
    return name.upper()


async def shop_together():
    return await asyncio.gather(shop_later("tea"), shop_later("cup"))


def many():
    """A program for questions: threads, tasks, a failure, output."""
    thread = threading.Thread(target=program, name="other")
    thread.start()
    thread.join()
    names = asyncio.run(shop_together())
    total, cause = program()
    print("total", total, *names)
    return [total, cause, names]


FILTER = """
[meta]
name = "no memory"
version = 1

[scope]
default_exec = "trace"
default_value_action = "allow"

[[scope.rules]]
selector = "obj:__main__.items"
exec = "skip"

[[scope.rules]]
selector = "pkg:__main__.*"
value_default = "allow"

[[scope.rules.value_patterns]]
selector = "local:re*"
action = "redact"
"""


# ---- the pieces of work: each is given a folder and, for the recordings it leaves, a name ----


def recording(**settings):
    def work(folder):
        relive.start(os.path.join(folder, "new.relive"), force=True, **settings)
        try:
            run_program()
        finally:
            relive.stop()

    return work


def filtered(folder):
    rules = os.path.join(folder, "filter.toml")
    recording(level="values", trace_filter=[rules])(folder)


def in_sessions(folder):
    relive.start(os.path.join(folder, "new.relive"), force=True, level="values")
    try:
        with sessions.session("tag", {"user": "7"}):
            sessions.mark("here", at=1)
            sessions.traceparent()
            run_program()
    finally:
        relive.stop()


def take_snapshot(folder):
    relive.start(os.path.join(folder, "new.relive"), force=True, ring=1 << 20)
    try:
        run_program()
        relive.snapshot(os.path.join(folder, "copy.relive"), force=True)
    finally:
        relive.stop()


def read(folder):
    with relive.open(os.path.join(folder, "good.relive")) as found:
        list(found.events())
        list(found.select(["call"], name="n"))
        found.tree()
        found.functions()
        found.totals()
        found.check()
        found.codes()
        found.skipped()
        found.session_calls()
        found.stacks_at([(1, 5)])
        problems = found.problems()
    expect(not problems, "a whole file is called damaged", problems)


def verbs(folder):
    from relive.cli import main

    path = os.path.join(folder, "good.relive")
    for verb in ("tree", "top", "exc", "info", "check", "dump"):
        said, told = io.StringIO(), io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(said):
            status = main([verb, path])
        if "[ERR_NO_MEMORY]" in said.getvalue():
            raise MemoryError
        expect(status == 0, verb, status, said.getvalue())


COMMANDS = (
    "goto login#1; s; n; r; rs; rn; w; u; d; locals; p user; pp many; history session; origin user",
    "b program; tbreak login if len(many) > 1; c; c; watch found; rc; changed; b exc:KeyError; rc",
    "threads; tasks; out; calls login where user == 'me'; mark here; goto 30%; diff here; when",
)
QUESTIONS = {
    "replay": [["-c", command] for command in COMMANDS],
    "timeline": [["--limit", "40"], ["--where", "kind == 'return' and ret == 4"]],
    "threads": [[]],
    "tasks": [[], ["--json"]],
    "origin": [["total@many#1"], ["names@many#1", "--json"], ["kept@exc:last"]],
    "find": [["4"], ["--contains", "ea", "--writers"], ["re('^c.p')"]],
    "summary": [[], ["--json"]],
    "cut": [["--from", "login#1", "--to", "login#2", "-o", "copy.relive", "--force"]],
    "cover": [["program"], ["no_memory.py", "--json"]],
    "out": [[], ["--json"]],
}


def asking(verb):
    """Returns a piece of work: each question is answered as it is with memory, or by an error."""
    answers = {}

    def work(folder):
        from relive.cli import main

        for words in QUESTIONS[verb]:
            said, told = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
            with contextlib.redirect_stdout(told), contextlib.redirect_stderr(said):
                try:
                    status = main([verb, *words, "many.relive"])
                except MemoryError:
                    raise Wrong("a traceback for a user", verb, words) from None
            told.seek(0)
            answer = re.sub(r"[\d.]+ kB", "N kB", told.read())  # less compressed is as right
            if status and "memory" in said.getvalue() + answer:
                raise MemoryError
            expected = answers.setdefault(tuple(words), (status, answer))
            expect((status, answer) == expected, verb, words, status, said.getvalue(), answer)

    return work


def call_back(folder):
    backend = backends.create_backend(callback=lambda event: event.function_name)
    backend.start()
    try:
        run_program()
    finally:
        backend.stop()


def debug(folder):
    from relive.debug.breakpoints import Breakpoint
    from relive.debug.engine import FrameEvalRuntime

    runtime = FrameEvalRuntime()
    line = program.__code__.co_firstlineno + 3
    runtime.initialize({"enabled": True, "my_code_only": False})
    try:
        runtime.update_breakpoints(__file__, [Breakpoint(__file__, line, condition="True")])
        run_program()
    finally:
        runtime.shutdown()


WORK = {
    "calls": recording(),
    "values": recording(level="values"),
    "lines": recording(level="lines", globals=True),
    "ring": recording(level="values", ring=1 << 20),
    "filtered": filtered,
    "sessions": in_sessions,
    "snapshot": take_snapshot,
    "read": read,
    "verbs": verbs,
    "callbacks": call_back,
    "debug": debug,
    **{verb: asking(verb) for verb in QUESTIONS},
}


# ---- the rounds ----


def look_at(path):
    """How often the program's functions were called, as a recording says that must be whole; and
    what it says was lost."""
    with relive.open(path) as found:
        problems = list(found.check()["problems"])
        events = list(found.events())
        lost = found.header["losses"]
    expect(not problems, "the recording is damaged", problems)
    expect(SECRET not in str(events), "a secret is in the recording")
    calls = [
        (event["func"], *((name, value["r"]) for name, value in event.get("args", {}).items()))
        for event in events
        if event["kind"] == "call"
        and event["func"].startswith("__main__:")
        and "Rounds." not in event["func"]
    ]
    return calls, lost


def blocks():
    """Blocks of memory that Python's objects have, once what is garbage is gone."""
    for _ in range(3):
        gc.collect()
    return sys.getallocatedblocks()


class Rounds:
    """All rounds of one piece of work."""

    def __init__(self, name, folder):
        self.name, self.work, self.folder = name, WORK[name], folder
        self.wrong = {}  # the text -> the rounds
        self.count = self.refused = 0
        self.calls = None

    def one(self, nth):
        """One round."""
        for name in LEFT:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))
        error = None
        _core.alloc_fail_at(nth, nth % 2 == 0)
        try:
            self.work(self.folder)
        except OURS as raised:
            error = repr(raised)  # CPython's own MemoryErrors leak where they are part of a cycle
        finally:
            self.asked = _core.alloc_fail_at(0)
        self.refused += error is not None
        self.look(error)

    def look(self, error):
        """Whether what the round has left is right."""
        if _core.state()["recording"]:
            relive.stop()
            raise Wrong("it goes on recording", error)
        for name in LEFT:
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                calls, lost = look_at(path)
                self.calls = self.calls or calls
                is_whole = calls == self.calls or lost or error
                expect(is_whole, "calls or values are missing, and nothing was counted", calls)

    def left(self, last):
        """Blocks of memory that a round leaves, of some rounds up to the last."""
        some = range(1, last, last // 12 + 1)
        for again in range(AGAIN + 1):
            if again == 1:
                before = blocks()
            for nth in some:
                self.one(nth)
        return (blocks() - before) / len(some) / AGAIN

    def all(self):
        dense = DENSE_OF_QUESTIONS if self.name in QUESTIONS else DENSE
        self.one(NEVER)
        expect(not self.refused, "it does not work with memory either")
        nth = 1
        while True:
            print(f"{self.name} {nth}", flush=True)  # the last one where it crashes
            try:
                self.one(nth)
            except Exception:
                self.wrong.setdefault(traceback.format_exc(), []).append(nth)
            if self.asked < nth:
                break
            self.count += 1
            nth += 1 if nth < dense else nth // 10
        left = 0 if self.wrong else self.left(nth)
        if left > MOST_LEFT:
            self.wrong[f"{left} blocks of memory are left by a round"] = []
        print(f"{self.name}: {self.count} rounds, {self.refused} refused, {len(self.wrong)} wrong")
        for text, where in self.wrong.items():
            print(f"in rounds {where[:20]}:\n{text[-3000:]}")
        return 1 if self.wrong else 0


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "filter.toml"), "w") as file:
            file.write(FILTER)
        for name, work in ("good", run_program), ("many", many):
            relive.start(os.path.join(folder, f"{name}.relive"), level="lines")
            with contextlib.redirect_stdout(io.StringIO()):
                work()
            relive.stop()
        os.chdir(folder)
        return max(Rounds(name, folder).all() for name in names or WORK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

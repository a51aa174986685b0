"""Exceptions that go through tasks, and through generators and coroutines that wait."""

import json
import sys

import pytest
from test_exceptions import LEVELS, SEES_RAISE, own, places, stories

TASKS = """
import asyncio
async def bad():
    await asyncio.sleep(0)
    raise ValueError('same')
async def main():
    for n in range(3):
        task = asyncio.ensure_future(bad())
        await asyncio.wait([task])  # its exception dies, the next one has its address
        del task
    task = asyncio.ensure_future(bad())
    try: await task
    except ValueError: pass
asyncio.run(main())
"""


@pytest.mark.skipif(not SEES_RAISE, reason="raises are seen from 3.12 on")
def test_a_task_is_awaited_where_its_exception_comes_up_again(record, tmp_path):
    record(TASKS)
    fates = [story["fate"] for story in stories(tmp_path / "out.relive") if own(story)]
    again = "no await raised it again"
    assert [fate.partition("; ")[2] for fate in fates[:3]] == [again] * 3
    assert fates[3].endswith("which was awaited") and fates[4].startswith("caught in ")
    assert len(fates) == 5


# A loop of its own that catches what ends its tasks, as trio's does.
STEPS = """
import asyncio
async def bad(): raise ValueError('one')
def step(coroutine):
    try: coroutine.send(None)
    except ValueError: pass
async def main():
    task = asyncio.current_task()
    asyncio._leave_task(asyncio.get_running_loop(), task)
    other = asyncio.Task.__new__(asyncio.Task)
    asyncio.Task.__init__(other, asyncio.sleep(0))
    coroutine = bad()
    asyncio._enter_task(asyncio.get_running_loop(), other)
    step(coroutine)
    asyncio._leave_task(asyncio.get_running_loop(), other)
    asyncio._enter_task(asyncio.get_running_loop(), task)
asyncio.run(main())
"""


@pytest.mark.skipif(not SEES_RAISE, reason="raises are seen from 3.12 on")
def test_an_exception_that_ends_a_task_is_raised_once(record):
    _, _, events = record(STEPS)
    own_events = [e["kind"] for e in events if e.get("exc_type") == "ValueError"]
    assert own_events == ["raise", "unwind", "handled"]
    assert [e for e in events if e["kind"] == "task_end"]


CANCELLED = """
import asyncio
async def inner(): await asyncio.sleep(10)
async def mid(): await inner()
async def outer(): await mid()
async def main():
    task = asyncio.ensure_future(outer())
    await asyncio.sleep(0)
    task.cancel()
    try: await task
    except asyncio.CancelledError: pass
asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())
"""


@pytest.mark.skipif(not SEES_RAISE, reason="raises are seen from 3.12 on")
def test_a_cancellation_that_goes_from_coroutine_to_coroutine_is_one(record, tmp_path):
    record(CANCELLED)
    found = [story for story in stories(tmp_path / "out.relive") if own(story)]
    assert [story["func"] for story in found] == ["__main__:inner", "__main__:main"]
    assert places(found[0])[-3:] == [["outer", 5], ["mid", 4], ["inner", 3]]
    assert found[0]["fate"].endswith("which was awaited")


THROWN = """
import asyncio, contextlib, json, sys, traceback
told = []
def note():
    frames = [f for f in traceback.extract_stack() if f.filename == __file__][:-1]
    told.append([[f.name, f.lineno] for f in frames])
def fails():
    note(); raise KeyError("in the handler")
def innermost():
    try:
        yield 1
    except ValueError as e:
        note()
    try:
        yield 2
    except ValueError as e:
        note()
        try:
            fails()
        except KeyError:
            pass
        note(); int("x")
def middle():
    yield from innermost()
def outer():
    x = yield from middle()
def throw():
    g = outer()
    next(g)
    g.throw(ValueError(1))
    try:
        g.throw(ValueError(2))
    except ValueError:
        pass
    g = innermost()
    next(g)
    g.throw(ValueError(3))
    g.close()
throw()
class Wrapped:
    def __init__(self): self.g = middle()
    def __iter__(self): return self
    def __next__(self): return next(self.g)
    def throw(self, *a): return self.g.throw(*a)
def through_a_method():
    yield from Wrapped()
def throw_at_a_method():
    global kept
    kept = through_a_method(); next(kept)
    kept.throw(ValueError(4))
throw_at_a_method()
async def leaf():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        note(); return 1
async def between():
    return await leaf()
async def task():
    await between()
async def cancel():
    made = asyncio.ensure_future(task())
    await asyncio.sleep(0)
    made.cancel()
    await made
asyncio.run(cancel())
def once():
    try:
        yield 1
    except ValueError:
        note()
@contextlib.contextmanager
def manager():
    yield from once()
def managed():
    with manager():
        raise ValueError(5)
managed()
print(json.dumps(told))
"""


@pytest.mark.parametrize(("backend", "level"), LEVELS)
def test_generators_that_wait_for_what_is_thrown_in(record, tmp_path, backend, level):
    """The frames are those that the interpreter has. 3.8 and 3.9 link none that waits. What a
    `with` throws into its generator is the exception of its body."""
    if backend != "monitoring" and level != "lines":
        pytest.skip("what is caught where it is raised is not visible")
    done, _, _ = record(THROWN, "--backend", backend, "--level", level)
    oracle = json.loads(done.stdout)
    waiting = () if sys.version_info >= (3, 10) else ("outer", "middle", "between", "task")
    found = stories(tmp_path / "out.relive")
    ends = ("GeneratorExit", "?")  # when the generators die
    told = [places(row) for row in found if own(row) and row["type"] not in ends]
    told, wanted = (
        [[row for row in rows[:-1] if row[0] not in waiting] + [rows[-1][0]] for rows in lists]
        for lists in (told, oracle)
    )
    (managed,) = [row for row in found if row["func"] == "__main__:managed"]
    assert wanted.pop()[-1] == "once" and "caught in __main__:once" in managed["fate"]
    assert [rows for rows in told if rows[-1] not in ("cancel", "managed")] == wanted

"""`next` at the end of an asynchronous generator: the line that waits for it, then the next one."""

import re
import sys

import pytest
from conftest import relive

PROGRAM = """\
import asyncio, sys
async def gen(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
    last = 1
async def through():
    async for one in gen(1):
        yield one
    more = 1
async def loop():
    async for one in gen(1):
        got = one
    a = 1
    return a
async def anext_of():
    it = gen(0)
    a = await anext(it, 5)
    b = a
    return b
async def listed():
    a = [one async for one in gen(1)]
    b = a
    return b
async def nested():
    async for one in through():
        got = one
    b = 1
    return b
async def limited():
    it = gen(0)
    try:
        a = await asyncio.wait_for(it.__anext__(), 60)
    except StopAsyncIteration:
        a = 2
    return a
async def twice():
    it, other = gen(1), gen(1)
    async for one in it:
        got = one
    async for one in other:
        got = one
    return got
def by_hand():
    it = gen(0)
    try:
        it.__anext__().send(None)
    except StopAsyncIteration:
        a = 1
    other = gen(0)
    return a
found = globals()[sys.argv[1]]()
print("found", asyncio.run(found) if asyncio.iscoroutine(found) else found)
"""
# The lines at which `next` stops behind line 6, the last one of gen().
STOPS = {
    "loop": [12, 14, 15],
    "anext_of": [19, 20],
    "listed": [22, 23, 24],
    "nested": [8, 10, 26, 28],
    "limited": [33, 34, 35, 36],
    "twice": [39, 41],
    "by_hand": [47, 48, 49, 50, 51],
}
# 3.9 gives the end of `async for` the line before it: the last one of the loop's body.
FRONT = [6, 10, 28, 29]
if sys.version_info[:2] == (3, 9):
    STOPS.update(loop=[12, 13, 14], listed=[22, 22, 23], nested=[8, 9, 10, 26], twice=[39, 40])
    FRONT = [6, 9, 10, 27]


def where(text):
    """Returns the lines of the stops, but for those at which some versions show an end first."""
    text = re.sub(r"Internal StopIteration.*\n> .*", "", text)
    return [int(line) for line in re.findall(r"^(?:\(relive\) )?> .*app\.py\((\d+)\)", text, re.M)]


@pytest.mark.parametrize("name", sorted(STOPS))
def test_next_at_the_end_goes_to_whoever_waits(tmp_path, name):
    if name == "anext_of" and sys.version_info < (3, 10):
        pytest.skip("anext() is new in 3.10")
    (tmp_path / "app.py").write_text(PROGRAM)
    commands = ["b 6", "c", *["n"] * (len(STOPS[name]) + 1), "q", ""]
    done = relive("debug", "app.py", name, cwd=tmp_path, stdin="\n".join(commands).encode())
    text = done.stdout.decode()
    places = where(text)
    assert places[:2] == [1, 6] and "Traceback" not in text, text
    assert places[2 : 2 + len(STOPS[name])] == STOPS[name], text


def test_steps_of_a_front_stay_in_the_task(debug):
    told = debug(
        PROGRAM[: PROGRAM.index("found = ")]
        + "stop_at(6, once=True)\nscript[:] = list('ooo')\nasyncio.run(nested())\ntell()"
    )
    assert [line for _, line, _ in told["stops"]] == FRONT

"""asyncio: each event belongs to a task, and a task that waits is one activation."""

import sys

import pytest
from conftest import usable_backends

SOURCE = """
import asyncio
async def leaf(n):
    await asyncio.sleep(0.001)
    return n
async def worker(n):
    return await leaf(n) + await leaf(n + 1)
async def boom():
    await asyncio.sleep(0)
    raise ValueError('lost')
async def main():
    ts = [asyncio.ensure_future(worker(i)) for i in range(2)]
    t = asyncio.ensure_future(worker(9)); await asyncio.sleep(0); t.cancel()
    try: await t
    except asyncio.CancelledError: pass
    try: await asyncio.ensure_future(boom())
    except ValueError: pass
    return await asyncio.gather(*ts)
print(asyncio.run(main()))
"""


@pytest.mark.parametrize("backend", usable_backends())
def test_every_event_has_its_task(record, backend):
    done, _, events = record(SOURCE, "--backend", backend)
    assert done.stdout == b"[1, 3]\n", done.stderr
    names = {e["task"]: e["name"] for e in events if e["kind"] == "task_start"}
    started = [e for e in events if e["kind"] == "task_start"]
    own = [e for e in started if e["coroutine"]["r"].split()[-1].rstrip(">") in
           ("main", "worker", "boom")]  # fmt: skip
    assert len(own) == 5 and len(set(names)) == len(started)
    assert all(name.startswith("Task-") for name in names.values())
    ended = [e["task"] for e in events if e["kind"] == "task_end"]
    assert {e["task"] for e in own} <= set(ended) and len(ended) == len(set(ended))
    tasks = {}
    for event in events:
        if event.get("func", "").startswith("__main__:") and event["kind"] == "call":
            tasks.setdefault(event["func"], []).append(event.get("task"))
    assert tasks["__main__:<module>"] == [None]
    main = tasks["__main__:main"][0]
    workers = tasks["__main__:worker"]
    assert len(set(workers)) == 3 and main not in workers
    assert set(tasks["__main__:leaf"]) == set(workers)
    # One activation from the first start to the end, however often it waits.
    frames = {e["frame"] for e in events if e.get("func") == "__main__:worker"}
    assert len(frames) == 3
    for event in events:
        if event.get("func") == "__main__:worker":
            assert event["task"] in workers


def test_threads_with_their_own_loops(record):
    source = (
        "import asyncio, threading\nasync def work(n):\n    await asyncio.sleep(0.001)\n"
        "    return n\n"
        "def run(n): asyncio.run(work(n))\n"
        "ts = [threading.Thread(target=run, args=(i,)) for i in range(3)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]\n"
    )
    _, _, events = record(source)
    calls = [e for e in events if e.get("func") == "__main__:work" and e["kind"] == "call"]
    assert len({e["task"] for e in calls}) == len({e["thread"] for e in calls}) == 3


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup exists from 3.11 on")
def test_task_groups(record):
    source = (
        "import asyncio\nasync def work(n):\n    await asyncio.sleep(0)\n"
        "    if n == 2: raise KeyError\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        for i in range(3): group.create_task(work(i), name=f'job {i}')\n"
        "try: asyncio.run(main())\nexcept* KeyError: print('group')\n"
    )
    done, _, events = record(source)
    assert done.stdout == b"group\n", done.stderr
    names = [e["name"] for e in events if e["kind"] == "task_start"]
    assert [name for name in names if name.startswith("job")] == ["job 0", "job 1", "job 2"]


@pytest.mark.parametrize("level", ["calls", "values"])
@pytest.mark.parametrize("backend", usable_backends())
def test_who_made_a_task_and_where(record, backend, level):
    source = (
        "import asyncio\nasync def leaf(): pass\n"
        "async def worker():\n    await asyncio.ensure_future(leaf())\n"
        "def make():\n    return asyncio.get_event_loop().create_task(worker())\n"
        "async def main():\n    a = make()\n    await asyncio.gather(a, leaf())\n"
        "asyncio.run(main())\n"
    )
    done, _, events = record(source, "--backend", backend, "--level", level)
    assert done.returncode == 0, done.stderr
    calls = {e["frame"]: e for e in events if e["kind"] == "call"}
    firsts = {}
    for event in events:
        if event["kind"] == "call" and event.get("task") and event["func"].startswith("__main__"):
            firsts.setdefault(event["task"], event["func"][9:])
    told = []
    for event in events:
        if event["kind"] == "task_start" and event["task"] in firsts:
            made_in = calls[event["made_in"]]["func"]
            parent = firsts.get(event.get("parent_task"))
            told.append((firsts[event["task"]], made_in, event["made_line"], parent))
    assert sorted(told) == [
        ("leaf", "__main__:main", 9, "main"),
        ("leaf", "__main__:worker", 4, "worker"),
        ("main", "__main__:<module>", 10, None),
        ("worker", "__main__:make", 6, "main"),
    ]


LIBRARIES = {
    "trio": (
        "import trio\nasync def leaf(n):\n    await trio.sleep(0.001 * n)\n"
        "async def main():\n    async with trio.open_nursery() as nursery:\n"
        "        for n in range(3): nursery.start_soon(leaf, n)\ntrio.run(main)\nprint('done')\n"
    ),
    "anyio": (
        "import anyio\nasync def leaf(n):\n    await anyio.sleep(0.001 * n)\n"
        "async def main():\n    async with anyio.create_task_group() as group:\n"
        "        for n in range(3): group.start_soon(leaf, n)\nanyio.run(main)\nprint('done')\n"
    ),
    "uvloop": (
        "import asyncio, uvloop\nasync def leaf(n):\n    await asyncio.sleep(0.001 * n)\n"
        "async def main():\n    await asyncio.gather(*[leaf(n) for n in range(3)])\n"
        "uvloop.install()\nasyncio.run(main())\nprint('done')\n"
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_other_libraries(record, library):
    pytest.importorskip(library)
    done, _, events = record(LIBRARIES[library])
    assert done.stdout == b"done\n", done.stderr
    tasks, started = {}, {}
    for event in events:
        if event["kind"] == "task_start":
            started[event["task"]] = event
        if event["kind"] == "call" and event["func"].startswith("__main__:"):
            tasks.setdefault(event["func"][9:], []).append(event.get("task"))
    (main,) = tasks["main"]
    assert len(set(tasks["leaf"])) == 3 and main not in tasks["leaf"] and main is not None
    assert {started[task].get("parent_task") for task in tasks["leaf"]} == {main}
    for event in events:
        if event.get("func") == "__main__:leaf":
            assert event["task"] in tasks["leaf"]

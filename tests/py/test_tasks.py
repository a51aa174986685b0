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
        "import asyncio, threading\nasync def work(n):\n    await asyncio.sleep(0.001)\n    return n\n"
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
        "import asyncio\nasync def work(n):\n    await asyncio.sleep(0)\n    if n == 2: raise KeyError\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        for i in range(3): group.create_task(work(i), name=f'job {i}')\n"
        "try: asyncio.run(main())\nexcept* KeyError: print('group')\n"
    )
    done, _, events = record(source)
    assert done.stdout == b"group\n", done.stderr
    names = [e["name"] for e in events if e["kind"] == "task_start"]
    assert [name for name in names if name.startswith("job")] == ["job 0", "job 1", "job 2"]

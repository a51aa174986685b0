"""RQ: a session a job, and a recording a work horse."""

import sys

import pytest
from serving import PATIENCE, ask, problem_texts, recorded_by, redis, running, sessions_of

JOBS = """
import os
import time

def price(item):
    return {"tea": 3, "cake": 5}[item]

def slow():
    time.sleep(60)

def die():
    os.kill(os.getpid(), 9)
"""
SEND = """
import sys
import redis, rq
import jobs

queue = rq.Queue(connection=redis.Redis(unix_socket_path=sys.argv[1]))
more = dict(retry=rq.Retry(max=1))
sent = [
    queue.enqueue(jobs.price, "tea"), queue.enqueue(jobs.price, "milk", **more),
    queue.enqueue(jobs.slow, job_timeout=1), queue.enqueue(jobs.die),
]
for one in sent:
    print(one.id)
"""
CLASSES = ["rq.Worker", "rq.SimpleWorker"]  # a SpawnWorker's children take no job class


def work(folder, kind, door):
    """A worker of a class that performs four jobs and ends; the ids of these. In a simple worker,
    the last one kills the worker itself."""
    (folder / "jobs.py").write_text(JOBS)
    with redis(folder) as path:
        with running(folder, sys.executable, "-c", SEND, path) as client:
            assert client.process.wait(PATIENCE) == 0, client.text()
        words, env = recorded_by(door, "work.relive", "rq.cli", "worker", "--burst")
        words += ["--worker-class", kind, "--url", f"unix://{path}"]
        job = "relive.instrument.rq.Job"
        with running(
            folder, *words, env=dict(env, RQ_JOB_CLASS=job, PYTHONPATH=str(folder))
        ) as one:
            one.process.wait(PATIENCE)
    return client.text().splitlines(), one.text()


@pytest.mark.parametrize("door", ["record", "RELIVE_RECORD"])
@pytest.mark.parametrize("kind", CLASSES)
def test_each_job_is_a_session_with_its_id_and_name(kind, door, tmp_path):
    ids, said = work(tmp_path, kind, door)
    rows = {}
    for row in sessions_of("work.relive", tmp_path):
        rows.setdefault(row["attrs"]["task_id"], []).append(row)
    tea, milk, slow, dead = (rows[one] for one in ids)
    assert tea[0]["tag"] == "jobs.price" and tea[0]["error"] is None, said
    assert tea[0]["attrs"] == {
        "task_id": ids[0], "task_name": "jobs.price", "system": "rq", "queue": "default",
    }  # fmt: skip
    assert {one["error"] for one in milk} == {"KeyError('milk')"}
    assert slow[0]["error"].startswith("JobTimeoutException(")
    assert dead[0]["open"] and not any(one["open"] for one in [*tea, *milk, *slow])
    found = ask("calls", "price", "work.relive", cwd=tmp_path)
    assert "price(item='tea') -> 3" in found and "KeyError: 'milk'" in found
    texts = problem_texts("work.relive", tmp_path)
    assert texts.count("whole up to its last moment") == 1 and "damaged" not in texts
    if kind != "rq.SimpleWorker":
        assert len(milk) == 2 and len({row["pid"] for some in rows.values() for row in some}) == 5

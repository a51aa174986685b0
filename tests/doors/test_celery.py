"""Celery: a session a task, whatever the pool and the broker."""

import contextlib
import json
import os
import sys
import threading

import pytest
from serving import (
    PATIENCE,
    ask,
    problem_texts,
    recorded_by,
    redis,
    running,
    sessions_of,
    wait_until,
)

JOBS = """
import os
import time

import celery

import relive.instrument

relive.instrument.install("celery")
app = celery.Celery("jobs", broker=os.environ["BROKER"])
app.conf.update(
    result_backend=os.environ["RESULTS"],
    broker_transport_options=dict(
        data_folder_in="in", data_folder_out="out", control_folder="control",
        polling_interval=0.1,
    ) if os.environ["BROKER"].startswith("file") else {},
    broker_connection_retry_on_startup=True,
)

@app.task
def price(item):
    return {"tea": 3, "cake": 5}[item]

@app.task(bind=True, max_retries=2, default_retry_delay=0)
def flaky(self, failures):
    if self.request.retries < failures:
        raise self.retry(exc=ValueError(self.request.retries))
    return price("tea")

@app.task
def outer():
    return price.apply(("cake",)).get(disable_sync_subtasks=False)

@app.task
def slow():
    time.sleep(60)

@app.task(time_limit=1)
def too_slow():
    time.sleep(60)
"""
# The client: the ids of its tasks, in order.
SEND = """
import jobs
sent = [eval("jobs." + text) for text in %r]
for one in sent:
    one.get(timeout=60, propagate=False) if %r else None
    print(one.id)
"""


@contextlib.contextmanager
def broker(kind, folder):
    """The environment of worker and client."""
    if kind == "files":
        for name in ("in", "out", "results", "control"):
            (folder / name).mkdir()
        with carrier(folder / "out", folder / "in"):
            yield {"BROKER": "filesystem://", "RESULTS": f"file://{folder}/results"}
        return
    with redis(folder) as path:
        yield {"BROKER": f"redis+socket://{path}", "RESULTS": f"redis+socket://{path}"}


@contextlib.contextmanager
def carrier(source, target):
    """Carries messages that are whole.

    kombu makes a file before it writes the message into it, and a worker takes any file. One that
    is still empty is lost, and ends the worker with a JSONDecodeError. With Relive and without it,
    tasks were lost in one run of five."""
    done = threading.Event()

    def carry():
        while not done.wait(0.01):
            for path in source.iterdir():
                with contextlib.suppress(ValueError):
                    json.loads(path.read_text())
                    path.rename(target / path.name)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def worker(folder, pool, env, door="record"):
    (folder / "jobs.py").write_text(JOBS)
    words, more = recorded_by(door, "work.relive", "celery", "-A", "jobs", "worker")
    quick = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    words += ["-P", pool, "-c", "2", "-l", "INFO", *quick]
    with running(folder, *words, env=dict(env, **more)) as program:
        program.wait_for(" ready.")
        yield program


def send(folder, env, *tasks, waits=True):
    """Returns the ids of tasks that were sent, and have ended."""
    with running(folder, sys.executable, "-c", SEND % (tasks, waits), env=env) as client:
        client.process.wait(PATIENCE)
    lines = client.text().splitlines()
    assert len(lines) == len(tasks), lines
    return lines


def by_id(folder):
    rows = {}
    for row in sessions_of("work.relive", folder):
        rows.setdefault(row["attrs"]["task_id"], []).append(row)
    return rows


CASES = [
    ("prefork", "redis", "record"),
    ("threads", "redis", "record"),
    ("solo", "redis", "record"),
    ("prefork", "redis", "RELIVE_RECORD"),
]


@pytest.mark.parametrize(("pool", "kind", "door"), CASES)
def test_each_task_is_a_session_with_its_id_and_name(pool, kind, door, tmp_path):
    with broker(kind, tmp_path) as env:
        with worker(tmp_path, pool, env, door) as program:
            tea, milk, retried, given_up, nested = send(
                tmp_path, env, "price.delay('tea')", "price.delay('milk')", "flaky.delay(1)",
                "flaky.delay(9)", "outer.delay()",
            )  # fmt: skip
            assert program.end() == 0
    rows = by_id(tmp_path)
    (row,) = rows[tea]
    assert row["tag"] == "jobs.price" and row["error"] is None
    assert row["attrs"] == {
        "task_id": tea, "task_name": "jobs.price", "system": "celery", "queue": "celery",
    }  # fmt: skip
    assert rows[milk][0]["error"] == "KeyError('milk')"
    first, second = in_order(rows[retried])
    assert first["error"].startswith("Retry(") and second["error"] is None
    assert second["attrs"]["retries"] == "1" and first["trace_id"] == second["trace_id"]
    assert second["parent_id"] == first["span_id"]
    assert [one["attrs"].get("retries") for one in in_order(rows[given_up])] == [None, "1", "2"]
    assert "ValueError" in in_order(rows[given_up])[-1]["error"]
    everything = [one for some in rows.values() for one in some]
    (outer,) = rows[nested]
    (inner,) = [one for one in everything if one["parent_id"] == outer["span_id"]]
    assert inner["tag"] == "jobs.price" and inner["trace_id"] == outer["trace_id"]
    assert not any(one["open"] for one in everything)
    found = ask("sessions", "work.relive", "--attr", f"task_id={milk}", cwd=tmp_path)
    assert found.count("task_id=") == 1 and "left by KeyError('milk')" in found
    found = ask("calls", "price", "work.relive", cwd=tmp_path)
    assert "price(item='milk')  ! KeyError: 'milk'" in found
    texts = problem_texts("work.relive", tmp_path)
    assert texts.count("whole") == len(texts.splitlines()) == (3 if pool == "prefork" else 1)


def in_order(rows):
    return sorted(rows, key=lambda row: int(row["attrs"].get("retries", 0)))


def test_tasks_that_came_through_files_are_sessions(tmp_path):
    """Its results are no part of the test: a file may say RETRY for ever. Celery sends the next try
    before it stores RETRY, and so the later one may overwrite how the task ended."""
    tasks = "price.delay('tea')", "price.delay('milk')", "flaky.delay(1)", "flaky.delay(9)"
    with broker("files", tmp_path) as env, worker(tmp_path, "prefork", env) as program:
        sent = send(tmp_path, env, *tasks, waits=False)

        def have_ended():
            rows = by_id(tmp_path)
            ended = [sum(not row["open"] for row in rows.get(one, ())) for one in sent]
            return rows if ended == [1, 1, 2, 3] else None

        rows = wait_until(have_ended, "the tasks", program.process)
        assert program.end() == 0
    tea, milk, retried, given_up = (in_order(rows[one]) for one in sent)
    assert tea[0]["tag"] == "jobs.price" and tea[0]["error"] is None
    assert milk[0]["error"] == "KeyError('milk')"
    assert retried[0]["error"].startswith("Retry(") and retried[1]["error"] is None
    assert "ValueError" in given_up[2]["error"]
    assert len({row["trace_id"] for row in given_up}) == 1


def test_a_worker_that_is_killed_in_a_task_leaves_it_open(tmp_path):
    with broker("redis", tmp_path) as env, worker(tmp_path, "prefork", env) as program:
        (slow,) = send(tmp_path, env, "slow.delay()", waits=False)
        row = wait_until(lambda: by_id(tmp_path).get(slow), "the task")[0]
        os.kill(row["pid"], 9)
        program.wait_for("WorkerLostError")
        (tea,) = send(tmp_path, env, "price.delay('tea')")
        assert program.end() == 0
    rows = by_id(tmp_path)
    assert rows[slow][0]["open"] and not rows[tea][0]["open"]
    name = f"work.{row['pid']}.0.relive"
    assert "whole up to its last moment" in problem_texts(name, tmp_path)
    assert "slow()" in ask("tree", "--calls", "--session", "1", name, cwd=tmp_path)


def test_a_task_beyond_its_time_limit_ends_by_what_celery_raises_in_it(tmp_path):
    with broker("redis", tmp_path) as env, worker(tmp_path, "prefork", env) as program:
        (slow,) = send(tmp_path, env, "too_slow.delay()")
        assert program.end() == 0
    (row,) = by_id(tmp_path)[slow]
    assert not row["open"] and row["error"].startswith("SystemExit(")


def test_it_can_be_taken_back_and_wants_celery_to_be_imported(tmp_path):
    program = """
import relive.instrument, sys
try:
    relive.instrument.install("celery")
except relive.ReliveError as error:
    print(error)
assert "celery" not in sys.modules
import jobs, relive
for how in (relive.instrument.uninstrument, relive.instrument.install):
    how("celery")
    with relive.record("eager.relive", force=True) as recording:
        jobs.price.apply(("tea",))
    with relive.open("eager.relive") as recording:
        print(sum(1 for event in recording.select(["session_start"])))
"""
    with broker("files", tmp_path) as env:
        (tmp_path / "jobs.py").write_text(JOBS)
        with running(tmp_path, sys.executable, "-c", program, env=env) as done:
            assert done.process.wait(PATIENCE) == 0, done.text()
    assert done.text().splitlines() == ["celery is not imported yet: import it first", "0", "1"]

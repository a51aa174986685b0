"""Huey: a session a task, whatever the consumer's workers are."""

import contextlib
import os
import signal
import sys

import pytest
from serving import (
    PATIENCE,
    ask,
    problem_texts,
    recorded_by,
    running,
    sessions_of,
    wait_until,
)

JOBS = """
import time
import huey

import relive.instrument

queue = relive.instrument.huey(huey.SqliteHuey(filename="huey.db"))

@queue.task()
def price(item):
    return {"tea": 3, "cake": 5}[item]

@queue.task(retries=1)
def flaky():
    raise ValueError("again")

@queue.task()
def cancelled():
    raise huey.CancelExecution(retry=False)

@queue.task()
def slow():
    time.sleep(60)

@queue.pre_execute()
def refuse(task):
    if task.args == ("refused",):
        raise huey.CancelExecution()
"""
SEND = """
import jobs
for one in [%s]:
    print(one.id)
"""


@contextlib.contextmanager
def consumer(folder, kind, door="record"):
    (folder / "jobs.py").write_text(JOBS)
    words, env = recorded_by(door, "work.relive", "huey.bin.huey_consumer", "jobs.queue")
    words += ["-k", kind, "-w", "2", "-d", "0.05", "-m", "0.1"]
    with running(folder, *words, env=dict(env, PYTHONPATH=str(folder))) as program:
        program.wait_for("The following commands are available")
        yield program


def send(folder, *tasks):
    with running(folder, sys.executable, "-c", SEND % ", ".join(tasks)) as client:
        assert client.process.wait(PATIENCE) == 0, client.text()
    return client.text().splitlines()


def by_id(folder):
    rows = {}
    for row in sessions_of("work.relive", folder):
        rows.setdefault(row["attrs"]["task_id"], []).append(row)
    return rows


@pytest.mark.parametrize(
    ("kind", "door"), [("thread", "record"), ("thread", "RELIVE_RECORD"), ("process", "record")]
)
def test_each_task_is_a_session_with_its_id_and_name(kind, door, tmp_path):
    with consumer(tmp_path, kind, door) as program:
        ids = send(
            tmp_path, "jobs.price('tea')", "jobs.price('milk')", "jobs.flaky()", "jobs.cancelled()",
            "jobs.price('refused')",
        )  # fmt: skip
        wait_until(lambda: has_ended(ids, tmp_path), "the tasks", program.process)
        program.process.send_signal(signal.SIGINT)
        program.process.wait(PATIENCE)
    rows = by_id(tmp_path)
    tea, milk, flaky, cancelled, refused = (rows[one] for one in ids)
    assert tea[0]["tag"] == "price" and tea[0]["error"] is None
    assert tea[0]["attrs"] == {"task_id": ids[0], "task_name": "price", "system": "huey"}
    assert milk[0]["error"] == "KeyError('milk')"
    # two processes of workers may have taken the two tries; rows come file by file
    assert {row["attrs"].get("retries_left") for row in flaky} == {"1", None}
    assert all(row["error"] == "ValueError('again')" for row in flaky)
    assert cancelled[0]["error"].startswith("CancelExecution(")
    assert refused[0]["error"].startswith("CancelExecution(")
    assert not any(row["open"] for some in rows.values() for row in some)
    assert "KeyError: 'milk'" in ask("calls", "price", "work.relive", cwd=tmp_path)
    assert problem_texts("work.relive", tmp_path).count("whole") == (
        3 + 1 if kind == "process" else 1
    )


def has_ended(ids, folder):
    rows = by_id(folder)
    return all(one in rows and not rows[one][-1]["open"] for one in ids) and len(rows[ids[2]]) == 2


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_consumer_that_is_killed_in_a_task_leaves_it_open(kind, tmp_path):
    with consumer(tmp_path, kind) as program:
        (slow,) = send(tmp_path, "jobs.slow()")
        row = wait_until(lambda: by_id(tmp_path).get(slow), "the task", program.process)[0]
        os.kill(row["pid"], signal.SIGKILL)
    assert by_id(tmp_path)[slow][0]["open"]
    assert "whole up to its last moment" in problem_texts("work.relive", tmp_path)

"""uvicorn with several processes: a recording each, a session a request."""

import contextlib
import os
import re
import signal

import pytest
from serving import ask, free_port, problem_texts, recorded_by, running, sessions_of, wait_until
from test_gunicorn import ASGI, answers, get, get_in_background, is_alive, tags

APP = ASGI + "\nimport relive.instrument\n\napp = relive.instrument.asgi(app)\n"


@contextlib.contextmanager
def serving(folder, door="record"):
    """uvicorn with two processes, recorded: the program and its address."""
    (folder / "shop.py").write_text(APP)
    address = f"127.0.0.1:{free_port()}"
    words, env = recorded_by(door, "web.relive", "uvicorn", "--workers", "2")
    with running(folder, *words, "--port", address[10:], "shop:app", env=env) as server:
        wait_until(lambda: len(workers(server)) == 2, "both processes", server.process)
        wait_until(lambda: answers(address), "an answer", server.process)
        yield server, address


def workers(server):
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.text())]


@pytest.mark.parametrize("door", ["record", "RELIVE_RECORD"])
def test_each_request_is_a_session_of_its_process(door, tmp_path):
    with serving(tmp_path, door) as (server, address):
        assert [get(address, path) for path in ("/cake", "/milk")] == [200, 500]
        server.end()
        pids = workers(server)
    rows = sessions_of("web.relive", tmp_path)
    assert {row["tag"] for row in rows} == {"GET /tea", "GET /cake", "GET /milk"}
    assert all(not row["open"] and row["pid"] in pids for row in rows)
    assert all(row["attrs"]["method"] == "GET" for row in rows)
    assert "KeyError: '/milk'" in ask("exc", "web.relive", cwd=tmp_path)
    assert "damaged" not in problem_texts("web.relive", tmp_path)


def test_a_process_that_is_killed_leaves_its_request_open_and_is_replaced(tmp_path):
    with serving(tmp_path) as (server, address):
        get_in_background(address, "/slow")
        pid = wait_until(lambda: serving_slow(workers(server), tmp_path), "the request")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(workers(server)) == 3, "another process")
        wait_until(lambda: answers(address), "an answer")
        server.end()
    rows = sessions_of(f"web.{pid}.0.relive", tmp_path)
    assert [row["tag"] for row in rows if row["open"]] == ["GET /slow"]
    assert f"web.{pid}.0.relive: whole up to its last moment" in problem_texts(
        "web.relive", tmp_path
    )


def serving_slow(pids, folder):
    return next((pid for pid in pids if "/slow" in tags(f"web.{pid}.0.relive", folder)), None)


def test_a_reload_begins_new_files(tmp_path):
    with serving(tmp_path) as (server, address):
        old = workers(server)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(workers(server)) == 4, "the reload")
        wait_until(lambda: not any(map(is_alive, old)), "the end of the old ones")
        wait_until(lambda: answers(address), "an answer")
        server.end()
    seen = {row["pid"] for row in sessions_of("web.relive", tmp_path)}
    assert seen & set(old) and seen - set(old)

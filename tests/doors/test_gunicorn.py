"""gunicorn: a recording a worker, a session a request, whatever the worker."""

import contextlib
import json
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import pytest
from serving import (
    ask,
    free_port,
    problem_texts,
    recorded_by,
    running,
    sessions_of,
    small_disk,
    wait_until,
)

WSGI = """
import os
import time

def price(path):
    return {"/tea": 3, "/cake": 5}[path]

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(60)
    if path == "/fork":
        pid = os.fork()
        if not pid:
            price("/cake")
            os._exit(0)
        os.waitpid(pid, 0)
        path = "/tea"
    body = b"%d" % price(path)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""
ASGI = """
import asyncio
import os

def price(path):
    return {"/tea": 3, "/cake": 5}[path]

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(60)
    if path == "/fork":
        pid = os.fork()
        if not pid:
            price("/cake")
            os._exit(0)
        os.waitpid(pid, 0)
        path = "/tea"
    body = b"%d" % price(path)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
UVICORN = "uvicorn_worker.UvicornWorker"
KINDS = ["sync", "gthread", UVICORN]
HOOK = "python:relive.instrument.gunicorn"


def get(address, path):
    try:
        return urllib.request.urlopen(f"http://{address}{path}", timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


def get_in_background(address, path):
    def work():
        with contextlib.suppress(OSError):
            get(address, path)

    threading.Thread(target=work, daemon=True).start()


@contextlib.contextmanager
def serving(folder, *options, kind="sync", door="record", name="web.relive", env=None):
    """gunicorn with a worker or more, recorded: the program and its address."""
    (folder / "shop.py").write_text(ASGI if kind == UVICORN else WSGI)
    address = f"127.0.0.1:{free_port()}"
    words, more = recorded_by(door, name, "gunicorn")
    more = dict(more, GUNICORN_CMD_ARGS=f"-c {HOOK}", HOME=str(folder), **(env or {}))
    words += ["-k", kind, "-b", address, *options, "shop:app"]
    with running(folder, *words, env=more) as server:
        server.wait_for("Booting worker")
        wait_until(lambda: answers(address), "an answer", server.process)
        yield server, address


def answers(address):
    with contextlib.suppress(OSError):
        return get(address, "/tea") == 200


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def workers(server):
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.text())]


@pytest.mark.parametrize("door", ["record", "RELIVE_RECORD"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_request_is_a_session_of_its_worker(kind, door, tmp_path):
    with serving(tmp_path, "-w", "2", kind=kind, door=door) as (server, address):
        assert [get(address, path) for path in ("/cake", "/milk")] == [200, 500]
        assert server.end() == 0
        pids = workers(server)
    rows = sessions_of("web.relive", tmp_path)
    assert {row["tag"] for row in rows} == {"GET /tea", "GET /cake", "GET /milk"}
    assert all(not row["open"] and row["pid"] in pids for row in rows)
    milk = next(row for row in rows if row["tag"] == "GET /milk")
    assert milk["attrs"] == {"method": "GET", "path": "/milk"} and milk["errors"]
    found = ask("sessions", "web.relive", "--attr", "path=/cake", cwd=tmp_path)
    assert "GET /cake" in found and "/milk" not in found and "/tea" not in found
    assert "KeyError: '/milk'" in ask("exc", "web.relive", cwd=tmp_path)
    assert "price(path='/cake') -> 5" in ask("calls", "price", "web.relive", cwd=tmp_path)
    files = sorted(path.name for path in tmp_path.glob("*.relive"))
    assert files == sorted(["web.relive", *(f"web.{pid}.0.relive" for pid in pids)])
    check_files(rows, kind, tmp_path)


def check_files(rows, kind, folder):
    """Checks that the files of processes that have served requests are whole. Each says how its
    process ended: by exit, by a signal of its master or by the test's."""
    texts = problem_texts("web.relive", folder)
    assert "damaged" not in texts and "web.relive: whole" in texts
    for pid in {row["pid"] for row in rows}:
        assert f"web.{pid}.0.relive: whole" in texts, texts
        info = ask("info", f"web.{pid}.0.relive", "--json", cwd=folder)
        ending = json.loads(info.splitlines()[1])
        assert ending["complete"] and ending["ending"] in ("exit", "signal"), ending
        assert ending["signal"] in (None, signal.SIGTERM, signal.SIGKILL), ending
        assert kind != UVICORN or ending["ending"] == "signal"


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_is_killed_in_a_request_leaves_it_open(kind, tmp_path):
    with serving(tmp_path, "-w", "1", kind=kind) as (server, address):
        (pid,) = workers(server)
        get_in_background(address, "/slow")
        wait_until(lambda: "/slow" in tags(f"web.{pid}.0.relive", tmp_path), "the request")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(workers(server)) == 2, "another worker")
        wait_until(lambda: answers(address), "an answer")
        server.end()
    rows = {row["tag"]: row for row in sessions_of(f"web.{pid}.0.relive", tmp_path)}
    assert rows["GET /slow"]["open"] and not rows["GET /tea"]["open"]
    texts = problem_texts("web.relive", tmp_path)
    assert f"web.{pid}.0.relive: whole up to its last moment" in texts
    check_files(sessions_of("web.relive", tmp_path), kind, tmp_path)


def tags(name, folder):
    if not (folder / name).exists():
        return ""
    return " ".join(row["tag"] for row in sessions_of(name, folder))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reload_begins_new_files_and_closes_the_old_ones(kind, tmp_path):
    with serving(tmp_path, "-w", "2", kind=kind) as (server, address):
        old = workers(server)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(workers(server)) == 4, "the reload")
        assert server.text().count("Handling signal: hup") == 1
        wait_until(lambda: not any(map(is_alive, old)), "the end of the old workers")
        wait_until(lambda: answers(address), "an answer")
        assert server.end() == 0
        pids = workers(server)
    assert {path.name for path in tmp_path.glob("web.*.0.relive")} == {
        f"web.{pid}.0.relive" for pid in pids
    }
    rows = sessions_of("web.relive", tmp_path)
    check_files(rows, kind, tmp_path)
    seen = {row["pid"] for row in rows}
    assert seen & set(old) and seen - set(old)


def test_a_worker_that_has_served_enough_closes_its_file(tmp_path):
    with serving(tmp_path, "-w", "1", "--max-requests", "2") as (server, address):
        for number in range(4):
            wait_until(lambda: answers(address), f"answer {number}")
        assert server.end() == 0
    rows = sessions_of("web.relive", tmp_path)
    by_worker = {pid: sum(row["pid"] == pid for row in rows) for pid in workers(server)}
    assert len(rows) == 5 and max(by_worker.values()) == 2
    check_files(rows, "sync", tmp_path)


def test_a_request_that_takes_too_long_ends_by_what_the_server_raises(tmp_path):
    with serving(tmp_path, "-w", "1", "--timeout", "1") as (server, address):
        get(address, "/slow")
        server.wait_for("WORKER TIMEOUT")
        wait_until(lambda: len(workers(server)) == 2, "another worker")
        server.end()
    slow = next(row for row in sessions_of("web.relive", tmp_path) if row["tag"] == "GET /slow")
    assert "SystemExit" in slow["http"][0]["error"] and not slow["open"]


@pytest.mark.parametrize("kind", ["sync", UVICORN])
def test_a_process_that_a_request_forks_has_a_file_of_its_own(kind, tmp_path):
    with serving(tmp_path, "-w", "1", kind=kind) as (server, address):
        assert get(address, "/fork") == 200
        assert server.end() == 0
    (worker,) = workers(server)
    names = {path.name for path in tmp_path.glob("web.*.relive")}
    (forked,) = names - {f"web.{worker}.0.relive"}
    found = ask("calls", "price", forked, cwd=tmp_path)
    assert "price(path='/cake') -> 5" in found and "1 call" in found
    (row,) = sessions_of(forked, tmp_path)
    assert row["tag"] == "GET /fork" and row["calls"] >= 1


def test_workers_that_are_killed_as_their_files_appear_leave_readable_ones(tmp_path):
    done = threading.Event()
    killed = []

    def kill_what_appears():
        while not done.is_set() and len(killed) < 8:
            for path in tmp_path.glob("web.*.0.relive"):
                pid = int(path.name.split(".")[1])
                if pid not in killed:
                    killed.append(pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.0005)

    killer = threading.Thread(target=kill_what_appears)
    killer.start()
    try:
        with serving(tmp_path, "-w", "3") as (server, _):
            wait_until(lambda: len(killed) >= 8, "the last one")
            server.end()
    finally:
        done.set()
        killer.join()
    for path in sorted(tmp_path.glob("*.relive")):
        assert "damaged" not in problem_texts(path.name, tmp_path), path.name
    assert "GET /tea" in tags("web.relive", tmp_path)


@pytest.mark.parametrize("is_full", [True, False])
def test_on_a_disk_that_takes_nothing_the_recording_goes_elsewhere(is_full, tmp_path):
    with small_disk(tmp_path / "disk", is_full) as disk:
        if disk is None:
            pytest.skip("no tmpfs can be mounted here")
        env = {"TMPDIR": str(tmp_path)}
        name = f"{disk}/web.relive"
        with serving(tmp_path, "-w", "2", "--worker-tmp-dir", "/dev/shm", door="RELIVE_RECORD",
                     name=name, env=env) as (server, address):  # fmt: skip
            assert get(address, "/cake") == 200
            assert server.end() == 0
        (said,) = [line for line in server.text().splitlines() if line.startswith("relive: ")]
        assert f"; recording into {tmp_path}/web-{server.pid}.relive" in said
    assert "GET /cake" in tags(f"web-{server.pid}.relive", tmp_path)


def test_odd_requests_pass_and_secrets_do_not(tmp_path):
    import socket

    with serving(tmp_path, "-w", "1") as (server, address):
        host, port = address.split(":")
        for target in (b"/" + b"a" * 1000000, b"/%ff%fe%1b[31m%0a", b"/" + b"b" * 4000,
                       b"/cake?password=hunter2&api_key=hunter2", b"/hunter?x=%e9"):  # fmt: skip
            with socket.create_connection((host, int(port)), timeout=60) as connection:
                with contextlib.suppress(OSError):  # it does not read on where it refuses
                    connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: shop\r\n\r\n")
                    assert connection.recv(9) == b"HTTP/1.1 "
        assert server.end() == 0
    rows = sessions_of("web.relive", tmp_path)
    assert len([row for row in rows if row["tag"] != "GET /tea"]) >= 4
    text = ask("sessions", "web.relive", cwd=tmp_path)
    assert "hunter2" not in text and "password=<redacted>" in text
    assert "\x1b" not in text and max(map(len, text.splitlines())) < 2500
    for path in tmp_path.glob("*.relive"):
        assert b"hunter2" not in ask("dump", path.name, cwd=tmp_path).encode()

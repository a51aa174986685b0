"""Middleware under real frameworks and servers, over loopback; and what a server may do to it."""

import asyncio
import gc
import importlib.util
import json
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import weakref
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from conftest import ROOT

from relive import instrument, sessions

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"


def example(name, package):
    """A module of examples/web."""
    pytest.importorskip(package, reason=f"{package} has no wheel for this version")
    where = f"{ROOT}/examples/web/{name}.py"
    spec = importlib.util.spec_from_file_location(name, where)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


class wsgi_server:
    def __init__(self, app):
        self._server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class asgi_server:
    def __init__(self, app):
        uvicorn = pytest.importorskip("uvicorn", reason="uvicorn has no wheel for this version")
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([listener],))

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, *exc_info):
        self._server.should_exit = True
        self._thread.join()


def get(url, **headers):
    asked = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=20) as found:
            return found.status, found.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("name", "package", "serve"),
    [("flask_app", "flask", wsgi_server), ("django_app", "django", wsgi_server),
     ("fastapi_app", "fastapi", asgi_server)],
    ids=["flask", "django", "fastapi"],
)  # fmt: skip
def test_a_request_is_a_session(name, package, serve, recorded):
    module = example(name, package)
    answers = []

    def program():
        with serve(module.app) as server:
            answers.append(
                get(f"{server.url}/items/tea?token=canary1234567890", traceparent=HEADER)
            )
            answers.append(get(f"{server.url}/items/gold"))
            if package == "fastapi":
                answers.append(get(f"{server.url}/slow/cake"))

    rows, events = recorded(program)
    assert answers[0][0] == 200 and json.loads(answers[0][1]) == {"item": "tea", "price": 3}
    first, second = rows[:2]
    assert (first["tag"], first["trace_id"], first["parent_id"]) == ("GET /items/tea", TRACE, SPAN)
    assert first["http"][0]["status"] == 200 and first["marks"] == 1 and first["duration"] > 0
    assert first["http"][0]["side"] == "server" and "canary" not in json.dumps(events)
    status = second["http"][0]["status"]
    assert status == answers[1][0] == (404 if package == "fastapi" else 500)
    assert second["errors"] >= 1 and second["trace_id"] != TRACE
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":price")]
    wanted = [row["session"] for row in rows]
    assert [e.get("session") for e in calls] == wanted and len(rows) == len(answers)
    assert sessions.get_stats()["open"] == 0


def test_requests_at_once_stay_apart(recorded):
    module = example("fastapi_app", "fastapi")

    def program():
        with asgi_server(module.app) as server:
            paths = [f"/{kind}/{item}" for kind in ("items", "slow") for item in ("tea", "cake")]
            threads = [
                threading.Thread(target=get, args=(server.url + path,)) for path in paths * 3
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    rows, events = recorded(program)
    assert len(rows) == 12 and all(row["http"][0]["status"] == 200 for row in rows)
    items = {row["session"]: row["tag"].rpartition("/")[2] for row in rows}
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":price")]
    assert len(calls) == 12
    assert all(items[e["session"]] == e["args"]["item"]["v"] for e in calls)


def by_hand(app, environ=None, close=True):
    """What a server does; ([status], pieces)."""
    told = []

    def start_response(status, headers, exc_info=None):
        told.append(status)
        return lambda data: None

    result = instrument.wsgi(app)(environ or {"REQUEST_METHOD": "GET"}, start_response)
    pieces = []
    try:
        for piece in result:
            pieces.append(piece)
    finally:
        if close and hasattr(result, "close"):
            result.close()
    return told, pieces


def test_pieces_are_made_inside_the_session(recorded):
    seen, closed = [], []

    class Pieces:
        def __iter__(self):
            for piece in (b"a", b"b"):
                seen.append(sessions.active_session_id())
                yield piece

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Pieces()

    def program():
        assert by_hand(app) == (["200 OK"], [b"a", b"b"])
        assert sessions.active_session_id() is None

    (row,), events = recorded(program)
    assert len(set(seen)) == 1 and seen[0] == row["id"] and closed == [True]
    answer = next(e["fields"] for e in events if e["kind"] == "http_response")
    assert answer["body"]["v"] == "ab" and answer["bytes_in"]["v"] == 2


def test_an_application_that_fails_is_reported_and_its_session_ends(recorded):
    def early(environ, start_response):
        raise ValueError("early")

    def late(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise ValueError("late")

    def program():
        for app in (early, late):
            with pytest.raises(ValueError):
                by_hand(app)

    rows, events = recorded(program)
    errors = [e["fields"]["error"]["r"] for e in events if e["kind"] == "http_response"]
    assert len(errors) == 2 and "early" in errors[0] and "late" in errors[1]
    assert all(row["duration"] is not None and row["errors"] >= 1 for row in rows)
    assert sessions.get_stats()["open"] == 0


def test_odd_requests(recorded):
    def app(environ, start_response):
        start_response("204", [])
        return []

    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": b"/caf\xc3\xa9/\xff".decode("latin-1"),
        "QUERY_STRING": "a=\xff", "CONTENT_LENGTH": "9" * 30, "HTTP_TRACEPARENT": "garbage",
        "HTTP_X_ODD": "\x00\xff", "wsgi.input": None,
    }  # fmt: skip
    before = sessions.get_stats()["bad_traceparents"]
    (row,), _ = recorded(lambda: by_hand(app, environ))
    assert row["tag"] == "GET /caf\xe9/\ufffd" and row["http"][0]["status"] == 204
    assert sessions.get_stats()["bad_traceparents"] == before + 1


class Odd:
    def __repr__(self):
        raise RuntimeError("looked at")

    __str__ = __len__ = __bytes__ = __iter__ = __eq__ = __repr__
    __hash__ = None


@pytest.mark.parametrize("level", ["calls", "values"])
def test_odd_answers_are_the_servers_to_judge(level, recorded):
    odd = Odd()
    answers = [
        (odd, [], [b"a"]),
        ("200 OK", {"Content-Type": "text/plain"}, [b"a"]),
        ("200 OK", iter([("content-type", b"text/plain")]), [b"a"]),
        ("200 OK", [odd, (odd, odd), ("content-type", odd), ("server", 7), ()], [b"a"]),
        ("2\u00b2 OK", odd, [b"a"]),
        ("", None, [odd, "text", b"a"]),
        ("9" * 40, [], (b"a",)),
    ]
    seen = []

    def app(environ, start_response):
        status, headers, pieces = answers[len(seen)]
        seen.append(environ)
        start_response(status, headers)
        return pieces

    def program():
        for status, _, pieces in answers:
            told, got = by_hand(app)
            assert told[0] is status and len(got) == len(pieces)

    rows, _ = recorded(program, level=level)
    assert [row["http"][0]["status"] for row in rows] == [None, 200, 200, 200, None, None, None]
    assert sessions.get_stats()["open"] == 0


def test_what_is_written_counts_and_errors_of_the_server_pass(recorded):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])(b"first")
        return [b"then"]

    def refuses(status, headers, exc_info=None):
        raise RuntimeError("headers sent already")

    def program():
        written = []
        assert instrument.wsgi(app)({}, lambda *args: written.append) == [b"then"]
        assert written == [b"first"]
        with pytest.raises(RuntimeError, match="sent already"):
            instrument.wsgi(app)({}, refuses)
        with pytest.raises(TypeError):
            instrument.wsgi(app)([], refuses)

    (row, other), events = recorded(program)
    answer = next(e["fields"] for e in events if e["kind"] == "http_response")
    assert answer["bytes_in"]["v"] == 9 and answer["body"]["v"] == "firstthen"
    assert row["http"][0]["status"] == 200 and other["errors"] >= 1


def test_what_is_sent_late_still_goes_to_the_server():
    sent, kept = [], []

    async def app(scope, receive, send):
        kept.append(send)
        await send({"type": "http.response.start", "status": 200})

    async def main():
        async def send(message):
            sent.append(message["type"])

        await instrument.asgi(app)({"type": "http"}, None, send)
        await kept[0]({"type": "http.response.body", "body": b"late"})

    asyncio.run(main())
    assert sent == ["http.response.start", "http.response.body"]
    assert sessions.get_stats()["open"] == 0


def test_requests_keep_nothing_alive():
    class Server:
        def start_response(self, status, headers, exc_info=None):
            return lambda data: None

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"a"]

    server = Server()
    gone = weakref.ref(server)
    server.result = instrument.wsgi(app)({}, server.start_response)
    del server
    gc.collect()
    assert gone() is None


def test_other_scopes_pass_and_websockets_are_sessions(recorded):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], sessions.active_session_id() is not None))
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            raise ConnectionError("gone")

    async def main():
        wrapped = instrument.asgi(app)
        await wrapped({"type": "lifespan"}, None, None)

        async def send(message):
            pass

        with pytest.raises(ConnectionError):
            await wrapped({"type": "websocket", "path": "/ws", "headers": []}, None, send)

    (row,), _ = recorded(lambda: asyncio.run(main()))
    assert seen == [("lifespan", False), ("websocket", True)]
    assert row["tag"] == "WEBSOCKET /ws" and row["http"][0]["status"] == 101 and row["errors"] >= 1

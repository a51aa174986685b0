"""HTTP clients as they are installed, against a server on loopback."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from urllib import request as urllib_request

import pytest
from conftest import relive as run_relive

import relive
from relive import instrument, sessions
from relive.cli.sessions import read
from relive.instrument import registry

CANARY = "canary1234567890" + "secret"  # a recording holds the text of this file, too
TEXT = json.dumps({"total": 42, "password": CANARY}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.path, dict(self.headers), self.rfile.read(length)))
        if self.path.startswith("/redirect"):
            return self.reply(302, b"", Location="/ok")
        if self.path.startswith("/picture"):
            return self.reply(200, b"\x89PNG" * 500, "image/png")
        if self.path.startswith("/chunks"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
            return None
        return self.reply(500 if self.path.startswith("/fail") else 200, TEXT)

    do_POST = do_GET

    def reply(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", f"sessionid={CANARY}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.seen = []
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def by_urllib(method, url, body=None, headers=()):
    asked = urllib_request.Request(url, data=body, headers=dict(headers), method=method)
    try:
        with urllib_request.urlopen(asked, timeout=10) as response:
            return response.status, response.read()
    except urllib_request.HTTPError as error:
        with error:
            return error.code, error.read()


def by_requests(method, url, body=None, headers=()):
    import requests

    found = requests.request(method, url, data=body, headers=dict(headers), timeout=10)
    return found.status_code, found.content


def by_urllib3(method, url, body=None, headers=()):
    import urllib3

    with urllib3.PoolManager(retries=urllib3.Retry(redirect=3, connect=0)) as pool:
        found = pool.request(method, url, body=body, headers=dict(headers), timeout=10)
        return found.status, found.data


def by_httpx(method, url, body=None, headers=()):
    import httpx

    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        found = client.request(method, url, content=body, headers=dict(headers))
        return found.status_code, found.content


def by_httpx_async(method, url, body=None, headers=()):
    import httpx

    async def main():
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as client:
            found = await client.request(method, url, content=body, headers=dict(headers))
            return found.status_code, found.content

    return asyncio.run(main())


def by_aiohttp(method, url, body=None, headers=()):
    import aiohttp

    async def main():
        async with aiohttp.ClientSession() as client:
            asked = client.request(method, url, data=body, headers=dict(headers))
            async with asked as found:
                return found.status, await found.read()

    return asyncio.run(main())


CLIENTS = {
    "http.client": by_urllib, "requests": by_requests, "urllib3": by_urllib3, "httpx": by_httpx,
    "httpx async": by_httpx_async, "aiohttp": by_aiohttp,
}  # fmt: skip


@pytest.fixture(params=CLIENTS)
def client(request):
    """(name of the instrument, function) of each client that is installed."""
    name = request.param.partition(" ")[0]
    if find_spec(name) is None:
        pytest.skip(f"{name} has no wheel for this version")
    yield name, CLIENTS[request.param]
    instrument.uninstrument()


@pytest.fixture
def recorded(tmp_path):
    """recorded(function) -> (rows of sessions, fields of requests and answers)."""
    path = tmp_path / "h.relive"

    def do(function):
        relive.start(str(path), force=True)
        try:
            with sessions.session("s"):
                function()
        finally:
            relive.stop()
        with relive.open(str(path)) as recording:
            rows = read(recording)
        with relive.open(str(path)) as recording:
            told = [
                dict({n: v.get("v", v["r"]) for n, v in e["fields"].items()}, kind=e["kind"])
                for e in recording.select(["http_request", "http_response"])
            ]
        return rows, told

    do.path = path
    return do


def test_a_request_is_recorded_with_its_answer(client, server, recorded):
    name, ask = client
    instrument.http([name])
    del server.seen[:]
    found, sent = [], []

    def program():
        url = f"{server.url}/ok?page=7&token={CANARY}"
        headers = {"Authorization": f"Bearer {CANARY}", "Accept": "application/json"}
        sent.append(sessions.traceparent())
        found.append(ask("POST", url, b'{"n": 1}', headers))

    (row,), (asked, answer) = recorded(program)
    assert found == [(200, TEXT)], "the program gets what it would have got"
    assert asked["client"] == name and asked["method"] == "POST" and asked["side"] == "client"
    assert asked["url"].startswith(f"{server.url}/ok?page=7") and asked["bytes_out"] == 8
    assert asked["body"] == '{"n": 1}' and asked["headers"].get("Authorization") is None
    assert (answer["status"], answer["bytes_in"]) == (200, len(TEXT)) and answer["dt_ns"] > 0
    assert '"total": 42' in answer["body"] and answer["exchange"] == asked["exchange"]
    assert CANARY.encode() not in recorded.path.read_bytes()
    names = {name.lower(): value for name, value in server.seen[0][1].items()}
    assert names["traceparent"] == sent[0] and server.seen[0][2] == b'{"n": 1}'
    assert row["http"][0]["status"] == 200 and row["errors"] == 0
    text = run_relive("sessions", recorded.path).stdout.decode()
    assert f"POST {server.url}/ok?page=7" in text and "  200  " in text


def test_answers_that_are_no_success(client, server, recorded):
    name, ask = client
    instrument.http([name])
    closed = "http://127.0.0.1:9/"  # nobody listens

    def program():
        assert ask("GET", f"{server.url}/fail")[0] == 500
        with pytest.raises(Exception) as error:
            ask("GET", closed)
        program.error = type(error.value).__name__

    (row,), told = recorded(program)
    answers = [one for one in told if one["kind"] == "http_response"]
    assert answers[0]["status"] == 500 and answers[1].get("status") is None
    assert "rror" in answers[1]["error"] or "refused" in answers[1]["error"]
    assert len(told) == 4 and row["errors"] >= 2


def test_other_bodies(client, server, recorded):
    name, ask = client
    instrument.http([name])

    def program():
        assert ask("GET", f"{server.url}/picture") == (200, b"\x89PNG" * 500)
        assert ask("GET", f"{server.url}/chunks") == (200, b"hello world")
        assert ask("GET", f"{server.url}/redirect") == (200, TEXT)

    _, told = recorded(program)
    answers = [one for one in told if one["kind"] == "http_response"]
    assert answers[0]["body"] == "<2000 bytes of image/png>" and answers[0]["bytes_in"] == 2000
    assert answers[1]["body"] == "hello world" and answers[1]["bytes_in"] == 11
    statuses = [one["status"] for one in answers[2:]]
    assert sorted(statuses) in ([200, 302], [200]), "each redirect, or the last answer"


def test_everything_is_as_it_was(client, server, recorded):
    name, ask = client
    module = registry.import_module("relive.instrument.of_" + name.replace(".", "_"))
    instrument.http([name])
    before = [
        (owner, attribute, original) for owner, attribute, original, _ in module._patches._rows
    ]
    assert before and all(getattr(owner, one) is not original for owner, one, original in before)
    instrument.uninstrument()
    assert all(getattr(owner, one) is original for owner, one, original in before)
    _, told = recorded(lambda: ask("GET", f"{server.url}/ok"))
    assert told == []


def test_clients_that_are_built_on_one_another_report_once(server, recorded):
    pytest.importorskip("requests", reason="requests has no wheel for this version")
    instrument.http()
    try:
        _, told = recorded(lambda: by_requests("GET", f"{server.url}/ok"))
    finally:
        instrument.uninstrument()
    assert [one.get("client") for one in told] == ["requests", None]


def test_requests_at_once_keep_their_answers(server, recorded):
    pytest.importorskip("aiohttp", reason="aiohttp has no wheel for this version")
    import aiohttp

    async def main():
        async with aiohttp.ClientSession() as client:

            async def one(path):
                async with client.get(server.url + path) as found:
                    await found.read()

            await asyncio.gather(*[one(path) for path in ("/ok", "/fail", "/picture")])

    instrument.http(["aiohttp"])
    try:
        (row,), _ = recorded(lambda: asyncio.run(main()))
    finally:
        instrument.uninstrument()
    found = {one["url"].rpartition("/")[2]: one["status"] for one in row["http"]}
    assert found == {"ok": 200, "fail": 500, "picture": 200}


def test_a_wrapper_that_somebody_put_over_ours_stays(server, recorded):
    import http.client as module

    instrument.http(["http.client"])
    ours = module.HTTPConnection.getresponse

    def theirs(self):
        return ours(self)

    module.HTTPConnection.getresponse = theirs
    try:
        instrument.uninstrument()
        assert module.HTTPConnection.getresponse is theirs
        _, told = recorded(lambda: by_urllib("GET", f"{server.url}/ok"))
        assert told == []
        instrument.http(["http.client"])
        _, told = recorded(lambda: by_urllib("GET", f"{server.url}/ok"))
        assert [one["kind"] for one in told] == ["http_request", "http_response"]
    finally:
        module.HTTPConnection.getresponse = ours
        instrument.uninstrument()


def test_a_body_that_is_not_read_is_recorded_when_it_is_dropped(server, recorded):
    instrument.http(["http.client"])

    def program():
        found = urllib_request.urlopen(f"{server.url}/picture", timeout=10)
        found.read(4)
        found.close()

    try:
        _, told = recorded(program)
    finally:
        instrument.uninstrument()
    assert told[1]["status"] == 200 and told[1]["bytes_in"] == 4


@pytest.mark.parametrize(
    ("clients", "said"),
    [
        (["request"], "no HTTP client 'request'.*did you mean 'requests'"),
        ("curl", "clients: http.client"),
    ],
)  # fmt: skip
def test_mistakes_are_reported(clients, said):
    with pytest.raises(relive.ReliveError, match=said):
        instrument.http(clients)
    assert instrument.installed() == []

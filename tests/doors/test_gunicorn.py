"""gunicorn: a recording a worker, a session a request."""

import sys
import urllib.request

import pytest
from serving import ask, free_port, running

APP = """
import relive.instrument

def price(path):
    return {"/tea": 3, "/cake": 5}[path]

def shop(environ, start_response):
    body = b"%d" % price(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]

app = relive.instrument.wsgi(shop)
"""


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_each_request_of_a_worker_is_a_session(kind, tmp_path):
    (tmp_path / "shop.py").write_text(APP)
    address = f"127.0.0.1:{free_port()}"
    words = [sys.executable, "-m", "relive", "record", "-o", "web.relive", "-m", "gunicorn"]
    with running(tmp_path, *words, "-w", "2", "-k", kind, "-b", address, "shop:app") as server:
        server.wait_for("Listening at")
        for item in ("tea", "cake"):
            assert urllib.request.urlopen(f"http://{address}/{item}").status == 200
        assert server.end() == 0
    found = ask("sessions", "web.relive", cwd=tmp_path)
    assert "GET /tea" in found and "GET /cake" in found

"""http.client, and with it urllib.request: each request of a connection. Its answer is told when
its body has been read, or let go."""

import http.client

from relive.instrument.exchange import Exchange, header, is_inside, length_of
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers
from relive.sessions.http import PREVIEW

_WAITING = "_relive_exchange"
_patches = Patches()


class _Wire:
    """A request while it is put together, and its answer while it is read."""

    def __init__(self, method, url):
        self.method, self.url = method, url
        self.headers = []
        self.exchange = None
        self.size = 0
        self.begin = b""
        self.is_reading = False


def install():
    """Begins."""
    connection, response = http.client.HTTPConnection, http.client.HTTPResponse
    rows = [(connection, "putrequest", _putrequest), (connection, "putheader", _putheader),
            (connection, "endheaders", _endheaders), (connection, "getresponse", _getresponse),
            (response, "_close_conn", _close)]  # fmt: skip
    rows += [(response, name, _reading) for name in ("read", "read1", "readline")]
    _patches.put([*rows, (response, "readinto", _reading_into)])


def uninstall():
    """Ends."""
    _patches.take_back()


def _wire(owner):
    return getattr(owner, _WAITING, None)


# ---- the request ----


def _putrequest(original):
    def putrequest(self, method, url, *args, **kwargs):
        is_ours = _patches.is_on and not is_inside()
        setattr(self, _WAITING, _Wire(method, _absolute(self, url)) if is_ours else None)
        return original(self, method, url, *args, **kwargs)

    return putrequest


def _absolute(connection, url):
    if "://" in url:
        return url
    scheme = "https" if isinstance(connection, http.client.HTTPSConnection) else "http"
    port = f":{connection.port}" if connection.port != connection.default_port else ""
    return f"{scheme}://{connection.host}{port}{url}"


def _putheader(original):
    def putheader(self, name, *values):
        wire = _wire(self)
        if wire is not None:
            wire.headers.extend((name, value) for value in values)
        return original(self, name, *values)

    return putheader


def _endheaders(original):
    def endheaders(self, message_body=None, **kwargs):
        wire = _wire(self)
        if wire is None:
            return original(self, message_body, **kwargs)
        for name, value in outgoing_headers().items():
            if header(wire.headers, name) is None:
                self.putheader(name, value)
        wire.exchange = Exchange("http.client", "client")
        wire.exchange.request(
            wire.method, wire.url, wire.headers, size=length_of(message_body), body=message_body
        )
        with wire.exchange:
            return original(self, message_body, **kwargs)

    return endheaders


# ---- the answer ----


def _getresponse(original):
    def getresponse(self):
        wire = _wire(self)
        if wire is None or wire.exchange is None:
            return original(self)
        with wire.exchange:
            response = original(self)
        setattr(self, _WAITING, None)
        setattr(response, _WAITING, wire)
        if response.isclosed():
            _answer(response)  # there is no body
        return response

    return getresponse


def _answer(response):
    wire = _wire(response)
    if wire is not None:
        setattr(response, _WAITING, None)
        wire.exchange.answer(response.status, response.headers, size=wire.size, body=wire.begin)


def _close(original):
    def close(self):
        original(self)
        wire = _wire(self)
        if wire is not None and not wire.is_reading:
            _answer(self)

    return close


def _counted(self, original, args, kwargs, saw):
    """One way of reading; they call one another."""
    wire = _wire(self)
    if wire is None or wire.is_reading:
        return original(self, *args, **kwargs)
    wire.is_reading = True
    try:
        with wire.exchange:
            found = original(self, *args, **kwargs)
    finally:
        wire.is_reading = False
    saw(wire, found)
    if self.isclosed():
        _answer(self)
    return found


def _saw(wire, data):
    wire.size += len(data)
    if len(wire.begin) < 2 * PREVIEW:
        wire.begin += data[: 2 * PREVIEW - len(wire.begin)]


def _reading(original):
    def read(self, *args, **kwargs):
        return _counted(self, original, args, kwargs, _saw)

    return read


def _reading_into(original):
    def readinto(self, buffer):
        def saw(wire, count):
            _saw(wire, bytes(memoryview(buffer).cast("B")[:count]) if count else b"")

        return _counted(self, original, (buffer,), {}, saw)

    return readinto

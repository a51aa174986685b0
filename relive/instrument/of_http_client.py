"""http.client, and with it urllib.request: each request of a connection. The answer is written when
its body has been read or released."""

import http.client
from typing import Any, Callable, List, Mapping, Optional, Tuple

from relive.instrument.exchange import Exchange, header, is_inside, length_of
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers
from relive.sessions.http import PREVIEW

_WAITING = "_relive_exchange"
_patches = Patches()


class _Wire:
    """A request while it is put together, and its answer while it is read."""

    def __init__(self, method: str, url: str) -> None:
        self.method, self.url = method, url
        self.headers: List[Tuple[Any, Any]] = []
        self.exchange: Optional[Exchange] = None
        self.size = 0
        self.begin = b""
        self.is_reading = False


def install() -> None:
    """Puts it in force."""
    connection, response = http.client.HTTPConnection, http.client.HTTPResponse
    _patches.put(
        [
            (connection, "putrequest", _make_putrequest),
            (connection, "putheader", _make_putheader),
            (connection, "endheaders", _make_endheaders),
            (connection, "getresponse", _make_getresponse),
            (response, "_close_conn", _make_close),
            *((response, name, _make_reader) for name in ("read", "read1", "readline")),
            (response, "readinto", _make_reader_into),
        ]
    )


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


def _find_wire(owner: Any) -> Optional[_Wire]:
    return getattr(owner, _WAITING, None)


# ---- the request ----


def _make_putrequest(original: Callable[..., Any]) -> Callable[..., Any]:
    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        is_ours = _patches.is_on and not is_inside()
        setattr(self, _WAITING, _Wire(method, _make_absolute(self, url)) if is_ours else None)
        return original(self, method, url, *args, **kwargs)

    return putrequest


def _make_absolute(connection: Any, url: str) -> str:
    if "://" in url:
        return url
    scheme = "https" if isinstance(connection, http.client.HTTPSConnection) else "http"
    port = f":{connection.port}" if connection.port != connection.default_port else ""
    return f"{scheme}://{connection.host}{port}{url}"


def _make_putheader(original: Callable[..., Any]) -> Callable[..., Any]:
    def putheader(self: Any, name: str, *values: Any) -> Any:
        wire = _find_wire(self)
        if wire is not None:
            wire.headers.extend((name, value) for value in values)
        return original(self, name, *values)

    return putheader


def _make_endheaders(original: Callable[..., Any]) -> Callable[..., Any]:
    def endheaders(self: Any, message_body: Any = None, **kwargs: Any) -> Any:
        wire = _find_wire(self)
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


def _make_getresponse(original: Callable[..., Any]) -> Callable[..., Any]:
    def getresponse(self: Any) -> Any:
        wire = _find_wire(self)
        if wire is None or wire.exchange is None:
            return original(self)
        with wire.exchange:
            response = original(self)
        setattr(self, _WAITING, None)
        setattr(response, _WAITING, wire)
        if response.isclosed():
            _write_answer(response)  # there is no body
        return response

    return getresponse


def _write_answer(response: Any) -> None:
    wire = _find_wire(response)
    if wire is not None and wire.exchange is not None:
        setattr(response, _WAITING, None)
        wire.exchange.answer(response.status, response.headers, size=wire.size, body=wire.begin)


def _make_close(original: Callable[..., Any]) -> Callable[..., Any]:
    def close(self: Any) -> None:
        original(self)
        wire = _find_wire(self)
        if wire is not None and not wire.is_reading:
            _write_answer(self)

    return close


def _call_reader(
    self: Any,
    original: Callable[..., Any],
    args: Tuple[Any, ...],
    kwargs: Mapping[str, Any],
    saw: Callable[[_Wire, Any], None],
) -> Any:
    """Calls one way of reading; they call one another."""
    wire = _find_wire(self)
    if wire is None or wire.exchange is None or wire.is_reading:
        return original(self, *args, **kwargs)
    wire.is_reading = True
    try:
        with wire.exchange:
            found = original(self, *args, **kwargs)
    finally:
        wire.is_reading = False
    saw(wire, found)
    if self.isclosed():
        _write_answer(self)
    return found


def _count_data(wire: _Wire, data: bytes) -> None:
    wire.size += len(data)
    if len(wire.begin) < 2 * PREVIEW:
        wire.begin += data[: 2 * PREVIEW - len(wire.begin)]


def _make_reader(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _call_reader(self, original, args, kwargs, _count_data)

    return read


def _make_reader_into(original: Callable[..., Any]) -> Callable[..., Any]:
    def readinto(self: Any, buffer: Any) -> Any:
        def saw(wire: _Wire, count: int) -> None:
            _count_data(wire, bytes(memoryview(buffer).cast("B")[:count]) if count else b"")

        return _call_reader(self, original, (buffer,), {}, saw)

    return readinto

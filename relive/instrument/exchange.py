"""One request and its answer, whichever client makes it.

    exchange = Exchange(...)
    exchange.request(...)     writes the request, and returns nothing
    with exchange: send()     an exception is written as the answer
    exchange.answer(...)      written once

Clients are built on one another (requests on urllib3 on http.client). Only the outermost
instrumented one writes events."""

import time
from contextvars import ContextVar
from typing import Any, Dict, Iterable, Optional

from relive import _core
from relive.sessions import api, http

HEADERS = (
    "accept", "cache-control", "content-encoding", "content-length", "content-type", "host",
    "location", "retry-after", "server", "traceparent", "tracestate", "transfer-encoding",
    "user-agent", "x-request-id",
)  # fmt: skip
_TEXTS = ("text/", "json", "xml", "x-www-form-urlencoded", "javascript", "graphql")

_REQUEST = ("exchange", "client", "side", "method", "url", "t0_ns", "headers", "bytes_out", "body")
_ANSWER = ("exchange", "status", "t1_ns", "dt_ns", "headers", "bytes_in", "error", "body")
_inside: ContextVar[int] = ContextVar("relive_http", default=0)  # rank of the client that tells
wanted = frozenset(HEADERS)


def choose_headers(names: Optional[Iterable[str]]) -> None:
    """Sets which headers are kept; None means HEADERS."""
    global wanted
    wanted = frozenset(HEADERS if names is None else (name.lower() for name in names))
    plain = ("content-type", "content-length")  # CGI says these so
    _core.keep_headers(
        [
            (name, ("" if name in plain else "HTTP_") + name.upper().replace("-", "_"))
            for name in sorted(wanted)
            if name.isascii()
        ],
        shown,
    )


def selected(headers: Any) -> Optional[Dict[str, str]]:
    """Returns the headers that are kept; None where there are none."""
    rows = headers.items() if hasattr(headers, "items") else headers or ()
    found = {
        name: value if type(value) is str else http.header_text(value)
        for name, value in ((http.header_text(name), value) for name, value in rows)
        if name.lower() in wanted
    }
    return found or None


def header(headers: Any, name: str) -> Optional[str]:
    """Returns the value of one header, the first where there are several, or None."""
    for one, value in headers.items() if hasattr(headers, "items") else headers or ():
        if http.header_text(one).lower() == name:
            return http.header_text(value)
    return None


def length_of(body: Any) -> Optional[int]:
    """Returns the bytes of a body. Returns None for one that is made while it is sent."""
    if body is None:
        return 0
    if isinstance(body, (bytes, bytearray)):
        return len(body)
    return len(body.encode("utf-8", "surrogatepass")) if isinstance(body, str) else None


def shown(body: Any, headers: Any, size: Optional[int]) -> Any:
    """Returns a preview of a text, and the size of other kinds of content. At level calls, which
    has no values, it returns None."""
    if not body or _core.recorded_level() < 2:
        return None
    if isinstance(body, (bytes, bytearray)):
        kind = header(headers, "content-type") or ""
        total = size or len(body)
        if kind and not any(one in kind.lower() for one in _TEXTS):
            return f"<{total} bytes of {kind}>"
        if header(headers, "content-encoding") not in (None, "identity"):
            return f"<{total} bytes, compressed>"
    return http.preview(body, size)


class Exchange:
    """A request of the active session that was written and waits for its answer."""

    __slots__ = ("_began", "_client", "_is_told", "_number", "_session", "_side", "is_reading")

    def __init__(self, client: str, side: str) -> None:
        self._number = _core.next_exchange()
        self._client, self._side = client, side
        self._began = time.monotonic_ns()
        self._is_told = False
        self.is_reading = False  # of its body, by a client that asks
        self._session = _core.active_session()

    def _find_number(self) -> int:
        """Returns the session's number; 0 where there was none, or it has ended."""
        session = self._session
        return session.number if session is not None and session.is_open else 0

    def request(self, method: Any, url: Any, headers: Any, *, size: Optional[int],
                body: Any = None) -> None:  # fmt: skip
        """Writes the request."""
        _core.note(
            api.HTTP_REQUEST, self._find_number(), _REQUEST, self._number, self._client,
            self._side, http.text(method), http.clean(url), self._began, selected(headers), size,
            shown(body, headers, size),
        )  # fmt: skip

    def answer(self, status: Optional[int], headers: Any = (), *, size: Optional[int] = None,
               body: Any = None, error: Optional[BaseException] = None) -> None:  # fmt: skip
        """Writes the answer, or what came in its place, once."""
        if self._is_told:
            return
        self._is_told = True
        now = time.monotonic_ns()
        _core.note(
            api.HTTP_RESPONSE, self._find_number(), _ANSWER, self._number, status, now,
            now - self._began, selected(headers), size, error, shown(body, headers, size),
        )  # fmt: skip

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        """Writes an exception in place of the answer."""
        if error is not None:
            self.answer(None, error=error)


class outermost:
    """`with outermost(rank) as is_it:` whether this client writes events. It does where none of a
    higher rank is active around it, nor one of this rank unless it `nests`."""

    def __init__(self, rank: int, nests: bool = False) -> None:
        self._rank, self._nests = rank, nests
        self._token: Any = None

    def __enter__(self) -> bool:
        around = _inside.get()
        if around > self._rank or (around == self._rank and not self._nests):
            return False
        self._token = _inside.set(self._rank)
        return True

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            _inside.reset(self._token)


def is_inside() -> bool:
    """Returns whether a client of a higher rank than the lowest is active around this."""
    return _inside.get() > 0


choose_headers(None)

"""One request and its answer, whichever client makes it.

    exchange = begin(...)     the request is told, and the headers to send on are known
    with exchange: ask()      an exception is told as the answer
    exchange.answer(...)      told once

Clients are built on one another (requests on urllib3 on http.client): only the outermost one that
is instrumented tells."""

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
    """Which headers are kept; None: HEADERS."""
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
    """Those that are kept; None where there are none."""
    rows = headers.items() if hasattr(headers, "items") else headers or ()
    found = {
        name: value if type(value) is str else http.header_text(value)
        for name, value in ((http.header_text(name), value) for name, value in rows)
        if name.lower() in wanted
    }
    return found or None


def header(headers: Any, name: str) -> Optional[str]:
    """The value of one, the first where there are several; None."""
    for one, value in headers.items() if hasattr(headers, "items") else headers or ():
        if http.header_text(one).lower() == name:
            return http.header_text(value)
    return None


def length_of(body: Any) -> Optional[int]:
    """Bytes of a body that is there; None of one that is made while it is sent."""
    if body is None:
        return 0
    if isinstance(body, (bytes, bytearray)):
        return len(body)
    return len(body.encode("utf-8", "surrogatepass")) if isinstance(body, str) else None


def shown(body: Any, headers: Any, size: Optional[int]) -> Any:
    """A preview of a text; of other kinds of content how much it is. At level calls, which has no
    values, nothing."""
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
    """A request of the session that is active, which was told and waits for its answer."""

    __slots__ = ("_began", "_client", "_is_told", "_number", "_session", "_side", "is_reading")

    def __init__(self, client: str, side: str) -> None:
        self._number = _core.next_exchange()
        self._client, self._side = client, side
        self._began = time.monotonic_ns()
        self._is_told = False
        self.is_reading = False  # of its body, by a client that asks
        self._session = _core.active_session()

    def _session_number(self) -> int:
        """0 where there was none, or it has ended."""
        session = self._session
        return session.number if session is not None and session.is_open else 0

    def request(self, method: Any, url: Any, headers: Any, *, size: Optional[int],
                body: Any = None) -> None:  # fmt: skip
        """Tells the request."""
        _core.note(
            api.HTTP_REQUEST, self._session_number(), _REQUEST, self._number, self._client,
            self._side, http.text(method), http.clean(url), self._began, selected(headers), size,
            shown(body, headers, size),
        )  # fmt: skip

    def answer(self, status: Optional[int], headers: Any = (), *, size: Optional[int] = None,
               body: Any = None, error: Optional[BaseException] = None) -> None:  # fmt: skip
        """Tells the answer, or what came in its place; once."""
        if self._is_told:
            return
        self._is_told = True
        now = time.monotonic_ns()
        _core.note(
            api.HTTP_RESPONSE, self._session_number(), _ANSWER, self._number, status, now,
            now - self._began, selected(headers), size, error, shown(body, headers, size),
        )  # fmt: skip

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        """`with exchange:` an exception is told in place of the answer."""
        if error is not None:
            self.answer(None, error=error)


class outermost:
    """`with outermost(rank) as is_it:` whether this client tells: none of a higher rank, or of this
    one unless it `nests`, is at work around it."""

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
    """Whether a client of a higher rank than the lowest is at work around this."""
    return _inside.get() > 0


choose_headers(None)

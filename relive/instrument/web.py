"""A session for each request that comes in: middleware for WSGI and ASGI applications."""

from typing import Any, Awaitable, Callable, Iterable, Optional

from relive import _core
from relive.instrument import exchange
from relive.sessions import api
from relive.sessions.http import PREVIEW, text


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application with a session around each request: `app = relive.instrument.wsgi(app)`."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        get = environ.get
        request = _Request(
            get("REQUEST_METHOD", "?"), _utf8(get("SCRIPT_NAME", "") + get("PATH_INFO", "")),
            get("HTTP_TRACEPARENT"), get("HTTP_TRACESTATE"),
        )  # fmt: skip
        if _core.recorded_level():
            query = get("QUERY_STRING")
            request.tell(
                get("wsgi.url_scheme", "http"), get("HTTP_HOST", ""), query and _utf8(query),
                _headers_of(environ), get("CONTENT_LENGTH"),
            )  # fmt: skip
        return request.run(app, environ, start_response)

    return application


def asgi(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The application with a session around each request, and around each websocket."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        method = scope.get("method", "GET") if scope["type"] == "http" else "WEBSOCKET"
        found = dict(reversed(list(scope.get("headers", ()))))
        request = _Request(
            method, scope.get("path", ""), _latin1(found.get(b"traceparent")),
            _latin1(found.get(b"tracestate")),
        )  # fmt: skip
        if _core.recorded_level():
            headers = {
                name: value.decode("latin-1")
                for name, value in ((_latin1(name), value) for name, value in found.items())
                if name in exchange.wanted
            }
            request.tell(
                scope.get("scheme", "http"), _latin1(found.get(b"host")) or "",
                text(scope.get("query_string", b"")), headers,
                _latin1(found.get(b"content-length")),
            )  # fmt: skip
        await request.run_async(app, scope, receive, send)

    return application


def _utf8(value):
    """Texts of an environ are bytes, each as one character."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _latin1(value):
    return value.decode("latin-1") if value is not None else None


def _headers_of(environ):
    """Those that are kept, by name."""
    global _keys, _keys_of
    if _keys_of is not exchange.wanted:
        _keys_of = exchange.wanted
        plain = ("content-type", "content-length")  # CGI says these so
        _keys = [
            (("" if name in plain else "HTTP_") + name.upper().replace("-", "_"), name)
            for name in sorted(_keys_of)
        ]
    return {name: environ[key] for key, name in _keys if key in environ}


_keys: Any = ()
_keys_of: Any = None


class _Request:
    """One request, from its beginning to the end of its answer."""

    __slots__ = ("_begin", "_exchange", "_headers", "_method", "_path", "_session", "_size",
                 "_status", "_token")  # fmt: skip

    def __init__(self, method: str, path: str, traceparent: Any, tracestate: Any) -> None:
        self._session = api.begin(f"{method} {path}", traceparent, tracestate)
        self._token = api.enter(self._session.number)
        self._method, self._path = method, path
        self._status: Optional[int] = None
        self._headers: Any = ()
        self._size = 0
        self._begin = b""
        self._exchange: Optional[exchange.Exchange] = None

    def tell(self, scheme: str, host: str, query: Any, headers: Any, length: Any) -> None:
        """The request, into the recording."""
        url = f"{scheme}://{host}{self._path}" + (f"?{query}" if query else "")
        size = int(length) if length and length.isdigit() and len(length) < 19 else None
        self._exchange = exchange.Exchange("server", "server", self._session.number)
        self._exchange.request(self._method, url, headers, size=size)

    def saw(self, data: bytes) -> None:
        """A piece of the answer."""
        self._size += len(data)
        if len(self._begin) < 2 * PREVIEW:
            self._begin += bytes(data[: 2 * PREVIEW - len(self._begin)])

    def pause(self) -> None:
        """The session is not the active one any more, and not over."""
        api.leave(self._token)
        self._token = None

    def go_on(self) -> None:
        """It is again."""
        self._token = api.enter(self._session.number)

    def end(self, error: Optional[BaseException] = None) -> None:
        """The answer is complete, or the application has failed."""
        session = self._session
        if not api.is_open(session.id):
            return
        if self._exchange is not None:
            self._exchange.answer(
                self._status, self._headers, size=self._size, body=self._begin, error=error
            )
        token, self._token = self._token, None
        api.finish(session, token)

    # ---- WSGI ----

    def run(self, app, environ, start_response):
        """What the server is given."""

        def starting(status, headers, *exc_info):
            self._begins(status, headers)
            write = start_response(status, headers, *exc_info)

            def writing(data):
                self.saw(data)
                return write(data)

            return writing

        wrapper = environ.get("wsgi.file_wrapper")
        with _ending(self) as ending:
            result = app(environ, starting)
            if type(result) in (list, tuple):
                for piece in result:
                    self.saw(piece)
                self.end()
            elif isinstance(wrapper, type) and isinstance(result, wrapper):
                self.end()  # the server sends the file itself
            else:
                self.pause()
                result = _Pieces(self, result)
            ending.is_done = True
        return result

    def _begins(self, status, headers):
        code = str(status).partition(" ")[0]
        self._status = int(code) if code.isdigit() else None
        self._headers = headers

    # ---- ASGI ----

    async def run_async(self, app, scope, receive, send):
        """Until the application returns."""

        async def sending(message):
            if message["type"] == "http.response.start":
                self._status, self._headers = message["status"], message.get("headers", ())
            elif message["type"] == "http.response.body":
                self.saw(message.get("body", b""))
            elif message["type"] == "websocket.accept":
                self._status, self._headers = 101, message.get("headers", ())
            await send(message)

        with _ending(self) as ending:
            await app(scope, receive, sending)
            self.end()
            ending.is_done = True


class _ending:
    """Ends the request with the exception that goes through, where one does."""

    def __init__(self, request: _Request) -> None:
        self._request = request
        self.is_done = False

    def __enter__(self) -> "_ending":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        if not self.is_done:
            self._request.end(error)


class _Pieces:
    """The pieces of an answer while the server asks for them, each made inside the session."""

    def __init__(self, request: _Request, pieces: Any) -> None:
        self._request, self._pieces = request, pieces
        self._iterator: Any = None

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        self._request.go_on()
        with _ending(self._request) as ending:
            if self._iterator is None:
                self._iterator = iter(self._pieces)
            for piece in self._iterator:
                self._request.saw(piece)
                self._request.pause()
                ending.is_done = True
                return piece
        raise StopIteration

    def close(self) -> None:
        """As the server says it, at the end or when the other side has gone."""
        try:
            if hasattr(self._pieces, "close"):
                self._pieces.close()
        finally:
            self._request.end()

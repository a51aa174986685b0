"""A session for each request that comes in: middleware for WSGI and ASGI applications."""

from typing import Any, Awaitable, Callable, Iterable, Iterator, Optional

from relive import _core
from relive.instrument import exchange  # says which headers are kept

__all__ = ["asgi", "exchange", "wsgi"]


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Returns the application with a session around each request: `app =
    relive.instrument.wsgi(app)`."""

    def application(environ: Any, start_response: Any) -> Any:
        return _core.run_wsgi(app, environ, start_response, _Pieces)

    return application


def asgi(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Returns the application with a session around each request, and around each websocket."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        request = _core.begin_asgi(scope, send)
        with _Ending(request) as ending:
            await app(scope, receive, request)
            request.end()
            ending.is_done = True

    return application


class _Ending:
    """Ends the request with the exception that passes through, where one does."""

    def __init__(self, request: _core.Request) -> None:
        self._request = request
        self.is_done = False

    def __enter__(self) -> "_Ending":
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if not self.is_done:
            self._request.end(error)


class _Pieces:
    """The pieces of an answer while the server takes them, each made inside the session."""

    def __init__(self, request: _core.Request, pieces: Any) -> None:
        self._request, self._pieces = request, pieces
        self._iterator: Optional[Iterator[bytes]] = None

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        self._request.go_on()
        with _Ending(self._request) as ending:
            if self._iterator is None:
                self._iterator = iter(self._pieces)
            for piece in self._iterator:
                self._request.saw(piece)
                self._request.pause()
                ending.is_done = True
                return piece
        raise StopIteration

    def close(self) -> None:
        """Ends the request, at the end or when the other side has gone."""
        try:
            if hasattr(self._pieces, "close"):
                self._pieces.close()
        finally:
            self._request.end()

"""httpx: each request that a client sends, synchronous or not. Redirects that it follows are part
of it."""

from typing import Any, Callable

from relive.instrument.exchange import Exchange, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 3
_patches = Patches()


def install() -> None:
    """Puts it in force."""
    import httpx

    _patches.put(
        [(httpx.Client, "send", _make_send), (httpx.AsyncClient, "send", _make_send_async)]
    )


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


def _write_request(request: Any) -> Exchange:
    import httpx

    for name, value in outgoing_headers().items():
        request.headers.setdefault(name, value)
    exchange = Exchange("httpx", "client")
    try:
        body = request.content
    except httpx.RequestNotRead:
        body = request.stream  # it is made while it is sent
    exchange.request(
        request.method, str(request.url), request.headers, size=length_of(body), body=body
    )
    return exchange


def _write_answer(exchange: Exchange, found: Any, is_stream: bool) -> None:
    body = None if is_stream else found.content
    exchange.answer(found.status_code, found.headers, size=length_of(body), body=body)


def _make_send(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return original(self, request, **kwargs)
            with _write_request(request) as exchange:
                found = original(self, request, **kwargs)
            _write_answer(exchange, found, kwargs.get("stream", False))
            return found

    return send


def _make_send_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send(self: Any, request: Any, **kwargs: Any) -> Any:
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return await original(self, request, **kwargs)
            with _write_request(request) as exchange:
                found = await original(self, request, **kwargs)
            _write_answer(exchange, found, kwargs.get("stream", False))
            return found

    return send

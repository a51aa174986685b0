"""httpx: each request that a client sends, synchronous or not; redirects that it follows are part
of it."""

from relive.instrument.exchange import Exchange, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 3
_patches = Patches()


def install():
    """Begins."""
    import httpx

    _patches.put([(httpx.Client, "send", _send), (httpx.AsyncClient, "send", _send_async)])


def uninstall():
    """Ends."""
    _patches.take_back()


def _begin(request):
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


def _end(exchange, found, is_stream):
    body = None if is_stream else found.content
    exchange.answer(found.status_code, found.headers, size=length_of(body), body=body)


def _send(original):
    def send(self, request, **kwargs):
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return original(self, request, **kwargs)
            with _begin(request) as exchange:
                found = original(self, request, **kwargs)
            _end(exchange, found, kwargs.get("stream", False))
            return found

    return send


def _send_async(original):
    async def send(self, request, **kwargs):
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return await original(self, request, **kwargs)
            with _begin(request) as exchange:
                found = await original(self, request, **kwargs)
            _end(exchange, found, kwargs.get("stream", False))
            return found

    return send

"""aiohttp: each request of a ClientSession; its answer is told when its body has been read, or let
go."""

from relive.instrument.exchange import Exchange, header, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 3
_WAITING = "_relive_exchange"
_patches = Patches()


def install():
    """Begins."""
    import aiohttp

    response = aiohttp.ClientResponse
    _patches.put(
        [
            (aiohttp.ClientSession, "_request", _request),
            (response, "read", _read),
            (response, "release", _let_go),
            (response, "close", _let_go),
        ]
    )


def uninstall():
    """Ends."""
    _patches.take_back()


def _request(original):
    async def request(self, method, str_or_url, **kwargs):
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return await original(self, method, str_or_url, **kwargs)
            kwargs["headers"] = _with(kwargs.get("headers"))
            body = kwargs.get("data") if kwargs.get("data") is not None else kwargs.get("json")
            exchange = Exchange("aiohttp", "client")
            exchange.request(
                method, str(str_or_url), kwargs["headers"], size=length_of(body), body=body
            )
            with exchange:
                found = await original(self, method, str_or_url, **kwargs)
            setattr(found, _WAITING, exchange)
            return found

    return request


def _with(headers):
    """The headers to send, as rows: a name may come twice."""
    rows = list(headers.items()) if hasattr(headers, "items") else list(headers or ())
    present = {str(name).lower() for name, _ in rows}
    rows.extend((name, value) for name, value in outgoing_headers().items() if name not in present)
    return rows


def _answer(response, body):
    exchange = getattr(response, _WAITING, None)
    if exchange is None:
        return
    size = length_of(body)
    length = header(response.headers, "content-length") if body is None else None
    if length is not None and length.isdigit():
        size = int(length)
    exchange.answer(response.status, response.headers, size=size, body=body)


def _read(original):
    async def read(self):
        exchange = getattr(self, _WAITING, None)
        if exchange is None or exchange.is_reading:
            return await original(self)
        exchange.is_reading = True
        try:
            with exchange:
                body = await original(self)
        finally:
            exchange.is_reading = False
        _answer(self, body)
        return body

    return read


def _let_go(original):
    def let_go(self):
        found = original(self)
        exchange = getattr(self, _WAITING, None)
        if exchange is not None and not exchange.is_reading:
            _answer(self, None)
        return found

    return let_go

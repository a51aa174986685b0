"""aiohttp: each request of a ClientSession. The answer is written when its body has been read or
released."""

from typing import Any, Callable, List, Tuple

from relive.instrument.exchange import Exchange, header, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 3
_WAITING = "_relive_exchange"
_patches = Patches()


def install() -> None:
    """Puts it in force."""
    import aiohttp

    response = aiohttp.ClientResponse
    _patches.put(
        [
            (aiohttp.ClientSession, "_request", _make_request),
            (response, "read", _make_read),
            (response, "release", _make_release),
            (response, "close", _make_release),
        ]
    )


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


def _make_request(original: Callable[..., Any]) -> Callable[..., Any]:
    async def request(self: Any, method: str, str_or_url: Any, **kwargs: Any) -> Any:
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return await original(self, method, str_or_url, **kwargs)
            kwargs["headers"] = _add_headers(kwargs.get("headers"))
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


def _add_headers(headers: Any) -> List[Tuple[Any, Any]]:
    """Returns the headers to send, as rows: a name may come twice."""
    rows: List[Tuple[Any, Any]] = list(
        headers.items() if hasattr(headers, "items") else headers or ()
    )
    present = {str(name).lower() for name, _ in rows}
    rows.extend((name, value) for name, value in outgoing_headers().items() if name not in present)
    return rows


def _write_answer(response: Any, body: Any) -> None:
    exchange = getattr(response, _WAITING, None)
    if exchange is None:
        return
    size = length_of(body)
    length = header(response.headers, "content-length") if body is None else None
    if length is not None and length.isdigit():
        size = int(length)
    exchange.answer(response.status, response.headers, size=size, body=body)


def _make_read(original: Callable[..., Any]) -> Callable[..., Any]:
    async def read(self: Any) -> Any:
        exchange = getattr(self, _WAITING, None)
        if exchange is None or exchange.is_reading:
            return await original(self)
        exchange.is_reading = True
        try:
            with exchange:
                body = await original(self)
        finally:
            exchange.is_reading = False
        _write_answer(self, body)
        return body

    return read


def _make_release(original: Callable[..., Any]) -> Callable[..., Any]:
    def release(self: Any) -> Any:
        found = original(self)
        exchange = getattr(self, _WAITING, None)
        if exchange is not None and not exchange.is_reading:
            _write_answer(self, None)
        return found

    return release

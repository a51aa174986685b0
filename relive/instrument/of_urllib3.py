"""urllib3: each request of a connection pool. Its retries and redirects are part of it."""

from typing import Any, Callable

from relive.instrument.exchange import Exchange, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 2
_patches = Patches()


def install() -> None:
    """Puts it in force."""
    from urllib3 import HTTPConnectionPool

    _patches.put([(HTTPConnectionPool, "urlopen", _make_urlopen)])


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


def _make_urlopen(original: Callable[..., Any]) -> Callable[..., Any]:
    def urlopen(
        self: Any,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        with outermost(RANK) as is_it:
            if not is_it or not _patches.is_on:
                return original(self, method, url, body, headers, *args, **kwargs)
            headers = _add_headers(self.headers if headers is None else headers)
            exchange = Exchange("urllib3", "client")
            exchange.request(
                method, _make_absolute(self, url), headers, size=length_of(body), body=body
            )
            with exchange:
                found = original(self, method, url, body, headers, *args, **kwargs)
            read = found.data if kwargs.get("preload_content", True) else None
            exchange.answer(found.status, found.headers, size=length_of(read), body=read)
            return found

    return urlopen


def _add_headers(headers: Any) -> Any:
    """Returns the headers to send. Those of the caller stay as they are."""
    more = outgoing_headers()
    if not more:
        return headers
    headers = headers.copy() if headers is not None else {}
    present = {name.lower() for name in headers}
    for name, value in more.items():
        if name not in present:
            headers[name] = value
    return headers


def _make_absolute(pool: Any, url: str) -> str:
    if "://" in url:
        return url
    port = f":{pool.port}" if pool.port else ""
    return f"{pool.scheme}://{pool.host}{port}{url}"

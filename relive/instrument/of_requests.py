"""requests: each exchange of a Session, redirects one by one."""

from typing import Any, Callable, Mapping

from relive.instrument.exchange import Exchange, length_of, outermost
from relive.instrument.patches import Patches
from relive.sessions.api import outgoing_headers

RANK = 3
_patches = Patches()


def install() -> None:
    """Puts it in force."""
    import requests

    _patches.put([(requests.Session, "send", _make_send)])


def uninstall() -> None:
    """Takes it back."""
    _patches.take_back()


def _make_send(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        with outermost(RANK, nests=True) as is_it:
            if not is_it or not _patches.is_on:
                return original(self, request, **kwargs)
            return _send_request(original, self, request, kwargs)

    return send


def _send_request(
    original: Callable[..., Any], self: Any, request: Any, kwargs: Mapping[str, Any]
) -> Any:
    for name, value in outgoing_headers().items():
        request.headers.setdefault(name, value)
    exchange = Exchange("requests", "client")
    exchange.request(
        request.method, request.url, request.headers, size=length_of(request.body),
        body=request.body,
    )  # fmt: skip
    with exchange:
        found = original(self, request, **kwargs)
    first = found.history[0] if found.history else found
    body = None if kwargs.get("stream") else first.content
    exchange.answer(first.status_code, first.headers, size=length_of(body), body=body)
    return found

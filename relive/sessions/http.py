"""Requests and their answers as events, without the secrets in them."""

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

from relive import _core
from relive.sessions.api import HTTP_REQUEST, HTTP_RESPONSE, tell

Headers = Union[Mapping[str, str], Sequence[Tuple[str, str]], None]
PREVIEW = 1000  # characters of a body


def on_http_request(session_id: Optional[str], method: str, url: str, t0_ns: int, headers: Headers,
                    bytes_out: Optional[int], request_body: Any = None) -> None:  # fmt: skip
    """Writes a request that goes out or came in, for the active session where `session_id` is
    None."""
    tell(
        session_id, HTTP_REQUEST, method=text(method), url=clean(url), t0_ns=t0_ns,
        headers=header_texts(headers), bytes_out=bytes_out, body=preview(request_body),
    )  # fmt: skip


def on_http_response(session_id: Optional[str], status: Optional[int], t1_ns: int, dt_ns: int,
                     headers: Headers = None, bytes_in: Optional[int] = None,
                     error: Optional[str] = None, response_body: Any = None) -> None:  # fmt: skip
    """Writes its answer, or the error that came in its place."""
    tell(
        session_id, HTTP_RESPONSE, status=status, t1_ns=t1_ns, dt_ns=dt_ns,
        headers=header_texts(headers), bytes_in=bytes_in, error=error, body=preview(response_body),
    )  # fmt: skip


def text(value: Any) -> str:
    """Returns a str or bytes as text; for other values only what they are."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str):
        return str.__str__(value)
    return str(value) if type(value) in (int, float) else f"<{type(value).__name__}>"


def clean(value: Any) -> str:
    """Returns a value as text without the secrets in it."""
    found = text(value)
    try:
        return _core.without_secrets(found)
    except UnicodeEncodeError:  # half characters
        return _core.without_secrets(found.encode("utf-8", "replace").decode("utf-8"))


def header_text(value: Any) -> str:
    """Returns a header's name or value as text."""
    if type(value) is str:
        return value
    return value.decode("latin-1") if isinstance(value, bytes) else text(value)


def header_texts(headers: Any) -> Mapping[str, str]:
    """Returns {name: value}. A name that comes twice has its values in one text."""
    found: Dict[str, str] = {}
    for name, value in headers.items() if hasattr(headers, "items") else headers or ():
        name, value = header_text(name), header_text(value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def preview(body: Any, total: Optional[int] = None) -> Any:
    """Returns the beginning of a text or of bytes, of which there are `total`. A list or a dict
    stays, since it is cut like every value. For anything else only its kind is returned."""
    if isinstance(body, (bytes, bytearray, str)):
        total, unit = total or len(body), "characters" if isinstance(body, str) else "bytes"
        # the secrets first: one may cross the bound
        shown = clean(body[: 2 * PREVIEW])[:PREVIEW]
        return shown + (f"... ({total} {unit})" if total > PREVIEW else "")
    if body is None or type(body) in (list, dict):
        return body
    return f"<{type(body).__name__}>"

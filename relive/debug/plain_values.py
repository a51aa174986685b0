"""Texts of values that run none of the program's code: types and containers of Python's own, and
the attributes of instances.

repr() may be the program's own, and may write, wait or fail."""

from __future__ import annotations

import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Tuple

_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
_LISTS: Dict[type, Tuple[str, str]] = {
    list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("frozenset({", "})"),
}  # fmt: skip
_LONGEST = 200  # characters of a text
_MOST = 20  # items of a container
_DEEPEST = 3
_LONGEST_TEXT = 160  # characters of a str or bytes


def plain_text(value: object, depth: int = 0) -> str:
    """Returns a text of one line."""
    kind = type(value)
    if kind in _ATOMS:
        return _atom(value)
    if depth >= _DEEPEST:
        return "..."
    if kind in _LISTS:
        items: Any = value
        return _enclosed(kind, [plain_text(one, depth + 1) for one in _first(items)], len(items))
    if kind is dict:
        return _mapping(value, depth)
    if isinstance(value, type):
        return f"<class {type.__getattribute__(value, '__qualname__')}>"
    if kind in (types.FunctionType, types.BuiltinFunctionType, types.ModuleType):
        named: Any = value
        return f"<{kind.__name__} {named.__name__}>"
    return _instance(value, depth)


def _atom(value: Any) -> str:
    if type(value) in (str, bytes) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]!r}... ({len(value):,} in all)"
    if type(value) is int and value.bit_length() > 600:
        return f"<int of {value.bit_length():,} bits>"
    return repr(value)


def _first(items: Iterable[Any]) -> List[Any]:
    """Returns the first items; none where another thread changes the container meanwhile."""
    found: List[Any] = []
    try:
        for one in items:
            if len(found) == _MOST:
                break
            found.append(one)
    except RuntimeError:
        pass
    return found


def _enclosed(kind: type, texts: List[str], count: int) -> str:
    if count > len(texts):
        texts = [*texts, f"... {count - len(texts):,} more"]
    begin, end = _LISTS[kind]
    body = ", ".join(texts)
    if kind is tuple and count == 1:
        body += ","
    if kind in (set, frozenset) and not count:
        return f"{kind.__name__}()"
    return f"{begin}{body}{end}"


def _mapping(value: Any, depth: int) -> str:
    texts = [
        f"{plain_text(key, depth + 1)}: {plain_text(one, depth + 1)}"
        for key, one in _first(value.items())
    ]
    if len(value) > len(texts):
        texts.append(f"... {len(value) - len(texts):,} more")
    return f"{{{', '.join(texts)}}}"


def _instance(value: object, depth: int) -> str:
    """Returns 'Till(total=10)', by the instance's own dictionary."""
    name = type.__getattribute__(type(value), "__name__")
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = None
    if type(own) is not dict:
        return f"<{name} at 0x{id(value):x}>"
    texts = [f"{key}={plain_text(one, depth + 1)}" for key, one in _first(own.items())
             if type(key) is str]  # fmt: skip
    text = f"{name}({', '.join(texts)})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...)"

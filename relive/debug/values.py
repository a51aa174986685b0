"""Values as a front shows them: a line of text, and their parts, page by page.

Nothing of the program runs: no repr, no len, no property. Parts are read from storage, as the
recorder reads them."""

import collections
import itertools
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

from relive import _core
from relive.errors import ReliveError

TEXT_MOST = 200  # characters
_ITEMS_MOST = (20, 6, 3)  # of a value, of one in it, and of one in that
_OF_TYPES: Any = vars(type)
_type_name = _OF_TYPES["__qualname__"].__get__
_short_name = _OF_TYPES["__name__"].__get__
_type_module = _OF_TYPES["__module__"].__get__
type_order = _OF_TYPES["__mro__"].__get__
type_dict = _OF_TYPES["__dict__"].__get__
_module_dict = vars(ModuleType)["__dict__"].__get__
_message = vars(BaseException)["args"].__get__
_NAMED: Dict[type, Callable[[Any], object]] = {
    ModuleType: lambda module: _module_dict(module).get("__name__"),
    FunctionType: vars(FunctionType)["__name__"].__get__,
    BuiltinFunctionType: vars(BuiltinFunctionType)["__name__"].__get__,
}
_BRACKETS: Dict[type, Tuple[str, str]] = {
    list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"),
    frozenset: ("frozenset({", "})"), collections.deque: ("deque([", "])"), dict: ("{", "}"),
}  # fmt: skip
_CONTAINERS = tuple(_BRACKETS)
_ATOMS = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis),
          type(NotImplemented), range)  # fmt: skip


class Variable(NamedTuple):
    """One part of a value."""

    name: str
    value: Any
    text: str  #: the value in a line
    type: str
    parts: int  #: how many parts it has itself


class Page(NamedTuple):
    """Some parts of a value, and how many there are."""

    total: int
    start: int
    items: List[Variable]


def list_parts(value: Any, start: int = 0, count: int = 100) -> Page:
    """Returns `count` parts of a value at most, from `start` on."""
    start, count = max(0, start), max(0, count)
    total, rows = _rows(value, start, count)
    return Page(total, start, [make_variable(name, part) for name, part in rows])


def make_variable(name: str, value: Any) -> Variable:
    """Returns a value under a name."""
    return Variable(name, value, show(value), type_name(value), count_parts(value))


def count_parts(value: Any) -> int:
    """Returns how many parts a value has."""
    return _rows(value, 0, 0)[0]


def type_name(value: Any) -> str:
    """Returns the qualified name of a value's type; with its module where that is not built in."""
    kind = type(value)
    module, name = _type_module(kind), _type_name(kind)
    return name if module == "builtins" or type(module) is not str else f"{module}.{name}"


def _is(value: Any, kind: type) -> bool:
    """isinstance() without a look at __class__, which a class may replace."""
    return kind in type_order(type(value))


def _is_atom(value: Any) -> bool:
    return any(_is(value, atom) for atom in _ATOMS)


def _rows(value: Any, start: int, count: int) -> Tuple[int, List[Tuple[str, Any]]]:
    """Returns how many parts there are, and some of them with their names."""
    if _is(value, dict):
        total, found = _core.debug_entries(value, start, count)
        return total, [(show(key), part) for key, part in found]
    for kind in (list, tuple):
        if _is(value, kind):
            total = kind.__len__(value)
            part = kind.__getitem__(value, slice(start, start + count))
            return total, [(f"[{start + at}]", one) for at, one in enumerate(part)]
    for other in (set, frozenset, collections.deque):
        if _is(value, other):
            kept = list(itertools.islice(other.__iter__(value), start, start + count))
            return other.__len__(value), [(f"[{start + at}]", one) for at, one in enumerate(kept)]
    if _is_atom(value):
        return 0, []
    return _fields(value, start, count)


def _fields(value: Any, start: int, count: int) -> Tuple[int, List[Tuple[str, Any]]]:
    """The same of an instance: its slots, then the attributes that it has itself."""
    own = list(_slots(value))
    if _is(value, BaseException):
        own.insert(0, ("args", _message(value)))
    if _is(value, type):
        own.extend((str(name), part) for name, part in type_dict(value).items())
    total, found = _core.debug_entries(value, max(0, start - len(own)), start + count)
    rows = own[start:] + [(key, part) for key, part in found if type(key) is str]
    return len(own) + total, rows[:count]


def _slots(value: Any) -> Iterator[Tuple[str, Any]]:
    for kind in type_order(type(value)):
        if kind is object or kind.__flags__ & 1 << 9 == 0:  # only classes made in Python
            continue
        for name, member in type_dict(kind).items():
            if type(member) is MemberDescriptorType and type(name) is str:
                try:
                    yield name, member.__get__(value)
                except AttributeError:
                    continue  # a slot without a value


def read_attribute(value: Any, name: str) -> Any:
    """Returns an attribute that the value itself has. Raises AttributeError for any other."""
    for found, part in _fields(value, 0, 1 << 30)[1]:
        if found == name:
            return part
    raise AttributeError(f"{type_name(value)} itself has no {name!r}")


def read_item(value: Any, key: Any) -> Any:
    """Returns an item of a list, a tuple or a dictionary, by a constant key."""
    if type(value) in (list, tuple):
        return value[key]
    if type(value) is dict and type(key) in (int, str, bytes, float, bool, type(None)):
        total, found = _core.debug_entries(value, 0, 1 << 30)
        for one, part in found:
            if type(one) is type(key) and one == key:
                return part
        raise KeyError(key)
    raise ReliveError("ERR_USAGE", "only items of lists, tuples and dictionaries are read here")


# ---- text ----


def show_message(error: BaseException) -> str:
    """Returns what an exception says, where that is plain."""
    found = _message(error)
    if found and type(found[0]) is str and (len(found) == 1 or _is(error, SyntaxError)):
        return _cut(found[0])
    return show(found) if found else ""


def show(value: Any, depth: int = 0) -> str:
    """Returns a value in one line, as 'Till(total=10)' or '[1, 2, ... 28 more]'."""
    kind = type(value)
    if kind is int and value.bit_length() > 600:
        return f"<int of {value.bit_length():,} bits>"
    if kind in (str, bytes) and len(value) > TEXT_MOST:
        return f"{value[:TEXT_MOST]!r}... ({len(value):,} in all)"
    if kind in _ATOMS:
        return repr(value)
    if _is(value, type):
        return f"<class {_type_name(value)}>"
    if kind in _NAMED:
        return f"<{kind.__name__} {_NAMED[kind](value)}>"
    return _show_parts(value, depth) if depth < len(_ITEMS_MOST) else "..."


def _show_parts(value: Any, depth: int) -> str:
    """Shows a container or an instance. One of a subclass shows as 'Rows([1, 2])'."""
    kind, inner = type(value), depth + 1
    for base in _CONTAINERS:
        if _is(value, base):
            begin, end = _BRACKETS[base]
            texts, total = _items(value, base, inner)
            if not total and base in (set, frozenset):
                begin, end = f"{base.__name__}(", ")"
            end = ",)" if base is tuple and total == 1 else end
            is_own = kind is not base
            return _join(f"{_short_name(kind)}({begin}" if is_own else begin, texts,
                         f"{end})" if is_own else end, total)  # fmt: skip
    if _is(value, BaseException):
        texts, total = _items(_message(value), tuple, inner)
        return _join(f"{_short_name(kind)}(", texts, ")", total)
    total, rows = (0, []) if _is_atom(value) else _fields(value, 0, _ITEMS_MOST[depth])
    if not total:
        return f"<{_short_name(kind)} at 0x{id(value):x}>"
    return _join(
        f"{_short_name(kind)}(", [f"{name}={show(part, inner)}" for name, part in rows], ")", total
    )


def _items(value: Any, base: type, inner: int) -> Tuple[List[str], int]:
    """Returns the texts of the first items, and how many items there are."""
    most = _ITEMS_MOST[inner - 1]
    if base is dict:
        total, found = _core.debug_entries(value, 0, most)
        return [f"{show(key, inner)}: {show(part, inner)}" for key, part in found], total
    total, rows = _rows(value, 0, most)
    return [show(part, inner) for _, part in rows], total


def _join(begin: str, texts: List[str], end: str, total: int) -> str:
    more = [f"... {total - len(texts):,} more"] if total > len(texts) else []
    return _cut(begin + ", ".join(texts + more) + end)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MOST else text[: TEXT_MOST - 3] + "..."

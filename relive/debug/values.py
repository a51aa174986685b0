"""Values as a front shows them: a line of text, and their parts, page by page.

Nothing of the program runs: no repr, no len, no property. Parts are read from storage, as the
recorder reads them."""

import collections
import itertools
from types import MemberDescriptorType, ModuleType
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from relive import _core
from relive.errors import ReliveError

TEXT_MOST = 200  # characters
_ITEMS_MOST = 6
_OF_TYPES: Any = vars(type)
_type_name = _OF_TYPES["__qualname__"].__get__
_type_module = _OF_TYPES["__module__"].__get__
type_order = _OF_TYPES["__mro__"].__get__
type_dict = _OF_TYPES["__dict__"].__get__
_module_dict = vars(ModuleType)["__dict__"].__get__
_message = vars(BaseException)["args"].__get__
_BRACKETS: Dict[type, Tuple[str, str]] = {
    list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"),
    frozenset: ("frozenset({", "})"), collections.deque: ("deque([", "])"),
}  # fmt: skip
_ATOMS = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), range)


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
    if any(_is(value, atom) for atom in _ATOMS):
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


def show(value: Any, depth: int = 1) -> str:
    """Returns a value in one line. Containers show their first items."""
    kind = type(value)
    if kind is int and value.bit_length() > 600:
        return f"<int of {value.bit_length()} bits>"
    if kind in (str, bytes):
        return _cut(repr(value[:TEXT_MOST]), len(value) - TEXT_MOST)
    if kind in _ATOMS:
        return repr(value)
    if kind is dict:
        total, found = _core.debug_entries(value, 0, _ITEMS_MOST if depth else 0)
        texts = [f"{show(key, 0)}: {show(part, 0)}" for key, part in found]
        return _join("{", texts, "}", total)
    if kind in _BRACKETS:
        begin, end = _BRACKETS[kind]
        total, rows = _rows(value, 0, _ITEMS_MOST if depth else 0)
        if not total and kind in (set, frozenset):
            return f"{kind.__name__}()"
        if kind is tuple and total == 1:
            end = ",)"
        return _join(begin, [show(part, 0) for _, part in rows], end, total)
    if _is(value, type):
        return f"<class {_type_name(value)}>"
    if kind is ModuleType:
        return f"<module {_module_dict(value).get('__name__')}>"
    if _is(value, BaseException):
        return f"{_type_name(kind)}({show_message(value)})"
    return f"<{type_name(value)}>"


def _join(begin: str, texts: List[str], end: str, total: int) -> str:
    more = ["..."] if total > len(texts) else []
    return _cut(begin + ", ".join(texts + more) + end)


def _cut(text: str, more: int = 0) -> str:
    if more <= 0 and len(text) <= TEXT_MOST:
        return text
    return text[:TEXT_MOST] + "..."

"""The values that may have broken a line: what the line reads, in the order of suspicion.

    TypeError: 'NoneType' object is not subscriptable        row["rate"]["eur"]
                                                             row["rate"] is None: it is the one

Python's own parser takes the line apart. Values are those of the recording; nothing is run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive._variables import Variable

_UNKNOWN: Mapping[str, Any] = {}
_NO_ATTRIBUTE = re.compile(r"'(?P<type>[\w.]+)' object has no attribute '(?P<name>\w+)'")
_TYPES = re.compile(r"'([\w.]+)'")
_NAME = re.compile(r"name '(\w+)' is not defined|local variable '?(\w+)'?")
_MOST = 4
_MOST_LINES = 30  # of one statement


@dataclass(frozen=True)
class Suspect:
    """An expression of the line, and its value when the exception came up."""

    text: str
    """row["rate"]"""
    name: str
    """the variable that it begins with"""
    value: Optional[Mapping[str, Any]]
    """as in `relive dump`; None where the recording does not have it"""
    is_certain: bool
    """the message of the exception fits this value, and no other of the line"""


def find(
    kind: str, message: str, lines: Sequence[str], line: int, variables: Sequence[Variable]
) -> List[Suspect]:
    """Returns the suspects of a line of a source text, the first one most suspicious."""
    statement = _find_statement(lines, line)
    if statement is None:
        return []
    values = {one.name: one.value for one in variables if one.value is not None}
    read = [
        (node, _evaluate(node, values))
        for node in ast.walk(statement)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        and isinstance(node.ctx, ast.Load)
        and _root(node) is not None
    ]
    # An attribute that is called is a method, and a name that is called is a function.
    called = {id(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)}
    read = [pair for pair in read if id(pair[0]) not in called or pair[1]]
    guilty = [id(node) for node in _accuse(kind.rpartition(".")[2], message, statement, read)]
    read.sort(key=lambda pair: (guilty.index(id(pair[0])) if id(pair[0]) in guilty else 99))
    found: Dict[str, Suspect] = {}
    for node, value in read:
        text = _text_of(node)
        if text not in found and (id(node) in guilty or (value and not guilty)):
            is_certain = guilty[:1] == [id(node)] and len(set(guilty)) == 1
            found[text] = Suspect(text, _root(node) or "", value or None, is_certain)
    return list(found.values())[:_MOST]


def _find_statement(lines: Sequence[str], line: int) -> Optional[ast.AST]:
    """Returns the smallest statement around a line, without the statements inside it."""
    tree = _parse("\n".join(lines))
    if tree is None:
        return _parse_alone(lines, line)
    found: Optional[ast.AST] = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= _end_of(node):
            found = node  # those inside come later
    return _strip_body(found) if found is not None else None


def _parse(text: str) -> Optional[ast.AST]:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parse_alone(lines: Sequence[str], line: int) -> Optional[ast.AST]:
    """Parses a line, and those after it as long as they go on with it: the file is of another
    version of Python."""
    for last in range(line, min(line + _MOST_LINES, len(lines) + 1)):
        text = "\n".join(lines[line - 1 : last]).strip()
        tree = _parse(f"{text} pass" if text.endswith(":") else text)
        if tree is not None:
            return tree
    return None


def _end_of(node: ast.stmt) -> int:
    return getattr(node, "end_lineno", None) or node.lineno


def _strip_body(node: ast.AST) -> ast.AST:
    """Leaves out the statements inside a compound one: `if`, `for` and such have a line too."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        if isinstance(getattr(node, field, None), list):
            setattr(node, field, [])
    return node


# ---- expressions and their recorded values ----


def _root(node: ast.AST) -> Optional[str]:
    """Returns the name that a path begins with, None for what is no path."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _text_of(node: ast.AST) -> str:
    """Returns an expression as it is written, near enough."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_text_of(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return f"{_text_of(node.value)}[{_text_of(_index_of(node))}]"
    if isinstance(node, ast.Constant):
        return repr(node.value)
    return "..."


def _index_of(node: ast.Subscript) -> ast.AST:
    """Returns what is between the brackets; 3.8 wraps it."""
    index: Any = node.slice
    found: ast.AST = index.value if type(index).__name__ == "Index" else index
    return found


def _evaluate(node: ast.AST, values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns the recorded value of an expression, _UNKNOWN where it has none."""
    if isinstance(node, ast.Name):
        return values.get(node.id, _UNKNOWN)
    if isinstance(node, ast.Constant):
        return _as_value(node.value)
    if isinstance(node, ast.Attribute):
        attrs = _evaluate(node.value, values).get("attrs") or {}
        text = attrs.get(node.attr)
        return text if isinstance(text, dict) else {"t": "?", "r": text} if text else _UNKNOWN
    if isinstance(node, ast.Subscript):
        whole = _evaluate(node.value, values)
        index = _evaluate(_index_of(node), values)
        try:
            if "v" in whole and "v" in index:
                return _as_value(whole["v"][index["v"]])
        except (KeyError, IndexError, TypeError):
            pass
    return _UNKNOWN


def _as_value(value: Any) -> Mapping[str, Any]:
    return {"t": type(value).__name__, "r": repr(value), "v": value}


def _is_none(value: Mapping[str, Any]) -> bool:
    return value.get("r") == "None"


# ---- which of them ----


def _accuse(
    kind: str,
    message: str,
    statement: ast.AST,
    read: Sequence[Tuple[ast.AST, Mapping[str, Any]]],
) -> List[ast.AST]:
    """Returns the expressions that the exception is about, the first one most suspicious."""
    known = {id(node): value for node, value in read}
    nodes = [node for node, _ in read]
    guilty = list(_accuse_by_kind(kind, message, statement, nodes, known))
    if guilty:
        return guilty
    return [node for node, value in read if value and _is_in(value, message)]


def _is_in(value: Mapping[str, Any], message: str) -> bool:
    text = value.get("r", "")
    return len(text) > 1 and text in message


def _accuse_by_kind(
    kind: str,
    message: str,
    statement: ast.AST,
    nodes: Sequence[ast.AST],
    known: Mapping[int, Mapping[str, Any]],
) -> Iterator[ast.AST]:
    def value_of(node: ast.AST) -> Mapping[str, Any]:
        return known.get(id(node), _UNKNOWN)

    if kind == "AttributeError":
        named = _NO_ATTRIBUTE.search(message)
        for node in nodes:
            owners = [
                other.value
                for other in ast.walk(statement)
                if isinstance(other, ast.Attribute) and named and other.attr == named["name"]
            ]
            if node in owners and named and _has_type(value_of(node), named["type"]):
                yield node
    elif kind in ("KeyError", "IndexError"):
        for node in nodes:
            if isinstance(node, ast.Subscript) and not value_of(node):
                for part in (_index_of(node), node.value):
                    if part in nodes:
                        yield part
    elif kind == "ZeroDivisionError":
        for other in ast.walk(statement):
            if isinstance(other, ast.BinOp) and isinstance(
                other.op, (ast.Div, ast.FloorDiv, ast.Mod)
            ):
                yield from _paths_in(other.right, nodes)
    elif kind == "TypeError":
        types = _TYPES.findall(message)
        for node in nodes:
            if value_of(node) and any(_has_type(value_of(node), name) for name in types[:1]):
                yield node
        for node in nodes:
            if value_of(node) and any(_has_type(value_of(node), name) for name in types[1:]):
                yield node
    elif kind in ("NameError", "UnboundLocalError"):
        named = _NAME.search(message)
        for node in nodes:
            if named and _root(node) in named.groups():
                yield node
    elif kind == "AssertionError" and isinstance(statement, ast.Assert):
        yield from _paths_in(statement.test, nodes)


def _paths_in(tree: ast.AST, nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yields the longest paths inside an expression."""
    if tree in nodes:
        yield tree
        return
    for child in ast.iter_child_nodes(tree):
        yield from _paths_in(child, nodes)


def _has_type(value: Mapping[str, Any], name: str) -> bool:
    kind = value.get("t", "")
    return kind == name or kind.rpartition(".")[2] == name or (
        name == "NoneType" and _is_none(value)
    )  # fmt: skip

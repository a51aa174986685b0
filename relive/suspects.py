"""The values that may have broken a line: what the line reads, in the order of suspicion.

    TypeError: 'NoneType' object is not subscriptable        row["rate"]["eur"]
                                                             row["rate"] is None: it is the one

Python's own parser takes the line apart. Values are those of the recording; nothing is run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from relive import _statements as statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive._variables import Variable

_UNKNOWN: Mapping[str, Any] = {}
_NO_ATTRIBUTE = re.compile(r"'(?P<type>[\w.]+)' object has no attribute '(?P<name>\w+)'")
_TYPES = re.compile(r"'([\w.]+)'")
_NAME = re.compile(r"name '(\w+)' is not defined|local variable '?(\w+)'?")
_CODE = {"module", "function", "method", "builtin_function_or_method", "type"}
_MOST = 4


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
    found = statements.Statements(lines).at(line)
    if found is None or not found.nodes:
        return []
    tree = ast.Module(body=list(found.nodes), type_ignores=[])
    values = {one.name: one.value for one in variables if one.value is not None}
    # An attribute that is called is a method, and a name that is called is a function.
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    read = [
        (node, value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        and isinstance(node.ctx, ast.Load)
        and statements.is_path(node)
        for value in (_evaluate(node, values),)
        if value or id(node) not in called
    ]
    guilty = [id(node) for node in _accuse(kind.rpartition(".")[2], message, tree, read)]
    read.sort(key=lambda pair: (guilty.index(id(pair[0])) if id(pair[0]) in guilty else 99))
    shown: Dict[str, Suspect] = {}
    for node, value in read:
        text = found.source_of(node)
        is_read = value and not guilty and not is_code(value)
        if text not in shown and (id(node) in guilty or is_read):
            is_certain = guilty[:1] == [id(node)] and len(set(guilty)) == 1
            name = statements.base_of(node)
            shown[text] = Suspect(text, name, value or None, is_certain)
    return list(shown.values())[:_MOST]


def is_code(value: Optional[Mapping[str, Any]]) -> bool:
    """Returns whether a value is a module, a function or a class: seldom what is wrong."""
    return value is not None and value.get("t") in _CODE


# ---- expressions and their recorded values ----


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
        index = _evaluate(statements.index_of(node), values)
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
    tree: ast.Module,
    read: Sequence[Tuple[ast.AST, Mapping[str, Any]]],
) -> List[ast.AST]:
    """Returns the expressions that the exception is about, the first one most suspicious."""
    known = {id(node): value for node, value in read}
    nodes = [node for node, _ in read]
    guilty = list(_accuse_by_kind(kind, message, tree, nodes, known))
    if guilty:
        return guilty
    return [node for node, value in read if value and _is_in(value, message)]


def _is_in(value: Mapping[str, Any], message: str) -> bool:
    text = value.get("r", "")
    return len(text) > 1 and text in message


def _accuse_by_kind(
    kind: str,
    message: str,
    tree: ast.Module,
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
                for other in ast.walk(tree)
                if isinstance(other, ast.Attribute) and named and other.attr == named["name"]
            ]
            if node in owners and named and _has_type(value_of(node), named["type"]):
                yield node
    elif kind in ("KeyError", "IndexError"):
        for node in nodes:
            if isinstance(node, ast.Subscript) and not value_of(node):
                for part in (statements.index_of(node), node.value):
                    if part in nodes:
                        yield part
    elif kind == "ZeroDivisionError":
        for other in ast.walk(tree):
            if isinstance(other, ast.BinOp) and isinstance(
                other.op, (ast.Div, ast.FloorDiv, ast.Mod)
            ):
                yield from _paths_in(other.right, nodes)
    elif kind == "TypeError":
        types = _TYPES.findall(message)
        # Where one operand is None, the other one is as it should be.
        for name in ["NoneType"] if "NoneType" in types else types:
            for node in nodes:
                if value_of(node) and _has_type(value_of(node), name):
                    yield node
    elif kind in ("NameError", "UnboundLocalError"):
        named = _NAME.search(message)
        for node in nodes:
            if named and isinstance(node, ast.Name) and node.id in named.groups():
                yield node
    elif kind == "AssertionError":
        for other in tree.body:
            if isinstance(other, ast.Assert):
                yield from _paths_in(other.test, nodes)


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

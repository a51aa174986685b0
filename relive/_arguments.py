"""Which expression of a call became which parameter, as far as the source says it."""

from __future__ import annotations

import ast
from typing import List, Optional, Tuple, Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]

EXPRESSION, DEFAULT, CREATED, UNKNOWN = "expression", "default", "created", "unknown"


def argument_of(
    call: ast.Call, parameter: str, names: List[str], head: Optional[Function], qualname: str
) -> Tuple[str, Optional[ast.expr]]:
    """Returns what a call gives a parameter: (EXPRESSION, node), (DEFAULT, node), (CREATED, None)
    for the object that is being made, or (UNKNOWN, None). `names` are the parameters in order."""
    positional, defaults, only_named = _signature(names, head)
    for keyword in call.keywords:
        if keyword.arg == parameter:
            return EXPRESSION, keyword.value
    rest = list(positional)
    if _is_bound(call, positional, qualname):
        if parameter == rest[0]:
            is_made = qualname.endswith(".__init__") and not _is_super(call)
            if is_made:
                return CREATED, None
            receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
            if is_call_of_instance(call, qualname):
                return EXPRESSION, call.func
            return (
                (UNKNOWN, None) if receiver is None or _is_super(call) else (EXPRESSION, receiver)
            )
        rest = rest[1:]
    if parameter in rest and parameter not in only_named:
        place = rest.index(parameter)
        given = call.args[: place + 1]
        if any(isinstance(one, ast.Starred) for one in given):
            return UNKNOWN, None
        if place < len(call.args):
            return EXPRESSION, call.args[place]
    if any(keyword.arg is None for keyword in call.keywords) or any(
        isinstance(one, ast.Starred) for one in call.args
    ):
        return UNKNOWN, None
    return (DEFAULT, defaults[parameter]) if parameter in defaults else (UNKNOWN, None)


def is_call_of_instance(call: ast.Call, qualname: str) -> bool:
    """Returns whether a call has run `__call__` of the object that is called."""
    name = getattr(call.func, "attr", "")
    return qualname.endswith(".__call__") and name != "__call__"


def _signature(
    names: List[str], head: Optional[Function]
) -> Tuple[List[str], "dict[str, ast.expr]", List[str]]:
    """Returns the parameters that may be given by place, all defaults, and the other parameters."""
    if head is None:
        return names, {}, []
    args = head.args
    positional = [one.arg for one in [*args.posonlyargs, *args.args]]
    defaults = dict(zip(reversed(positional), reversed(args.defaults)))
    for one, default in zip(args.kwonlyargs, args.kw_defaults):
        if default is not None:
            defaults[one.arg] = default
    special = [one.arg for one in (args.vararg, args.kwarg) if one is not None]
    return positional, defaults, [*special, *(one.arg for one in args.kwonlyargs)]


def _is_super(call: ast.Call) -> bool:
    """Returns whether a call is super().something(...)."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return (
        isinstance(owner, ast.Call)
        and isinstance(owner.func, ast.Name)
        and owner.func.id == "super"
    )


def _is_bound(call: ast.Call, positional: List[str], qualname: str) -> bool:
    """Returns whether the first parameter is given by what the call is made on."""
    parent, _, name = qualname.rpartition(".")
    is_method = bool(parent) and not parent.endswith("<locals>")
    if not is_method or not positional:
        return False
    if name == "__init__":
        return not (isinstance(call.func, ast.Attribute) and call.func.attr == "__init__") or (
            _is_super(call)
        )
    if not isinstance(call.func, ast.Attribute):
        return positional[0] in ("self", "cls")
    owner = call.func.value
    of_class = isinstance(owner, ast.Name) and owner.id == parent.rpartition(".")[2]
    return not (of_class and len(call.args) >= len(positional)) and (
        positional[0] in ("self", "cls") or not of_class
    )

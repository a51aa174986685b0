"""Conditions of breakpoints: which ones C evaluates by itself, and how Python evaluates the others.

name op constant, joined by and, or, not     a program for C: no frame, no eval
any other expression                         a function of the locals that it reads, made once
code with a namespace of its own (classes)   eval() in that namespace
"""

import ast
import threading
import time
from types import CodeType, FrameType
from typing import Any, Callable, Dict, List, Optional, Tuple

from relive.debug.frame_locals import FrameLocals
from relive.debug.telemetry import Telemetry

# As in src/debug/condition.h.
LOAD, CONST, COMPARE, NOT, JUMP_IF_FALSE, JUMP_IF_TRUE = range(6)
_COMPARES = (ast.Lt, ast.LtE, ast.Eq, ast.NotEq, ast.Gt, ast.GtE, ast.Is, ast.IsNot)
_WIDEST = 1 << 63
_CO_OPTIMIZED = 1


class _NotSimple(Exception):
    """The expression needs Python."""


def parse(expression: str) -> ast.Expression:
    """Returns the tree of a condition. Its SyntaxError has what is wrong with it."""
    return ast.parse(expression.strip(), "<condition>", "eval")


def simple_program(
    expression: str,
) -> Optional[Tuple[Tuple[List[Tuple[int, int]], Tuple[Any, ...]], Tuple[str, ...]]]:
    """Returns ((rows, constants), names) for C, or None where C cannot evaluate it."""
    rows: List[Tuple[int, int]] = []
    constants: List[Any] = []
    names: List[str] = []
    try:
        _put_node(parse(expression).body, rows, constants, names)
    except _NotSimple:
        return None
    return (rows, tuple(constants)), tuple(names)


def _put_node(
    node: ast.AST, rows: List[Tuple[int, int]], constants: List[Any], names: List[str]
) -> None:
    if isinstance(node, ast.BoolOp):
        jump = JUMP_IF_FALSE if isinstance(node.op, ast.And) else JUMP_IF_TRUE
        jumps = []
        for value in node.values[:-1]:
            _put_node(value, rows, constants, names)
            jumps.append(len(rows))
            rows.append((jump, 0))
        _put_node(node.values[-1], rows, constants, names)
        for at in jumps:
            rows[at] = (jump, len(rows))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _put_node(node.operand, rows, constants, names)
        rows.append((NOT, 0))
    elif isinstance(node, ast.Compare):
        _put_compare(node, rows, constants, names)
    elif isinstance(node, ast.Name):
        if node.id not in names:
            names.append(node.id)
        rows.append((LOAD, names.index(node.id)))
    else:
        constants.append(_take_constant(node))
        rows.append((CONST, len(constants) - 1))
    if len(rows) > 200:
        raise _NotSimple


def _put_compare(
    node: ast.Compare, rows: List[Tuple[int, int]], constants: List[Any], names: List[str]
) -> None:
    kind = type(node.ops[0])
    if len(node.ops) != 1 or kind not in _COMPARES:
        raise _NotSimple
    right = node.comparators[0]
    if kind in (ast.Is, ast.IsNot) and type(_take_constant(right)) not in (bool, type(None)):
        raise _NotSimple
    for operand in (node.left, right):
        if not isinstance(operand, ast.Name):
            _take_constant(operand)
        _put_node(operand, rows, constants, names)
    rows.append((COMPARE, _COMPARES.index(kind)))


def _take_constant(node: ast.AST) -> Any:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if not isinstance(node, ast.Constant) or (sign < 0 and type(node.value) not in (int, float)):
        raise _NotSimple
    found: Any = node.value
    value = found if sign > 0 else -found
    if value is not None and type(value) not in (bool, int, float, str):
        raise _NotSimple
    if type(value) is int and not -_WIDEST <= value < _WIDEST:
        raise _NotSimple
    return value


def read_names(expression: str) -> List[str]:
    """Returns every name that the expression reads, in order of the alphabet."""
    found = {node.id for node in ast.walk(parse(expression)) if isinstance(node, ast.Name)}
    return sorted(found)


def _assigns(expression: str) -> bool:
    return any(isinstance(node, ast.NamedExpr) for node in ast.walk(parse(expression)))


def make_condition(
    expression: str, code: CodeType, module_globals: Dict[str, Any]
) -> Tuple[Callable[..., Any], Tuple[str, ...]]:
    """Returns (function, names): the function takes the locals of these names, in that order."""
    if not code.co_flags & _CO_OPTIMIZED or _assigns(expression):
        return _make_for_namespace(expression), ()
    own = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    names = [name for name in read_names(expression) if name in own]
    source = f"lambda {', '.join(names)}: ({expression.strip()}\n)"
    function = eval(compile(source, "<condition>", "eval"), module_globals)
    return function, tuple(names)


def _make_for_namespace(expression: str) -> Callable[[], Any]:
    import sys

    compiled = compile(expression.strip(), "<condition>", "eval")

    def evaluate() -> Any:
        frame = sys._getframe(1)  # C called us: the frame that has stopped is the one below
        return eval(compiled, frame.f_globals, FrameLocals(frame))

    return evaluate


class ConditionEvaluator:
    """Evaluates conditions on a frame from Python. Slower ones than `budget_s` are reported."""

    def __init__(
        self, budget_s: float = 0.1, enabled: bool = True, telemetry: Optional[Telemetry] = None
    ) -> None:
        self.budget_s, self.enabled, self.telemetry = budget_s, enabled, telemetry
        self._lock = threading.Lock()
        self._compiled: Dict[str, CodeType] = {}

    def evaluate(self, expression: str, frame: FrameType) -> Dict[str, Any]:
        """Returns {passed, fallback, error, elapsed_s}. An error stops: passed is True then."""
        began = time.perf_counter()
        result: Dict[str, Any] = {
            "passed": True,
            "fallback": not self.enabled,
            "error": None,
            "elapsed_s": 0.0,
        }
        if self.enabled:
            try:
                passed = eval(self._compile(expression), frame.f_globals, FrameLocals(frame))
                result["passed"] = bool(passed)
            except Exception as error:  # whatever the user's expression raises is the answer
                result.update(fallback=True, error=f"{type(error).__name__}: {error}")
                self._record("CONDITION_ERROR", expression, result["error"])
        result["elapsed_s"] = time.perf_counter() - began
        if result["elapsed_s"] > self.budget_s:
            self._record("CONDITION_BUDGET_EXCEEDED", expression, result["elapsed_s"])
        return result

    def _compile(self, expression: str) -> CodeType:
        with self._lock:
            code = self._compiled.get(expression)
            if code is None:
                if len(self._compiled) > 1000:
                    self._compiled.clear()
                code = compile(expression.strip(), "<condition>", "eval")
                self._compiled[expression] = code
        return code

    def _record(self, code: str, expression: str, detail: object) -> None:
        if self.telemetry is not None:
            self.telemetry.record(code, expression=expression, detail=detail)

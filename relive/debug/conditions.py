"""Conditions of breakpoints: which C can tell by itself, and how Python tells the others.

name op constant, joined by and, or, not     a program for C: no frame, no eval
any other expression                         a function of the locals that it reads, made once
code with a namespace of its own (classes)   eval() in that namespace
"""

import ast
import threading
import time

# As in src/debug/condition.h.
LOAD, CONST, COMPARE, NOT, JUMP_IF_FALSE, JUMP_IF_TRUE = range(6)
_COMPARES = (ast.Lt, ast.LtE, ast.Eq, ast.NotEq, ast.Gt, ast.GtE, ast.Is, ast.IsNot)
_WIDEST = 1 << 63
_CO_OPTIMIZED = 1


class _NotSimple(Exception):
    """The expression needs Python."""


def parse(expression):
    """The tree of a condition; SyntaxError says what is wrong with it."""
    return ast.parse(expression.strip(), "<condition>", "eval")


def simple_program(expression):
    """((rows, constants), names) for C, or None where it cannot tell."""
    rows, constants, names = [], [], []
    try:
        _put(parse(expression).body, rows, constants, names)
    except _NotSimple:
        return None
    return (rows, tuple(constants)), tuple(names)


def _put(node, rows, constants, names):
    if isinstance(node, ast.BoolOp):
        jump = JUMP_IF_FALSE if isinstance(node.op, ast.And) else JUMP_IF_TRUE
        jumps = []
        for value in node.values[:-1]:
            _put(value, rows, constants, names)
            jumps.append(len(rows))
            rows.append((jump, 0))
        _put(node.values[-1], rows, constants, names)
        for at in jumps:
            rows[at] = (jump, len(rows))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _put(node.operand, rows, constants, names)
        rows.append((NOT, 0))
    elif isinstance(node, ast.Compare):
        _put_compare(node, rows, constants, names)
    elif isinstance(node, ast.Name):
        if node.id not in names:
            names.append(node.id)
        rows.append((LOAD, names.index(node.id)))
    else:
        constants.append(_constant(node))
        rows.append((CONST, len(constants) - 1))
    if len(rows) > 200:
        raise _NotSimple


def _put_compare(node, rows, constants, names):
    kind = type(node.ops[0])
    if len(node.ops) != 1 or kind not in _COMPARES:
        raise _NotSimple
    right = node.comparators[0]
    if kind in (ast.Is, ast.IsNot) and type(_constant(right)) not in (bool, type(None)):
        raise _NotSimple
    for operand in (node.left, right):
        if not isinstance(operand, ast.Name):
            _constant(operand)
        _put(operand, rows, constants, names)
    rows.append((COMPARE, _COMPARES.index(kind)))


def _constant(node):
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if not isinstance(node, ast.Constant) or (sign < 0 and type(node.value) not in (int, float)):
        raise _NotSimple
    value = node.value if sign > 0 else -node.value
    if value is not None and type(value) not in (bool, int, float, str):
        raise _NotSimple
    if type(value) is int and not -_WIDEST <= value < _WIDEST:
        raise _NotSimple
    return value


def read_names(expression):
    """Every name that the expression reads, in order of the alphabet."""
    found = {node.id for node in ast.walk(parse(expression)) if isinstance(node, ast.Name)}
    return sorted(found)


def make_condition(expression, code, module_globals):
    """(function, names): the function takes the locals of these names, in that order."""
    if not code.co_flags & _CO_OPTIMIZED:
        return _in_namespace(expression), ()
    own = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    names = [name for name in read_names(expression) if name in own]
    source = f"lambda {', '.join(names)}: ({expression.strip()}\n)"
    function = eval(compile(source, "<condition>", "eval"), module_globals)
    return function, tuple(names)


def _in_namespace(expression):
    import sys

    compiled = compile(expression.strip(), "<condition>", "eval")

    def evaluate():
        frame = sys._getframe(1)  # C called us: the frame that has stopped is the one below
        return eval(compiled, frame.f_globals, frame.f_locals)

    return evaluate


class ConditionEvaluator:
    """Conditions on a frame, as one asks from Python. `budget_s` is when slowness is told."""

    def __init__(self, budget_s=0.1, enabled=True, telemetry=None):
        self.budget_s, self.enabled, self.telemetry = budget_s, enabled, telemetry
        self._lock = threading.Lock()
        self._compiled = {}

    def evaluate(self, expression, frame):
        """{passed, fallback, error, elapsed_s}; an error stops: passed is True then."""
        began = time.perf_counter()
        result = {"passed": True, "fallback": not self.enabled, "error": None, "elapsed_s": 0.0}
        if self.enabled:
            try:
                passed = eval(self._code(expression), frame.f_globals, frame.f_locals)
                result["passed"] = bool(passed)
            except Exception as error:  # whatever the user's expression raises is the answer
                result.update(fallback=True, error=f"{type(error).__name__}: {error}")
                self._tell("CONDITION_ERROR", expression, result["error"])
        result["elapsed_s"] = time.perf_counter() - began
        if result["elapsed_s"] > self.budget_s:
            self._tell("CONDITION_BUDGET_EXCEEDED", expression, result["elapsed_s"])
        return result

    def _code(self, expression):
        with self._lock:
            code = self._compiled.get(expression)
            if code is None:
                if len(self._compiled) > 1000:
                    self._compiled.clear()
                code = compile(expression.strip(), "<condition>", "eval")
                self._compiled[expression] = code
        return code

    def _tell(self, code, expression, detail):
        if self.telemetry is not None:
            self.telemetry.record(code, expression=expression, detail=detail)

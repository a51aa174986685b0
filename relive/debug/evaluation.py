"""Expressions and statements, evaluated in a frame that has stopped.

    repl        an expression or statements; assignments reach the frame
    watch       an expression
    hover       names, attributes and items, read from storage: nothing of the program runs

Whoever evaluates gives a budget of time. What is over it is ended by an exception in its thread.
Code that waits in C ends only when that returns."""

import _thread
import ast
import itertools
import time
from types import FrameType
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from relive.debug import values
from relive.debug.frame_locals import FrameLocals
from relive.errors import ReliveError

CONTEXTS = ("repl", "watch", "hover")
_REPEAT_S = 0.1  # what catches the exception gets it again
_OPTIMIZED = 1
# Functions that look at the variables of who calls them.
_LOOKING = {"locals", "vars", "dir", "eval", "exec", "super"}
_numbers = itertools.count(1)


class BudgetEnded(BaseException):
    """Raised in code that is evaluated and takes longer than its budget."""


class Answer(NamedTuple):
    """What an evaluation gave."""

    value: Any = None
    text: str = ""  #: the value, shown without running code of the program; else the error
    error: Optional[BaseException] = None
    is_over_budget: bool = False
    elapsed_s: float = 0.0


def evaluate(
    frame: FrameType, text: str, context: str = "repl", budget_s: Optional[float] = None
) -> Answer:
    """Evaluates a text in the calling thread. What it raises is part of the answer."""
    if context not in CONTEXTS:
        raise ReliveError("ERR_USAGE", f"no such context: {context} ({', '.join(CONTEXTS)})")
    began = time.monotonic()
    run = _hover if context == "hover" else _run_statements if context == "repl" else _run
    try:
        value = call_within(lambda: run(frame, text), budget_s)
    except BudgetEnded as error:
        return Answer(
            None, f"took longer than {budget_s:g} s", error, True, time.monotonic() - began
        )
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # of the text that was typed
        shown = f"{values.type_name(error)}: {values.show_message(error)}"
        return Answer(None, shown, error, False, time.monotonic() - began)
    return Answer(value, values.show(value), None, False, time.monotonic() - began)


def call_within(function: Callable[[], Any], budget_s: Optional[float]) -> Any:
    """Calls a function. Raises BudgetEnded in it when its time is over; None: it may take all."""
    from relive import _core

    number = next(_numbers)
    if budget_s is None:
        return _core.debug_limited(number, function)
    done = _thread.allocate_lock()
    done.acquire()

    def watch() -> None:
        _core.debug_internal(True)
        wait = budget_s or 0.0
        while not done.acquire(timeout=wait) and _core.debug_interrupt(number, BudgetEnded):
            wait = _REPEAT_S

    _thread.start_new_thread(watch, ())
    try:
        return _core.debug_limited(number, function)
    finally:
        done.release()


def _run(frame: FrameType, text: str) -> Any:
    """Evaluates an expression. Comprehensions in it see the variables of the frame."""
    tree = ast.parse(text.strip(), "<evaluate>", "eval")
    return _run_expression(frame, tree)


def _run_expression(frame: FrameType, tree: ast.Expression) -> Any:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    is_plain = not any(isinstance(node, ast.NamedExpr) for node in ast.walk(tree))
    found = FrameLocals(frame)
    if not is_plain or names & _LOOKING or not frame.f_code.co_flags & _OPTIMIZED:
        return eval(compile(tree, "<evaluate>", "eval"), frame.f_globals, found)
    bound = {name: found[name] for name in sorted(names) if name in found}
    function = ast.parse(f"lambda {', '.join(bound)}: 0", "<evaluate>", "eval")
    assert isinstance(function.body, ast.Lambda)
    function.body.body = tree.body
    made = eval(compile(function, "<evaluate>", "eval"), frame.f_globals)
    return made(*bound.values())


def _run_statements(frame: FrameType, text: str) -> Any:
    """Runs statements. Returns the value of the last one where it is an expression."""
    tree = ast.parse(text.strip(), "<evaluate>", "exec")
    last: List[ast.stmt] = tree.body[-1:]
    is_value = bool(last) and isinstance(last[0], ast.Expr)
    if is_value:
        tree.body.pop()
    if tree.body:
        exec(compile(tree, "<evaluate>", "exec"), frame.f_globals, FrameLocals(frame))
    if is_value and isinstance(last[0], ast.Expr):
        return _run_expression(frame, ast.Expression(last[0].value))
    return None


# ---- hover ----


def _hover(frame: FrameType, text: str) -> Any:
    return _read(frame, ast.parse(text.strip(), "<evaluate>", "eval").body)


def _read(frame: FrameType, node: ast.AST) -> Any:
    """Reads a name, an attribute or an item from storage. Anything else raises."""
    if isinstance(node, ast.Name):
        return _read_name(frame, node.id)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute):
        return values.read_attribute(_read(frame, node.value), node.attr)
    if isinstance(node, ast.Subscript):
        index: Any = node.slice
        if type(index).__name__ == "Index":  # up to 3.8
            index = index.value
        return values.read_item(_read(frame, node.value), _read_key(index))
    raise ReliveError("ERR_USAGE", "only names, attributes and items are read here")


def _read_key(node: ast.AST) -> Any:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        key = _read_key(node.operand)
        return -key if type(key) is int else key
    if isinstance(node, ast.Constant):
        return node.value
    raise ReliveError("ERR_USAGE", "only items with a constant key are read here")


def _read_name(frame: FrameType, name: str) -> Any:
    found = FrameLocals(frame)
    if name in found:
        return found[name]
    if name in frame.f_globals:
        return frame.f_globals[name]
    builtins: Dict[str, Any] = frame.f_builtins
    if name in builtins:
        return builtins[name]
    raise NameError(f"name {name!r} is not defined")

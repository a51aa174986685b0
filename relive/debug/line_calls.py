"""The calls of a line, each with the instructions that make it.

No version's bytecode names the calls of the source. So the source is compiled once more, with a
line of its own for each call of the statement. Its instructions are the same and have the same
order. The line of the n-th one there says which call the n-th one of the program makes.

    leaf(leaf(5) + fact(2))    compiled with lines 901, 902, 903    the program's code
                               CALL  902                            CALL  at 14: leaf(5)
                               CALL  903                            CALL  at 30: fact(2)
                               CALL  901                            CALL  at 44: leaf(...)

Comprehensions, generator expressions and lambdas may have code of their own, which is looked at in
the same way."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import types
import warnings
from types import CodeType, FrameType
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from relive.debug.breakpoints import code_lines
from relive.debug.frame_locals import FrameLocals

_INNER = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>")
_NO_CALLS = ("CALL_FINALLY", "CALL_INTRINSIC_1", "CALL_INTRINSIC_2")
# What may be between a call and the instruction that first runs the generator which it has made.
_BEFORE_START = frozenset(
    "GET_AWAITABLE GET_ITER GET_YIELD_FROM_ITER GET_AITER GET_ANEXT LOAD_CONST EXTENDED_ARG"
    " PUSH_NULL LOAD_COMMON_CONSTANT".split()  # of 3.15
)
_STARTS = ("SEND", "YIELD_FROM", "FOR_ITER")
_C_FUNCTIONS = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MethodWrapperType, types.ClassMethodDescriptorType,
)  # fmt: skip
_HEAP_TYPE = 1 << 9  # of type.__flags__
_MOST = 4  # ranges of instructions that a step takes

Place = Tuple[CodeType, Tuple[Tuple[int, int], ...], int, int]


class Call(NamedTuple):
    """A call of a line."""

    text: str  #: on one line
    callee: str  #: the text in front of the parenthesis
    name: str  #: the last name of it; empty where it has none
    place: Place  #: what a step into it takes
    is_over: bool  #: the frame has run it, and does not come back to it in this line
    is_c: bool  #: what is called is a function of C

    def is_named(self, name: str) -> bool:
        """Returns whether a name is meant for this call."""
        return name in (self.name, self.callee)


class _Op(NamedTuple):
    name: str
    begin: int  # in units of two bytes
    end: int
    line: int
    target: int  # of a jump; -1: none


def calls_at(frame: FrameType) -> List[Call]:
    """Returns the calls of the statement at which a frame is, in the order in which they run. None
    where the source is not known, or is not that of the code."""
    code = frame.f_code
    source = "".join(linecache.getlines(code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
        first, last = _statement(tree, frame.f_lineno)
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
                 and first <= node.lineno and (node.end_lineno or node.lineno) <= last]  # fmt: skip
        texts = [_one_line(source, node) for node in found]
        callees = [_one_line(source, node.func) for node in found]
        top = source.count("\n") + 2
        _give_lines(found, top)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = compile(source, code.co_filename, "exec", dont_inherit=True)
            changed = compile(tree, code.co_filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    pair = _find(code, plain, changed, top)
    made: Dict[int, Tuple[Tuple[int, ...], CodeType, List[Tuple[int, int]]]] = {}
    if pair is not None:
        once = _used_twice(tree)
        for key, number, inner, place in _match(code, pair, (first, last), top, ()):
            entry = made.setdefault(number, (key, inner, []))
            if id(found[number]) not in once or not entry[2]:
                entry[2].append(place)
    at = frame.f_lasti // 2
    back = [(op.begin, op.target) for op in _ops(code) if -1 < op.target <= op.begin
            and op.begin >= at and first <= op.line <= last]  # fmt: skip
    calls = []
    for number, (_, inner, places) in sorted(made.items(), key=lambda item: item[1][0]):
        # Code of its own, as that of a comprehension, may run until the line ends.
        is_over = inner is code and all(
            begin <= at and not any(target <= begin for _, target in back) for begin, _ in places
        )
        func = found[number].func
        name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
        calls.append(
            Call(texts[number], callees[number], name, (inner, tuple(places[:_MOST]), first, last),
                 is_over, _is_c(_resolve(frame, func)))
        )  # fmt: skip
    return calls


def _one_line(source: str, node: ast.expr) -> str:
    return " ".join((ast.get_source_segment(source, node) or "?").split())


def _statement(tree: ast.Module, line: int) -> Tuple[int, int]:
    """Returns the first and the last line of the innermost statement at a line; of one that has
    others within it, those of its head."""
    first = last = line
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and _begin(node) <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            end = max(_begin(node), _begin(body[0]) - 1) if body else node.end_lineno or line
            if _begin(node) >= first or first == last == line:
                first, last = (_begin(node), end) if line <= end else (line, line)
    return first, last


def _begin(node: Any) -> int:
    marks: List[ast.expr] = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(one.lineno for one in marks)]))


def _give_lines(found: List[ast.Call], top: int) -> None:
    """Gives each call a line of its own, from `top` on."""
    for number, node in enumerate(found):
        named: List[Any] = [node, node.func] if isinstance(node.func, ast.Attribute) else [node]
        for one in named:
            one.lineno = one.end_lineno = top + number
            one.col_offset = one.end_col_offset = 0


def _used_twice(tree: ast.Module) -> Set[int]:
    """Returns the calls whose line another call has, later: that of __exit__, or of a decorator."""
    return {
        id(one)
        for node in ast.walk(tree)
        for one in (
            *getattr(node, "decorator_list", ()),
            *(item.context_expr for item in getattr(node, "items", ())),
        )
    }


def _find(code: CodeType, plain: CodeType, changed: CodeType, top: int) -> Optional[CodeType]:
    """Returns the changed code that belongs to the program's."""
    found = []
    todo = [(plain, changed)]
    while todo:
        one, other = todo.pop()
        if (one.co_name, one.co_firstlineno) == (code.co_name, code.co_firstlineno):
            found.append((one, other))
        todo.extend(zip(_codes(one), _codes(other)))
    # Code with probes is not equal to its original: there the names decide.
    equal = [other for one, other in found if one == code]
    alike = [other for one, other in found if one.co_names == code.co_names]
    named = [other for _, other in found]
    for some in (equal, alike, named):
        if some:
            return max(some, key=lambda one: max(code_lines(one), default=0) >= top)
    return None


def _codes(code: CodeType) -> List[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _match(
    code: CodeType, changed: CodeType, lines: Tuple[int, int], top: int, key: Tuple[int, ...]
) -> Iterator[Tuple[Tuple[int, ...], int, CodeType, Tuple[int, int]]]:
    """Yields (order, number of the call, its code, its instructions)."""
    ops, others = _ops(code), _ops(changed)
    own = [op for op in ops if _is_call(op) and lines[0] <= op.line <= lines[1]]
    named = [
        op for op in others if _is_call(op) and (lines[0] <= op.line <= lines[1] or op.line >= top)
    ]
    if [op.name for op in own] == [op.name for op in named]:
        for op, other in zip(own, named):
            if other.line >= top:
                place = op.begin, _end_of_start(ops, op)
                yield (*key, op.begin), other.line - top, code, place
    inner = list(zip(_codes(code), _codes(changed)))
    for one, other_code in inner:
        if one.co_name in _INNER and one.co_name == other_code.co_name:
            begin = _where_loaded(code, one)
            yield from _match(one, other_code, lines, top, (*key, begin))


def _is_call(op: _Op) -> bool:
    return op.name.startswith("CALL") and op.name not in _NO_CALLS


def _end_of_start(ops: List[_Op], call: _Op) -> int:
    """Returns where a call ends. What awaits it, or iterates over it, is a part: only there the
    body of a coroutine or a generator begins."""
    for op in ops:
        if op.begin > call.begin:
            if op.name in _STARTS:
                return op.end
            if op.name not in _BEFORE_START:
                break
    return call.end


def _where_loaded(code: CodeType, inner: CodeType) -> int:
    return next((one.offset // 2 for one in dis.get_instructions(code) if one.argval is inner), 0)


def _ops(code: CodeType) -> List[_Op]:
    """Returns the instructions of code, each with its line."""
    starts = {begin: line for begin, line in dis.findlinestarts(code) if line is not None}
    co_lines: Any = getattr(code, "co_lines", None)  # from 3.10 on
    if co_lines is not None:
        starts = {begin: line or 0 for begin, _, line in co_lines()}
    jumps = {*dis.hasjrel, *dis.hasjabs}
    found: List[_Op] = []
    line = 0
    instructions = list(dis.get_instructions(code))
    ends = [one.offset // 2 for one in instructions[1:]] + [len(code.co_code) // 2]
    for one, end in zip(instructions, ends):
        line = starts.get(one.offset, line)
        target = one.argval // 2 if one.opcode in jumps and isinstance(one.argval, int) else -1
        found.append(_Op(one.opname, one.offset // 2, end, line, target))
    return found


# ---- what is called ----


def _resolve(frame: FrameType, node: ast.expr) -> Any:
    """Returns what a name, or an attribute of one, is. No code of the program runs. None where it
    is not known."""
    if isinstance(node, ast.Name):
        for space in (FrameLocals(frame), frame.f_globals, frame.f_builtins):
            if node.id in space:
                return space[node.id]
        return None
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute):
        owner = _resolve(frame, node.value)
        return None if owner is None else inspect.getattr_static(owner, node.attr, None)
    return None


def _is_c(value: Any) -> bool:
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if type(value) is type:
        return not value.__flags__ & _HEAP_TYPE
    return type(value) in _C_FUNCTIONS

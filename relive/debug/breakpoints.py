"""The table of breakpoints: what the user set, where each one is, and what C gets.

A line without code moves to the next line that has some, and its message explains it. A file that
does not exist yet, or is no Python, keeps its breakpoints unbound; they bind when its code runs."""

import os
import threading
from bisect import bisect_left
from types import CodeType, FrameType
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Set, Tuple

from relive import _core
from relive.debug import conditions
from relive.debug.files import is_without_file
from relive.debug.frame_locals import FrameLocals
from relive.debug.paths import parse_path
from relive.errors import ReliveError

_State = Optional[Tuple[int, int, int]]  # of a file: when it was written, its size, its number
_Lines = Tuple[_State, Optional[List[int]]]

# As in src/cpython/debugger/debugger.h.
CATCHES = {"raised": 1, "uncaught": 2, "user_unhandled": 4}
_KINDS = {
    "requested_line": int, "condition": str, "hit_condition": str, "log_message": str,
    "function": str, "thread": int, "task": str, "data": str,
}  # fmt: skip
_OPTIONAL = ("condition", "log_message", "function", "task", "data")
_CO_OPTIMIZED = 1  # a function's: the body of a class has none
_KIND_NAMES = {int: "an int", str: "a text"}


class Breakpoint:
    """One breakpoint. `line` is where it is, `requested_line` where the user set it."""

    __slots__ = (
        "condition", "data", "enabled", "exception", "function", "hit_condition", "home", "id",
        "line", "log_message", "message", "once", "path", "requested_line", "task", "thread",
        "verified", "when",
    )  # fmt: skip

    def __init__(
        self,
        path: Optional[str] = None,
        line: int = 0,
        *,
        function: Optional[str] = None,
        exception: Optional[str] = None,
        when: str = "uncaught",
        condition: Optional[str] = None,
        hit_condition: str = "",
        log_message: Optional[str] = None,
        thread: int = 0,
        task: Optional[str] = None,
        once: bool = False,
        enabled: bool = True,
        data: Optional[str] = None,
    ) -> None:
        self.id = 0
        self.path, self.line, self.requested_line = path, line, line
        self.function, self.condition = function, condition or None
        self.hit_condition, self.log_message = hit_condition or "", log_message
        self.exception, self.when = exception, when
        self.thread, self.task, self.once, self.enabled = thread, task, once, enabled
        self.data = data
        self.home: Optional[Dict[str, Any]] = None  # the globals that data begins in
        self.verified, self.message = False, ""

    @property
    def is_everywhere(self) -> bool:
        """Whether it is at functions of a name in any file."""
        return bool(self.function) and self.path is None

    def __repr__(self) -> str:
        place = self.function or f"{self.path}:{self.line}"
        if self.data:
            place = f"{self.data} in {place}"
        if self.exception:
            place = f"{self.when} {self.exception}"
        return f"<Breakpoint {self.id} {place}{f' if {self.condition}' if self.condition else ''}>"

    def as_dict(self) -> Dict[str, Any]:
        """Returns every field by name."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "home"}


def canonical(path: str) -> str:
    """Returns the path under which code of a file is known. Code without a file has a name such as
    <string>, which stays as it is."""
    if is_without_file(path):
        return path
    return os.path.realpath(os.path.abspath(path))


def executable_lines(path: str) -> Optional[Set[int]]:
    """Returns the lines of a file that have code. Returns None where it cannot be read or is no
    Python."""
    code = compiled(path)
    return None if code is None else code_lines(code)


def compiled(path: str) -> Optional[CodeType]:
    """Returns the code of a file, or None where it cannot be read or is no Python. The program
    shows the warnings when it imports the file."""
    import linecache
    import tokenize
    import warnings

    try:
        if path.startswith("<"):  # no file: who made the code may have given its source
            source = "".join(linecache.getlines(path))
        else:
            with tokenize.open(path) as file:
                source = file.read()
        if not source and path.startswith("<"):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def first_line(path: str, name: str, line: int) -> int:
    """Returns the first line of the body of a function, where a line is that of its `def`."""
    found: Optional[CodeType] = None
    todo = [compiled(path)]
    while todo:
        code = todo.pop()
        if code is None:
            continue
        todo.extend(_codes_in(code))
        # With a decorator, that is the first line of the function.
        begins = code.co_name == name and code.co_firstlineno <= line
        if begins and (found is None or code.co_firstlineno > found.co_firstlineno):
            found = code
    if found is None:
        return line
    own = _own_lines(found)
    if line in own and line != found.co_firstlineno:
        return line  # from 3.13 on pdb gives the line of the body
    return min((at for at in own if at > line), default=line)


def line_of_function(path: str, name: str) -> int:
    """Returns the first line of the body of a function of a file, by its name as `price` or
    `Order.total`; 0 where there is none."""
    code = compiled(path)
    found = [code] if code is not None else []
    for part in name.split("."):
        found = [one for code in found for one in _codes_in(code) if one.co_name == part]
    if not found or not found[0].co_flags & _CO_OPTIMIZED:
        return 0
    first = found[0].co_firstlineno
    return min((at for at in _own_lines(found[0]) if at > first), default=first)


def _codes_in(code: CodeType) -> List[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, type(code))]


def _own_lines(code: CodeType) -> Set[int]:
    import dis

    return {line for _, line in dis.findlinestarts(code) if line}


def calls_of_line(path: str, line: int) -> List[str]:
    """Returns the names of the functions that a line of a file calls, inner calls first; [] where
    the file cannot be read."""
    return list(dict.fromkeys(name for name, _ in calls_in_order(path, line)))


def calls_in_order(path: str, line: int) -> List[Tuple[str, str]]:
    """Returns (name, text) of each call of a line of a file, in the order in which they run; []
    where the file cannot be read."""
    import ast
    import tokenize

    try:
        with tokenize.open(path) as file:
            source = file.read()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: List[Tuple[int, int, str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            last = node.end_lineno or node.lineno
            if node.lineno <= line <= last:
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                text = " ".join((ast.get_source_segment(source, node) or name).split())
                found.append((last, node.end_col_offset or 0, name, text))
    return [(name, text) for _, _, name, text in sorted(found)]


def code_lines(code: CodeType) -> Set[int]:
    """Returns the lines of a code object and of all that are defined in it."""
    found: Set[int] = set()
    todo = [code]
    while todo:
        one = todo.pop()
        found.update(_own_lines(one))
        todo.extend(_codes_in(one))
    return found


class BreakpointTable:
    """All breakpoints of the process. Changes reach running code at once."""

    def __init__(self, conditions_in_c: bool = True) -> None:
        self._lock = threading.RLock()
        self._files: Dict[str, List[Breakpoint]] = {}  # canonical path -> [Breakpoint]
        self._functions: List[Breakpoint] = []
        self._exceptions: List[Breakpoint] = []
        self._by_id: Dict[int, Breakpoint] = {}
        self._last = 0
        self._lines: Dict[str, _Lines] = {}  # of the files that have breakpoints
        self.conditions_in_c = conditions_in_c
        self.changes = 0
        self._notes_exits = False

    def set_file(self, path: str, breakpoints: Sequence[Breakpoint]) -> List[Breakpoint]:
        """Replaces the breakpoints of a file, and returns them bound."""
        path = canonical(path)
        with self._lock:
            lines = self._find_lines(path) if breakpoints else None
            for one in breakpoints:
                self._bind_line(one, path, lines)
            self._put_points(path, list(breakpoints))
        return list(breakpoints)

    def set_functions(self, breakpoints: Sequence[Breakpoint]) -> List[Breakpoint]:
        """Replaces the breakpoints by function name: `total`, or qualified as `Order.total`."""
        with self._lock:
            for one in breakpoints:
                check(one)
                if not one.verified:
                    one.message = "no such function has run yet; it binds when one does"
            self._put_points(None, list(breakpoints))
            self.take_bound()
        return list(breakpoints)

    def set_exceptions(self, breakpoints: Sequence[Breakpoint]) -> List[Breakpoint]:
        """Replaces the breakpoints on exceptions. `exception` is the name of a class, with its
        module or without, or "*"; `when` is raised, uncaught or user_unhandled."""
        with self._lock:
            for one in breakpoints:
                if one.when not in CATCHES or not isinstance(one.exception, str):
                    _refuse_breakpoint(one, f"wanted is a name and one of {', '.join(CATCHES)}")
                check(one)
                one.verified = True
            self._exceptions = list(breakpoints)
            self._give_numbers(self._exceptions)
            _core.debug_exceptions(
                [
                    (one.id, CATCHES[one.when], None if one.exception == "*" else one.exception)
                    for one in self._exceptions
                    if one.enabled
                ]
                + ([(0, CATCHES["uncaught"], "SystemExit")] if self._notes_exits else [])
            )
        return list(breakpoints)

    def note_exits(self) -> None:
        """Makes the engine note a SystemExit that ends the program (FrameEvalRuntime.exit)."""
        with self._lock:
            self._notes_exits = True
            self.set_exceptions(self._exceptions)

    def add(self, one: Breakpoint) -> Breakpoint:
        """Adds a breakpoint."""
        with self._lock:
            if one.exception:
                self.set_exceptions([*self._exceptions, one])
            elif one.is_everywhere:
                self.set_functions([*self._functions, one])
            else:
                path = _require_path(one)
                self.set_file(path, [*self.of_file(path), one])
        return one

    def remove(self, one: Breakpoint) -> None:
        """Removes a breakpoint; does nothing where it is not in the table."""
        with self._lock:
            if one.exception:
                self.set_exceptions([other for other in self._exceptions if other is not one])
            elif one.is_everywhere:
                self.set_functions([other for other in self._functions if other is not one])
            else:
                path = _require_path(one)
                self.set_file(path, [other for other in self.of_file(path) if other is not one])

    def changed(self, one: Breakpoint) -> None:
        """Takes over changed fields of a breakpoint."""
        with self._lock:
            check(one)
            if one.exception:
                self.set_exceptions(self._exceptions)
                return
            path = None if one.is_everywhere else canonical(_require_path(one))
            self._put_points(path, self._functions if path is None else self._files.get(path, []))

    def counts(self) -> Dict[int, Tuple[int, int]]:
        """Returns {id: (how often the line began, how many of these were hits)}."""
        return {number: row[:2] for number, row in _core.debug_hit_counts().items()}

    def take_bound(self) -> List[Breakpoint]:
        """Verifies the breakpoints whose code has been met since the last call. Returns them."""
        with self._lock:
            found = [
                one
                for number, (_, _, is_bound) in _core.debug_hit_counts().items()
                for one in [self._by_id.get(number)]
                if one is not None and is_bound and not one.verified
            ]
            for one in found:
                one.verified, one.message = True, ""
        return found

    def get(self, number: int) -> Optional[Breakpoint]:
        """Returns a breakpoint by id, or None."""
        return self._by_id.get(number)

    def of_file(self, path: str) -> List[Breakpoint]:
        """Returns the breakpoints of a file."""
        with self._lock:
            return list(self._files.get(canonical(path), ()))

    def all(self) -> List[Breakpoint]:
        """Returns all breakpoints, by id."""
        with self._lock:
            found = [one for file in self._files.values() for one in file]
            found += self._functions + self._exceptions
        return sorted(found, key=lambda one: one.id)

    def files(self) -> List[str]:
        """Returns the paths that have breakpoints."""
        with self._lock:
            return sorted(path for path, found in self._files.items() if found)

    def put_again(self) -> None:
        """Gives C all breakpoints again, after it has forgotten them."""
        with self._lock:
            for path, found in list(self._files.items()):
                self._put_points(path, found)
            self._put_points(None, self._functions)
            self.set_exceptions(self._exceptions)

    def clear(self) -> None:
        """Removes all breakpoints."""
        with self._lock:
            for path in list(self._files):
                self.set_file(path, [])
            self.set_functions([])
            self.set_exceptions([])
            self._files.clear()
            self._lines.clear()
            self._by_id.clear()

    def _find_lines(self, path: str) -> Optional[List[int]]:
        """Returns the sorted lines of a file that have code, as executable_lines()."""
        try:
            at = os.stat(path)
            state: _State = (at.st_mtime_ns, at.st_size, at.st_ino)
        except (OSError, ValueError):  # code without a file
            state = None
        known = self._lines.get(path)
        if known is None or known[0] is None or known[0] != state:
            found = executable_lines(path)
            known = self._lines[path] = state, None if found is None else sorted(found)
        return known[1]

    def _bind_line(self, one: Breakpoint, path: str, lines: Optional[List[int]]) -> None:
        check(one)
        one.path = path
        if lines is None or one.function:
            one.verified = False
            one.message = "the file cannot be read, or is no Python; it binds when its code runs"
            return
        at = bisect_left(lines, one.requested_line)
        if at == len(lines) or one.requested_line < 1:
            one.verified, one.message = False, "no code at this line or behind it"
            return
        one.line, one.verified = lines[at], True
        one.message = ""
        if one.line != one.requested_line:
            one.message = f"line {one.requested_line} has no code; moved to line {one.line}"

    def _put_points(self, path: Optional[str], found: List[Breakpoint]) -> None:
        """Replaces those of a file, or of functions. C gets them first: what it refuses changes
        nothing here."""
        self._give_numbers(found)
        _core.debug_points(path, [self._make_row(one) for one in found if one.enabled])
        self.changes += 1
        if path is None:
            self._functions = found
        else:
            self._files[path] = found

    def _give_numbers(self, found: List[Breakpoint]) -> None:
        for one in found:
            if one.id == 0:
                self._last += 1
                one.id = self._last
            self._by_id[one.id] = one

    def _make_row(self, one: Breakpoint) -> Tuple[Any, ...]:
        program: Any = None
        names: Tuple[str, ...] = ()
        if one.condition is not None and self.conditions_in_c:
            program, names = conditions.simple_program(one.condition) or (None, ())
        log = one if one.log_message is not None else None
        home = () if one.home is None else (one.home,)
        data = (*home, *parse_path(one.data)) if one.data else None
        line = 0 if one.function else one.line
        return (one.id, line, one.hit_condition, one.condition, program, names, log, one.function,
                one.thread, one.task, data)  # fmt: skip


def _require_path(one: Breakpoint) -> str:
    if one.path is None:
        _refuse_breakpoint(one, "it has no path, no function and no exception")
    return one.path


def _refuse_breakpoint(one: Breakpoint, text: object) -> NoReturn:
    place = one.function or f"{one.path}:{one.requested_line}"
    if one.exception:
        place = f"{one.when} {one.exception!r}"
    raise ReliveError("ERR_BREAKPOINT", f"breakpoint at {place}: {text}") from None


def check(one: Breakpoint) -> None:
    """Raises ReliveError where a breakpoint cannot be one."""
    for name, kind in _KINDS.items():
        value = getattr(one, name)
        if type(value) is not kind and not (value is None and name in _OPTIONAL):
            _refuse_breakpoint(one, f"{name} is {value!r}; wanted is {_KIND_NAMES[kind]}")
    if one.data:
        try:
            is_path = bool(parse_path(one.data))
        except ReliveError:
            is_path = False
        if not is_path or not one.function:
            wanted = "NAME, then .ATTRIBUTE or [CONSTANT], with function="
            _refuse_breakpoint(one, f"data is {one.data!r}; wanted is {wanted}")
    if one.condition is not None:
        try:
            conditions.parse(one.condition)
        except (SyntaxError, ValueError) as error:
            _refuse_breakpoint(
                one, f"{one.condition!r} is no expression: {getattr(error, 'msg', error)}"
            )
    try:
        _core.debug_hits(one.hit_condition)
    except _core.Error as error:
        _refuse_breakpoint(one, error.args[1])
    try:
        log_parts(one.log_message or "")
    except ValueError as error:
        _refuse_breakpoint(one, error)


def log_parts(text: str) -> List[Tuple[bool, str]]:
    """Returns [(is_expression, text)] of a log message with {expressions}; {{ and }} are braces."""
    parts, plain, at = [], "", 0
    while at < len(text):
        letter = text[at]
        if text[at : at + 2] in ("{{", "}}"):
            plain += letter
            at += 2
        elif letter == "{":
            end = _find_end(text, at + 1)
            parts += [(False, plain), (True, text[at + 1 : end])]
            plain, at = "", end + 1
        else:
            plain += letter
            at += 1
    return [part for part in (*parts, (False, plain)) if part[1]]


def _find_end(text: str, start: int) -> int:
    """Returns the brace that closes an expression: the first one that has an expression before
    it."""
    end = text.find("}", start)
    while end >= 0:
        try:
            conditions.parse(text[start:end])
            return end
        except (SyntaxError, ValueError):
            end = text.find("}", end + 1)
    raise ValueError(f"{text!r}: what begins at {text[start - 1 :]!r} is no {{expression}}")


def log_text(one: Breakpoint, frame: FrameType) -> str:
    """Returns the message of a log breakpoint, with its expressions evaluated in the frame."""
    found = []
    for is_expression, text in log_parts(one.log_message or ""):
        if is_expression:
            try:
                text = str(eval(text.strip(), frame.f_globals, FrameLocals(frame)))
            except Exception as error:  # the user's expression: what it raises is shown in place
                text = f"<{type(error).__name__}: {error}>"
        found.append(text)
    return "".join(found)

"""A program that has stopped, as a place: relive.prompt.place over a stop of the debugger.

pdb keeps the stack, the selected frame and the table of breakpoints. This place reads them and
calls pdb's own methods, so both know the same. Nothing of the program runs but for `p`, `pp` and
`a`, which call repr() as pdb does."""

from __future__ import annotations

import bdb
import linecache
import os
import pprint
import re
import sys
import threading
import traceback

from relive._terminal import safe
from relive.debug import live_tasks, values
from relive.debug.awaiting import compile_awaited, evaluate_awaited
from relive.debug.breakpoints import Breakpoint, check
from relive.debug.engine import runtime
from relive.debug.frame_locals import FrameLocals
from relive.debug.stdlib_pdb import pdb
from relive.errors import ReliveError
from relive.prompt import breakpoints as kinds
from relive.prompt import place as places
from relive.prompt.display import Screen
from relive.prompt.place import Frame, Place, Row, Stop, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any, Dict, Hashable, List, Mapping, Optional, Sequence, Set, TextIO, Tuple

    from relive.debug.prompt import Prompt

_CO_VARARGS, _CO_VARKEYWORDS = 4, 8
# watch [FUNC:]PATH [in SCOPE]
_WATCHED = re.compile(
    r"(?:(?P<function>[\w.<>]+):)?(?P<text>.*?)(?:\s+in\s+(?P<scope>[\w.<>]+))?", re.DOTALL
)
_Pdb = pdb.Pdb  # a program may put its own class there
_HIDDEN = frozenset(("__return__", "__exception__", "__builtins__"))


class FinalError(ReliveError):
    """An answer that pdb need not give once more in its own words."""

    def __init__(self, text: str) -> None:
        super().__init__("ERR_USAGE", text)


def _edited_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except (OSError, ValueError):  # code without a file
        return 0


def said(error: BaseException) -> str:
    """Returns what pdb prints of an exception."""
    return traceback.format_exception_only(type(error), error)[-1].strip()


class PdbScreen(Screen):
    """Shows things as pdb does: by message() and error() of a prompt, texts of the program whole
    and as they are."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt: Any = prompt
        super().__init__(self.out)

    @property
    def out(self) -> TextIO:
        found: TextIO = self._prompt.stdout
        return found

    @property
    def has_colours(self) -> bool:
        """From 3.14 on pdb has an argument for colours."""
        return super().has_colours or bool(getattr(self._prompt, "colorize", False))

    def write(self, text: str = "") -> None:
        self._prompt.message(text)

    def error(self, text: str) -> None:
        self._prompt.error(text)

    def title(self, frame: Frame) -> str:
        return self._texts(frame)[0]

    def line(self, source: Sequence[str], frame: Frame) -> None:
        text = self._texts(frame)[1]
        number = self._prompt.stack[frame.number - 1][1] or 0
        if text:
            self.write(f"-> {self.code(text, source, number)}")

    def _texts(self, frame: Frame) -> Tuple[str, str]:
        """Returns a frame as pdb writes it, and its line."""
        entry = self._prompt.stack[frame.number - 1]
        head, _, line = self._prompt.format_stack_entry(entry, "\0").partition("\0")
        return head, line

    def shorten(self, text: str, most: int = 0) -> str:
        return text


class LivePlace(Place):
    """Where a program has stopped. Without a stop it has no frames."""

    prompt = "(relive) "
    abilities = frozenset(("threads", "tasks", "record", "trace"))
    fewest_steps = 2  # pdb of 3.13 and later refuses `s 1`

    def __init__(self, prompt: Prompt) -> None:
        self._prompt: Any = prompt  # with what type checkers do not know of pdb
        self._numbers: Dict[int, int] = {}  # of threads, by ident
        self._selected = 0  # the ident of another thread that the user has selected; 0: none
        self._stopped: Tuple[List[Any], int] = ([], 0)  # the stack of the stop meanwhile
        self._elsewhere: List[Any] = []  # the stack of that thread
        self._traced: Dict[str, Breakpoint] = {}
        self._edited: Dict[str, float] = {}  # when files were last changed, as far as was said

    # ---- where it is ----

    def here(self) -> Stop:
        prompt = self._prompt
        selected = prompt.curindex + 1 if prompt.stack else 0
        return Stop("", self._number(self._selected or threading.get_ident()), selected)

    def begin(self, stack: List[Any]) -> None:
        """Takes a stack of pdb's. At a new stop its own thread is selected."""
        if stack is not self._elsewhere:
            self._selected, self._elsewhere = 0, []

    def forget(self) -> None:
        """The stop ends: no frame is kept alive."""
        self._selected, self._stopped, self._elsewhere = 0, ([], 0), []

    def frames(self) -> Sequence[Frame]:
        return [
            Frame(
                number=number, name=f"#{number}", func=frame.f_code.co_name,
                file=frame.f_code.co_filename, line=frame.f_lineno,
                first_line=frame.f_code.co_firstlineno, thread=0,
                raised_at=self._prompt.tb_lineno.get(frame),
            )
            for number, (frame, _) in enumerate(self._prompt.stack, 1)
        ]  # fmt: skip

    def _frame(self, frame: Frame) -> FrameType:
        found: FrameType = self._prompt.stack[frame.number - 1][0]
        return found

    def identity(self, frame: Frame) -> Hashable:
        """A frame's address may be used again. So a frame is known by its function: `changed`
        compares with the last stop in any call of it."""
        code = self._frame(frame).f_code
        return code.co_filename, code.co_firstlineno, code.co_name

    def select(self, frame: Frame) -> None:
        self._select(self._prompt.stack, frame.number - 1)

    def _select(self, stack: List[Any], index: int) -> None:
        prompt: Any = self._prompt
        prompt.stack, prompt.curindex = stack, index
        prompt.curframe = stack[index][0]
        if isinstance(getattr(type(prompt), "curframe_locals", None), property):
            prompt.curframe_locals = None  # its setter takes the variables of the frame
        show = getattr(prompt, "set_convenience_variable", None)  # from 3.12 on
        if show is not None:
            show(prompt.curframe, "_frame", prompt.curframe)
        prompt.lineno = None

    def variables(self, frame: Frame) -> Sequence[Value]:
        there = self._frame(frame)
        code, found = there.f_code, dict(there.f_locals)
        names = set(_parameters(code))
        is_module = there.f_locals is there.f_globals
        return [
            Value(name, values.show(value), kind="parameter" if name in names else "")
            for name, value in found.items()
            if isinstance(name, str) and name not in _HIDDEN
            and not (is_module and name.startswith("__"))
        ]  # fmt: skip

    def parameters(self, frame: Frame) -> Sequence[Value]:
        there = self._frame(frame)
        found, missing = there.f_locals, object()
        rows = []
        for name in _parameters(there.f_code):
            value = found.get(name, missing)
            text = "*** undefined ***" if value is missing else _safe_repr(name, value)
            rows.append(Value(name, text, kind="parameter"))
        return rows

    def evaluate(self, frame: Optional[Frame], text: str, is_pretty: bool = False) -> Value:
        there = self._prompt.curframe
        assert there is not None  # commands run at a stop only
        show = pprint.pformat if is_pretty else repr
        try:
            awaited = compile_awaited(text, "eval")
            code = awaited or compile(text, "<stdin>", "eval")
            space = there.f_globals
            if any(isinstance(one, type(code)) for one in code.co_consts):
                # The names of a comprehension or lambda are looked up as globals.
                space = {**space, **FrameLocals(there)}
            run = eval if awaited is None else evaluate_awaited
            return Value(text, show(run(code, space, FrameLocals(there))))
        except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit) as error:
            raise FinalError(said(error)) from None

    def source(self, frame: Frame) -> Sequence[str]:
        name, space = frame.file, self._frame(frame).f_globals
        if name.startswith("<frozen") and isinstance(space.get("__file__"), str):
            name = space["__file__"]
        if name not in self._edited:
            self._edited[name] = _edited_at(name)
        return linecache.getlines(name, space)

    def source_warning(self, frame: Frame) -> str:
        edited = _edited_at(frame.file)
        if edited == self._edited.setdefault(frame.file, edited):
            return ""
        self._edited[frame.file] = edited
        return f"WARNING: {frame.file} was edited; the program runs as it was before"

    # ---- going ----

    def step(
        self, how: str, frame: Optional[Frame], breakpoints: Sequence[Any], *, line: int = 0,
        backwards: bool = False,
    ) -> Optional[Stop]:  # fmt: skip
        prompt = self._prompt
        there = prompt.curframe
        if self._selected and how != places.CONTINUE:
            number = self._number(threading.get_ident())
            raise FinalError(f"thread {number} has stopped: `thread {number}` selects it")
        if how == places.STEP:
            prompt.set_step()
        elif how == places.NEXT:
            prompt.set_next(there)
        elif how == places.RETURN:
            prompt.set_return(there)
        elif how == places.UNTIL:
            if there is not None and line <= there.f_lineno:
                raise ReliveError("ERR_USAGE", f"line {line} is not behind this one")
            prompt.set_until(there, line)
        else:
            _Pdb.do_continue(prompt, "")
        return None

    def repeat(self, how: str, times: int) -> None:
        self._prompt.repeats = (how, times)

    # ---- breakpoints ----

    def resolve(self, wanted: kinds.Breakpoint, frame: Optional[Frame]) -> Optional[str]:
        if wanted.kind == kinds.EXCEPTION:
            return self._catch(wanted)
        if wanted.kind == kinds.WATCH:
            return self._watch(wanted)
        place = f"{wanted.file}:{wanted.line}" if wanted.file else wanted.name or str(wanted.line)
        if wanted.kind == kinds.LINE and frame is not None and wanted.file == frame.file:
            place = str(wanted.line)
        text = f"{place}, {wanted.condition}" if wanted.condition else place
        options = self._options(wanted.options)
        if options:
            file = wanted.file or (frame.file if frame is not None else "")
            try:
                check(Breakpoint(file, wanted.line, function=wanted.name or None, **options))
            except ReliveError as error:
                raise FinalError(str(error)) from None
        before = len(bdb.Breakpoint.bpbynumber)
        _Pdb.do_break(self._prompt, text, wanted.is_temporary)
        made = bdb.Breakpoint.bpbynumber[before:]
        if not made or made[0] is None:
            return ""
        if options:
            made[0].options = options  # type: ignore[attr-defined]
        return "; ".join(_described(options))

    def add_options(self, one: Any, written: Mapping[str, str]) -> None:
        """Gives a breakpoint of bdb's its options."""
        if written:
            one.options = self._options(written)

    def _options(self, written: Mapping[str, str]) -> Dict[str, Any]:
        """Returns the options of a breakpoint as the engine takes them."""
        names = {"hits": "hit_condition", "log": "log_message", "thread": "thread", "task": "task"}
        found: Dict[str, Any] = {names[name]: text for name, text in written.items()}
        if "thread" in found:
            found["thread"] = self._ident(found["thread"])
        return found

    def _catch(self, wanted: kinds.Breakpoint) -> str:
        if wanted.options or wanted.is_temporary:
            raise ReliveError("ERR_USAGE", "a breakpoint on exceptions has no options here")
        one = Breakpoint(exception=wanted.name or "*", when="raised", condition=wanted.condition)
        runtime.breakpoints.add(one)
        return f"catch raised {one.exception}"

    def _watch(self, wanted: kinds.Breakpoint) -> str:
        if wanted.name == "off":
            runtime.watches.clear()
            return ""
        frame, condition = self._prompt.curframe, wanted.condition or None
        written = _WATCHED.fullmatch(wanted.name)
        assert written is not None  # any text matches
        text, function, scope = written["text"], written["function"], written["scope"] or ""
        if function:
            watch = runtime.watches.add_in_function(text, function, condition)
        else:
            assert frame is not None  # commands run at a stop
            watch = runtime.watches.add(frame, text, scope, condition)
        return f"{watch.label}  {watch}"

    def show_breakpoints(self, kind: str) -> bool:
        prompt = self._prompt
        rows = [one for one in bdb.Breakpoint.bpbynumber if one is not None]
        if rows and kind != kinds.WATCH:
            prompt.message("Num Type         Disp Enb   Where")
            for row in rows:
                prompt.message(row.bpformat())
                for text in _described(getattr(row, "options", {})):
                    prompt.message(f"\t{text}")
        for watch in runtime.watches.all():
            prompt.message(f"{watch.label}  {watch}")
        for one in runtime.breakpoints.all():
            if one.exception and kind != kinds.WATCH and one.when == "raised":
                prompt.message(f"{one.when} {one.exception}")
        return True

    def lines_with_breakpoints(self, frame: Frame, kept: Sequence[Any]) -> Set[int]:
        return set(self._prompt.get_file_breaks(frame.file))

    def trace(self, function: str) -> Sequence[str]:
        if function == "off":
            for one in self._traced.values():
                runtime.breakpoints.remove(one)
            self._traced.clear()
        elif function and function not in self._traced:
            made = Breakpoint(function=function, log_message=function)
            self._traced[function] = runtime.breakpoints.add(made)
        return sorted(self._traced)

    def traced_text(self, one: Breakpoint, frame: FrameType) -> Optional[str]:
        """Returns 'price(item='tea', count=3)' where a breakpoint is one of trace()."""
        if self._traced.get(one.function or "") is not one:
            return None
        found = frame.f_locals
        rows = [f"{name}={values.show(found[name])}" for name in _parameters(frame.f_code)
                if name in found]  # fmt: skip
        return f"{one.function}({', '.join(rows)})"

    # ---- names ----

    def functions(self) -> Sequence[str]:
        frame = self._prompt.curframe
        found = frame.f_globals if frame is not None else {}
        return [name for name, value in found.items() if callable(value) and name[:1] != "_"]

    def files(self) -> Sequence[str]:
        return ()

    # ---- threads and tasks ----

    def _number(self, ident: int) -> int:
        """Returns the number of a thread. Threads have theirs from when they are first listed."""
        main = threading.main_thread()
        for one in sorted(threading.enumerate(), key=lambda one: one is not main):
            if one.ident is not None and one.ident not in self._numbers:
                self._numbers[one.ident] = len(self._numbers) + 1
        return self._numbers.setdefault(ident, len(self._numbers) + 1)

    def _ident(self, text: str) -> int:
        """Returns the thread of a number or a name. Raises ReliveError."""
        self._number(threading.get_ident())
        named = {one.name: one.ident for one in threading.enumerate() if one.ident is not None}
        numbered = {str(number): ident for ident, number in self._numbers.items()}
        ident = named.get(text) or numbered.get(text.lstrip("Tt"))
        if ident is None:
            known = ", ".join(f"{self._number(ident)} {name}" for name, ident in named.items())
            raise FinalError(f"thread {text} does not run here: {known} do")
        return ident

    def where(self) -> str:
        """Returns 'T2 Thread-1, task job1' for the prompt. The main thread alone is empty."""
        ident = self._selected or threading.get_ident()
        facts = []
        if ident != threading.main_thread().ident:
            facts.append(f"T{self._number(ident)} {safe(_name_of(ident))}")
        task = None if self._selected else live_tasks.current()
        if task is not None:
            facts.append(f"task {safe(task)}")
        return ", ".join(facts)

    def facts(self) -> Sequence[Tuple[str, str]]:
        ident = self._selected or threading.get_ident()
        rows = [("thread", f"T{self._number(ident)} {_name_of(ident)}")]
        task = None if self._selected else live_tasks.current()
        return [*rows, ("task", task)] if task is not None else rows

    def threads(self) -> Sequence[Row]:
        frames, here = sys._current_frames(), threading.get_ident()
        rows = []
        self._number(here)
        for ident, number in sorted(self._numbers.items(), key=lambda one: one[1]):
            if ident not in frames:
                continue
            frame = frames[ident]
            if ident == here:
                stack = self._stopped[0] if self._selected else self._prompt.stack
                frame = stack[-1][0]
            mark = ">" if ident == (self._selected or here) else " "
            state = "stopped in" if ident == here else "runs"
            at = f"{state} {frame.f_code.co_name}() line {frame.f_lineno}"
            rows.append(Row(f"T{number}", f"{mark} {_name_of(ident)}", at))
        return rows

    def thread_number(self, text: str) -> int:
        return self._number(self._ident(text))

    def select_thread(self, number: int) -> Stop:
        ident, here = self._ident(str(number)), threading.get_ident()
        if not self._selected:
            self._stopped = self._prompt.stack, self._prompt.curindex
        if ident == here:
            stack, index = self._stopped
            if not self._selected:
                return self.here()
        else:
            frame = sys._current_frames().get(ident)
            stack = []
            while frame is not None:
                stack.insert(0, (frame, frame.f_lineno))
                frame = frame.f_back
            index = len(stack) - 1
        if not stack:
            raise ReliveError("ERR_NOT_FOUND", f"thread {number} has no frames")
        self._selected = 0 if ident == here else ident
        self._elsewhere = stack if self._selected else []
        self._select(stack, index)
        return self.here()

    def tasks(self) -> Sequence[Row]:
        return live_tasks.rows()

    # ---- the recording of the program ----

    def show_recording(self, name: str, text: str, only_this: bool = False) -> None:
        from relive.debug import live_recording  # it reads files: most programs do without

        live_recording.show(self._prompt, name, text, only_this)


def _parameters(code: CodeType) -> Sequence[str]:
    """Returns the names of the parameters of a function."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _CO_VARARGS) + bool(code.co_flags & _CO_VARKEYWORDS)
    return code.co_varnames[:count]


def _safe_repr(name: str, value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # of the program's own __repr__
        return f"*** repr({name}) failed: {said(error)} ***"


def _name_of(ident: int) -> str:
    for one in threading.enumerate():
        if one.ident == ident:
            return one.name
    return "?"


def _described(options: Dict[str, Any]) -> List[str]:
    """Returns what the options of a breakpoint say."""
    texts = {
        "hit_condition": "hits that count: {}", "log_message": "logs {!r}, and does not stop",
        "thread": "only in thread {}", "task": "only in task {}",
    }  # fmt: skip
    return [
        texts[name].format(_name_of(value) if name == "thread" else value)
        for name, value in options.items()
    ]

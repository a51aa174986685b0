"""A prompt like pdb's, driven by this engine: pdb's commands, our stops.

pdb keeps its table of breakpoints and its commands; what would have set a trace function sets the
engine's breakpoints and steps instead."""

import bdb
import pdb
import sys

from relive.errors import ReliveError
from relive.frame_eval.breakpoints import CATCHES, Breakpoint, canonical, code_lines, compiled
from relive.frame_eval.runtime import (
    STEP_IN,
    STEP_NONE,
    STEP_OUT,
    STEP_OVER,
    STEP_UNTIL,
    runtime,
)


class Prompt(pdb.Pdb):
    """pdb's prompt on Relive's engine."""

    def __init__(self, quits=bdb.BdbQuit):
        super().__init__(nosigint=True)
        self.prompt = "(relive) "
        self.reset()
        self.quitting = False
        self._quits = quits
        self._wait_for_mainpyfile = False
        self._pushed = {}
        self._numbers = {}  # ours -> pdb's number
        runtime.on_stop = self.stopped
        runtime.on_log = self._log

    # ---- stops ----

    def stopped(self, frame, why, breakpoints):
        """Called by the engine in the thread that stopped."""
        self.currentbp = False
        if why == "exception":
            self._stopped_at(frame, runtime.exception, breakpoints[0].when)
            return
        for one in breakpoints:
            number = self._numbers.get(one.id)
            found = bdb.Breakpoint.bpbynumber[number] if number else None
            if found is not None:
                found.hits += 1
                self.currentbp = number
                if found.temporary:
                    self.do_clear(str(number))
        if self.currentbp and not self._shown_after_commands(frame):
            return
        if not self.currentbp:
            self.interaction(frame, None)
        if self.quitting:
            raise self._quits()

    def _stopped_at(self, frame, exception, when):
        """The prompt where an exception was raised, with its message."""
        import traceback

        words = {"raised": "Raised", "uncaught": "Uncaught", "user_unhandled": "Leaves your code"}
        kind = exception if isinstance(exception, type) else type(exception)
        text = "".join(traceback.format_exception_only(kind, exception)).strip()
        self.message(f"{words[when]}: {text}")
        frames = exception.__traceback__ if when != "raised" else None
        self.interaction(None if frames else frame, frames)
        if self.quitting:
            raise self._quits()

    def _shown_after_commands(self, frame):
        """The commands of a breakpoint, then the prompt; False where they say to go on."""
        super().user_line(frame)
        return True

    def _log(self, text, one, frame):
        self.message(text)

    def forget(self):
        super().forget()
        self.curframe_locals = None

    # ---- going on ----

    def _go(self, mode, line=0, frame=None):
        try:
            runtime.step(mode, line, frame)
        except RuntimeError:
            pass  # after the end (post mortem) there is nothing to go on with

    def set_step(self):
        self._go(STEP_IN)

    def set_next(self, frame):
        self._go(STEP_OVER, 0, frame)

    def set_return(self, frame):
        self._go(STEP_OUT, 0, frame)

    def set_until(self, frame, lineno=None):
        self._go(STEP_UNTIL, frame.f_lineno + 1 if lineno is None else lineno, frame)

    def set_continue(self):
        self._go(STEP_NONE)

    def set_quit(self):
        self.quitting = True
        self._go(STEP_NONE)

    def set_trace(self, frame=None, **unused):
        set_trace(frame=frame or sys._getframe().f_back)

    def do_jump(self, arg):
        """j(ump) lineno: the next line that runs, in the innermost frame."""
        frame, before = self.curframe, self.curframe.f_trace
        frame.f_trace = before or _ignore  # without one the interpreter refuses
        try:
            return super().do_jump(arg)
        finally:
            frame.f_trace = before

    do_j = do_jump

    def do_run(self, arg):
        """run: not here; start `relive debug` again."""
        self.error(
            "this prompt cannot start the program again: leave it and run relive debug again"
        )

    do_restart = do_run

    def do_debug(self, arg):
        """debug: not here."""
        self.error("a debugger inside the debugger is not supported: set a breakpoint and call it")

    # ---- breakpoints ----

    def do_catch(self, arg):
        """catch [raised|uncaught|user_unhandled] [NAME]

        Stops at exceptions of a class, or at all of them. `catch` lists what is set,
        `catch off` takes all of it back.
        """
        words = arg.split()
        if words == ["off"]:
            runtime.breakpoints.set_exceptions([])
        elif words:
            when = words.pop(0) if words[0] in CATCHES else "raised"
            try:
                add_catch(when, words[0] if words else "*")
            except ReliveError as error:
                self.error(str(error))
        for one in runtime.breakpoints.all():
            if one.exception:
                self.message(f"{one.when} {one.exception}")

    def postcmd(self, stop, line):
        self.sync()
        return super().postcmd(stop, line)

    def sync(self):
        """Tells the engine what pdb's table has become."""
        wanted = {}
        for found in bdb.Breakpoint.bpbynumber:
            if found is not None:
                wanted.setdefault(found.file, []).append(found)
        for path in {*wanted, *self._pushed}:
            rows = [_row(found) for found in wanted.get(path, ())]
            if rows != self._pushed.get(path, []):
                made = [_made(path, row) for row in rows]
                try:
                    runtime.breakpoints.set_file(path, made)
                except ReliveError as error:
                    self.error(str(error))
                self._pushed[path] = rows
                for row, one in zip(rows, made):
                    self._numbers[one.id] = row[0]


def _ignore(frame, event, arg):
    return None


def _row(found):
    return (found.number, found.line, found.cond, found.ignore, found.enabled, found.funcname)


def _made(path, row):
    number, line, condition, ignore, enabled, function = row
    if function:
        line = _first_line(path, function, line)
    hits = f"> {ignore}" if ignore else ""
    return Breakpoint(path, line, condition=condition, hit_condition=hits, enabled=enabled)


def _first_line(path, name, line):
    """The first line of the body of the function that begins at a line."""
    code = compiled(path)
    todo = [code] if code is not None else []
    while todo:
        code = todo.pop()
        if code.co_name == name and code.co_firstlineno == line:
            return min((at for at in code_lines(code) if at > line), default=line)
        todo.extend(constant for constant in code.co_consts if isinstance(constant, type(code)))
    return line


_prompt = None


def get_prompt(**options):
    """The prompt of this process; made at first need."""
    global _prompt
    if _prompt is None:
        _prompt = Prompt(**options)
    return _prompt


def set_trace(*, header=None, frame=None):
    """Stops at the next line of the caller, with a prompt. `PYTHONBREAKPOINT=relive.set_trace`
    leads breakpoint() here."""
    frame = frame or sys._getframe().f_back
    prompt = get_prompt()
    if not runtime.initialize():
        decision = runtime.policy.evaluate_environment()
        raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {decision['reason']}")
    if header is not None:
        prompt.message(header)
    runtime.step(STEP_OVER, 0, frame)


def add_catch(when, name):
    """A breakpoint on exceptions of a class, "*" for all."""
    return runtime.breakpoints.add(Breakpoint(exception=name, when=when))


def set_break(path, line, condition=None):
    """A breakpoint from outside the prompt; ReliveError where it cannot be set."""
    prompt = get_prompt()
    problem = prompt.set_break(canonical(path), line, cond=condition)
    if problem:
        raise ReliveError("ERR_BREAKPOINT", f"{path}:{line}: {problem}")
    prompt.sync()

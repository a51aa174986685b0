"""A prompt like pdb's, driven by this engine: pdb's commands, our stops."""

import bdb
import pdb
import sys

from relive import _run
from relive.errors import ReliveError
from relive.frame_eval.breakpoints import CATCHES, Breakpoint, canonical
from relive.frame_eval.integration import EngineDriven
from relive.frame_eval.runtime import ignore, runtime


class Prompt(EngineDriven, pdb.Pdb):
    """pdb's prompt on Relive's engine."""

    def __init__(self, quits=bdb.BdbQuit):
        super().__init__(nosigint=True)
        self.prompt = "(relive) "
        self.quitting = False
        self._quits = quits
        self._wait_for_mainpyfile = False
        self.start_engine()
        runtime.on_log = self._log

    # ---- stops ----

    def stopped(self, frame, why, breakpoints):
        """Called by the engine in the thread that stopped."""
        try:
            if why == "exception":
                self._stopped_at(frame, runtime.exception, breakpoints[0].when)
            else:
                super().stopped(frame, why, breakpoints)
        except BrokenPipeError:  # whoever read the prompt has gone: as if they had quit
            self._forget_output()
            raise self.quits() from None

    def _forget_output(self):
        if self.stdout is sys.stdout:
            _run.forget_stdout()

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
            raise self.quits()

    def quits(self):
        return self._quits()

    def _log(self, text, one, frame):
        try:
            self.message(text)
        except BrokenPipeError:
            self._forget_output()

    # ---- going on ----

    def do_jump(self, arg):
        """j(ump) lineno: the next line that runs, in the innermost frame."""
        frame, before = self.curframe, self.curframe.f_trace
        frame.f_trace = before or ignore  # without one the interpreter refuses
        try:
            return super().do_jump(arg)
        finally:
            frame.f_trace = before

    do_j = do_jump

    def do_stepinto(self, arg):
        """stepinto [NAME]

        Goes on to the first line of a function that this line calls. Without a name it lists what
        the line calls.
        """
        if not arg:
            names = runtime.step_in_targets(self.curframe)
            self.message("this line calls " + (", ".join(names) or "nothing that has a name"))
            return None
        runtime.step_into(arg)
        return 1

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

    def do_watch(self, arg):
        """watch [NAME[.ATTRIBUTE]]

        Stops where a variable of this function, or an attribute of one, has changed: at the next
        line that runs in it. `watch` lists what is set, `watch off` takes all of it back.
        """
        if arg == "off":
            for one in runtime.breakpoints.all():
                if one.data:
                    runtime.breakpoints.remove(one)
        elif arg:
            code = self.curframe.f_code
            try:
                add_watch(getattr(code, "co_qualname", code.co_name), arg)
            except ReliveError as error:
                self.error(str(error))
        for one in runtime.breakpoints.all():
            if one.data:
                self.message(f"{one.data} in {one.function}")

    def postcmd(self, stop, line):
        self.sync()
        return super().postcmd(stop, line)

    def refused(self, error):
        self.error(str(error))


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
    prompt = get_prompt()
    if header is not None:
        prompt.message(header)
    prompt.set_trace(frame or sys._getframe().f_back)


def add_catch(when, name):
    """A breakpoint on exceptions of a class, "*" for all."""
    return runtime.breakpoints.add(Breakpoint(exception=name, when=when))


def add_watch(function, data):
    """A breakpoint on a variable of a function, or an attribute of one."""
    return runtime.breakpoints.add(Breakpoint(function=function, data=data))


def set_break(path, line, condition=None):
    """A breakpoint from outside the prompt; ReliveError where it cannot be set."""
    prompt = get_prompt()
    problem = prompt.set_break(canonical(path), line, cond=condition)
    if problem:
        raise ReliveError("ERR_BREAKPOINT", f"{path}:{line}: {problem}")
    prompt.sync()

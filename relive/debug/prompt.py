"""A prompt with pdb's commands on this engine's stops."""

import bdb
import pdb
import shlex
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any, Callable, Optional, Sequence

from relive import _terminal
from relive.debug import again, restart
from relive.debug.bdb_bridge import EngineDriven, take_stops
from relive.debug.breakpoints import CATCHES, Breakpoint, canonical
from relive.debug.engine import runtime
from relive.debug.frame_locals import FrameLocals
from relive.debug.protocol import ignore
from relive.debug.shared_prompt import SharedPrompt
from relive.errors import ReliveError

_LAST = "_last_pdb_instance"  # what pdb.set_trace() uses again, from 3.13 on


class Prompt(SharedPrompt, EngineDriven, pdb.Pdb):
    """pdb's prompt on Relive's engine."""

    def __init__(
        self, *options: Any, quits: Callable[[], BaseException] = bdb.BdbQuit, **more: Any
    ) -> None:
        """Takes pdb.Pdb's own arguments."""
        super().__init__(*options, **more)
        self.prompt = "(relive) "
        self._quits = quits
        self._wait_for_mainpyfile = False
        self._is_post_mortem = False
        self.start_engine()
        runtime.on_log = self._show_log

    # ---- stops ----

    def stopped(self, frame: FrameType, why: str, breakpoints: Sequence[Breakpoint]) -> None:
        """Opens the prompt; the engine calls it in the thread that stopped."""
        try:
            if runtime.trouble:
                # It begins with the engine's number of the breakpoint, which is not bdb's.
                trouble = runtime.trouble.partition(": ")[2]
                self.message(f"*** the condition raised an error: {trouble}")
            if why == "exception" and runtime.exception is not None:
                self._stop_at_exception(frame, runtime.exception, breakpoints[0].when)
            else:
                super().stopped(frame, why, breakpoints)
        except BrokenPipeError:  # the reader of the prompt has gone: as if the user had quit
            self._forget_output()
            raise self.quits() from None

    def _forget_output(self) -> None:
        if self.stdout is sys.stdout:
            _terminal.forget_stdout()

    def _stop_at_exception(self, frame: FrameType, exception: BaseException, when: str) -> None:
        """Opens the prompt where an exception was raised, with its message."""
        words = {"raised": "Raised", "uncaught": "Uncaught", "user_unhandled": "Leaves your code"}
        # Before 3.12 the interpreter may not have made an instance yet.
        kind: Any = exception if isinstance(exception, type) else type(exception)
        text = "".join(traceback.format_exception_only(kind, exception)).strip()
        is_end = again.takes_over(when)
        if is_end:
            again.announce(exception)
        else:
            self.message(f"{words[when]}: {text}")
        frames = exception.__traceback__
        self._is_post_mortem = when != "raised" and frames is not None
        show = getattr(self, "set_convenience_variable", None)  # from 3.12 on
        if show is not None:
            show(frame, "_exception", exception)
        # From 3.13 on pdb takes the exception itself: `exceptions` lists its chain.
        shown: Any = exception if hasattr(self, "do_exceptions") and frames else frames
        try:
            self.interaction(None if self._is_post_mortem else frame, shown)
        finally:
            self._is_post_mortem = False
        if self.quitting:
            raise self.quits()
        if is_end:
            raise again.ends_run()

    def post_mortem(self, trace: TracebackType, error: BaseException) -> None:
        """Opens the prompt at an exception that has left all frames."""
        self.interaction(None, error if hasattr(self, "do_exceptions") else trace)  # type: ignore
        if self.quitting:
            raise self.quits()

    def get_stack(self, f: Any, t: Any) -> Any:
        """Returns [(frame, line)] and the index of the selected one. Where an exception leaves a
        frame, the frames above it are there too: they still run."""
        if f is None and t is not None and self._is_post_mortem:
            stack, _ = super().get_stack(t.tb_frame, t)
            return stack, len(stack) - 1
        return super().get_stack(f, t)

    def quits(self) -> BaseException:
        """The exception that the program gets when the user quits."""
        return self._quits()

    def _show_log(self, text: str, one: Breakpoint, frame: FrameType) -> None:
        try:
            self.message(text)
        except BrokenPipeError:
            self._forget_output()

    def _get_locals(self) -> Any:
        return self._locals

    def _set_locals(self, found: Any) -> None:
        self._locals = FrameLocals(self.curframe) if self.curframe is not None else found

    # The variables of the selected frame; pdb itself has a copy there up to 3.12.
    curframe_locals: Any = property(_get_locals, _set_locals)

    # ---- going on ----

    def set_trace(
        self,
        frame: Optional[FrameType] = None,
        *,
        commands: Optional[Sequence[str]] = None,
        **unused: Any,
    ) -> None:
        """Opens the prompt in a frame, by default the caller's. `commands` are typed there."""
        if hasattr(pdb.Pdb, _LAST):
            setattr(pdb.Pdb, _LAST, self)
        self.rcLines.extend(commands or ())
        super().set_trace(frame or sys._getframe().f_back)

    def do_jump(self, arg: str) -> Optional[bool]:
        """j(ump) lineno: sets the line that runs next, in the innermost frame."""
        frame = self._current_frame()
        stop = runtime.stops.here()
        if stop is not None and not stop.can_jump:
            self.error("Jump failed: the thread was interrupted within a line")
            return None
        before = frame.f_trace
        frame.f_trace = before or ignore  # without one the interpreter refuses
        try:
            return super().do_jump(arg)
        finally:
            frame.f_trace = before

    do_j = do_jump

    def do_stepinto(self, arg: str) -> Optional[bool]:
        """stepinto [NAME]

        Goes on to the first line of a function that this line calls. Without a name it lists what
        the line calls.
        """
        if not arg:
            names = runtime.step_in_targets(self._current_frame())
            self.message("this line calls " + (", ".join(names) or "nothing that has a name"))
            return None
        self.set_next(self._current_frame())
        runtime.step_into(arg)
        return True

    def do_run(self, arg: str) -> Optional[bool]:
        """run [args...]

        Starts the program again, with other arguments if some are given. Breakpoints, commands,
        aliases, watches, catches and the history stay. "restart" is an alias for "run".
        """
        if getattr(self, "mode", None) == "inline":
            return super().do_run(arg)
        try:
            args = shlex.split(arg) if arg else None
        except ValueError as error:
            self.error(f"Cannot run {arg}: {error}")
            return None
        try:
            restart.start_again(self, args)
        except ReliveError as error:
            self.error(str(error))
        return None

    do_restart = do_run

    def do_debug(self, arg: str) -> Optional[bool]:
        """debug code

        Opens a prompt within this one, at the first line of a statement or expression. It runs in
        the selected frame.
        """
        if not arg:
            self.error("debug: what shall be run?")
            return None
        frame = self._current_frame()
        inner = Prompt(self.completekey, self.stdin, self.stdout, readrc=False)
        inner.prompt = f"({self.prompt.strip()}) "
        inner.aliases = self.aliases
        self.message("ENTERING RECURSIVE DEBUGGER")
        try:
            runtime.debug_nested(lambda: inner.run(arg, frame.f_globals, FrameLocals(frame)))
        except Exception as error:  # of the code that was typed
            self.error(traceback.format_exception_only(type(error), error)[-1].strip())
        finally:
            take_stops(self.stopped)
            runtime.on_log = self._show_log
        self.message("LEAVING RECURSIVE DEBUGGER")
        self.lastcmd = inner.lastcmd
        return None

    # ---- breakpoints ----

    def do_catch(self, arg: str) -> None:
        """catch [raised|uncaught|user_unhandled] [NAME]

        Stops at exceptions of a class, or at all of them. `catch` lists what is set,
        `catch off` removes all of it.
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

    def do_watch(self, arg: str) -> None:
        """watch [NAME[.ATTRIBUTE]]

        Stops when a variable of this function, or an attribute of one, has changed, at the next
        line that runs in the function. `watch` lists what is set, `watch off` removes all of it.
        """
        if arg == "off":
            for one in runtime.breakpoints.all():
                if one.data:
                    runtime.breakpoints.remove(one)
        elif arg:
            code = self._current_frame().f_code
            try:
                add_watch(getattr(code, "co_qualname", code.co_name), arg)
            except ReliveError as error:
                self.error(str(error))
        for one in runtime.breakpoints.all():
            if one.data:
                self.message(f"{one.data} in {one.function}")

    def _current_frame(self) -> FrameType:
        frame: Optional[FrameType] = self.curframe
        assert frame is not None  # pdb runs commands of this kind at a stop only
        return frame

    def postcmd(self, stop: bool, line: str) -> bool:
        self.sync()
        return super().postcmd(stop, line)

    def refused(self, error: ReliveError) -> None:
        self.error(str(error))


_prompt: Optional[Prompt] = None


def get_prompt(**options: Any) -> Prompt:
    """Returns the prompt of this process. The first call makes it."""
    global _prompt
    if _prompt is None:
        _prompt = Prompt(**options)
    return _prompt


def set_trace(
    *,
    header: Optional[str] = None,
    commands: Optional[Sequence[str]] = None,
    frame: Optional[FrameType] = None,
) -> None:
    """Opens a prompt at the next line of the caller, and types `commands` there.
    `PYTHONBREAKPOINT=relive.set_trace` makes breakpoint() call this function."""
    prompt = get_prompt()
    if header is not None:
        prompt.message(header)
    prompt.set_trace(frame or sys._getframe().f_back, commands=commands)


def add_catch(when: str, name: str) -> Breakpoint:
    """Adds a breakpoint on exceptions of a class; "*" means all."""
    return runtime.breakpoints.add(Breakpoint(exception=name, when=when))


def add_watch(function: str, data: str) -> Breakpoint:
    """Adds a breakpoint on a variable of a function, or an attribute of one."""
    return runtime.breakpoints.add(Breakpoint(function=function, data=data))


def set_break(path: str, line: int, condition: Optional[str] = None) -> None:
    """Sets a breakpoint from outside the prompt. Raises ReliveError where it cannot be set."""
    prompt = get_prompt()
    problem = prompt.set_break(canonical(path), line, cond=condition)
    if problem:
        raise ReliveError("ERR_BREAKPOINT", f"{path}:{line}: {problem}")
    prompt.sync()

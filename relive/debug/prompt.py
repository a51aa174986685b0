"""A prompt with pdb's commands on this engine's stops."""

import bdb
import linecache
import os
import shlex
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any, Callable, Iterable, List, Optional, Sequence, Set

from relive import _core, _terminal
from relive.debug import again, captured, children, files, restart, words
from relive.debug.awaiting import compile_awaited, evaluate_awaited
from relive.debug.bdb_bridge import EngineDriven, take_stops
from relive.debug.breakpoints import CATCHES, Breakpoint, canonical, line_of_function
from relive.debug.engine import runtime
from relive.debug.frame_locals import FrameLocals
from relive.debug.line_calls import calls_at
from relive.debug.live import FinalError, LivePlace, PdbScreen, said
from relive.debug.protocol import ignore
from relive.debug.shared_prompt import PerThread, SharedPrompt
from relive.debug.stdlib_pdb import pdb, without_editor
from relive.errors import ReliveError
from relive.prompt import console
from relive.prompt.commands import Commands
from relive.prompt.place import NEXT

_LEAVE = (bdb.BdbQuit, pdb.Restart, children.Left)  # exceptions that end a prompt
_MAY_EXIT = ("debug", "interact")  # commands whose SystemExit is the user's
_LAST = "_last_pdb_instance"  # what pdb.set_trace() uses again, from 3.13 on


class Prompt(SharedPrompt, EngineDriven, pdb.Pdb):
    """pdb's prompt on Relive's engine. Words that `relive replay` has too are methods that words.py
    makes."""

    repeats: Any = PerThread(("", 0))  # a step, and how often it is still to be made
    _into: Any = PerThread()
    _into_from: Any = PerThread()  # the frame of that call

    def __init__(
        self, *options: Any, quits: Callable[[], BaseException] = bdb.BdbQuit, **more: Any
    ) -> None:
        """Takes pdb.Pdb's own arguments."""
        with without_editor():
            super().__init__(*options, **more)
        self.prompt = "(relive) "
        self._quits = quits
        self._wait_for_mainpyfile = False
        self._is_post_mortem = False
        self._pid = os.getpid()  # of the process that opens it
        self.reset()
        self.place = LivePlace(self)
        self._commands = Commands(self.place, PdbScreen(self))
        self._seen: Any = None  # the stack that the commands have seen
        self.start_engine()
        runtime.on_log = self._show_log
        runtime.on_notice = self.message

    # ---- stops ----

    def stopped(self, frame: FrameType, why: str, breakpoints: Sequence[Breakpoint]) -> None:
        """Opens the prompt; the engine calls it in the thread that stopped."""
        if children.is_off:
            return
        self._pid = os.getpid()
        try:
            with children.turn(self), captured.suspended(self):
                if self.stdout is None:  # closed by the shell: nobody can see the prompt
                    raise self.quits()
                self._open(frame, why, breakpoints)
        except children.Left:
            children.leave()
            self.quitting = False
        except BrokenPipeError:  # the reader of the prompt has gone: as if the user had quit
            self._forget_output()
            raise self.quits() from None
        finally:
            children.renew(self)

    def _open(self, frame: FrameType, why: str, breakpoints: Sequence[Breakpoint]) -> None:
        for change in runtime.changes:
            self.message(str(change))
        if runtime.trouble:
            # It begins with the engine's number of the breakpoint, which is not bdb's.
            trouble = runtime.trouble.partition(": ")[2]
            self.message(f"*** the condition raised an error: {trouble}")
        if self._goes_on(frame, breakpoints):
            self.go_on()
        elif why == "exception" and runtime.exception is not None:
            self._stop_at_exception(frame, runtime.exception, breakpoints[0].when)
        else:
            super().stopped(frame, why, breakpoints)

    def drop_commands(self) -> None:
        """Forgets commands that are still to come: those of -x are for the first process. A forked
        child calls this."""
        self.rcLines.clear()
        self.cmdqueue.clear()

    def forget(self) -> None:
        """Ends a stop; pdb calls it. No frame is kept alive."""
        super().forget()
        self._seen = None
        if hasattr(self, "place"):
            self.place.forget()

    def _goes_on(self, frame: FrameType, breakpoints: Sequence[Breakpoint]) -> bool:
        """Returns whether a stop is only one on the way: of `s 3`. Where `stepinto` has entered
        nothing, it says so."""
        (how, left), self.repeats = self.repeats, ("", 0)
        into, self._into = self._into, None
        start, self._into_from = self._into_from, None
        if breakpoints or runtime.trouble or self.quitting:
            return False
        if into is not None and frame is start:
            self.error(f"{into.text} was not called, or ran no Python code")
        if left and self.stop_here(frame):
            self.repeats = (how, left - 1)
            if how == NEXT:
                self.set_next(frame)
            else:
                self.set_step()
            return True
        return False

    def _get_prompt(self) -> str:
        """Returns the text of the prompt. On a terminal it names the thread and the task."""
        name = children.label()
        where = self.place.where() if (name or self._is_terminal()) and self.stack else ""
        where = f"{name} {where}".strip()
        return f"[{where}] {self._text}" if where else self._text

    def _set_prompt(self, text: str) -> None:
        self._text = text

    prompt: Any = property(_get_prompt, _set_prompt)

    def _is_terminal(self) -> bool:
        return bool(self.use_rawinput) and console.is_terminal()

    def shared(self) -> Commands:
        """Returns the commands of relive.prompt, at this stop and the selected frame."""
        if self._seen is not self.stack:
            self._seen = self.stack
            self.place.begin(self.stack)
            self._commands.look(self.place.here())
        self._commands.look_again(self.curindex + 1)
        return self._commands

    def show_context(self, lines: int) -> None:
        """Chooses how many lines of source are shown at a stop."""
        self._commands.screen.context = lines

    def shown_context(self) -> int:
        """Returns how many lines of source are shown at a stop."""
        return self._commands.screen.context

    def get_names(self) -> List[str]:
        """Returns the names that are listed and completed. Words of a recording are there where
        one is made."""
        is_recorded = _core.state()["recording"]
        return [one for one in super().get_names() if is_recorded or one not in _OF_RECORDINGS]

    def onecmd(self, line: str) -> bool:
        """Runs a command; what it refuses is said, and what objects of the program raise in it."""
        try:
            return super().onecmd(line)
        except ReliveError as error:
            self.error(str(error))
        except (*_LEAVE, BrokenPipeError):
            raise
        except SystemExit as error:
            if self.parseline(line)[0] in _MAY_EXIT:
                raise
            self.error(said(error))
        except Exception as error:  # of a __repr__, __class__ or another method
            self.error(said(error))
        return False

    def message(self, msg: Any, *more: Any, **options: Any) -> None:
        """Prints a text; pdb calls it. What the stream cannot encode is escaped."""
        try:
            super().message(msg, *more, **options)
        except UnicodeEncodeError:
            super().message(self._encodable(msg), *more, **options)

    def error(self, msg: Any) -> None:
        """Prints an error as message() prints a text."""
        try:
            super().error(msg)
        except UnicodeEncodeError:
            super().error(self._encodable(msg))

    def _encodable(self, text: Any) -> str:
        encoding = getattr(self.stdout, "encoding", None) or "ascii"
        return str(text).encode(encoding, "backslashreplace").decode(encoding)

    def preloop(self) -> None:
        """Shows what `display` wants, where values are compared; cmd calls it."""
        try:
            super().preloop()
        except BrokenPipeError:
            raise
        except (Exception, SystemExit) as error:  # of an __eq__ or a __repr__
            self.error(said(error))

    def default(self, line: str) -> None:
        """Runs what is no command. What awaits something runs in the thread's event loop."""
        code = compile_awaited(line[line.startswith("!") :].strip(), "single")
        if code is None:
            super().default(line)
            return
        frame = self._current_frame()
        before = sys.stdout, sys.displayhook
        sys.stdout, sys.displayhook = self.stdout, self.displayhook
        try:
            evaluate_awaited(code, frame.f_globals, FrameLocals(frame))
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # of the code that was typed
            self.error(str(error) if isinstance(error, ReliveError) else said(error))
        finally:
            sys.stdout, sys.displayhook = before

    def variable_names(self) -> Set[str]:
        """Returns the names that the selected frame has."""
        frame = self._current_frame()
        return {*frame.f_globals, *frame.f_locals}

    def print_stack_entry(self, frame_lineno: Any, prompt_prefix: str = "\n-> ") -> None:
        """Shows a frame; pdb calls it."""
        for number, one in enumerate(self.stack, 1):
            if one[0] is frame_lineno[0]:
                self.shared().show_frame(number)
                return
        super().print_stack_entry(frame_lineno)  # a frame of no stop

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
            # A frame that has handled a cause went on since: its line is the traceback's.
            is_bottom = t.tb_frame is self.botframe
            stack, _ = super().get_stack(None if is_bottom else t.tb_frame.f_back, t)
            return stack, len(stack) - 1
        return super().get_stack(f, t)

    def cannot_step(self, why: str) -> None:
        self.error(why)

    def quits(self) -> BaseException:
        """The exception that the program gets when the user quits."""
        return children.Left() if children.label() else self._quits()

    def _show_log(self, text: str, one: Breakpoint, frame: FrameType) -> None:
        try:
            self.message(self.place.traced_text(one, frame) or text)
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
        if children.is_off:
            children.say_off()
            return
        if hasattr(pdb.Pdb, _LAST):
            setattr(pdb.Pdb, _LAST, self)
        self.rcLines.extend(commands or ())
        super().set_trace(frame or sys._getframe().f_back)

    async def set_trace_async(
        self, frame: Optional[FrameType] = None, *, commands: Optional[Sequence[str]] = None
    ) -> None:
        """Opens the prompt in the coroutine that awaits this. pdb's own, from 3.14 on, would run
        the prompt outside of a stop."""
        self.set_trace(frame or sys._getframe().f_back, commands=commands)

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
        """stepinto [N | NAME]

        Goes on to the first line of what a call of this line runs. A name is enough where only one
        call has it. Without one it lists the calls in the order in which they run.
        """
        calls = calls_at(self._current_frame())
        if not arg:
            for number, one in enumerate(calls, 1):
                mark = "  (over)" if one.is_over else "  (C)" if one.is_c else ""
                self.message(f"{number}  {one.text}{mark}")
            if not calls:
                self.message("this line calls nothing, or its source is not known")
            return None
        if arg.isdecimal():
            if not 0 < int(arg) <= len(calls):
                count = "1 call" if len(calls) == 1 else f"{len(calls)} calls"
                self.error(f"this line has {count}: there is no call {arg}")
                return None
            found = [calls[int(arg) - 1]]
        else:
            named = [one for one in calls if one.is_named(arg)]
            found = [one for one in named if not one.is_over] or named[:1]
        if len(found) != 1:
            says = f"has {len(found)} calls of {arg}: choose one by its number" if found else ""
            self.error(f"this line {says or f'does not call {arg}'}")
        elif found[0].is_over:
            self.error(f"{found[0].text} is over: this line does not call it again")
        elif found[0].is_c:
            self.error(f"{found[0].callee} is a C function: it cannot be stepped into")
        else:
            self._into, self._into_from = found[0], self._current_frame()
            self.set_next(self._current_frame())
            return True
        return None

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
        inner.prompt = f"({self._text.strip()}) "
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

    def canonic(self, filename: str) -> str:
        """Returns the name under which bdb knows a file; bdb calls it."""
        return filename if files.is_without_file(filename) else super().canonic(filename)

    def lookupmodule(self, filename: str) -> Optional[str]:
        """Returns the file that a name means; pdb calls it."""
        if files.is_without_file(filename):
            return filename
        found = super().lookupmodule(filename)
        if found is not None and os.path.exists(found):
            return found
        try:
            return files.find_file(filename) or found
        except ReliveError as error:
            raise FinalError(str(error)) from None

    def lineinfo(self, identifier: str) -> Any:
        """Returns (name, file, line) of a function that need not be defined yet; pdb calls it.
        pdb itself does not find methods and, up to 3.14, coroutines."""
        try:
            found = super().lineinfo(identifier)
        except TypeError:  # 3.13.0 takes the value of a parameter for the function
            found = (None, None, None)
        path = self.defaultFile()
        line = line_of_function(path, identifier) if found[0] is None else 0
        return (identifier.split(".")[-1], path, line) if line else found

    def checkline(self, filename: str, lineno: int, *more: Any) -> int:
        """Returns the line where it can have a breakpoint, else 0; pdb calls it."""
        if files.is_without_file(filename) and not linecache.getline(filename, lineno):
            return lineno
        return super().checkline(filename, lineno, *more)

    def set_break(self, filename: str, lineno: int, *options: Any, **more: Any) -> Optional[str]:
        """Sets a breakpoint of bdb's. Returns what is wrong, or None."""
        with files.lines_of_code_without_file(filename, lineno):
            return super().set_break(filename, lineno, *options, **more)

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

    def _current_frame(self) -> FrameType:
        frame: Optional[FrameType] = self.curframe
        assert frame is not None  # pdb runs commands of this kind at a stop only
        return frame

    def postcmd(self, stop: bool, line: str) -> bool:
        if self._pid != os.getpid():  # the command has forked, and this is the child: it goes on
            return True
        self.sync()
        return super().postcmd(stop, line)

    def refused(self, error: ReliveError) -> None:
        self.error(str(error))


_OF_RECORDINGS = words.of_recordings()
for _name, _method in words.methods().items():
    setattr(Prompt, _name, _method)

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
    if children.is_off:
        children.say_off()
        return
    prompt = get_prompt()
    if header is not None:
        prompt.message(header)
    prompt.set_trace(frame or sys._getframe().f_back, commands=commands)


async def set_trace_async(
    *,
    header: Optional[str] = None,
    commands: Optional[Sequence[str]] = None,
) -> None:
    """Opens the prompt in the coroutine that awaits this. It is as set_trace(), which also takes
    `await` at its prompt."""
    set_trace(header=header, commands=commands, frame=sys._getframe().f_back)


def add_catch(when: str, name: str) -> Breakpoint:
    """Adds a breakpoint on exceptions of a class; "*" means all."""
    return runtime.breakpoints.add(Breakpoint(exception=name, when=when))


def add_watch(function: str, data: str) -> None:
    """Watches a variable of a function, or an attribute or item of one."""
    runtime.watches.add_in_function(data, function)


def set_breaks(rows: Iterable[Sequence[Any]]) -> None:
    """Sets breakpoints from outside the prompt: (path, line, condition, options, once), with
    options as they are written behind `b`. Raises ReliveError where one cannot be set."""
    prompt = get_prompt()
    for path, line, condition, options, once in rows:
        problem = prompt.set_break(canonical(path), line, temporary=once, cond=condition)
        if problem:
            raise ReliveError("ERR_BREAKPOINT", f"{path}:{line}: {problem}")
        prompt.place.add_options(bdb.Breakpoint.bpbynumber[-1], options)
    prompt.sync()

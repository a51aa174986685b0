"""The commands of a prompt: what each does, over any place.

A command is a method with `@command(...)` (registry.py)."""

from __future__ import annotations

import inspect
import re

from relive._terminal import safe
from relive.config import nearest
from relive.errors import ReliveError
from relive.prompt import place as places
from relive.prompt.breakpoints import WATCH, Table, parse_break, parse_watch
from relive.prompt.display import pretty
from relive.prompt.place import ExpressionError, Value
from relive.prompt.registry import command, registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.prompt.breakpoints import Breakpoint
    from relive.prompt.display import Screen
    from relive.prompt.place import Frame, Place, Stop

_LISTED = 11  # lines that `list` shows
_FOLLOWS_NAME = re.compile(r"$|[.\[=<>!+*/%-]")  # in an expression, typed without `p`
_MARK = re.compile(r"[A-Za-z_]\w*")


class Commands:
    """What the prompt keeps, and its commands: run() runs a line of them. `is_done`: the prompt
    ends. `has_failed`: some command could not do what it should."""

    def __init__(self, place: Place, screen: Screen) -> None:
        self.place, self.screen = place, screen
        self.breakpoints = Table()
        self.marks: Dict[str, str] = {}
        self.is_done = self.has_failed = False
        self._stop = place.here()
        self._frames: Sequence[Frame] = place.frames()
        self._selected = self._innermost()
        self._before: Dict[int, Dict[Tuple[str, str], Value]] = {}
        self._now: Dict[int, Dict[Tuple[str, str], Value]] = {}
        self._listed = 0
        self._last_line = ""
        self._remember()
        self._by_name = {
            name: one
            for one in registered
            if not one.ability or one.ability in place.abilities
            for name in one.names
        }

    # ---- running lines ----

    def names(self) -> List[str]:
        """Returns the names of all commands."""
        return sorted(self._by_name)

    def run(self, line: str) -> None:
        """Runs a line: commands separated by `;`. An empty one repeats the last."""
        line = line.strip()
        if not line:
            line = self._last_line
        self._last_line = line
        for one in split_line(line):
            if self.is_done:
                return
            self._run_one(one)

    def interrupted(self) -> None:
        """Says that Ctrl-C has ended a command. The place is the one before."""
        self.has_failed = True
        self.screen.error(f"interrupted: still at {self._stop.position}")

    def variable_names(self) -> List[str]:
        """Returns the names of the variables of the selected frame."""
        if self._selected is None:
            return []
        return [one.name for one in self.place.variables(self._selected)]

    def _run_one(self, text: str) -> None:
        try:
            self._call(text)
        except ExpressionError as error:
            self.has_failed = True
            self.screen.error(str(error))
            self.screen.write(f"      {safe(error.expression)}")
            self.screen.write(f"      {' ' * len(safe(error.expression[: error.place]))}^")
        except ReliveError as error:
            self.has_failed = True
            self.screen.error(str(error))

    def _call(self, text: str) -> None:
        found = re.match(r"(\?|[A-Za-z_][\w-]*)\s*(.*)$", text, re.S)
        name = found[1] if found else ""
        if found and name in self._by_name:
            self._by_name[name].function(self, found[2].strip())
            return
        if found and name in self.variable_names() and _FOLLOWS_NAME.match(found[2]):
            self.do_print(text)
            return
        hint = nearest(name, self.names()) if name else ""
        raise ReliveError("ERR_USAGE", f"there is no command {name or text!r}{hint} (see help)")

    # ---- where we are ----

    def show_stop(self) -> None:
        """Shows where the prompt is."""
        frame = self._selected
        self.screen.stop(self._stop, frame, self._source(frame))

    def _innermost(self) -> Optional[Frame]:
        for frame in reversed(self._frames):
            if frame.number == self._stop.frame:
                return frame
        return None

    def _source(self, frame: Optional[Frame]) -> Sequence[str]:
        return self.place.source(frame) if frame is not None else ()

    def _arrive(self, stop: Optional[Stop]) -> None:
        """Takes a new place and shows it. None means that the program goes on."""
        if stop is None:
            self.is_done = True
            return
        thread = self._stop.thread
        self._stop = stop
        self._frames = self.place.frames()
        self._selected = self._innermost()
        self._listed = 0
        self._remember()
        if stop.thread != thread:
            self.screen.write(f"[thread {stop.thread}]")
        self.show_stop()

    def _remember(self) -> None:
        """Keeps the variables of the selected frame, for `changed`."""
        self._before, self._now = self._now, {}
        if self._selected is not None:
            rows = self.place.variables(self._selected)
            self._now[self._selected.number] = {(one.scope, one.name): one for one in rows}

    def _need_frame(self) -> Frame:
        if self._selected is None:
            raise ReliveError("ERR_USAGE", "no frame is open here: s or goto leads to one")
        return self._selected

    # ---- going ----

    def _go(self, how: str, *, line: int = 0, backwards: bool = False) -> None:
        self._arrive(self._step(how, line, backwards))

    def _go_times(self, how: str, text: str, backwards: bool = False) -> None:
        for left in range(number_of(text, 1), 0, -1):
            stop = self._step(how, 0, backwards)
            if left == 1 or stop is None or stop.breakpoint or stop.reason:
                self._arrive(stop)
                return
            self._stop, self._frames = stop, self.place.frames()
            self._selected = self._innermost()

    def _step(self, how: str, line: int, backwards: bool) -> Optional[Stop]:
        """Goes one step, and counts the breakpoint that ends it."""
        stop = self.place.step(
            how, self._selected, self.breakpoints.enabled(), line=line, backwards=backwards
        )
        one = stop.breakpoint if stop is not None else None
        if one is not None:
            one.hits += 1
            if one.is_temporary:
                self.breakpoints.remove(one)
        return stop

    @command("s step", "[N]")
    def do_step(self, text: str) -> None:
        """Goes to the next line that runs in this thread, also in a function that is called.

        Where a function has no recorded lines, its begin and its end are the steps. With N it goes
        so many steps."""
        self._go_times(places.STEP, text)

    @command("n next", "[N]")
    def do_next(self, text: str) -> None:
        """Goes to the next line of this frame, over the functions that it calls.

        At the end of the frame it goes to where the frame is left, then to the caller."""
        self._go_times(places.NEXT, text)

    @command("r return finish", "")
    def do_return(self, text: str) -> None:
        """Goes to the end of this frame, where its result is known."""
        self._go(places.RETURN)

    @command("unt until", "[LINE]")
    def do_until(self, text: str) -> None:
        """Goes to a later line of this frame: out of a loop, or to LINE or behind it."""
        frame = self._need_frame()
        if text:
            line = number_of(text, 0)
        elif frame.line is None:
            raise ReliveError("ERR_USAGE", "the line is not known here: write until LINE, or n")
        else:
            line = frame.line + 1
        self._go(places.UNTIL, line=line)

    @command("c cont continue", "")
    def do_continue(self, text: str) -> None:
        """Goes on to a breakpoint, in any thread."""
        self._go(places.CONTINUE)

    @command("rs reverse-step bstep", "[N]", "back")
    def do_reverse_step(self, text: str) -> None:
        """Goes back to the line that ran before in this thread, also in a function."""
        self._go_times(places.STEP, text, backwards=True)

    @command("rn reverse-next bnext", "[N]", "back")
    def do_reverse_next(self, text: str) -> None:
        """Goes back to the line of this frame that ran before; from the first to the caller."""
        self._go_times(places.NEXT, text, backwards=True)

    @command("rf reverse-finish bfinish", "", "back")
    def do_reverse_finish(self, text: str) -> None:
        """Goes back to the call of this frame, where its arguments are as they were given."""
        self._go(places.RETURN, backwards=True)

    @command("rc reverse-continue bcontinue", "", "back")
    def do_reverse_continue(self, text: str) -> None:
        """Goes back to the last time a breakpoint or a watch was hit.

        With `watch NAME`, this is the last write of NAME."""
        self._go(places.CONTINUE, backwards=True)

    @command("goto", "POSITION|MARK", "back")
    def do_goto(self, text: str) -> None:
        """Goes to a position or a mark.

        Positions: T1@48213, FUNC#N, FILE:LINE#N, exc:N, exc:last, 42%, +3ms, start, end."""
        if not text:
            raise ReliveError("ERR_USAGE", "where to? For example: goto exc:last, or goto 42%")
        self._arrive(self.place.goto(self.marks.get(text, text)))

    @command("mark", "[NAME]", "back")
    def do_mark(self, text: str) -> None:
        """Names this place, for `goto NAME` and `diff NAME`. Alone it lists the marks."""
        if not text:
            for name, position in self.marks.items():
                self.screen.write(f"{name}  {position}")
            return
        if not _MARK.fullmatch(text) or text in ("start", "end"):
            raise ReliveError("ERR_USAGE", f"{text!r} is no name for a mark: letters and digits")
        self.marks[text] = self._stop.position
        self.screen.write(f"{text} is {safe(self._stop.position)}")

    @command("when", "")
    def do_when(self, text: str) -> None:
        """Shows the position: event, time, thread, task."""
        self._show_facts(self.place.facts())

    @command("info", "", "info")
    def do_info(self, text: str) -> None:
        """Shows what this is a recording of, and what it does not have."""
        self._show_facts(self.place.about())

    def _show_facts(self, rows: Sequence[Tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.screen.write(f"{name:<{width}}  {safe(value)}")

    # ---- frames and source ----

    @command("w where bt", "")
    def do_where(self, text: str) -> None:
        """Shows the open frames, the innermost one last."""
        if not self._frames:
            raise ReliveError("ERR_NOT_FOUND", "no frame is open in this thread")
        for frame in self._frames:
            self.screen.frame(frame, frame is self._selected, self._source(frame))

    @command("u up", "[N]")
    def do_up(self, text: str) -> None:
        """Selects the caller of this frame."""
        self._select(-number_of(text, 1))

    @command("d down", "[N]")
    def do_down(self, text: str) -> None:
        """Selects the frame that this one has called."""
        self._select(number_of(text, 1))

    def _select(self, steps: int) -> None:
        frame = self._need_frame()
        at = next(i for i, one in enumerate(self._frames) if one.number == frame.number)
        wanted = min(max(at + steps, 0), len(self._frames) - 1)
        if wanted == at:
            where = "outermost" if steps < 0 else "innermost"
            raise ReliveError("ERR_NOT_FOUND", f"this is the {where} frame")
        self._selected = self._frames[wanted]
        self._listed = 0
        self.screen.frame(self._selected, True, self._source(self._selected))

    @command("l list", "[FIRST[, LAST] | .]")
    def do_list(self, text: str) -> None:
        """Lists the lines around this one, then those that follow. `l .` begins again."""
        frame, source = self._need_source()
        words = [word for word in re.split(r"[\s,]+", text) if word]
        if words and words != ["."]:
            first = number_of(words[0], 1)
            last = number_of(words[1], 1) if len(words) > 1 else first + _LISTED - 1
            last = first + last if last < first else last
        elif self._listed and not words:
            first = self._listed + 1
            last = first + _LISTED - 1
        else:
            first = max(1, (frame.line or frame.first_line) - _LISTED // 2)
            last = first + _LISTED - 1
        if first > len(source):
            raise ReliveError("ERR_NOT_FOUND", f"the file has {len(source)} lines")
        self._list(frame, source, first, last)
        self._listed = min(last, len(source))

    @command("ll longlist", "")
    def do_longlist(self, text: str) -> None:
        """Lists the whole function."""
        frame, source = self._need_source()
        first, last = function_lines(source, frame)
        self._list(frame, source, first, last)

    def _need_source(self) -> Tuple[Frame, Sequence[str]]:
        frame = self._need_frame()
        source = self._source(frame)
        if not source:
            raise ReliveError("ERR_NOT_FOUND", f"there is no source of {frame.file}")
        return frame, source

    def _list(self, frame: Frame, source: Sequence[str], first: int, last: int) -> None:
        marks = {
            one.line for one in self.breakpoints.enabled() if one.line and one.file == frame.file
        }
        self.screen.lines(source, first, last, frame.line, marks)

    # ---- values ----

    @command("p print", "EXPRESSION")
    def do_print(self, text: str) -> None:
        """Shows the value of an expression over the variables of this frame.

        It has comparisons, arithmetic, `in`, `and or not`, attributes, items, len(), type() and
        re(x, "pattern"). It runs no code of the program. A value that is not known is named so,
        with the reason; (may have changed unseen) is one that nothing has confirmed since."""
        self.screen.value(self._evaluate(text))

    @command("pp", "EXPRESSION")
    def do_pretty(self, text: str) -> None:
        """Shows a value on several lines, where it is long."""
        value = self._evaluate(text)
        if value.whole is None:
            self.screen.value(value)
            return
        for line in pretty(value.whole, 80):
            self.screen.write(safe(line))
        if value.note:
            self.screen.write(self.screen.dim(f"({safe(value.note)})"))

    def _evaluate(self, text: str) -> Value:
        if not text:
            raise ReliveError("ERR_USAGE", "an expression is missing, such as: p total > 3")
        try:
            return self.place.evaluate(self._selected, text)
        except ExpressionError:
            if "," not in text:
                raise
            try:
                return self.place.evaluate(self._selected, f"({text})")
            except ExpressionError:
                pass
            raise

    @command("a args", "")
    def do_args(self, text: str) -> None:
        """Shows the parameters of this frame."""
        self._show_variables("parameter")

    @command("locals", "")
    def do_locals(self, text: str) -> None:
        """Shows the variables of this frame, and what is not known of them."""
        self._show_variables("")

    def _show_variables(self, kind: str) -> None:
        rows = [one for one in self.place.variables(self._need_frame()) if kind in ("", one.kind)]
        unknown = [one.name for one in rows if one.text is None and one.note == "not recorded"]
        for one in rows:
            if one.name not in unknown:
                self.screen.variable(one)
        if unknown:
            self.screen.write(self.screen.dim(f"not recorded: {safe(', '.join(unknown))}"))
        if not rows:
            self.screen.write(self.screen.dim("no variables"))

    @command("changed", "")
    def do_changed(self, text: str) -> None:
        """Shows the variables of this frame that changed since the last stop."""
        frame = self._need_frame()
        before = self._before.get(frame.number)
        now = self._now.get(frame.number)
        if now is None:
            rows = self.place.variables(frame)
            now = {(one.scope, one.name): one for one in rows}
        if before is None:
            self.screen.write(self.screen.dim("the last stop was in another frame; all values:"))
        self._show_changes(before or {}, now)

    def _show_changes(
        self, before: Mapping[Tuple[str, str], Value], now: Mapping[Tuple[str, str], Value]
    ) -> None:
        lines = list(changes(before, now))
        for line in lines:
            self.screen.write(line)
        if not lines:
            self.screen.write(self.screen.dim("nothing changed"))

    @command("history", "NAME", "history")
    def do_history(self, text: str) -> None:
        """Shows each value that a variable of this frame had, with its position."""
        if not text:
            raise ReliveError("ERR_USAGE", "of which variable? history NAME")
        self.screen.rows(self.place.history(self._need_frame(), text))

    @command("origin", "NAME", "origin")
    def do_origin(self, text: str) -> None:
        """Shows where the value of a variable came from, hop by hop."""
        if not text:
            raise ReliveError("ERR_USAGE", "of which variable? origin NAME")
        self.screen.rows(self.place.origin(self._need_frame(), text))

    @command("diff", "MARK | MARK MARK | CALL CALL", "diff")
    def do_diff(self, text: str) -> None:
        """Shows which values differ between a mark and here, or where two calls part.

        diff before         the frames of this thread, at the mark and here
        diff price#3 price#4    two calls of a function, step by step"""
        words = text.split()
        if len(words) == 1:
            self._diff_values(self.marks.get(words[0], words[0]), self._stop.position)
        elif len(words) == 2 and all(word in self.marks for word in words):
            self._diff_values(self.marks[words[0]], self.marks[words[1]])
        elif len(words) == 2:
            self.screen.rows(self.place.differences(*words))
        else:
            raise ReliveError("ERR_USAGE", "of what? diff MARK, or two calls: diff price#3 price#4")

    def _diff_values(self, a: str, b: str) -> None:
        before, now = self.place.values_at(a), self.place.values_at(b)
        for number, (frame, rows) in now.items():
            if number in before:
                old = {(one.scope, one.name): one for one in before[number][1]}
                lines = list(changes(old, {(one.scope, one.name): one for one in rows}))
            else:
                lines = ["entered since"]
            if lines:
                self.screen.write(f"{safe(frame.func)}() {safe(frame.name)}")
            for line in lines:
                self.screen.write(f"  {line}")
        for number, (frame, _) in before.items():
            if number not in now:
                self.screen.write(f"{safe(frame.func)}() {safe(frame.name)}")
                self.screen.write("  not open any more")

    # ---- questions ----

    @command("calls", "FUNC [where EXPRESSION]", "calls")
    def do_calls(self, text: str) -> None:
        """Shows the calls of a function, those that an expression picks, with their positions."""
        what, _, condition = text.partition(" where ")
        if not what.strip():
            raise ReliveError("ERR_USAGE", "of which function? calls FUNC")
        rows, total = self.place.calls(what.strip(), condition.strip() or None, 50)
        self.screen.rows(rows)
        self.screen.write(self.screen.dim(safe(total)))

    @command("threads", "", "threads")
    def do_threads(self, text: str) -> None:
        """Shows the threads that run here."""
        self.screen.rows(self.place.threads())

    @command("thread", "[N]", "threads")
    def do_thread(self, text: str) -> None:
        """Selects a thread: s, n, w and the rest are about it. Alone it lists the threads."""
        if not text:
            self.do_threads("")
            return
        self._arrive(self.place.select_thread(number_of(text.lstrip("Tt"), 0)))

    @command("tasks", "", "tasks")
    def do_tasks(self, text: str) -> None:
        """Shows the tasks that have begun and not ended."""
        self.screen.rows(self.place.tasks())

    @command("out", "[N]", "out")
    def do_out(self, text: str) -> None:
        """Shows what the program wrote up to here: the last 20 writes, or N."""
        rows = self.place.output(number_of(text, 20))
        self.screen.rows(rows)
        if not rows:
            self.screen.write(self.screen.dim("nothing was written up to here"))

    # ---- breakpoints ----

    @command("b break", "[FILE:LINE | LINE | FUNC | exc[:TYPE]] [if EXPRESSION]")
    def do_break(self, text: str) -> None:
        """Sets a breakpoint, or lists all.

        b 12                    a line of this file
        b shop.py:12 if total > 3
        b price                 each call of a function
        b exc:ValueError        where such an exception, or one of a subclass, is raised; b exc: any

        The breakpoint works in both directions. Where the expression is not known, since a value
        is redacted or cut, it does not stop, and the number of these is shown."""
        if text:
            self._add(parse_break(text, self._file()))
        else:
            self._show_breakpoints()

    @command("tbreak", "as break")
    def do_tbreak(self, text: str) -> None:
        """Sets a breakpoint that stops once."""
        one = parse_break(text, self._file())
        one.is_temporary = True
        self._add(one)

    @command("watch", "[NAME | NAME.ATTRIBUTE | FUNC:NAME] [if EXPRESSION]")
    def do_watch(self, text: str) -> None:
        """Stops where a variable was written; `rc` then goes to the last write.

        watch total             this variable of this frame, or this global
        watch order.total       this attribute of this object, in whatever function
        watch price:total       this variable in each call of a function

        Alone it lists what is set; clear removes it."""
        if text:
            self._add(parse_watch(text))
        else:
            self._show_breakpoints(WATCH)

    def _file(self) -> str:
        return self._selected.file if self._selected is not None else ""

    def _add(self, one: Breakpoint) -> None:
        self.place.resolve(one, self._selected)
        self.breakpoints.add(one)
        self.screen.write(f"{one.number}  {safe(one.describe())}")

    def _show_breakpoints(self, kind: str = "") -> None:
        rows = [one for one in self.breakpoints.all() if kind in ("", one.kind)]
        for one in rows:
            self.screen.write(f"{one.number}  {safe(one.describe())}")
        if not rows:
            self.screen.write(self.screen.dim("none is set"))

    @command("clear cl", "[N ...]")
    def do_clear(self, text: str) -> None:
        """Removes breakpoints and watches by number; alone, all of them."""
        for one in self.breakpoints.choose(text.split()):
            self.breakpoints.remove(one)
            self.screen.write(f"removed {one.number}  {safe(one.describe())}")

    @command("disable", "[N ...]")
    def do_disable(self, text: str) -> None:
        """Keeps breakpoints, but does not stop at them."""
        for one in self.breakpoints.choose(text.split()):
            one.is_enabled = False
            self.screen.write(f"{one.number}  {safe(one.describe())}")

    @command("enable", "[N ...]")
    def do_enable(self, text: str) -> None:
        """Stops at breakpoints again."""
        for one in self.breakpoints.choose(text.split()):
            one.is_enabled = True
            self.screen.write(f"{one.number}  {safe(one.describe())}")

    # ---- the prompt itself ----

    @command("help h ?", "[COMMAND]")
    def do_help(self, text: str) -> None:
        """Lists the commands, or explains one."""
        if text:
            one = self._by_name.get(text)
            if one is None:
                hint = nearest(text, self.names())
                raise ReliveError("ERR_USAGE", f"there is no command {text!r}{hint}")
            self.screen.write(f"{one.usage}    ({', '.join(one.names)})")
            self.screen.write()
            self.screen.write(one.help())
            return
        listed = [one for one in registered if one.names[0] in self._by_name]
        heads = [", ".join(one.names[:2]) for one in listed]
        width = max(map(len, heads))
        for head, one in zip(heads, listed):
            self.screen.write(f"  {head:<{width}}  {one.about()}")
        self.screen.write()
        self.screen.write("An empty line repeats the last command; `;` separates several.")

    @command("q quit exit", "")
    def do_quit(self, text: str) -> None:
        """Ends the prompt."""
        self.is_done = True


# ---- helpers ----


def number_of(text: str, default: int) -> int:
    """Returns the number that a command takes."""
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise ReliveError("ERR_USAGE", f"{text!r} is no number")
    return int(text)


def split_line(line: str) -> Iterator[str]:
    """Yields the commands of a line: `;` separates them, but not inside quotes."""
    quote, begin, i = "", 0, 0
    while i < len(line):
        c = line[i]
        if quote:
            i += c == "\\"
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c == ";":
            if line[begin:i].strip():
                yield line[begin:i].strip()
            begin = i + 1
        i += 1
    if line[begin:].strip():
        yield line[begin:].strip()


def changes(
    before: Mapping[Tuple[str, str], Value], now: Mapping[Tuple[str, str], Value]
) -> Iterator[str]:
    """Yields 'x = 2  (was 1)' for each variable that differs."""
    for key, value in now.items():
        old = before.get(key)
        name = safe(value.name)
        if value.text is None:
            if old is not None and old.text is not None:
                yield f"{name}  <{safe(value.note)}>  (was {safe(old.text)})"
        elif old is None or old.text is None:
            yield f"{name} = {safe(value.text)}  (new)"
        elif old.text != value.text:
            yield f"{name} = {safe(value.text)}  (was {safe(old.text)})"


def function_lines(source: Sequence[str], frame: Frame) -> Tuple[int, int]:
    """Returns the first and the last line of the function of a frame."""
    if frame.func == "<module>":
        return 1, len(source)
    try:
        block = inspect.getblock([line + "\n" for line in source[frame.first_line - 1 :]])
    except (IndentationError, SyntaxError, IndexError):
        block = []
    last = frame.first_line + len(block) - 1
    return frame.first_line, max(last, frame.line or 0, frame.first_line)

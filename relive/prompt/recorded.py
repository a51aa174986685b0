"""A recording as a place: relive.prompt.place over relive.api.Recording and _core.Replay."""

from __future__ import annotations

import os
import re
from collections import deque
from itertools import islice

from relive import _core, _endings, positions
from relive._facts import sees_handled
from relive._terminal import progress, thread_title
from relive._variables import KNOWN, MAY_HAVE_CHANGED, Variable, frame_text
from relive.config import nearest
from relive.errors import ReliveError, from_core
from relive.prompt import breakpoints as kinds
from relive.prompt import place as places
from relive.prompt.place import ExpressionError, Frame, Place, Row, Stop, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording
    from relive.prompt.breakpoints import Breakpoint

    _Row = Tuple[Any, ...]  # a condition, as Replay.step() takes it

_TITLES = {
    "call": "Call", "resume": "Resume", "throw": "Throw", "return": "Return", "yield": "Yield",
    "unwind": "Exception leaves", "raise": "Exception", "handled": "Exception caught",
    "write": "Write",
}  # fmt: skip
_NOTES = ("", "left", "waits", "suspended")  # in the order of enum instant_state
_LEFT, _SUSPENDED = 1, 3
_UNSEEN = "may have changed unseen"
_INSIDE = re.compile(r"^(?P<base>.+?)(?P<rest>\.[^\W\d]\w*|\[[^\[\]]+\])$", re.S)
_FRAMES_COMPARED = 50


class RecordedPlace(Place):
    """A place in a recording, or in one of several processes of a run."""

    prompt = "(replay) "
    abilities = frozenset(
        ["back", "threads", "tasks", "info", "history", "origin", "calls", "out", "diff"]
    )

    def __init__(self, run: Sequence[Recording]) -> None:
        self._run = list(run)
        self._open(self._run[0])
        first = self._event_of(1) if self.recording.header["events"] else None
        if first is None:
            raise ReliveError("ERR_NOT_FOUND", "the recording has no events: nothing was recorded")
        self._thread: int = first["thread"]
        found = self._search("step", 0, 0, [])
        self._place: int = found[1] if found[0] != "end" else 1

    def _open(self, recording: Recording) -> None:
        self.recording = recording
        self._replay = _Replay(recording)
        self._codes = {row[0]: row for row in recording.codes()}
        self._event: Tuple[int, Mapping[str, Any]] = (0, {})
        self._sources: Dict[str, List[str]] = {}
        self._types: Dict[str, List[str]] = {}  # of exceptions, with their subclasses

    @property
    def has_lines(self) -> bool:
        """Whether functions have recorded lines."""
        meta = self.recording.header["meta"]
        return bool(meta.get("highest_level", meta.get("level")) == "lines")

    # ---- where it is ----

    def _event_of(self, place: int) -> Mapping[str, Any]:
        if self._event[0] != place:
            event: Mapping[str, Any] = _core.read_json(self._replay.event(place))
            self._event = place, event
        return self._event[1]

    def _position(self, thread: int, seq: int) -> str:
        prefix = f"P{self.recording.header['pid']}:" if len(self._run) > 1 else ""
        return f"{prefix}T{thread}@{seq}"

    def here(self) -> Stop:
        return self._stop("", None)

    def _stop(self, reason: str, breakpoint: Optional[Breakpoint], result: str = "") -> Stop:
        event = self._event_of(self._place)
        frames = self._frame_rows()
        title = ""
        if event["thread"] == self._thread and event.get("frame"):
            title = _TITLES.get(event["kind"], "")
            result = result or _result_of(event)
        return Stop(
            position=self._position(event["thread"], event["seq"]), thread=self._thread,
            frame=frames[-1].number if frames else 0, title=title, result=result,
            when=f"+{event['t'] / 1e6:.6g}ms", reason=reason, breakpoint=breakpoint,
        )  # fmt: skip

    def _frame_rows(self) -> List[Frame]:
        rows = self._replay.frames(self._place, self._thread)
        return [self._frame(row) for row in rows if row[6] != _SUSPENDED]

    def _frame(self, row: Any) -> Frame:
        number, _, thread, task, code, line, state, _ = row
        _, _, qualname, file, first_line = self._codes.get(code, (code, "?", "?", "?", 0))[:5]
        event = self._event_of(self._place)
        if not line and event["kind"] == "call" and event.get("frame") == frame_text(number):
            line = first_line  # the call is about to run the function from its first line on
        return Frame(
            number=number, name=frame_text(number), func=qualname, file=file, line=line or None,
            first_line=first_line, thread=thread, task=task or None, note=_NOTES[state],
        )  # fmt: skip

    def frames(self) -> Sequence[Frame]:
        return self._frame_rows()

    def variables(self, frame: Frame) -> Sequence[Value]:
        return self._variables(self._place, frame)

    def _variables(self, place: int, frame: Frame) -> List[Value]:
        rows = self._replay.variables(place, frame.number)
        return [_value_of(Variable(row)) for row in rows]

    def evaluate(self, frame: Optional[Frame], text: str, is_pretty: bool = False) -> Value:
        if frame is None:
            raise ReliveError("ERR_USAGE", "no frame is open here: s or goto leads to one")
        names = self._check_expression(text)
        json, reason, is_doubtful = self._replay.evaluate(self._place, frame.number, text)
        if json is not None:
            whole: Mapping[str, Any] = _core.read_json(json)
            return Value(text, whole["r"], _UNSEEN if is_doubtful else "", whole=whole)
        if reason == "not recorded":
            self._check_names(frame, text, names)
        if not _core.where_reasons()[reason]:
            reason = f"Python would raise {reason}" if reason.endswith("Error") else reason
        return Value(text, None, reason)

    def _check_expression(self, text: str) -> Sequence[Tuple[str, int, bool]]:
        found = _core.where_names(text)
        if isinstance(found, tuple):
            raise ExpressionError(text, *found)
        return found

    def _check_names(self, frame: Frame, text: str, names: Sequence[Tuple[str, int, bool]]) -> None:
        """Raises ExpressionError for a name that looks like a wrong one."""
        known = {one.name for one in self.variables(frame)} | set(_core.frame_names())
        own = set(self._names_of(frame))
        for name, at, _ in names:
            if name in known or name in own:
                continue
            why = f"no value of {name} was recorded here"
            if own:
                why = f"{frame.func}() has no variable {name}, and no global {name} was recorded"
            raise ExpressionError(text, at, why + nearest(name, sorted(known | own)))

    def _names_of(self, frame: Frame) -> Sequence[str]:
        """Returns the variables that the code of a function has; a module's are not known so."""
        rows = self._codes.values()
        return [
            name for row in rows if row[3] == frame.file and row[2] == frame.func for name in row[7]
        ]

    def source(self, frame: Frame) -> Sequence[str]:
        if frame.file not in self._sources:
            from relive.cli import source

            func = f"{self._module_of(frame)}:{frame.func}"
            self._sources[frame.file] = source.lines_of(self.recording, frame.file, func)
        return self._sources[frame.file]

    def _module_of(self, frame: Frame) -> str:
        for row in self._codes.values():
            if row[3] == frame.file and row[2] == frame.func:
                return row[1]
        return "?"

    # ---- going ----

    def _search(
        self, how: str, place: int, frame: int, rows: List[Any], line: int = 0,
        backwards: bool = False,
    ) -> Tuple[str, int, int, int, int, int]:  # fmt: skip
        sees_raises = sees_handled(self.recording.header["meta"])
        with progress(self.recording):
            found: Tuple[str, int, int, int, int, int] = self._replay.step(
                how, backwards, place, self._thread, frame, line, sees_raises, rows
            )
        return found

    def step(
        self, how: str, frame: Optional[Frame], breakpoints: Sequence[Breakpoint], *,
        line: int = 0, backwards: bool = False,
    ) -> Optional[Stop]:  # fmt: skip
        if frame is None and how in (places.RETURN, places.UNTIL):
            raise ReliveError("ERR_USAGE", "no frame is open here: s or goto leads to one")
        number = frame.number if frame is not None else 0
        rows = [(one, row) for one in breakpoints for row in self._rows_of(one)]
        active = [one for one, _ in rows]
        reason, place, thread, _, stop, unknown = self._search(
            how, self._place, number, [row for _, row in rows], line, backwards
        )
        note = ""
        if unknown:
            times = "once" if unknown == 1 else f"{unknown} times"
            note = f"a condition was not known {times}: a value of it is missing"
        if reason == "end":
            return self._stop_at_end(how, backwards, note)
        self._place, self._thread = place, thread
        if reason == "lost":
            note = "events of this thread are lost right before this one"
        hit = active[stop] if reason == "stop" else None
        if hit is not None:
            note = f"{hit.number}  {hit.text}" + (f"; {note}" if note else "")
        return self._stop(note, hit, self._written_inside(hit))

    def _written_inside(self, hit: Optional[Breakpoint]) -> str:
        """Returns 'self.total = 3' where a watch on an attribute was hit, under the name that the
        writing function has for the object."""
        event = self._event_of(self._place)
        row = self._row_of(hit) if hit is not None else None
        inside = row[7] if row is not None else None
        frame = self._frame_rows()[-1:] if inside else []
        if not inside or not frame or event["kind"] != "write":
            return ""
        text = f"{event['name']}{inside[len('it') :]}"
        found = self.evaluate(frame[0], text)
        return f"{text} = {found.text if found.text is not None else f'<{found.note}>'}"

    def _stop_at_end(self, how: str, backwards: bool, note: str) -> Stop:
        """There is no such event: `continue` goes to the end, a step stays."""
        if how != places.CONTINUE:
            what = "earlier" if backwards else "later"
            text = f"thread {self._thread} has no {what} step of this kind"
            if how == places.RETURN:
                text = "the call of this frame is not in the recording" if backwards else (
                    "the end of this frame is not in the recording"
                )  # fmt: skip
            raise ReliveError("ERR_NOT_FOUND", text)
        end = "start" if backwards else "end"
        found = positions.find([self.recording], end)
        self._arrive_at(found)
        text = "the recording begins here" if backwards else "the recording ends here"
        return self._stop(f"{text}; {note}" if note else text, None)

    def goto(self, position: str) -> Stop:
        with progress(self.recording):
            found = positions.find(self._run, position)
        if found.recording is not self.recording:
            self._open(found.recording)
        self._arrive_at(found)
        return self._stop(found.note, None)

    def _arrive_at(self, found: positions.Place) -> None:
        place = self._replay.find(found.thread, found.seq)
        assert place is not None, "the position was found in the same file"
        self._place, self._thread = place, found.thread

    def select_thread(self, number: int) -> Stop:
        threads, _ = self._replay.lives(self._place)
        if number not in {row[0] for row in threads}:
            known = ", ".join(str(row[0]) for row in threads)
            raise ReliveError("ERR_NOT_FOUND", f"thread {number} does not run here: {known} do")
        self._thread = number
        return self._stop("", None)

    # ---- breakpoints ----

    def _row_of(self, one: Breakpoint) -> Optional[_Row]:
        """Returns what a breakpoint means in this process; None for nothing. Functions have other
        numbers in each. Frames and objects are those of one."""
        rows: Dict[str, Optional[_Row]] = one.data
        path = self.recording.path
        if path not in rows:
            is_of_one_process = any(row and (row[5] or row[6]) for row in rows.values())
            rows[path] = None
            if not is_of_one_process:
                try:
                    rows[path] = self._make_row(one, None)
                except ReliveError:
                    pass  # its function or file was not recorded here
        return rows[path]

    def _rows_of(self, one: Breakpoint) -> List[_Row]:
        """Returns the conditions of a breakpoint in this process: of an exception, one for each
        type that is made from its type."""
        row = self._row_of(one)
        if row is None or one.kind != kinds.EXCEPTION or not one.name:
            return [row] if row is not None else []
        if one.name not in self._types:
            from relive.prompt.exception_types import subclasses

            texts = (
                self.recording.source_lines(file, 1, 1 << 31)
                for file, state, *_ in self.recording.sources()
                if state == "text"
            )
            self._types[one.name] = subclasses(one.name, texts)
        return [_condition("exc", one, name=name) for name in self._types[one.name]]

    def resolve(self, wanted: Breakpoint, frame: Optional[Frame]) -> Optional[str]:
        for option in wanted.options:
            raise places.unsupported(option)
        if wanted.condition is not None:
            self._check_expression(wanted.condition)
        wanted.data = {self.recording.path: self._make_row(wanted, frame)}
        return None

    def _make_row(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        make = {
            kinds.LINE: self._resolve_line, kinds.CALL: self._resolve_call,
            kinds.EXCEPTION: self._resolve_exception, kinds.WATCH: self._resolve_watch,
        }[one.kind]  # fmt: skip
        return make(one, frame)

    def _need_lines(self, what: str) -> None:
        if not self.has_lines:
            level = self.recording.header["meta"].get("level", "?")
            raise ReliveError(
                "ERR_UNSUPPORTED",
                f"{what} needs lines, and this was recorded at level {level}:"
                " record again with --level lines",
            )

    def _resolve_line(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        self._need_lines("a breakpoint on a line")
        at = f"{one.file}:{one.line}"
        rows, _ = positions.functions_at(self.recording, at)
        if not rows:
            raise positions.no_such_function([self.recording], one.file)
        files = sorted({row[3] for row in rows})
        if len(files) > 1:
            raise ReliveError(
                "ERR_USAGE", f"{at} is in several files: {', '.join(files[:10])}. Write one of them"
            )
        one.file = files[0]
        self._check_line(one, rows[0])
        one.text = f"line {os.path.basename(one.file)}:{one.line}"
        return _condition("line", one, codes=[row[0] for row in rows], line=one.line)

    def _check_line(self, one: Breakpoint, row: positions.Code) -> None:
        """Raises ReliveError for a line that has no code, as far as the source is known."""
        from relive.cli import source

        lines = source.lines_of(self.recording, one.file, f"{row[1]}:{row[2]}")
        if lines and one.line > len(lines):
            raise ReliveError("ERR_NOT_FOUND", f"{one.file} has {len(lines)} lines")
        text = lines[one.line - 1].strip() if lines else "unknown"
        if not text or text.startswith("#"):
            raise ReliveError("ERR_NOT_FOUND", f"line {one.line} is blank or a comment")

    def _resolve_call(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        rows = positions.named_functions([self.recording], one.name)[0]
        if not rows:
            raise positions.no_such_function([self.recording], one.name)
        one.text = f"call {rows[0][1]}:{rows[0][2]}"
        return _condition("call", one, codes=[row[0] for row in rows])

    def _resolve_exception(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        one.text = f"exception {one.name or 'of any type'}"
        return _condition("exc", one, name=one.name)

    def _resolve_watch(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        function, _, name = one.name.rpartition(":")
        inside = _INSIDE.match(one.name)
        if function and name.isidentifier():
            self._need_lines("a watch")
            rows = positions.named_functions([self.recording], function)[0]
            if not rows:
                raise positions.no_such_function([self.recording], function)
            one.text = f"watch {name} in {rows[0][1]}:{rows[0][2]}"
            return _condition("name", one, codes=[row[0] for row in rows], name=name)
        elif one.name.isidentifier():
            return self._resolve_name(one, frame)
        elif inside:
            return self._resolve_inside(one, frame, inside["base"], inside["rest"])
        raise ReliveError(
            "ERR_USAGE", f"{one.name!r}: watch takes NAME, NAME.ATTRIBUTE or FUNC:NAME"
        )

    def _resolve_name(self, one: Breakpoint, frame: Optional[Frame]) -> _Row:
        if frame is None:
            raise ReliveError("ERR_USAGE", "no frame is open here: write FUNC:NAME")
        self._need_lines("a watch")
        variables = {value.name: value for value in self.variables(frame)}
        known = variables.get(one.name)
        if known is not None and known.scope == "local":
            one.text = f"watch {one.name} in {frame.func}() {frame.name}"
            return _condition("name", one, name=one.name, frame=frame.number)
        if known is None and self._has_no_global(one.name):
            hint = nearest(one.name, sorted(variables))
            raise ReliveError("ERR_NOT_FOUND", f"{frame.func}() has no variable {one.name}{hint}")
        module = self._module_of(frame)
        codes = [row[0] for row in self._codes.values() if row[1] == module]
        is_class = known is not None and known.scope == "namespace" and frame.func != "<module>"
        one.text = f"watch {module}.{one.name}"
        return _condition(
            "name", one, name=one.name, codes=codes, is_global=not is_class,
            frame=frame.number if is_class else 0,
        )  # fmt: skip

    def _has_no_global(self, name: str) -> bool:
        """Returns whether nothing in the recording was written under a name. Writes of globals and
        of a module's own variables have names that no function has."""
        for _ in islice(self.recording.select(["write"], name=name), 1):
            return False
        return True

    def _resolve_inside(
        self, one: Breakpoint, frame: Optional[Frame], base: str, rest: str
    ) -> _Row:
        self._need_lines("a watch")
        self._check_expression(f"it{rest}")
        found = self.evaluate(frame, base)
        identity = found.whole.get("id") if found.whole is not None else None
        if found.text is None:
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"what {base} is here has no recorded value ({found.note}): "
                "nothing in it can be watched",
            )
        if not identity:
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"{base} is {found.text[:60]}: an object, a list or a dictionary can be watched",
            )
        one.text = f"watch {one.name}"
        return _condition("inside", one, identity=identity, inside=f"it{rest}")

    # ---- names ----

    def functions(self) -> Sequence[str]:
        return sorted({row[2] for row in self._codes.values() if not row[2].startswith("<")})

    def files(self) -> Sequence[str]:
        return sorted({os.path.basename(row[3]) for row in self._codes.values()})

    # ---- questions ----

    def threads(self) -> Sequence[Row]:
        threads, _ = self._replay.lives(self._place)
        rows = []
        for number, seq, _ in threads:
            frames = [
                self._frame(row) for row in self._replay.frames(self._place, number)
                if row[6] != _SUSPENDED
            ]  # fmt: skip
            mark = "> " if number == self._thread else "  "
            at = f"{frames[-1].func}() line {frames[-1].line or '?'}" if frames else "no frame"
            title = thread_title(self.recording.thread(number))
            rows.append(Row(self._position(number, seq), f"{mark}{title}", at))
        return rows

    def tasks(self) -> Sequence[Row]:
        _, tasks = self._replay.lives(self._place)
        frames = self._replay.frames(self._place, 0)
        rows = []
        for number, name in tasks:
            own = [row for row in frames if row[3] == number]
            running = [row[2] for row in own if row[6] not in (_LEFT, _SUSPENDED)]
            state = "suspended" if own else "not started"
            state = f"running in T{running[0]}" if running else state
            at = ""
            if own:
                innermost = self._frame(own[-1] if running else own[0])
                at = f"{innermost.func}() line {innermost.line or '?'}"
            rows.append(Row(f"task {number}", f"{name or '?'}  {state}", at))
        return rows

    def facts(self) -> Sequence[Tuple[str, str]]:
        event = self._event_of(self._place)
        total = self.recording.header["events"]
        thread = thread_title(self.recording.thread(self._thread))
        rows = [
            ("position", self._position(event["thread"], event["seq"])),
            ("event", f"{event['kind']} {event.get('func', '')}".rstrip()),
            ("time", f"+{event['t'] / 1e6:.6g}ms of {self.recording.header['end_ns'] / 1e6:.6g}ms"),
            ("events", f"{self._place:,} of {total:,}"),
            ("thread", thread),
        ]
        if event.get("task"):
            names = dict(self._replay.lives(self._place)[1])
            rows.append(("task", f"{event['task']} {names.get(event['task'], '')}".rstrip()))
        return rows

    def about(self) -> Sequence[Tuple[str, str]]:
        header = self.recording.header
        meta = header["meta"]
        rows = [
            ("file", self.recording.path),
            ("program", " ".join(_words_of(meta)) or "?"),
            ("python", meta.get("python", "?")),
            ("level", meta.get("highest_level", meta.get("level", "?"))),
            ("events", f"{header['events']:,} in {header['end_ns'] / 1e6:.6g}ms"),
            ("threads", f"{len(self.recording.threads()):,}"),
        ]
        state = _endings.describe_shortly(header)
        rows += [("state", state)] if state else []
        if header["losses"]:
            lost = ", ".join(f"{count:,} ({why})" for why, count in header["losses"].items())
            rows.append(("lost", lost))
        return rows

    def history(self, frame: Frame, name: str) -> Sequence[Row]:
        now = self._event_of(self._place)["t"]
        rows, line = [], None
        with progress(self.recording):
            for event in self.recording.select(["call", "line", "write"], frames=[frame.name]):
                if event["kind"] == "line":
                    line = event["line"]
                    continue
                value = event.get("args", {}).get(name)
                if event["kind"] == "write":
                    value = event.get("value") if event.get("name") == name else None
                if value is None:
                    continue
                where = "at the call" if event["kind"] == "call" else f"by line {line or '?'}"
                later = ", later than here" if event["t"] > now else ""
                position = self._position(event["thread"], event["seq"])
                rows.append(Row(position, value["r"], where + later))
        if not rows:
            known = [one.name for one in self.variables(frame)]
            hint = nearest(name, sorted(known)) if name not in known else ""
            raise ReliveError("ERR_NOT_FOUND", f"no value of {name} was recorded here{hint}")
        return rows

    def origin(self, frame: Frame, name: str) -> Sequence[Row]:
        with progress(self.recording):
            found = self.recording.origin(name, self._last_in(frame))
        rows = [Row(found.position, f"{found.name} = {_text_of(found.value)}")]
        for hop in found.hops:
            func = hop.call or hop.func.partition(":")[2]
            text = f"{func}  {hop.name} = {_text_of(hop.value)}"
            at = f", {os.path.basename(hop.file)}:{hop.line}" if hop.line else ""
            rows.append(Row(hop.position, text, f"{hop.how}, {hop.confidence}{at}"))
        rows.append(Row("end", f"{found.end}: {found.reason}", found.advice))
        rows += [Row("reads", f"{one.name} = {_text_of(one.value)}") for one in found.operands]
        return rows

    def _last_in(self, frame: Frame) -> str:
        """Returns where a frame had its last event: its variables are as they were then."""
        event = self._event_of(self._place)
        thread, seq = event["thread"], event["seq"]
        if event.get("frame") != frame.name:
            reason, place, _, _, _, _ = self._search(
                places.NEXT, self._place, frame.number, [], backwards=True
            )
            last = self._event_of(place) if reason != "end" else {}
            if last.get("frame") != frame.name:
                raise ReliveError("ERR_NOT_FOUND", f"no event of {frame.func}() is before this")
            thread, seq = last["thread"], last["seq"]
        return f"T{thread}@{seq}"

    def calls(self, function: str, where: Optional[str], limit: int) -> Tuple[Sequence[Row], str]:
        from relive import calls

        try:
            found = self.recording.calls(function, where=where)
            given = list(islice(found, limit + 1))
        except calls.ExpressionError as error:
            raise ExpressionError(error.expression, error.place, str(error)) from None
        rows = [_call_row(one) for one in given[:limit]]
        more = len(given) > limit
        total = f"{len(given)} call{'s' * (len(given) != 1)}"
        total = f"the first {limit}; relive calls has all" if more else total
        return rows, total

    def output(self, limit: int) -> Sequence[Row]:
        here = self._event_of(self._place)
        last: deque[Row] = deque(maxlen=limit)
        with progress(self.recording):
            for event in self.recording.select(["output"]):
                is_later = event["t"] > here["t"] or (
                    event["thread"] == here["thread"] and event["seq"] > here["seq"]
                )
                if not is_later:
                    position = self._position(event["thread"], event["seq"])
                    note = "stderr" if event["stream"] == "stderr" else ""
                    last.append(Row(position, event["text"].rstrip("\n"), note))
        return list(last)

    def differences(self, a: str, b: str) -> Sequence[Row]:
        found = self.recording.diff(self.recording, calls=(a, b))
        rows = []
        for one in found.differences:
            texts = [f"{name}: {old}, then {new}" for name, old, new in one.changes()]
            first = one.a.first or one.b.first or {}
            what = f"{first.get('kind', '')} {first.get('func', '')}".strip()
            position = self._position(one.a.thread, one.a.seq)
            note = f"and {self._position(one.b.thread, one.b.seq)}"
            rows.append(Row(position, "; ".join(texts) or f"{one.kind}: {what}", note))
        return rows or [Row(a, f"takes the same steps as {b}, with the same values")]

    def values_at(self, position: str) -> Mapping[int, Tuple[Frame, Sequence[Value]]]:
        found = positions.find(self._run, position)
        if found.recording is not self.recording:
            raise ReliveError("ERR_USAGE", f"{position} is in another process: goto it first")
        place = self._replay.find(found.thread, found.seq)
        assert place is not None, "the position was found in the same file"
        rows = [row for row in self._replay.frames(place, found.thread) if row[6] != _SUSPENDED]
        frames = [self._frame(row) for row in rows[-_FRAMES_COMPARED:]]
        return {frame.number: (frame, self._variables(place, frame)) for frame in frames}


class _Replay:
    """_core.Replay, with its errors as ReliveErrors."""

    def __init__(self, recording: Recording) -> None:
        self._replay = _core.Replay(recording.raw_reader)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._replay, name)

        def call(*args: Any) -> Any:
            try:
                return method(*args)
            except _core.Error as error:
                raise from_core(error) from None
            except MemoryError:
                raise ReliveError("ERR_NO_MEMORY", "no memory for the answer") from None

        return call


# ---- helpers ----


def _condition(
    kind: str, one: Breakpoint, *, codes: Optional[Sequence[int]] = None, line: int = 0,
    name: str = "", is_global: bool = False, frame: int = 0, identity: int = 0,
    inside: Optional[str] = None,
) -> _Row:  # fmt: skip
    """Returns a condition as Replay.step() takes it."""
    return kind, codes, line, name, is_global, frame, identity, inside, one.condition


def _result_of(event: Mapping[str, Any]) -> str:
    """Returns what an event returns, yields, raises or writes."""
    if event["kind"] == "write":
        value = event.get("value")
        return f"{event.get('name')} = {value['r']}" if value else ""
    if event["kind"] in ("return", "yield"):
        value = event.get("value")
        return value["r"] if value else ""
    exc = event.get("exc")
    if isinstance(exc, dict) and "type" in exc:
        message = exc.get("message")
        return f"{exc['type']}: {message}" if message else str(exc["type"])
    return event.get("exc_type", "") if event["kind"] in ("unwind", "raise", "handled") else ""


def _words_of(meta: Mapping[str, str]) -> Iterator[str]:
    """Yields the words of the command line."""
    number = 0
    while f"argv.{number}" in meta:
        yield meta[f"argv.{number}"]
        number += 1


def _value_of(variable: Variable) -> Value:
    kind = "parameter" if variable.is_parameter else ""
    if variable.value is None or variable.state not in (KNOWN, MAY_HAVE_CHANGED):
        return Value(variable.name, None, variable.state, variable.scope, kind)
    note = _UNSEEN if variable.is_doubtful else ""
    text = variable.value["r"]
    return Value(variable.name, text, note, variable.scope, kind, variable.value)


def _text_of(value: Optional[Mapping[str, Any]]) -> str:
    return value["r"] if value is not None else "<not recorded>"


def _call_row(one: Any) -> Row:
    args = ", ".join(f"{name}={value['r']}" for name, value in (one.args or {}).items())
    end = f"-> {one.value['r']}" if one.value else one.exc_type or one.end
    return Row(one.handle, f"({args}) {end}", one.position)

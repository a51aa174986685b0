"""Exceptions as stories: where each began, the frames that it left, and how it ended.

The reader finds and counts them in C. The meaning is decided here, once for all exceptions that
have one outcome; details are read again for the few that are shown."""

from __future__ import annotations

import os

from relive import _core, _latest
from relive._facts import is_library, package_of_command, sees_handled
from relive._terminal import progress, safe, thread_title
from relive._variables import frame_number, frame_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

    Place = Tuple[int, int]  # (recording of the run, index in it) of an exception
    _Judgement = Tuple[int, bool, int, bool, bool, bool]

# How loops and tasks end: shown only when asked for.
CONTROL_FLOW = {"StopIteration", "StopAsyncIteration", "GeneratorExit"}
# What a story is shown by, the most urgent first.
UNCAUGHT, ENDED, CAUGHT, IN_LIBRARY, INTENDED = range(5)
# Stand for what differs between exceptions of one outcome.
TASK, REPLACER = "\0task", "\0replacer"
# Of Outcome.facts, as src/query/exceptions.h has them.
_OUTERMOST, _NO_PARENT, _ENDS_THREAD, _INSIDE, _CLEAN, _HAS_TASK, _IS_AWAITED, _IS_REPLACED = (
    1 << n for n in range(8)
)
_MOST_RETURNS = 16  # before an exit, among which the calls with its status are sought
_HANDLERS = ("except", "with", "finally", "return", "break or continue")


class Outcome:
    """What exceptions have in common that read the same in a list, except the names of tasks and
    the exceptions that replaced them."""

    def __init__(self, recording: Recording, row: Sequence[Any], package: str) -> None:
        self._package = package  # of an installed command
        (exc_type, self._first_code, self._first_line, self._kind, self._last_code,
         self._last_line, self._handler, self._handler_line, self._thread, self._facts,
         self.count) = row  # fmt: skip
        self.type = exc_type or "?"
        self.recording = recording
        meta = recording.header["meta"]
        self._sees_handled = sees_handled(meta)
        self._tells_awaited = self._sees_handled and recording.header["minor"] > 0
        # Where the interpreter prints what is uncaught, and goes on.
        self._is_at_prompt = "prompt" in meta

    @property
    def name(self) -> str:
        """The type without its module."""
        return self.type.rpartition(".")[2]

    @property
    def place(self) -> str:
        """shop.py:40, where it began."""
        return self._format_place(self._first_code, self._first_line)

    def _format_place(self, code: int, line: int) -> str:
        _, _, file, first_line, _ = self.recording.code(code)
        return f"{safe(os.path.basename(file))}:{line or first_line}"

    def _name_last_function(self) -> str:
        module, qualname, _, _, _ = self.recording.code(self._last_code)
        return f"{module}:{qualname}"

    def is_control_flow(self) -> bool:
        """Returns whether it only ends a loop or a generator."""
        return self.name in CONTROL_FLOW

    def is_missing_module(self) -> bool:
        """Returns whether a module was imported that need not be there."""
        return (
            self.name in ("ImportError", "ModuleNotFoundError")
            and self._kind == "handled"
            and self._name_last_function().endswith(":<module>")
        )

    def is_inside(self) -> bool:
        """Returns whether it never left the libraries."""
        return bool(self._facts & _INSIDE) and not self._has_ended_in_package()

    def _has_ended_in_package(self) -> bool:
        module: str = self.recording.code(self._last_code)[0]
        return bool(self._package) and module.partition(".")[0] == self._package

    def is_intended(self) -> bool:
        """Returns whether it is an exit without an error, or the end of a cancelled task."""
        if self.name == "SystemExit":
            return bool(self._facts & _CLEAN)
        return self.name == "CancelledError" and bool(self._facts & _HAS_TASK)

    @property
    def thread(self) -> int:
        """Where it may have left the outermost frame, otherwise 0."""
        return int(self._thread)

    def is_in_main_thread(self) -> bool:
        """Returns whether it was raised in the main thread."""
        return self._thread == 1 or bool(self.recording.thread(self._thread)["is_main"])

    def has_left_the_outermost_frame(self) -> bool:
        """Returns whether no frame of its thread caught it."""
        if self._facts & (_ENDS_THREAD | _OUTERMOST):
            return True
        # Recordings of format minor 0 say it only where nothing else can be.
        is_top = self._kind == "unwind" and bool(self._facts & _NO_PARENT)
        return is_top and self._name_last_function() == "__main__:<module>"

    def rank(self) -> int:
        """Returns UNCAUGHT to INTENDED."""
        if self.is_intended():
            return INTENDED
        if self.has_left_the_outermost_frame():
            if self.name in ("SystemExit", "KeyboardInterrupt") or not self.is_in_main_thread():
                return ENDED
            return UNCAUGHT
        if self._facts & _HAS_TASK and not self._facts & _IS_AWAITED:
            return ENDED
        file = self.recording.code(self._last_code)[2]
        is_theirs = is_library(self.recording, file) and not self._has_ended_in_package()
        return IN_LIBRARY if is_theirs else CAUGHT

    def fate(self) -> Tuple[str, bool]:
        """Returns how it ended, in words with TASK and REPLACER, and whether it is alarming."""
        if self._facts & _HAS_TASK:
            return self._describe_task()
        if self.has_left_the_outermost_frame():
            what = "left the outermost frame"
            if not self.is_in_main_thread():
                what = f"ended {thread_title(self.recording.thread(self._thread))}"
            elif self._name_last_function().endswith(":<module>") and not self._is_at_prompt:
                what = "ended the program"
            return f"uncaught: it {what}", not self.is_intended()
        func = safe(self._name_last_function())
        if self._kind == "handled":
            return self._describe_handled(func), False
        if self._sees_handled:
            return f"went out of {func} into code that is not recorded", False
        return f"went out of {func}; who caught it is not visible at this level", False

    def _describe_task(self) -> Tuple[str, bool]:
        ended = f"ended task {TASK}"
        if self._facts & _IS_AWAITED:
            return f"{ended}, which was awaited", False
        if not self._tells_awaited:
            return f"{ended}; whether that was awaited is not visible at this level", False
        return f"{ended}; no await raised it again", False

    def _describe_handled(self, func: str) -> str:
        if not self._handler:
            return f"caught in {func} at {self._format_place(self._last_code, self._last_line)}"
        if self._facts & _IS_REPLACED:
            return f"replaced in {func} by {REPLACER}"
        handler = _HANDLERS[self._handler]
        return f"discarded in {func} by the {handler} on line {self._handler_line or '?'}"


class Story:
    """One exception that is shown whole."""

    def __init__(
        self, outcome: Outcome, fate: Tuple[str, bool], number: int, detail: Sequence[Any]
    ) -> None:
        self.index, first, captured, self._stack, self._passed = detail
        self.outcome, self.number = outcome, number
        self.fate, self.is_alarming = fate
        self.first: Any = _core.read_json(first)
        hidden = self.first.get("exc") or {}
        self.exc = (
            _take_captured(captured and _core.read_json(captured))
            or _take_captured(self.first)
            or {
                "type": self.first.get("exc_type", "?"),
                "message": hidden.get("r", ""),
                "cause": None,
                "context": None,
            }
        )

    def lines(self) -> List[Tuple[str, int, Optional[int]]]:
        """Returns [(frame, code, line)] of the frames that were open when it began, outermost
        first. A line is None where the recording does not have it."""
        lines = {self.first["frame"]: self.first.get("exc_line")}
        codes = {}
        for frame, line, code in self._passed:
            lines.setdefault(_name_frame(frame), line)
            codes[_name_frame(frame)] = code
        rows = [(_name_frame(frame), code, line) for frame, code, line in self._stack]
        if self.first["frame"] not in {row[0] for row in rows}:
            rows.append((self.first["frame"], 0, 0))
        while rows[-1][0] != self.first["frame"]:
            rows.pop()
        last = rows.pop()
        found = [(frame, code, line or lines.get(frame) or None) for frame, code, line in rows]
        if found:
            frame, code, line = found[-1]
            found[-1] = (frame, code, self._line_that_raised(frame, line, lines.get(frame)))
        for row in self._stack:
            codes.pop(_name_frame(row[0]), None)
        codes.pop(last[0], None)  # what is left waited for the one that it was thrown into
        found += [
            (frame, code, lines[frame] or None) for frame, code in reversed(list(codes.items()))
        ]
        return [*found, (last[0], last[1], lines[last[0]] or None)]

    def _line_that_raised(
        self, frame: str, line: Optional[int], left_at: Optional[int]
    ) -> Optional[int]:
        """Returns the line of the caller of the first frame. A `with` throws an exception into its
        generator from a line of its own, so the one at which the exception left it counts."""
        first = self.first
        if not left_at or left_at == line or frame != first["parent"] or not first["seq"]:
            return line
        before = self.outcome.recording.event(first["thread"], first["seq"] - 1) or {}
        is_thrown = before.get("kind") == "throw" and before["frame"] == first["frame"]
        return left_at if is_thrown else line


def _take_captured(event: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Returns what was captured; None where nothing was, or a filter hides it."""
    exc = (event or {}).get("exc") or {}
    return exc if "type" in exc else None


def _name_frame(number: int) -> Any:
    """Returns a frame's name as events have it."""
    return frame_text(number) if number else None


class Row:
    """A line of the list: equal neighbours with the numbers from `first` on, before `end`."""

    def __init__(
        self, first: int, end: int, text: str, is_alarming: bool, outcome: Outcome
    ) -> None:
        self.first, self.end, self.text = first, end, text
        self.is_alarming, self.outcome = is_alarming, outcome

    @property
    def is_exit(self) -> bool:
        """Whether it is what sys.exit() raises."""
        return self.outcome.name == "SystemExit"


class Exceptions:
    """All exceptions of a run in one list, the most urgent first; with a type only those of it.
    Those that end loops or stay inside libraries are only counted unless `wants_all`."""

    def __init__(self, run: List[Recording], wanted_type: Optional[str], wants_all: bool) -> None:
        self.run = run
        self.count = self.hidden = 0
        self._outcomes: List[List[Outcome]] = []
        self._reasons: Dict[Place, Place] = {}
        # Exceptions of several recordings read the same where their texts are equal.
        numbers: Dict[Tuple[str, str, str], int] = {}
        decisions = []
        for recording in run:
            outcomes = _read_outcomes(recording, len(run) > 1)
            judged = []
            for outcome in outcomes:
                is_wanted = wanted_type in (None, outcome.type, outcome.name)
                rank = outcome.rank()
                is_quiet = outcome.is_control_flow() or (rank > ENDED and outcome.is_inside())
                is_listed = is_wanted and (wants_all or not is_quiet)
                if is_listed:
                    self.count += outcome.count
                elif is_wanted:
                    self.hidden += outcome.count
                fate, _ = outcome.fate()
                text = outcome.type, outcome.place, fate
                likeness = numbers.setdefault(text, len(numbers))
                says_nothing = (
                    outcome.is_control_flow() or rank == INTENDED or outcome.is_missing_module()
                )
                judged.append(
                    (likeness, is_listed, rank, TASK in fate, REPLACER in fate, says_nothing)
                )
            recording.reader.exceptions_judge(judged)
            self._outcomes.append(outcomes)
            decisions.append(judged)
        if wanted_type is None:  # the list is of all recordings, so all of them come before
            for number, judged in enumerate(decisions):
                self._add_reasons(number, judged)

    def _add_reasons(self, recording: int, judged: List[_Judgement]) -> None:
        """Finds what the exits of a recording were raised for, and lists that, too."""
        outcomes = self._outcomes[recording]
        for outcome in outcomes:
            is_error = outcome.name == "SystemExit" and not outcome.is_intended()
            index = self.first_of(recording, outcome) if is_error else None
            if index is None or not outcome.has_left_the_outermost_frame():
                continue
            found = self._find_reason(self.story((recording, index)), recording)
            if found is None:
                continue
            self._reasons[recording, index] = recording, found
            number = self.run[recording].reader.exception_more(found)[0]
            row = judged[number]
            if not row[1]:
                judged[number] = (row[0], True, row[2], row[3], row[4], row[5])
                self.count += outcomes[number].count
                self.hidden -= outcomes[number].count
                self.run[recording].reader.exceptions_judge(judged)

    def _find_reason(self, exit: Story, number: int) -> Optional[int]:
        """Returns the exception that an exit was raised for, or that the same call had caught. The
        call may also be one whose result was the exit status."""
        recording = self.run[number]
        for key in "cause", "context":
            known = self.others_of(number, exit, [exit.exc.get(key) or {}])
            if known:
                return next(iter(known.values()))
        frames = [frame_number(exit.first["frame"])] if exit.first["frame"] else []
        frames += _find_returning(recording, exit)
        found: Optional[int] = recording.reader.exceptions_caught(exit.index, frames)
        return found

    def outcomes(self, recording: int) -> List[Outcome]:
        """Returns the outcomes of a recording of the run, in the order in which they were met."""
        return self._outcomes[recording]

    def first_of(self, recording: int, outcome: Outcome) -> Optional[int]:
        """Returns the first exception of a recording with this outcome. None where all that have it
        are not listed."""
        number = self._outcomes[recording].index(outcome)
        return self.run[recording].reader.exception_of_outcome(number)

    def rows(self, limit: int, nth: int) -> Tuple[List[Row], int, Place]:
        """Returns the first lines of the list, and how many follow. The last value is the place of
        the exception with the number `nth`."""
        most = limit or 1 << 62
        rows, more, place = self.run[0].reader.exception_rows(self._list_readers(), most, nth)
        return [self._make_row(*row) for row in rows], more, place

    def _list_readers(self) -> List[Any]:
        return [recording.raw_reader for recording in self.run]

    def _make_row(self, recording: int, index: int, number: int, count: int) -> Row:
        outcome, (fate, is_alarming) = self._find_outcome(recording, index)
        text = f"{safe(outcome.type)}  {outcome.place}  {fate}"
        return Row(number, number + count, text, is_alarming, outcome)

    def most_urgent(self, rows: Sequence[Row]) -> Optional[Row]:
        """Returns the row of which a reader wants to know first. What came before an exit says more
        than the exit, and what it was raised for says most."""
        return min(rows, key=self._measure_urgency) if rows else None

    def _measure_urgency(self, row: Row) -> Tuple[int, int]:
        if not row.is_exit:
            step = 0 if row.is_alarming else 4 if row.outcome.is_missing_module() else 2
        elif row.is_alarming and self._has_reason(row):
            step = 1
        else:
            step = 3 if row.is_alarming else 5
        return step, row.first

    def _has_reason(self, row: Row) -> bool:
        """Returns whether an exit was raised for another exception."""
        return self.rows(1, row.first)[2] in self._reasons

    def reason(self, place: Place) -> Optional[Place]:
        """Returns the exception for which an exit was raised, None where it is not known."""
        return self._reasons.get(place)

    def exit_for(self, place: Place) -> Optional[Place]:
        """Returns the exit that was raised for an exception, None where there was none."""
        return next((key for key, reason in self._reasons.items() if reason == place), None)

    def number(self, recording: int, index: int) -> int:
        """Returns the number in the list, from 1; 0 where it is not listed."""
        return self.run[0].reader.exception_number(self._list_readers(), recording, index)

    def _find_outcome(self, recording: int, index: int) -> Tuple[Outcome, Tuple[str, bool]]:
        """Returns (outcome, (how it ended in words, whether it is alarming)) of one exception."""
        reader, outcomes = self.run[recording].reader, self._outcomes[recording]
        number, task, name, replacer = reader.exception_more(index)
        outcome = outcomes[number]
        fate, is_alarming = outcome.fate()
        if TASK in fate:
            fate = fate.replace(TASK, safe(name or str(task)))
        if REPLACER in fate and replacer is not None:
            listed = self.number(recording, replacer)
            other = safe(outcomes[reader.exception_more(replacer)[0]].type)
            fate = fate.replace(REPLACER, f"exception {listed}, {other}" if listed else other)
        return outcome, (fate, is_alarming)

    def story(self, place: Place) -> Story:
        """Returns the exception at a place that rows() has found."""
        recording, index = place
        row = self.run[recording].reader.exception_place(index)
        return next(self.stories(recording, row, row))

    def newest(self, recordings: Sequence[Recording]) -> Optional[Tuple[Recording, Story]]:
        """Returns the listed exception of these recordings that began last."""
        newest = None
        for number, recording in enumerate(self.run):
            index = recording.reader.exception_newest() if recording in recordings else None
            if index is None:
                continue
            story = self.story((number, index))
            if newest is None or story.first["t"] >= newest[1].first["t"]:
                newest = recording, story
        return newest

    def stories(self, recording: int, first: int = 0, last: int = 1 << 62) -> Iterator[Story]:
        """Yields each listed exception of a recording, in the order of the list."""
        reader = self.run[recording].reader
        while first <= last:
            with progress(self.run[recording]):
                found = reader.exception_details(first, last)
            if not found:
                return
            first += found
            piece = reader.exception_details_piece()
            while piece:
                for detail in piece:
                    outcome, fate = self._find_outcome(recording, detail[0])
                    number = self.number(recording, detail[0])
                    yield Story(outcome, fate, number, detail)
                piece = reader.exception_details_piece()

    def others_of(
        self, recording: int, story: Story, others: Sequence[Mapping[str, Any]]
    ) -> Dict[Tuple[str, int], int]:
        """Returns {(type, id): index} of other exceptions, the newest up to a story."""
        names = sorted({(one["type"], one["id"]) for one in others if one.get("id")})
        if not names:
            return {}
        wanted = [(name.encode("utf-8", "surrogatepass"), number) for name, number in names]
        with progress(self.run[recording]):
            found = self.run[recording].reader.exceptions_find(story.index, wanted)
        return {name: index for name, index in zip(names, found) if index is not None}


def _find_returning(recording: Recording, exit: Story) -> Iterator[int]:
    """Yields the frames that returned the status of an exit, one to the other, right before it."""
    status, first = exit.exc["message"], exit.first
    if not status.lstrip("-").isdigit():
        return
    callers = {first["frame"]}
    thread, seq = first["thread"], first["seq"]
    rows = _latest.rows(recording, "", thread, seq, _MOST_RETURNS, None, ["return"])
    for row in reversed(rows):
        is_status = (row.get("value") or {}).get("r") == status
        if is_status and row["parent"] in callers:
            callers.add(row["frame"])
            yield frame_number(row["frame"])


def _read_outcomes(recording: Recording, is_one_of_several: bool) -> List[Outcome]:
    """Returns the outcomes of all exceptions of a recording."""
    meta = recording.header["meta"]
    folders = [
        folder.encode("utf-8", "surrogatepass")
        for folder in meta.get("libraries", "").split(os.pathsep)
        if folder
    ]
    with progress(recording):
        rows = recording.reader.exceptions(folders, sees_handled(meta), is_one_of_several)
        if rows:
            recording.threads()  # prints what is wrong with them before the list
    package = package_of_command(recording) if rows else ""
    return [Outcome(recording, row, package) for row in rows]

"""relive why: the failure on one page: the exception, the value that broke it, what came before."""

from __future__ import annotations

import re
import sys

from relive import positions, summaries, suspects, timelines
from relive.cli import DAMAGED, NOTHING, OK, common, exc, source, summary, timeline
from relive.cli.bodies import Bodies
from relive.cli.options import Option, Parser, Word
from relive.errors import ReliveError
from relive.origins import COMPUTATION
from relive.stories import CAUGHT, ENDED, IN_LIBRARY, Exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording
    from relive.origins import Origin
    from relive.stories import Place, Story
    from relive.summaries import Ending
    from relive.suspects import Suspect

_EVENTS_BEFORE = 8
_MOST_HOPS = 8
_MOST_FOLLOWED = 4  # computations that read one value
_WIDEST = 110  # text of an event
# What a program seldom means to raise. An except that hides one hides a mistake.
_MISTAKES = {
    "AttributeError", "TypeError", "NameError", "UnboundLocalError", "ZeroDivisionError",
    "AssertionError", "RecursionError", "IndexError", "UnicodeDecodeError", "UnicodeEncodeError",
}  # fmt: skip


def main(words: List[str]) -> int:
    """Prints the page."""
    args = Parser(
        "why", "The failure on one page: the exception, the value that broke it, what came before.",
        Word("FILE", "a recording (default: the newest one here), and the exception: exc:3,"
             " exc:last (default: the one that mattered)", least=0, most=0, key="words"),
        Option("--full", text="each frame of libraries on its own line, and whole values"),
        common.JSON,
    ).parse(words)  # fmt: skip
    file, wanted = _split_words(args.words or [])
    run = common.open_run(common.find_file(file))
    for recording in run:
        recording.use_index(may_make=True)  # all that follows reads a part of what this reads
    found = Exceptions(run, None, False)
    failure = _choose(found, wanted)
    if args.json:
        common.emit(schema="relive.why", version=1)
    endings = [summaries.find_ending(found, number) for number in range(len(run))]
    if failure is None:
        _say_nothing_failed(run, endings, bool(args.json))
    elif args.json:
        _emit(failure, endings)
    else:
        _show(failure, endings, bool(args.full))
    damaged = common.say_problems(run)
    return DAMAGED if damaged else OK if failure else NOTHING


def _split_words(words: List[str]) -> Tuple[Optional[str], Optional[str]]:
    """Returns the file and the exception, which may come in any order."""
    exceptions = [word for word in words if re.fullmatch(r"(P\d+:)?exc:\w+", word)]
    files = [word for word in words if word not in exceptions]
    if len(exceptions) > 1 or len(files) > 1:
        raise ReliveError("ERR_USAGE", "a file and an exception are wanted (relive why --help)")
    return next(iter(files), None), next(iter(exceptions), None)


class _Failure:
    """The exception that the page is about."""

    def __init__(
        self, found: Exceptions, number: int, place: Place, is_caught: bool, shown: Place
    ) -> None:
        self.found, self.number, self.place, self.is_caught = found, number, place, is_caught
        self.shown = shown  # the exit that was raised for it, or itself
        self.recording: Recording = found.run[place[0]]
        self.story: Story = found.story(place)
        run = found.run
        self.prefix = f"P{self.recording.header['pid']}:" if len(run) > 1 else ""
        self.position = common.position(self.story.first, run)
        self._choose_frame()
        self.followed: List[str] = []
        self.origin = self._find_origin()

    def _choose_frame(self) -> None:
        """Takes the innermost frame of the program's own; where there is none, the innermost. A
        library's is taken where its line alone reads the value that the message is about."""
        rows = [
            (frame, exc.activation(self.recording, self.story, code), line)
            for frame, code, line in self.story.lines()
        ]
        own = [row for row in rows if common.is_own(self.recording, row[1])]
        self._take_frame(*(own or rows)[-1])
        if own and own[-1] != rows[-1] and not (self.suspects and self.suspects[0].is_certain):
            self._take_frame(*rows[-1])
            if not (self.suspects and self.suspects[0].is_certain):
                self._take_frame(*own[-1])

    def _take_frame(self, frame: str, what: Mapping[str, Any], line: Optional[int]) -> None:
        self.frame, self.what, self.line = frame, what, line
        variables = exc.variables_of(self.recording, self.story, [frame])
        self.variables = {one.name: one for one in variables.get(frame, ())}
        self.suspects = self._find_suspects()

    def _find_suspects(self) -> List[Suspect]:
        lines = source.lines_of(self.recording, self.what["file"], self.what["func"])
        if not lines or not self.line:
            return []
        return suspects.find(
            self.story.exc["type"], self.story.exc["message"], lines, self.line,
            list(self.variables.values()),
        )  # fmt: skip

    def _find_origin(self) -> Optional[Origin]:
        """Returns where the first suspect came from, None where that is not known."""
        if not self.suspects or self.suspects[0].value is None:
            return None
        first = self.story.first
        at: Optional[str] = f"T{first['thread']}@{first['seq']}"
        if first["frame"] != self.frame:  # it came up in a library that this frame has called
            variable = self.variables.get(self.suspects[0].name)
            at = variable.recorded_at if variable is not None else None
        found: List[Origin] = []
        for name in dict.fromkeys([self.suspects[0].text, self.suspects[0].name]):
            try:
                found.append(self.recording.origin(name, at or "", limit=_MOST_HOPS))
            except ReliveError:
                continue  # the name is not known there
        # An item that the line itself computes says less than what holds it.
        best = max(found, key=lambda one: len(one.hops)) if found else None
        while best is not None and self._goes_on(best):
            self.followed.append("1")
            best = self.recording.origin(
                best.name, at or "", follow=self.followed, limit=_MOST_HOPS
            )
        return best

    def _goes_on(self, found: Origin) -> bool:
        """Returns whether a trail ends at a computation that reads one thing alone."""
        return (
            found.end == COMPUTATION and len(found.operands) == 1
            and found.operands[0].value is not None
            and len(self.followed) < _MOST_FOLLOWED and len(found.hops) < _MOST_HOPS
        )  # fmt: skip

    def before(self) -> List[Dict[str, Any]]:
        """Returns the last events of the thread up to the exception."""
        first = self.story.first
        return timelines.last_events(
            self.recording, self.prefix, first["thread"], first["seq"], _EVENTS_BEFORE
        )

    def commands(self) -> Iterator[Tuple[str, str]]:
        """Yields the next commands, each with what it answers."""
        path = common.quoted(common.short_path(self.found.run[0].path))
        at = f"exc:{self.number}"
        func = common.quoted(self.what["func"])
        level = common.highest_level(self.recording.header["meta"])
        if self.origin is not None:
            target = common.quoted(f"{self.origin.name}@{self.prefix}{self.origin.position}")
            read = [
                one for one in self.origin.operands
                if one.value is not None and not suspects.is_code(one.value)
            ]  # fmt: skip
            names = [*self.followed, *(one.name for one in read[:1])]
            follow = "".join(f" --follow {common.quoted(name)}" for name in names)
            what = f"where {common.safe(read[0].name)} came from" if read else (
                "where that value came from"
            )  # fmt: skip
            yield f"relive origin {target} {path}{follow}", what
            advice = self.origin.advice.replace("record with", "relive record")
            if advice:
                yield f"{advice} ...", "to see more of that way"
        if self.suspects and level == "lines":
            name = common.quoted(self.suspects[0].name)
            yield f"relive history {func} {name} {path}", "each value that it had"
        yield f"relive frame {at} {path}", "the call that raised, line by line"
        if not self.what["func"].endswith(":<module>"):
            yield f"relive calls {func} {path}", "the other calls of this function"
        yield f"relive state {at} {path}", "all that was open, with its variables"
        has_advice = self.origin is not None and self.origin.advice
        if not has_advice and (level != "lines" or not self._has_lines()):
            advice = common.lines_advice([self.recording], self.what["func"])
            yield f"{advice} ...", "to see local variables, and where each changed"

    def _has_lines(self) -> bool:
        """Returns whether a line of the function was recorded."""
        codes = [row[0] for row in positions.functions_at(self.recording, self.what["func"])[0]]
        return any(True for _ in self.recording.select(["line"], codes=codes))


def _choose(found: Exceptions, wanted: Optional[str]) -> Optional[_Failure]:
    """Returns the failure that is meant, None where nothing failed."""
    if wanted is not None:
        return _find_wanted(found, wanted)
    rows, _, _ = found.rows(200, 0)
    failures = [row for row in rows if row.outcome.rank() <= ENDED]
    row = found.most_urgent(failures)
    if row is not None:
        place = found.rows(1, row.first)[2]
        reason = found.reason(place) or place
        return _Failure(found, found.number(*reason), reason, False, place)
    number = _find_worst_caught(found)
    if number:
        return _make(found, number, True)
    return None


def _find_wanted(found: Exceptions, wanted: str) -> _Failure:
    process, _, text = wanted.rpartition("exc:")
    chosen = [
        recording for recording in found.run if process in ("", f"P{recording.header['pid']}:")
    ]
    number = int(text) if text.isdecimal() and len(text) < 18 else 0
    newest = found.newest(chosen) if text == "last" else None
    if newest is not None:
        number = newest[1].number
    if not 0 < number <= found.count:
        known = f"relive exc lists {found.count}" if found.count else "relive exc lists none"
        raise ReliveError("ERR_NOT_FOUND", f"there is no {wanted}: {known}")
    return _make(found, number, False)


def _make(found: Exceptions, number: int, is_caught: bool) -> _Failure:
    place = found.rows(1, number)[2]
    return _Failure(found, number, place, is_caught, place)


def _find_worst_caught(found: Exceptions) -> int:
    """Returns the number of the caught exception that looks most like a mistake."""
    best: Tuple[int, int, int] = (0, 0, 0)
    for recording in range(len(found.run)):
        for outcome in found.outcomes(recording):
            if outcome.rank() not in (CAUGHT, IN_LIBRARY) or outcome.is_control_flow():
                continue
            index = found.first_of(recording, outcome)
            number = found.number(recording, index) if index is not None else 0
            is_silent = outcome.fate()[0].startswith("discarded")
            is_own = outcome.rank() == CAUGHT
            badness = 4 * is_silent + 2 * (outcome.name in _MISTAKES) + is_own
            best = max(best, (badness, outcome.count, -number) if number else best)
    return -best[2]


# ---- text ----


def _show(failure: _Failure, endings: Sequence[Ending], is_full: bool) -> None:
    if failure.is_caught:
        print("no exception was seen to end the program, a thread or a task; this one looks worst:")
    sys.stdout.writelines(exc.tell_whole(failure.found, failure.shown, is_full)[0])
    sys.stdout.flush()
    if failure.suspects:
        at = f"{common.file_name(failure.what)}:{failure.line}"
        print(f"\nthe value ({at})" if failure.suspects[0].is_certain else f"\nread at {at}")
        for one in failure.suspects:
            print(f"  {_describe(one)}")
    if failure.origin is not None and failure.origin.hops:
        _show_origin(failure.origin, failure.prefix)
    rows = failure.before()
    if rows:
        print("\nlast events before it")
        has_values = timeline.has_values([failure.recording])
        bodies = Bodies([failure.recording])
        for row in rows:
            text, _ = timeline.describe(row, 100, has_values, bodies)
            text = text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
            print(f"  {row['position']:>10}  {text}")
    print()
    for line in summary.describe_endings(endings, "ended: "):
        print(line)
    print("\nnext")
    for command, why in failure.commands():
        print(f"  {common.typed(command):<46}  {common.dim(why)}")


def _describe(one: Suspect) -> str:
    if one.value is None:
        return f"{common.safe(one.text)}  <not recorded>"
    return f"{common.safe(one.text)} = {common.value_text(one.value, 120)}"


def _show_origin(origin: Origin, prefix: str) -> None:
    print(f"\nwhere {common.safe(origin.name)} came from")
    for hop in origin.hops:
        value = common.value_text(hop.value, 60) if hop.value is not None else "<not recorded>"
        func = hop.call or hop.func.partition(":")[2]
        sure = common.dim(hop.confidence)
        at = prefix + hop.position
        print(f"  {at:>10}  {common.safe(func)}  {common.safe(hop.name)} = {value}  {sure}")
        if hop.line:
            text = f" > {source.shown(hop.source)}" if hop.source else ""
            print(common.dim(f"{'':14}{common.file_name({'file': hop.file})}:{hop.line}{text}"))
    print(f"  {origin.end}: {common.safe(origin.reason)}")
    for one in origin.operands[:3]:
        value = common.value_text(one.value, 60) if one.value is not None else "<not recorded>"
        print(f"    {common.safe(one.name)} = {value}")


def _say_nothing_failed(run: List[Recording], endings: Sequence[Ending], is_json: bool) -> None:
    """Says that nothing failed, and what else may show why an answer is wrong."""
    path = common.quoted(common.short_path(run[0].path))
    commands = [
        (f"relive diff GOOD {path}", "where this run parts from a good one"),
        (f"relive tree --calls {path}", "each call with its arguments and its result"),
    ]
    if any(common.highest_level(one.header["meta"]) != "lines" for one in run):
        commands.append(("relive record --level lines ...", "records each line and each change"))
    text = f"nothing failed: no exception of the program was recorded{exc.seen_how(run)}"
    killed = [one for one in endings if one.how == "killed"]
    if killed:
        text = f"no exception of the program was recorded{exc.seen_how(run)}"
        commands.insert(0, (f"relive state end {path}", "what was open at the end"))
    if is_json:
        common.emit(row="nothing", text=text)
        _emit_endings(endings)
        for command, why in commands:
            common.emit(row="next", command=common.typed(command), why=why)
        return
    print(text)
    for line in summary.describe_endings(endings, "ended: "):
        print(line)
    print("\nnext")
    for command, why in commands:
        print(f"  {common.typed(command):<46}  {common.dim(why)}")


def _emit_endings(endings: Sequence[Ending]) -> None:
    for one in endings:
        common.emit(
            row="process", pid=one.pid, ended=one.how, exit_status=one.status, signal=one.signal,
            text=one.text,
        )  # fmt: skip


def _emit(failure: _Failure, endings: Sequence[Ending]) -> None:
    """Writes a row for the exception, and one for each other thing on the page."""
    story, recording = failure.story, failure.recording
    variables = exc.variables_of(recording, story, [row[0] for row in story.lines()])
    common.emit(
        row="exception", number=failure.number, position=failure.position,
        type=story.exc["type"], message=story.exc["message"], fate=story.fate,
        uncaught=story.is_alarming, cause=story.exc.get("cause"),
        context=story.exc.get("context"),
    )  # fmt: skip
    for frame, code, line in story.lines():
        what = exc.activation(recording, story, code)
        common.emit(
            row="frame", frame=frame, func=what["func"], file=what["file"], line=line,
            source=source.line_of(recording, what["file"], line, what["func"]),
            own=common.is_own(recording, what),
            variables={one.name: one.value for one in variables.get(frame, ()) if one.is_shown},
        )  # fmt: skip
    for one in failure.suspects:
        common.emit(row="suspect", position=failure.position, **one.__dict__)
    if failure.origin is not None:
        for hop in failure.origin.hops:
            fields = dict(hop.__dict__, position=failure.prefix + hop.position)
            fields["candidates"] = [one.__dict__ for one in hop.candidates]
            common.emit(row="hop", **fields)
        end = failure.origin
        common.emit(
            row="end", end=end.end, reason=end.reason, advice=end.advice,
            operands=[one.__dict__ for one in end.operands],
        )  # fmt: skip
    for row in failure.before():
        common.emit(row="event", **row)
    _emit_endings(endings)
    for command, why in failure.commands():
        common.emit(row="next", command=common.typed(command), why=why)

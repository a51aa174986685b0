"""relive history: each value that a variable had, with its position."""

from __future__ import annotations

from relive import positions
from relive._variables import frame_states
from relive.activations import find as find_frame
from relive.activations import is_frame
from relive.cli import DAMAGED, NOTHING, OK, common, paging, source
from relive.cli.options import Given, Parser, Word
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

_PIECE = 1000  # events whose lines are looked up at once


def main(words: List[str]) -> int:
    """Prints each value of NAME in a function, in order of time."""
    args = Parser(
        "history", "Each value that a variable had.",
        Word("FUNC|FILE:LINE", "where the variable is; a call of it, price#3, or a frame, T1#5",
             key="place"),
        Word("NAME", "the variable"),
        common.FILE,
        *paging.options(100),
        common.FULL,
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    page = paging.Page(
        args, "history", run[0].header["run_id"], args.place, args.name, args.full, args.json
    )
    if args.json:
        page.put_schema("relive.history")
    search = _Search(run, args)
    for value in page.rest(search.values()):
        if not page.put(search.text(value)):
            break
    shown = page.shown
    page.end(hint=" (--limit 0 shows all)")
    damaged = common.say_problems(run)
    if not shown and not damaged:
        common.needs_lines(run, "the history of a variable that is no parameter")
        names = sorted({name for recording in run
                        for row in positions.functions_at(recording, args.place)[0]
                        for name in row[7]})  # fmt: skip
        raise ReliveError(
            "ERR_NOT_FOUND",
            f"no value of {args.name} was recorded in {args.place}" + nearest(args.name, names),
        )
    common.next_command(f"relive line FILE:LINE {run[0].path}")
    return DAMAGED if damaged else OK if shown else NOTHING


class _Value:
    """One value of the variable, the line that wrote it, and what is another inside it."""

    def __init__(self, recording: Recording, event: common.Event, may_change: bool) -> None:
        self.recording, self.event, self.may_change = recording, event, may_change
        self.line: Optional[int] = None
        self.changed: List[Tuple[str, Optional[str], Optional[str]]] = []


class _Search:
    """The values of a variable, in order of time."""

    def __init__(self, run: List[Recording], args: Given) -> None:
        self._run, self._args = run, args

    def _frames(self) -> Iterator[Tuple[Recording, Sequence[positions.Code], str]]:
        """Yields each recording with the functions that are meant, and the frame that is meant."""
        run, place = self._run, self._args.place
        if "#" in place or is_frame(place):
            recording, frame, note = find_frame(run, place)
            if note:
                common.say(note)
            first = next(iter(recording.select(["call"], frames=[frame])), None)
            func = None if first is None else first["func"]
            named = [row for row in recording.codes() if row.func == func]
            yield recording, named, frame
            return
        known = False
        for recording in run:
            codes, line = positions.functions_at(recording, place)
            rows = [row for row in codes if self._args.name in row[7] or row[5] & 16]
            known = known or bool(codes)
            yield recording, (rows[:1] or codes[:1]) if line else rows, ""
        if not known:
            raise positions.no_such_function(run, place)

    def values(self) -> Iterator[_Value]:
        """Yields each value."""
        before: Dict[str, Mapping[str, Any]] = {}
        for recording, codes, frame in self._frames():
            for piece in self._pieces(recording, codes, frame):
                lines = lines_of_writes(recording, [value.event for value in piece])
                for value in piece:
                    event = value.event
                    now = value_in(event, self._args.name) or {}
                    value.line = lines.get((event["thread"], event["seq"]))
                    value.changed = difference(before.get(event["frame"], {}), now)
                    before[event["frame"]] = now
                    yield value

    def _pieces(
        self, recording: Recording, codes: Sequence[positions.Code], frame: str
    ) -> Iterator[List[_Value]]:
        """Yields the events that have a value of the variable, in lists; at first short ones, since
        few are shown."""
        name, piece, most = self._args.name, [], _PIECE // 10
        numbers = [row[0] for row in codes]
        found = frame_states(recording, ["call", "write"], numbers, name=name) if numbers else ()
        for event, variables in found:
            if value_in(event, name) is None or frame not in ("", event["frame"]):
                continue
            at = f"T{event['thread']}@{event['seq']}"
            may_change = any(one.can_change_unseen for one in variables if one.recorded_at == at)
            piece.append(_Value(recording, event, may_change))
            if len(piece) > most:
                yield piece
                piece, most = [], _PIECE
        if piece:
            yield piece

    def text(self, value: _Value) -> str:
        """Returns a row."""
        event, args = value.event, self._args
        text_of_line = source.line_of(value.recording, event["file"], value.line, event["func"])
        recorded = value_in(event, args.name) or {}
        line = event["before_line"] if event["kind"] == "write" else None
        if args.json:
            return common.row(
                position=common.position(event, self._run), t=event["t"], frame=event["frame"],
                func=event["func"], file=event["file"], before_line=line, line=value.line,
                source=text_of_line, value=recorded,
                changed=[{"item": item, "old": old, "new": new}
                         for item, old, new in value.changed],
                may_change_unseen=value.may_change,
            )  # fmt: skip
        when = "at the call" if event["kind"] == "call" else f"before {common.place(event, line)}"
        if event["kind"] == "write" and line is None:
            when = "when it was left"
        if text_of_line:
            when = f"{common.place(event, value.line)} > {source.shown(text_of_line)}"
        text = common.value_text(recorded, common.value_widths(args, 200, 200)[1])
        text += f"  {difference_text(value.changed)}" if value.changed else ""
        if value.may_change:
            text += f"  {common.UNSEEN[:-1]} after this)"
        at = f"{common.position(event, self._run):>12}  {event['frame']:>8}"
        return f"{at}  {text}  {common.dim(when)}\n"


def value_in(event: common.Event, name: str) -> Optional[Mapping[str, Any]]:
    """Returns the value that an event gives a variable, None where it gives none."""
    found: Optional[Mapping[str, Any]] = event.get("value")
    return found if event["kind"] == "write" else event.get("args", {}).get(name)


def lines_of_writes(
    recording: Recording, events: Sequence[common.Event]
) -> Dict[Tuple[int, int], int]:
    """Returns {(thread, number of the event): the line that wrote}. The last line that the frame
    ran before is the one."""
    from relive.api import Recording

    wanted = {(event["thread"], event["seq"]) for event in events if event["kind"] == "write"}
    if not wanted:
        return {}
    frames = sorted({event["frame"] for event in events})
    at: Dict[str, int] = {}
    found: Dict[Tuple[int, int], int] = {}
    # the recording itself is in the middle of its question
    with Recording(recording.path, member=recording.member) as again:
        for event in again.select(["line", "write"], frames=frames):
            key = event["thread"], event["seq"]
            if event["kind"] == "line":
                at[event["frame"]] = event["line"]
            elif key in wanted and event["frame"] in at:
                found[key] = at[event["frame"]]
                if len(found) == len(wanted):
                    break
    return found


def difference(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> List[Tuple[str, Optional[str], Optional[str]]]:
    """Returns [(item, old, new)] of two complete lists or dicts, or of two states of one instance.
    A missing item or attribute is None. Returns [] where the difference is not known."""
    if "attrs" in before and before.get("id") == now.get("id"):
        old, new = before["attrs"], now.get("attrs", {})
        return [
            (f".{name}", old.get(name), new.get(name))
            for name in {**old, **new}
            if old.get(name) != new.get(name)
        ]
    old, new = before.get("v"), now.get("v")
    if isinstance(old, list) and isinstance(new, list):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if not isinstance(old, dict) or not isinstance(new, dict):
        return []
    changes = []
    for key in {**old, **new}:
        was = repr(old[key]) if key in old else None
        becomes = repr(new[key]) if key in new else None
        if was != becomes:
            changes.append((f"[{key!r}]", was, becomes))
    return changes


def difference_text(
    rows: Sequence[Tuple[str, Optional[str], Optional[str]]], limit: int = 3
) -> str:
    """Returns '[0] 1 -> 5, [3] new'."""
    words = []
    for item, old, new in rows[:limit]:
        if old is None or new is None:
            words.append(f"{item} {'gone' if new is None else 'new'}")
        else:
            words.append(f"{item} {old} -> {new}")
    return common.safe(", ".join(words) + (", ..." if len(rows) > limit else ""))

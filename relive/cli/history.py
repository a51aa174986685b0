"""relive history: each value that a variable had, with its position."""

from __future__ import annotations

from relive import positions
from relive._variables import frame_states
from relive.cli import DAMAGED, NOTHING, OK, common, source
from relive.cli.options import Given, Option, Parser, Word, integer
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive._variables import Variable
    from relive.api import Recording

_PIECE = 1000  # events whose lines are looked up at once


def main(words: List[str]) -> int:
    """Prints each value of NAME in a function, in order of time."""
    args = Parser(
        "history", "Each value that a variable had.",
        Word("FUNC|FILE:LINE", "where the variable is", key="place"),
        Word("NAME", "the variable"),
        common.FILE,
        Option("--limit", metavar="N", read=integer, default=100,
               text="this many (default 100; 0 = all)"),
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    if args.json:
        common.emit(schema="relive.history", version=1)
    shown, known = 0, False
    before: Dict[str, Mapping[str, Any]] = {}
    for recording in run:
        codes, line = positions.functions_at(recording, args.place)
        rows = [row for row in codes if args.name in row[7] or row[5] & 16]
        if line:
            rows = rows[:1] or codes[:1]
        known = known or bool(codes)
        if not rows or (args.limit and shown >= args.limit):
            continue
        found = frame_states(recording, ["call", "write"], [row[0] for row in rows], name=args.name)
        for piece in _take_pieces(found, args.name, args.limit and args.limit - shown):
            lines = lines_of_writes(recording.path, [event for event, _ in piece])
            for event, variables in piece:
                line_then = lines.get((event["thread"], event["seq"]))
                text = source.line_of(recording, event["file"], line_then, event["func"])
                show(event, variables, args, run, before, line_then, text)
            shown += len(piece)
    if not known:
        raise positions.no_such_function(run, args.place)
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


def _take_pieces(
    found: Iterator[Tuple[common.Event, Sequence[Variable]]], name: str, limit: int
) -> Iterator[List[Tuple[common.Event, Sequence[Variable]]]]:
    """Yields those events that have a value of the variable, in lists; `limit` events, 0 = all."""
    piece = []
    total = 0
    for event, variables in found:
        if value_in(event, name) is None:
            continue
        piece.append((event, variables))
        total += 1
        if len(piece) == _PIECE or total == limit:
            yield piece
            piece = []
        if total == limit:
            return
    if piece:
        yield piece


def value_in(event: common.Event, name: str) -> Optional[Mapping[str, Any]]:
    """Returns the value that an event gives a variable, None where it gives none."""
    found: Optional[Mapping[str, Any]] = event.get("value")
    return found if event["kind"] == "write" else event.get("args", {}).get(name)


def lines_of_writes(path: str, events: Sequence[common.Event]) -> Dict[Tuple[int, int], int]:
    """Returns {(thread, number of the event): the line that wrote}. The last line that the frame
    ran before is the one."""
    from relive.api import Recording

    wanted = {(event["thread"], event["seq"]) for event in events if event["kind"] == "write"}
    if not wanted:
        return {}
    frames = sorted({event["frame"] for event in events})
    at: Dict[str, int] = {}
    found: Dict[Tuple[int, int], int] = {}
    with Recording(path) as recording:  # the other reader is in the middle of its question
        for event in recording.select(["line", "write"], frames=frames):
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


def show(
    event: common.Event,
    variables: Sequence[Variable],
    args: Given,
    run: List[Recording],
    before: Dict[str, Mapping[str, Any]],
    line_then: Optional[int],
    text_of_line: Optional[str],
) -> None:
    """Prints one row. `before` keeps the last value of each frame; `line_then` is the line that
    wrote, where it is known."""
    value = value_in(event, args.name) or {}
    may_change = any(
        one.can_change_unseen
        for one in variables
        if one.recorded_at == f"T{event['thread']}@{event['seq']}"
    )
    changed = difference(before.get(event["frame"], {}), value)
    before[event["frame"]] = value
    line = event["before_line"] if event["kind"] == "write" else None
    if args.json:
        common.emit(
            position=common.position(event, run), t=event["t"], frame=event["frame"],
            func=event["func"], file=event["file"], before_line=line, line=line_then,
            source=text_of_line, value=value,
            changed=[{"item": item, "old": old, "new": new} for item, old, new in changed],
            may_change_unseen=may_change,
        )  # fmt: skip
        return
    when = "at the call" if event["kind"] == "call" else f"before {common.place(event, line)}"
    if event["kind"] == "write" and line is None:
        when = "when it was left"
    if text_of_line:
        when = f"{common.place(event, line_then)} > {source.shown(text_of_line)}"
    text = common.value_text(value, 200) + (f"  {difference_text(changed)}" if changed else "")
    if may_change:
        text += f"  {common.UNSEEN[:-1]} after this)"
    print(f"{common.position(event, run):>12}  {event['frame']:>8}  {text}  {common.dim(when)}")

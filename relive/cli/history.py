"""relive history: each value that a variable had, with its position."""

from __future__ import annotations

from relive import positions
from relive._variables import frame_states
from relive.cli import DAMAGED, NOTHING, OK, common
from relive.cli.options import Given, Option, Parser, Word, integer
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

    from relive._variables import Variable
    from relive.api import Recording


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
        for event, variables in frame_states(
            recording, ["call", "write"], [row[0] for row in rows], name=args.name
        ):
            shown += show(event, variables, args, run, before)
            if shown == args.limit:
                break
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
) -> int:
    """Prints one row, and returns how many were printed. `before` keeps the last value of each
    frame."""
    value = event["value"] if event["kind"] == "write" else event.get("args", {}).get(args.name)
    if value is None:
        return 0
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
            func=event["func"], file=event["file"], before_line=line, value=value,
            changed=[{"item": item, "old": old, "new": new} for item, old, new in changed],
            may_change_unseen=may_change,
        )  # fmt: skip
        return 1
    when = "at the call" if event["kind"] == "call" else f"before {common.place(event, line)}"
    if event["kind"] == "write" and line is None:
        when = "when it was left"
    text = common.value_text(value, 200) + (f"  {difference_text(changed)}" if changed else "")
    if may_change:
        text += f"  {common.UNSEEN[:-1]} after this)"
    print(f"{common.position(event, run):>12}  {event['frame']:>8}  {text}  {common.dim(when)}")
    return 1

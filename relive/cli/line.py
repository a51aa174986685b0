"""relive line: each time a line ran, with the values that its function's variables had then."""

from __future__ import annotations

from relive import positions
from relive._variables import frame_states
from relive.cli import DAMAGED, NOTHING, OK, common, source
from relive.cli.options import Given, Option, Parser, Word, integer
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Optional, Sequence, Set

    from relive._variables import Variable
    from relive.api import Recording


def main(words: List[str]) -> int:
    """Prints a row for each time FILE:LINE was about to run."""
    args = Parser(
        "line", "Each time a line ran, with the values of its variables.",
        Word("FILE:LINE", "for example shop.py:40", key="place"),
        common.FILE,
        Option("--limit", metavar="N", read=integer, default=50,
               text="this many times (default 50)"),
        common.JSON,
    ).parse(words)  # fmt: skip
    if not args.place.rpartition(":")[2].isdigit():
        raise ReliveError("ERR_USAGE", f"{args.place!r} is no FILE:LINE such as shop.py:40")
    run = common.open_run(common.find_file(args.file))
    common.needs_lines(run, "this")
    if args.json:
        common.emit(schema="relive.line", version=1)
    shown = 0
    for recording in run:
        codes, line = positions.functions_at(recording, args.place)
        if shown >= args.limit or not codes:
            continue
        text = source.line_of(recording, codes[0][3], line, f"{codes[0][1]}:{codes[0][2]}")
        is_first = True
        for hit, variables in frame_states(recording, ["line"], [row[0] for row in codes],
                                           line=line):  # fmt: skip
            if is_first and text and not args.json:
                print(common.dim(f"{common.place(hit)} > {source.shown(text)}"))
            is_first = False
            shown += 1
            show(hit, variables, text, run, args)
            if shown == args.limit:
                break
    damaged = common.say_problems(run)
    if not shown and not damaged:
        file = args.place.rpartition(":")[0]
        if not any(positions.functions_at(recording, args.place)[0] for recording in run):
            raise positions.no_such_function(run, file)
        if not args.json:
            print(never_ran(run, args.place))
    common.next_command(f"relive history {args.place} NAME {run[0].path}")
    return DAMAGED if damaged else OK if shown else NOTHING


def never_ran(run: List[Recording], place: str) -> str:
    """Returns that a line did not run, and which lines of its function did."""
    lines: Set[int] = set()
    name = ""
    for recording in run:
        codes, _ = positions.functions_at(recording, place)
        if codes:
            name = name or f"{codes[0][1]}:{codes[0][2]}"
            ran = recording.select(["line"], codes=[codes[0][0]])
            lines.update(event["line"] for event in ran)
    text = f"{common.safe(place)} never ran"
    if not lines:
        return f"{text}; of {common.safe(name)} no line was recorded"
    return f"{text}; of {common.safe(name)} ran lines {ranges(lines)}"


def ranges(numbers: Iterable[int]) -> str:
    """Returns {3, 4, 5, 9} as '3-5, 9'."""
    found: List[List[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in found)


def show(
    hit: common.Event,
    variables: Sequence[Variable],
    text: Optional[str],
    run: List[Recording],
    args: Given,
) -> None:
    """Prints one row."""
    if args.json:
        common.emit(
            position=common.position(hit, run), t=hit["t"], frame=hit["frame"], func=hit["func"],
            file=hit["file"], line=hit["line"], source=text,
            variables={one.name: one.value for one in variables if one.is_shown},
            may_have_changed=sorted(one.name for one in variables if one.is_doubtful),
        )  # fmt: skip
        return
    print(
        f"{common.position(hit, run):>12}  {common.safe(hit['func'])}"
        f"  {common.variables_text(variables, 400)}"
    )

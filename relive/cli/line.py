"""relive line: each time a line ran, with the values that its function's variables had then."""

from __future__ import annotations

from relive import positions
from relive._variables import frame_states
from relive.cli import DAMAGED, NOTHING, OK, common, paging, source
from relive.cli.options import Given, Parser, Word
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, List, Optional, Sequence, Set, Tuple

    from relive._variables import Variable
    from relive.api import Recording


def main(words: List[str]) -> int:
    """Prints a row for each time FILE:LINE was about to run."""
    args = Parser(
        "line", "Each time a line ran, with the values of its variables.",
        Word("FILE:LINE", "for example shop.py:40; shop.py:40#3 for the third time alone",
             key="place"),
        common.FILE,
        *paging.options(50),
        common.FULL,
        common.JSON,
    ).parse(words)  # fmt: skip
    given = place = args.place
    wanted, sign, number = given.rpartition("#")
    only = 0
    if sign and wanted and (number == "last" or (number.isdecimal() and int(number))):
        place, only = wanted, -1 if number == "last" else int(number)
    line = place.rpartition(":")[2]
    if not line.isdecimal() or not int(line):
        raise ReliveError("ERR_USAGE", f"{place!r} is no FILE:LINE such as shop.py:40")
    run = common.open_run(common.find_file(args.file))
    common.needs_lines(run, "this")
    page = paging.Page(args, "line", run[0].header["run_id"], place, only, args.full, args.json)
    if args.json:
        page.put_schema("relive.line")
    for hit in page.rest(_hits(run, place, only)):
        if not page.put(hit.text(run, args)):
            break
    shown = page.shown
    page.end(hint=" (--limit 0 shows all)")
    damaged = common.say_problems(run)
    if not shown and not damaged:
        file = place.rpartition(":")[0]
        if not any(positions.functions_at(recording, place)[0] for recording in run):
            raise positions.no_such_function(run, file)
        if only:
            positions.find(run, given)  # raises an error that says what is nearest
        if not args.json:
            print(never_ran(run, place))
    common.next_command(f"relive history {place} NAME {run[0].path}")
    return DAMAGED if damaged else OK if shown else NOTHING


class _Hit:
    """One time that the line was about to run, the `number`th of its process."""

    def __init__(
        self, number: int, event: common.Event, variables: Sequence[Variable],
        source_line: Optional[str], is_first: bool,
    ) -> None:  # fmt: skip
        self.number, self.event, self.variables = number, event, variables
        self.source_line, self.is_first = source_line, is_first

    def text(self, run: List[Recording], args: Given) -> str:
        """Returns its row; the first one begins with the text of the line."""
        hit = self.event
        if args.json:
            return common.row(
                position=common.position(hit, run), hit=self.number, t=hit["t"],
                frame=hit["frame"], func=hit["func"], file=hit["file"], line=hit["line"],
                source=self.source_line,
                variables={one.name: one.value for one in self.variables if one.is_shown},
                may_have_changed=sorted(one.name for one in self.variables if one.is_doubtful),
            )  # fmt: skip
        head = ""
        if self.is_first and self.source_line:
            head = common.dim(f"{common.place(hit)} > {source.shown(self.source_line)}") + "\n"
        width, most = common.value_widths(args, 400)
        variables = common.variables_text(self.variables, width, most)
        return f"{head}{common.position(hit, run):>12}  {common.safe(hit['func'])}  {variables}\n"


def _hits(run: List[Recording], place: str, only: int) -> Iterator[_Hit]:
    """Yields each time that the line was about to run; with `only` that one alone, -1 = the last
    one."""
    last = None
    for hit in _all_hits(run, place):
        last = hit
        if only in (0, hit.number):
            yield hit
    if only == -1 and last is not None:
        yield last


def _all_hits(run: List[Recording], place: str) -> Iterator[_Hit]:
    for recording in run:
        codes, line = positions.functions_at(recording, place)
        if not codes:
            continue
        text = source.line_of(recording, codes[0][3], line, f"{codes[0][1]}:{codes[0][2]}")
        numbers = [row[0] for row in codes]
        before = recording.reader.runs_before(numbers, line)
        hits: Iterator[Tuple[common.Event, Sequence[Variable]]] = frame_states(
            recording, ["line"], numbers, line=line
        )
        for number, (event, variables) in enumerate(hits, before + 1):
            yield _Hit(number, event, variables, text, number == before + 1)


def never_ran(run: List[Recording], place: str) -> str:
    """Returns that a line did not run, and which lines of its function did. Without lines of a
    function that was called, whether it ran is not known."""
    lines: Set[int] = set()
    name, is_called = "", False
    for recording in run:
        codes, _ = positions.functions_at(recording, place)
        if codes:
            name = name or f"{codes[0][1]}:{codes[0][2]}"
            ran = recording.select(["line"], codes=[codes[0][0]])
            lines.update(event["line"] for event in ran)
            calls = recording.select(["call"], codes=[codes[0][0]])
            is_called = is_called or any(True for _ in calls)
    if is_called and not lines:
        advice = common.lines_advice(run, name)
        return (
            f"whether {common.safe(place)} ran is not known: of {common.safe(name)} no line was"
            f" recorded ({advice})"
        )
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

"""relive callers: which functions called one, how often, and how long that took."""

from __future__ import annotations

from relive import positions
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Parser, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Sequence, Tuple

    from relive.api import Recording

    _Key = Tuple[str, str, int]  # function, file, line
    _Sums = Dict[_Key, List[int]]

_NOBODY = "(no recorded function)"


def main(words: List[str]) -> int:
    """Prints a row for each function that called FUNC."""
    return answer("callers", "Which functions called one.", words)


def answer(verb: str, about: str, words: Sequence[str]) -> int:
    """Answers `callers` and `callees`."""
    args = Parser(
        verb, about,
        Word("FUNC", "a function: price, shop:price or FILE:LINE", key="place"),
        common.FILE,
        *paging.options(25),
        common.JSON,
    ).parse(list(words))  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    names: Dict[str, None] = {}
    found: _Sums = {}
    for recording in run:
        codes, line = positions.functions_at(recording, args.place)
        codes = codes[:1] if line else codes
        names.update(dict.fromkeys(common.name_of(row[1:3]) for row in codes))
        _add(found, recording, [row[0] for row in codes], verb == "callers")
    damaged = common.say_problems(run)
    if not names:
        raise positions.no_such_function(run, args.place)
    rows = sorted(found.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    page = paging.Page(args, verb, run[0].header["run_id"], args.place, args.json)
    if args.json:
        page.put_once(common.row(schema=f"relive.{verb}", version=1, functions=list(names)))
        left = page.put_all(map(_row, rows), len(rows))
    else:
        what = "callers of" if verb == "callers" else "called by"
        page.put_once(f"{what} {', '.join(names)}\n")
        left = page.put_all(_lines(page, rows), len(rows))
    page.end("", left, "function", " (--limit 0 shows all)")
    other = "callees" if verb == "callers" else "callers"
    common.next_command(f"relive {other} {args.place} {common.short_path(run[0].path)}")
    return DAMAGED if damaged else OK if rows else NOTHING


def _add(found: _Sums, recording: Recording, codes: Sequence[int], are_callers: bool) -> None:
    """Adds the rows of one process."""
    for code, *sums in (recording.callers if are_callers else recording.callees)(codes):
        key = (_NOBODY, "", 0)
        if code:
            module, qualname, file, line, _ = recording.code(code)
            key = (common.name_of((module, qualname)), common.safe(file), line)
        known = found.get(key)
        if known is None:
            found[key] = sums
        else:
            depth = max(known.pop(), sums.pop())
            found[key] = [*(a + b for a, b in zip(known, sums)), depth]


def _row(item: Tuple[_Key, List[int]]) -> str:
    (name, file, line), (calls, total, own, unwinds, is_open, depth) = item
    return common.row(
        func=name, file=file, line=line, calls=calls, total_ns=total, self_ns=own,
        unwinds=unwinds, open=is_open, depth=depth,
    )  # fmt: skip


def _lines(page: paging.Page, rows: Sequence[Tuple[_Key, List[int]]]) -> Iterator[str]:
    """Yields the lines of the table; its widths are those of the whole answer."""
    totals = [common.took(sums[1], sums[4]) for _, sums in rows]
    width = max(10, *map(len, totals)) if totals else 10
    page.put_once(f"{'calls':>12} {'self':>10} {'total':>{width}}  function\n")
    for ((name, file, line), (calls, _, own, unwinds, _, depth)), total in zip(rows, totals):
        text = f"{common.count(calls):>12} {common.duration(own):>10} {total:>{width}}  {name}"
        text += common.dim(f"  {file}:{line}") if file else ""
        text += f"  (recursive, {depth} deep)" if depth > 1 else ""
        if unwinds:
            text += "  " + common.red(f"! {common.count(unwinds)} left by an exception")
        yield text + "\n"

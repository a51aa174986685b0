"""relive top: functions by their own time."""

from __future__ import annotations

from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional, Sequence, Tuple

    from relive.api import Recording

    _Key = Tuple[str, str, str, int]  # module, qualname, file, line


def main(words: List[str]) -> int:
    """Prints calls, self time and total time by function, of all processes of the run together."""
    args = common.file_parser(
        "top", "Functions by their own time.",
        *paging.options(25, False, "-n", "--count"),
        Option("--sort", choices=("self", "total", "calls"), default="self", text="the order"),
        Option("--func", metavar="NAME", text="only functions whose name holds this text"),
    ).parse(words)  # fmt: skip
    recordings = common.open_run(common.find_file(args.file))
    found = _sum_by_code(recordings, args.func)
    order = {"self": 2, "total": 1, "calls": 0}[args.sort]
    rows = sorted(found.items(), key=lambda item: (-item[1][order], item[0]))
    page = paging.Page(args, "top", recordings[0].header["run_id"], args.sort, args.func, args.json)
    if args.json:
        page.put_schema("relive.top")
        left = page.put_all(map(_row, rows), len(rows))
    else:
        left = page.put_all(_lines(page, rows), len(rows))
    page.end("", left, "function", " (--limit 0 shows all)")
    damaged = common.say_problems(recordings)
    common.next_command(f"relive tree {recordings[0].path} --func NAME")
    return DAMAGED if damaged else OK if rows else NOTHING


def _sum_by_code(recordings: List[Recording], wanted: Optional[str]) -> Dict[_Key, List[int]]:
    rows: Dict[_Key, List[int]] = {}
    for recording in recordings:
        for number, *counts in recording.functions():
            code = recording.code(number)[:4]
            if wanted is None or wanted in common.name_of(code):
                rows[code] = [sum(pair) for pair in zip(rows.get(code, [0] * 5), counts)]
    return rows


def _row(item: Tuple[_Key, List[int]]) -> str:
    code, (calls, total, own, unwinds, is_open) = item
    return common.row(
        func=f"{code[0]}:{code[1]}", file=code[2], line=code[3], calls=calls, total_ns=total,
        self_ns=own, open=is_open, unwinds=unwinds,
    )  # fmt: skip


def _lines(page: paging.Page, rows: Sequence[Tuple[_Key, List[int]]]) -> Iterator[str]:
    """Yields the lines of the table; its widths are those of the whole answer."""
    if not rows:
        return
    texts = [common.took(total, is_open) for _, (_, total, _, _, is_open) in rows]
    width = max(10, *map(len, texts))
    page.put_once(f"{'calls':>12} {'self':>10} {'total':>{width}}  function\n")
    for (code, (calls, _, own, unwinds, _)), total in zip(rows, texts):
        text = (
            f"{common.count(calls):>12} {common.duration(own):>10} {total:>{width}}"
            f"  {common.name_of(code)}"
        )
        if code[2]:
            text += common.dim(f"  {common.safe(code[2])}:{code[3]}")
        if unwinds:
            text += "  " + common.red(f"! {common.count(unwinds)} left by an exception")
        yield text + "\n"

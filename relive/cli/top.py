"""relive top: functions by their own time."""

from __future__ import annotations

from relive.cli import DAMAGED, NOTHING, OK, common
from relive.cli.options import Option, integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

    from relive.api import Recording

    _Key = Tuple[str, str, str, int]  # module, qualname, file, line


def main(words: List[str]) -> int:
    """Prints calls, self time and total time by function, of all processes of the run together."""
    args = common.file_parser(
        "top", "Functions by their own time.",
        Option("-n", "--limit", "--count", metavar="N", read=integer, default=25,
               text="how many (default 25; 0 = all)"),
        Option("--sort", choices=("self", "total", "calls"), default="self", text="the order"),
        Option("--func", metavar="NAME", text="only functions whose name holds this text"),
    ).parse(words)  # fmt: skip
    recordings = common.open_run(common.find_file(args.file))
    found = _sum_by_code(recordings, args.func)
    order = {"self": 2, "total": 1, "calls": 0}[args.sort]
    rows = sorted(found.items(), key=lambda item: (-item[1][order], item[0]))
    shown = rows[: args.count] if args.count > 0 else rows
    if args.json:
        common.emit(schema="relive.top", version=1)
        for code, (calls, total, own, unwinds, is_open) in shown:
            common.emit(
                func=f"{code[0]}:{code[1]}", file=code[2], line=code[3], calls=calls,
                total_ns=total, self_ns=own, open=is_open, unwinds=unwinds,
            )  # fmt: skip
    elif shown:
        _show_table(shown)
        if len(shown) < len(rows):
            more = common.count(len(rows) - len(shown))
            print(common.dim(f"and {more} more (--limit 0 shows all)"))
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


def _show_table(rows: Sequence[Tuple[_Key, List[int]]]) -> None:
    texts = [common.took(total, is_open) for _, (_, total, _, _, is_open) in rows]
    width = max(10, *map(len, texts))
    print(f"{'calls':>12} {'self':>10} {'total':>{width}}  function")
    for (code, (calls, _, own, unwinds, _)), total in zip(rows, texts):
        text = (
            f"{common.count(calls):>12} {common.duration(own):>10} {total:>{width}}"
            f"  {common.name_of(code)}"
        )
        if code[2]:
            text += common.dim(f"  {common.safe(code[2])}:{code[3]}")
        if unwinds:
            text += "  " + common.red(f"! {common.count(unwinds)} left by an exception")
        print(text)

"""relive out: what the program wrote to stdout and stderr, with the position of each write."""

from __future__ import annotations

from relive import outputs
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Given, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping

    from relive.api import Recording


def main(words: List[str]) -> int:
    """Prints a row for each write."""
    args = common.file_parser(
        "out", "What the program wrote, with the position of each write.",
        Option("--stream", choices=outputs.STREAMS, text="only this stream"),
        Option("--text", metavar="TEXT", text="only what holds this text"),
        *paging.options(100),
        common.FULL,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    page = paging.Page(
        args, "out", run[0].header["run_id"], args.stream, args.text, args.full, args.json
    )
    if args.json:
        page.put_schema("relive.out")
    for one in page.rest(_wanted(run, args)):
        if not page.put(_row(one) if args.json else _text(one, args)):
            break
    shown = page.shown
    page.end(_last_row(run) if args.json else "", hint=" (--limit 0 shows all)")
    damaged = common.say_problems(run)
    if not shown and not args.json:
        print(_why_nothing(run, args))
    common.next_command(f"relive state POSITION {run[0].path}")
    return DAMAGED if damaged else OK if shown else NOTHING


def _wanted(run: List[Recording], args: Given) -> Iterator[outputs.Output]:
    """Yields what was written, in order of time over all processes."""
    import heapq

    prefixes = [f"P{one.header['pid']}:" if len(run) > 1 else "" for one in run]
    pieces = [outputs.read(*pair) for pair in zip(run, prefixes)]
    for one in heapq.merge(*pieces, key=lambda one: one.t) if len(run) > 1 else pieces[0]:
        if args.stream in (None, one.stream) and (args.text is None or args.text in one.text):
            yield one


def _row(one: outputs.Output) -> str:
    return common.row(**one.__dict__)


def _text(one: outputs.Output, args: Given) -> str:
    """Returns '     T1@48  shop.py:40 show  total 0'."""
    where = ""
    if one.file is not None and one.func is not None:
        line = f":{one.line}" if one.line else ""
        name = common.safe(one.func.partition(":")[2])
        where = f"{common.file_name({'file': one.file})}{line} {name}"
    ends_line = one.text.endswith("\n")
    text = common.safe(one.text[:-1] if ends_line else one.text)
    most = common.value_widths(args, 160, 160)[1]
    text = text if len(text) <= most else text[: most - 3] + "..."
    stream = common.red("stderr: ") if one.stream == "stderr" else ""
    return f"{one.position:>12}  {common.dim(f'{where:<24}')}  {stream}{text}\n"


def _losses(run: List[Recording]) -> Dict[str, int]:
    losses: Dict[str, int] = {}
    for recording in run:
        for reason, number in recording.header["losses"].items():
            losses[reason] = losses.get(reason, 0) + number
    return losses


def _last_row(run: List[Recording]) -> str:
    return common.row(
        totals={"is_recorded": all(map(outputs.is_recorded, run)), "losses": _losses(run)}
    )


def _why_nothing(run: List[Recording], args: Given) -> str:
    """Returns why there is no row."""
    if not any(map(outputs.is_recorded, run)):
        return "output was not recorded: record again with --output"
    if args.stream is not None or args.text is not None:
        return "nothing of this kind was written"
    losses: Mapping[str, Any] = _losses(run)
    lost = f"; events lost: {common.losses_text(losses)}" if losses else ""
    return f"nothing was written{lost}"

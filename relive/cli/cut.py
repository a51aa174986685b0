"""relive cut: a part of a recording as a recording of its own."""

from __future__ import annotations

import os

from relive import cuts
from relive.cli import DAMAGED, OK, common
from relive.cli.options import Option
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Writes the events from one position to another."""
    args = common.file_parser(
        "cut", "A part of a recording as a recording of its own.",
        Option("--from", metavar="POS", key="begin", default="start",
               text="the first event: T1@17, price#3, exc:last, 40%, +3ms, start (the default)"),
        Option("--to", metavar="POS", key="end", default="end",
               text="the last one, which is kept, too (default: end)"),
        Option("-o", "--output", metavar="OUT", text="the new file"),
        Option("--force", text="replace OUT where it is a recording"),
    ).parse(words)  # fmt: skip
    if args.output is None:
        raise ReliveError("ERR_USAGE", "cut needs a name for the part: -o part.relive")
    run = common.open_run(common.find_file(args.file))
    with common.progress(run[0]):
        part = cuts.write(run, args.output, args.begin, args.end, force=bool(args.force))
    size = os.path.getsize(part.path)
    if args.json:
        common.emit(schema="relive.cut", version=1)
        common.emit(**part.__dict__, bytes=size)
    else:
        print(
            f"{common.safe(common.short_path(part.path))}: {common.counted(part.events, 'event')}"
            f" from {part.first} to {part.last}, {common.size(size)}"
        )
        print(f"left out: {_describe_rest(part, len(run))}")
    damaged = common.say_problems(run)
    common.next_command(f"relive state start {common.short_path(part.path)}")
    return DAMAGED if damaged else OK


def _describe_rest(part: cuts.Part, processes: int) -> str:
    """Returns what the part does not have."""
    words = [
        f"{common.counted(part.left_out_before, 'event')} before",
        f"{common.count(part.left_out_after)} after",
    ]
    if part.threads_left_out:
        words.append(f"{common.counted(part.threads_left_out, 'thread')} that did not run then")
    if processes > 1:
        others = "other process" if processes == 2 else "other processes"
        words.append(f"{processes - 1} {others}")
    if part.frames_without_values:
        frames = common.counted(part.frames_without_values, "frame")
        words.append(f"the values that {frames} had when it begins")
    return ", ".join(words)

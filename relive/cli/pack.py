"""relive pack: a whole run as one file, smaller, and safe to pass on."""

from __future__ import annotations

from relive import packs
from relive.cli import DAMAGED, OK, common
from relive.cli.options import Option
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Writes all processes of a run into one file."""
    args = common.file_parser(
        "pack", "A whole run, with its children, as one file that every verb opens. Secrets are"
        " searched for once more.",
        Option("-o", "--output", metavar="OUT", text="the new file"),
        Option("--force", text="replace OUT where it is a recording"),
        Option("--redact", metavar="PATTERN", many=True, default=[],
               text="names and texts to take out, as for record; may be given several times"),
        Option("--trace-filter", metavar="FILE", many=True, default=[],
               text="a filter file: what it redacts or drops is taken out"),
        Option("--values", choices=("all", "none"), default="all",
               text="none: take out every value, and what the program wrote"),
        Option("--no-source", key="sources", const=False, default=True,
               text="without the texts of source files"),
        Option("--no-argv", key="argv", const=False, default=True,
               text="without the words of the command line"),
        Option("--no-machine", key="machine", const=False, default=True,
               text="without kernel, platform, interpreter's path and names of filters"),
        Option("--paths", choices=("full", "short"), default="full",
               text="short: '.' for the program's folder and '~' for that of the user"),
    ).parse(words)  # fmt: skip
    if args.output is None:
        raise ReliveError("ERR_USAGE", "pack needs a name for the new file: -o issue.relive")
    run = common.open_run(common.find_file(args.file))
    with common.progress(run[0]):
        pack = packs.write(
            run, args.output, redact=args.redact, trace_filter=args.trace_filter,
            values=args.values == "all", sources=args.sources, argv=args.argv,
            machine=args.machine, paths=args.paths == "full", force=bool(args.force),
        )  # fmt: skip
    if args.json:
        common.emit(schema="relive.pack", version=1)
        common.emit(**pack.__dict__)
    else:
        print(
            f"{common.safe(common.short_path(pack.path))}:"
            f" {pack.processes} process{'es' if pack.processes != 1 else ''},"
            f" {common.counted(pack.events, 'event')}, {common.size(pack.bytes)}"
            f" (before: {common.size(pack.bytes_before)});"
            f" taken out: {common.counted(pack.changed, 'value')} and parts of texts"
        )
    damaged = common.say_problems(run)
    common.next_command(f"relive {common.short_path(pack.path)}")
    return DAMAGED if damaged else OK

"""relive ls [FOLDER]: the recordings of a folder."""

from __future__ import annotations

import os

from relive import folders
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Option, Parser, Word
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Mapping, Sequence

_ORDERS = {
    "age": lambda run: (-run.modified, run.first.path),
    "size": lambda run: (-run.size, run.first.path),
    "name": lambda run: run.first.path,
}
_WIDEST = 60  # of a command line
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (1 << 62, 86400, "d"))


def main(words: List[str]) -> int:
    """Lists the runs of a folder, a line each; children are counted with their parent."""
    args = Parser(
        "ls", "The recordings of a folder, the newest first: age, size, how it ended, program.",
        Word("FOLDER", "default: this one", least=0, default=os.curdir),
        Option("--sort", choices=tuple(_ORDERS), default="age",
               text="the order; the newest, the biggest or the first in the alphabet comes first"),
        common.JSON, *paging.options(50, True),
    ).parse(words)  # fmt: skip
    folder = find_folder(args.folder)
    runs, problems = folders.list_runs(folder)
    runs.sort(key=_ORDERS[args.sort])
    page = paging.Page(args, "ls", os.path.abspath(folder), args.sort, args.json, limit=50)
    if args.json:
        page.put_schema("relive.ls")
    left = page.put_all(_texts(runs, bool(args.json)), len(runs))
    size = sum(run.size for run in runs)
    if args.json:
        last = common.row(totals={"runs": len(runs), "size": size, "not_recordings": len(problems)})
    else:
        last = (
            f"{common.counted(len(runs), 'run')}, {common.size(size)}\n"
            if runs
            else ("there is no recording in this folder\n")
        )
    page.end(last, left, "run", " (--limit 0 shows all)")
    for problem in problems:
        common.say(problem)
    if runs:
        common.next_command(f"relive {common.short_path(runs[0].first.path)}")
    return DAMAGED if problems else OK if runs else NOTHING


def find_folder(name: str) -> str:
    """Returns the folder of this name. Raises ReliveError with the nearest name where there is
    none."""
    if os.path.isdir(name):
        return name
    if os.path.lexists(name):
        raise ReliveError("ERR_USAGE", f"{name} is no folder")
    parent, base = os.path.split(os.path.normpath(name))
    try:
        with os.scandir(parent or os.curdir) as entries:
            near = nearest(base, [entry.name for entry in entries if entry.is_dir()])
    except OSError:
        near = ""
    raise ReliveError("ERR_NOT_FOUND", f"{name}: there is no such folder{near}")


def _texts(runs: Sequence[folders.Run], as_json: bool) -> Iterator[str]:
    width = min(60, max((len(common.safe(run.first.path)) for run in runs), default=0))
    for run in runs:
        row = folders.describe(run)
        yield common.row(**row) if as_json else _text(row, width)


def _text(row: Mapping[str, Any], width: int) -> str:
    """Returns '  2 h     12 kB  shop.relive  KeyError  shop.py --fast  (and 3 children)'."""
    ended = common.safe(row["exc_type"] or row["ended"])
    if row["ended"] in ("exception", "killed", "unreadable"):
        ended = common.red(ended)
    words = row["argv"][1:] or row["argv"]  # without the interpreter
    program = common.safe(" ".join(words) or row["problem"] or "?")
    program = program if len(program) <= _WIDEST else program[: _WIDEST - 3] + "..."
    children = row["children"]
    more = f"  (and {children} {'child' if children == 1 else 'children'})" if children else ""
    name = common.safe(row["file"])
    return (
        f"{age(row['age_s']):>6}  {common.size(row['size']):>11}  {name:<{width}}  {ended}"
        f"  {common.dim(program)}{more}\n"
    )


def age(seconds: int) -> str:
    """Returns 7200 as '2 h'."""
    divisor, unit = next(row[1:] for row in _AGES if seconds < row[0])
    return f"{seconds // divisor} {unit}"

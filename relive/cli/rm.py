"""relive rm FILE... | --older AGE [FOLDER]: remove recordings, after a question."""

from __future__ import annotations

import os
import sys
import time

from relive import folders
from relive.cli import DAMAGED, NOTHING, OK, USAGE, common
from relive.cli.ls import age, find_folder
from relive.cli.options import Given, Option, Parser, Word
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Lists what would be removed, asks, and removes it."""
    args = Parser(
        "rm", "Remove recordings: with each, the files of its children and its index.",
        Word("FILE", "recordings; with --older: a folder (default: this one)", key="names",
             least=0, most=0),
        Option("--older", metavar="AGE", read=folders.read_age,
               text="all runs of the folder that were last written so long ago: 7d, 12h, 30m"),
        Option("-y", "--yes", text="do not ask"),
        common.JSON,
    ).parse(words)  # fmt: skip
    runs = _find_old(args) if args.older is not None else [_find(name) for name in args.names]
    if not runs and args.older is None:
        raise ReliveError("ERR_USAGE", "rm needs files, or --older 7d: see relive ls")
    if args.json:
        common.emit(schema="relive.rm", version=1)
    elif not runs:
        print("there is no run that old")
    is_to_go = bool(args.yes)
    if runs and not is_to_go:
        if not args.json:
            sys.stdout.writelines(map(_text, runs))
        if not sys.stdin.isatty():
            common.say("nothing was removed: stdin is no terminal, so give --yes")
            return USAGE
        is_to_go = _ask(runs)
    removed = [run for run in runs if is_to_go and _remove(run, args)]
    if args.json:
        common.emit(totals={"runs": len(runs), "removed": len(removed)})
    elif runs:
        print(f"removed: {common.counted(len(removed), 'run')}")
    if len(removed) < len(runs):
        return DAMAGED if is_to_go else NOTHING
    return OK if runs else NOTHING


def _find(name: str) -> folders.Run:
    try:
        return folders.run_of(name)
    except ReliveError as error:
        if error.code != "ERR_NOT_FOUND":
            raise
        folder, base = os.path.split(name)
        near = nearest(base, common.names_in(folder or os.curdir))
        raise ReliveError("ERR_NOT_FOUND", f"{error}{near}") from None


def _find_old(args: Given) -> List[folders.Run]:
    """Returns the runs of which no file was written since then."""
    if len(args.names) > 1:
        raise ReliveError("ERR_USAGE", f"--older takes one folder, and {len(args.names)} are given")
    since = time.time() - args.older
    runs, _ = folders.list_runs(find_folder(args.names[0] if args.names else os.curdir))
    return [run for run in runs if run.modified <= since]


def _text(run: folders.Run) -> str:
    files = common.counted(len(run.children) + 1, "file")
    old = age(max(0, int(time.time() - run.modified)))
    return f"{old:>6}  {common.size(run.size):>11}  {common.safe(run.first.path)}  {files}\n"


def _ask(runs: List[folders.Run]) -> bool:
    """Returns whether the answer is yes."""
    size = common.size(sum(run.size for run in runs))
    sys.stdout.flush()
    sys.stderr.write(f"remove {common.counted(len(runs), 'run')}, {size}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _remove(run: folders.Run, args: Given) -> bool:
    """Removes a run, and returns whether that went well; says why where not."""
    why, size = None, 0
    try:
        size = folders.remove(run)
    except ReliveError as error:
        why = str(error)
        common.say(f"not removed: {why}")
    if args.json:
        common.emit(file=run.first.path, files=len(run.children) + 1, bytes=size,
                    removed=why is None, why=why)  # fmt: skip
    return why is None

"""relive dump: the canonical event text, NDJSON."""

from __future__ import annotations

import sys

from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping

    from relive.api import Recording
    from relive.cli.options import Given


def main(words: List[str]) -> int:
    """Writes a header line, then a line for each event, in order of time within each process."""
    args = common.file_parser(
        "dump", "Every event as a line of JSON.",
        Option("--no-siblings", text="this file only, not its run's other processes"),
        Option("--schema", text="print the kinds of events and their fields"),
        *paging.options(0),
    ).parse(words)  # fmt: skip
    if args.schema:
        from relive import _core

        sys.stdout.write(_core.schema())
        return OK
    recordings = common.open_run(common.find_file(args.file), not args.no_siblings)
    if args.limit or args.max_bytes or args.cursor:
        found = _print_page(args, recordings)
    else:
        out = sys.stdout.buffer
        out.write(common.row(**_make_header(recordings)).encode("ascii"))
        found = False
        for piece in _pieces(recordings):
            found = True
            out.write(piece)
        out.flush()
    damaged = common.say_problems(recordings)
    complete = all(recording.header["is_complete"] for recording in recordings)
    return DAMAGED if damaged or not complete else OK if found else NOTHING


def _pieces(recordings: List[Recording]) -> Iterator[bytes]:
    for recording in recordings:
        yield from recording.lines()


def _print_page(args: Given, recordings: List[Recording]) -> bool:
    """Prints some of the lines, and returns whether there are any."""
    page = paging.Page(args, "dump", recordings[0].header["run_id"], args.no_siblings)
    page.put_once(common.row(**_make_header(recordings)))
    lines = (line for piece in _pieces(recordings) for line in piece.splitlines(True))
    for line in page.rest(lines):
        if not page.put(line.decode("ascii")):
            break
    page.end()
    return page.shown > 0


def _leave_out(meta: Mapping[str, str], key: str) -> Dict[str, str]:
    return {name: value for name, value in meta.items() if name != key}


def _make_header(recordings: List[Recording]) -> Dict[str, Any]:
    first = recordings[0].header
    return {
        "schema": "relive.dump",
        "version": 1,
        "run_id": first["run_id"],
        "processes": [
            {
                "file": recording.path,
                "pid": recording.header["pid"],
                "parent_pid": recording.header["parent_pid"],
                "complete": recording.header["is_complete"],
                "events": recording.header["events"],
                "losses": recording.header["losses"],
                "trace_filter": common.trace_filter(recording),
                "meta": _leave_out(recording.header["meta"], "trace_filter"),
            }
            for recording in recordings
        ],
    }

"""relive check: read and verify every block."""

from __future__ import annotations

from relive.cli import DAMAGED, OK, common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, Sequence


def main(words: List[str]) -> int:
    """Verifies every block. Exit status 3 means damaged or not closed."""
    args = common.file_parser("check", "Verify every block of a recording.").parse(words)
    recordings = common.open_run(common.find_file(args.file))
    if args.json:
        common.emit(schema="relive.check", version=1)
    good = True
    for recording in recordings:
        result = recording.check()
        problems = result["problems"]
        complete = recording.header["is_complete"]
        good = good and complete and not problems
        if args.json:
            counts = {name: count for name, count in result.items() if name != "problems"}
            common.emit(file=recording.path, complete=complete, problems=problems, **counts)
            continue
        print(
            f"{common.safe(recording.path)}: {_describe(recording.header, problems)};"
            f" {common.counted(result['blocks'], 'block')},"
            f" {common.counted(result['chunks'], 'chunk')},"
            f" {common.counted(result['events'], 'event')},"
            f" {common.size(result['bytes'])}"
        )
        if result["missing_events"]:
            print(
                f"  missing: {common.counted(result['missing_events'], 'event')}"
                f" ({common.counted(result['missing_chunks'], 'chunk')})"
            )
        if recording.header["losses"]:
            print(f"  not kept: {common.losses_text(recording.header['losses'])}")
        for problem in problems:
            print("  " + common.red(problem))
    common.next_command(f"relive info {recordings[0].path}")
    return OK if good else DAMAGED


def _describe(header: Mapping[str, Any], problems: Sequence[str]) -> str:
    if problems:
        return f"damaged ({len(problems)} problem{'s' if len(problems) > 1 else ''})"
    if not header["is_complete"]:
        return "incomplete, what is there is sound"
    is_left = not header["is_closed"] and header["state"] != "snapshot"
    return "whole up to its last moment" if is_left else "whole"

"""relive detach PID: end the recording of a process that runs."""

from __future__ import annotations

from relive.cli import OK, common
from relive.cli.options import Option, Parser, Word, integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Makes the process end its recording."""
    args = Parser(
        "detach", "End the recording of a process that runs on.",
        Word("PID", "the process", read=integer),
        Option("--json", text="print the answer as JSON"),
    ).parse(words)  # fmt: skip
    from relive.control import remote

    status = remote.ask(args.pid, {"do": "stop"})
    if args.json:
        common.emit(schema="relive.detach", version=1, **status)
        return OK
    events, path = status["stats"].get("events", 0), common.safe(status["path"])
    print(
        f"process {status['pid']} is not recorded any more: {path},"
        f" {common.counted(events, 'event')}"
    )
    common.next_command(f"relive tree {status['path']}")
    return OK

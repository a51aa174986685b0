"""relive detach PID: end the recording of a process that runs."""

from typing import List

from relive.cli import OK, common


def main(words: List[str]) -> int:
    """Makes the process end its recording."""
    parser = common.Parser("detach", "End the recording of a process that runs on.")
    parser.add_argument("pid", type=int, metavar="PID")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    args = parser.parse_args(words)
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

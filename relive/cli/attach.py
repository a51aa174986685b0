"""relive attach PID: record a process that runs already, or change how it is recorded."""

from __future__ import annotations

import os
import time

from relive import config
from relive.cli import OK, common, record
from relive.cli.options import Given, Option, Parser, Word, integer
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

_EPILOG = """Options not given are those of the process (its RELIVE_ variables, its pyproject.toml).
The process must be yours, and run Python 3.14 or later (the same as this one).
Others must have been started with RELIVE_CONTROL=1, or have called relive.control.listen().

  relive attach 4711 --for 30s -o slow.relive     record 30 seconds of it
  relive attach 4711 --level lines                from now on with lines
  relive detach 4711                              end the recording
"""
_NOT_HERE = ("output", "enabled", "force", "children", "children_exclude")


def main(words: List[str]) -> int:
    """Makes the process begin, change or copy its recording, and prints its answer."""
    made = Parser(
        "attach", "Record a process that runs already, or change how it is recorded.",
        Word("PID", "the process", read=integer),
        Option("-o", key="path", metavar="FILE", text="the file to write (default: in the"
               " process's folder, relive-PID-DATE-TIME.relive)"),
        Option("--for", key="time", metavar="TIME", text="end after so long: 30s, 500ms"),
        Option("--status", text="say whether it is recorded, and how"),
        Option("--snapshot", metavar="FILE", text="copy what its recording holds into FILE"),
        Option("--json", text="print the answer as JSON"),
        epilog=_EPILOG,
    )  # fmt: skip
    record.add_settings(made, leave_out=_NOT_HERE)
    for other in ("-o", "--for"):
        made.apart("--status", "--snapshot", other)
    args = made.parse(words)
    settings = {
        key: config.check(key, getattr(args, key), f"option {config.BY_KEY[key].option}")
        for key in config.BY_KEY
        if key not in _NOT_HERE and getattr(args, key) is not None
    }
    return _attach(args, settings)


def _attach(args: Given, settings: Dict[str, Any]) -> int:
    from relive.control import remote

    seconds = common.parse_duration("--for", args.time) / 1e9 if args.time is not None else None
    if seconds == 0:
        raise ReliveError("ERR_USAGE", f"--for {args.time!r} is no time to record: 30s, 500ms")
    if args.status or args.snapshot:
        request: Dict[str, Any] = {"do": "status"}
        if args.snapshot:
            request = {"do": "snapshot", "path": os.path.abspath(args.snapshot)}
        return _show_status(args, remote.ask(args.pid, request))
    request = {"do": "start", "settings": settings}
    if args.path is not None:
        request["path"] = os.path.abspath(args.path)
    if seconds is not None:
        request["seconds"] = seconds
    status = remote.ask(args.pid, request)
    if seconds is None:
        return _show_status(args, status)
    _wait_for_end(args.pid, seconds, status)
    return _show_status(args, dict(status, recording=False))


def _wait_for_end(pid: int, seconds: float, status: Mapping[str, Any]) -> None:
    """Waits until the process has ended the recording by itself, or is gone."""
    from relive.control import remote

    common.say(f"recording process {pid} into {status['path']} for {seconds:g} s")
    try:
        time.sleep(seconds)
        for _ in range(50):
            now = remote.ask(pid, {"do": "status"})
            if not now["recording"] or now["run"] != status["run"]:
                return
            time.sleep(0.1)
    except KeyboardInterrupt:
        remote.ask(pid, {"do": "stop"})
    except ReliveError as error:
        if error.code not in ("ERR_NOT_FOUND", "ERR_IO"):
            raise
        common.say(str(error))


def _show_status(args: Given, status: Mapping[str, Any]) -> int:
    if args.json:
        common.emit(schema="relive.attach", version=1, **status)
        return OK
    pid, python = status["pid"], status["python"]
    if status.get("snapshot"):
        print(f"process {pid}: what its recording holds is in {common.safe(status['snapshot'])}")
        common.next_command(f"relive tree {status['snapshot']}")
    elif status["recording"]:
        how = ", ".join(
            f"{key} {_format_setting(value)}" for key, value in status["settings"].items()
        )
        verb = "is recorded" if args.status else "is now recorded"
        print(f"process {pid} (Python {python}) {verb} into {common.safe(status['path'])}")
        print(common.dim(f"  by {status['backend']}; {common.safe(how)}"))
        common.next_command(f"relive detach {pid}")
    elif args.status:
        print(f"process {pid} (Python {python}) is not recorded")
        common.next_command(f"relive attach {pid}")
    else:
        print(f"process {pid} was recorded into {common.safe(status['path'])}")
        common.next_command(f"relive tree {status['path']}")
    return OK


def _format_setting(value: Any) -> str:
    rows = value if isinstance(value, list) else [value]
    return " ".join(str(one["path"] if isinstance(one, dict) else one) for one in rows)

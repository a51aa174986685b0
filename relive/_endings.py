"""How the process of a recording ended, in the words that all verbs share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

NO_WORD = "without a last word: SIGKILL, or the machine stopped"


def is_killed(header: Mapping[str, Any]) -> bool:
    """Returns whether a process ended before anything could close its recording."""
    goes_on = header["is_being_written"] or header["is_running"]
    return not (header["is_closed"] or header["state"] in ("snapshot", "exec") or goes_on)


def exit_status(header: Mapping[str, Any]) -> Optional[int]:
    """Returns the exit status, None where the recording does not say it."""
    status: Optional[int] = header["ending"]["status"]
    return status


def signal_text(number: int) -> str:
    """Returns the number of a signal with its name."""
    import signal

    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def describe(header: Mapping[str, Any]) -> str:
    """Returns how the process ended, as "ended ..." goes on; "" where the recording is silent."""
    ending = header["ending"]
    if header["state"] == "exec":
        return "by exec: the process replaced itself by another program"
    if ending["how"] == "signal":
        return f"by {signal_text(ending['signal'])}"
    if ending["how"] == "os._exit":
        return f"by os._exit, with exit status {ending['status']}"
    if ending["how"] == "exit":
        return f"with exit status {ending['status']}"
    return NO_WORD if is_killed(header) else ""


def describe_state(header: Mapping[str, Any]) -> str:
    """Returns whether a recording is complete, and how its process ended."""
    if header["state"] == "snapshot":
        return "a snapshot of a recording that went on"
    if header["is_being_written"] and not header["is_closed"]:
        return "being written"
    if header["is_running"]:
        return "incomplete: the process still runs, and writes another file than this copy"
    how = describe(header)
    how = f"ended {how}" if how else ""
    if header["ending"]["how"] == "stopped":
        how = "stopped while the program went on"
    if header["is_closed"]:
        return f"complete, {how}" if how else "complete"
    if header["is_complete"]:
        return f"complete up to its last moment, {how}"
    text = f"incomplete, {how}" if how else "incomplete"
    if header["torn_bytes"]:
        text += f" (it ended while a block was written: {header['torn_bytes']} bytes of it)"
    return text + "; what it had published is here"


def describe_shortly(header: Mapping[str, Any]) -> str:
    """Returns what is unusual about the end of a recording, "" where it was closed."""
    if header["is_closed"] or header["state"] == "snapshot":
        return ""
    if header["is_being_written"] or header["is_running"]:
        return "still written"
    return "its program was killed" if header["ending"]["how"] is None else (
        f"its program ended {describe(header)}"
    )  # fmt: skip

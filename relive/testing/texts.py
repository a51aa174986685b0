"""The lines on a kept recording in a report: the values of the frame that failed, and what to type
next."""

from __future__ import annotations

import os
import shlex

from relive._terminal import safe
from relive.api import Recording
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, List, Mapping, Optional

    from relive.instants import Frame

_VALUES = 20  # variables that are shown
_LENGTH = 200  # characters of a value that are shown
_LAST = 5  # calls that are shown of a test whose process died


def of_failure(path: str, function: Optional[Callable[..., Any]]) -> List[str]:
    """Returns the lines on a failed test: its function's frame when the exception left it, and what
    to type. `function` is the test's; None where it has none."""
    try:
        with Recording(path, index=False) as recording:
            event = _find_end(recording, function)
            return [*(_frame_lines(recording, event) if event else ()), *_commands(path)]
    except ReliveError as error:
        return [f"{path}: {error}"]


def of_difference(first: str, second: str) -> List[str]:
    """Returns what to type where two runs of a test differ."""
    return [f"next: relive diff {shlex.quote(short(first))} {shlex.quote(short(second))}"]


def of_crash(path: str) -> List[str]:
    """Returns the lines on a test whose process died: its last calls, and what to type."""
    try:
        with Recording(path, index=False) as recording:
            kinds = ("call", "resume", "return", "unwind")
            last = list(recording.select(kinds))[-2 * _LAST :]
            calls = [event for event in last if event["kind"] in ("call", "resume")][-_LAST:]
            lines = ["last calls:"] if calls else ["no call was recorded"]
            ended = {event["frame"] for event in last if event["kind"] in ("return", "unwind")}
            for event in calls:
                place = f"{short(event['file'])}:{event['line']}"
                is_open = "" if event["frame"] in ended else "  (had not returned)"
                name = event["func"].partition(":")[2]
                lines.append(f"  {place}  {safe(name)}({_arguments(event)}){is_open}")
            return [*lines, *_commands(path, "tree --calls")]
    except ReliveError as error:
        return [f"{path}: {error}"]


def _commands(path: str, verb: str = "exc") -> Iterator[str]:
    yield f"next: relive {verb} {shlex.quote(short(path))}"


def short(path: str) -> str:
    """Returns the path from the current folder on, where that is shorter."""
    try:
        below = os.path.relpath(path)
    except (OSError, ValueError):
        return path  # the current folder is gone
    return below if len(below) < len(path) else path


def _find_end(
    recording: Recording, function: Optional[Callable[..., Any]]
) -> Optional[Mapping[str, Any]]:
    """Returns the event with which the last exception left the test's function, or the outermost
    recorded frame of something else (a fixture)."""
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    found = None
    for event in recording.select(("unwind",)):
        if event["func"] == name or found is None or found["func"] != name:
            found = event
    return found


def _frame_lines(recording: Recording, event: Mapping[str, Any]) -> Iterator[str]:
    """Yields where the frame was, and the values that it had then."""
    place = f"T{event['thread']}@{max(event['seq'] - 1, 0)}"
    threads = recording.state(place, thread=event["thread"]).threads
    frames = [frame for one in threads for frame in one.frames if frame.name == event["frame"]]
    if not frames:
        return
    line = event.get("exc_line") or frames[0].line or event["line"]
    yield f"{short(event['file'])}:{line} in {safe(event['func'].partition(':')[2])}"
    yield from _value_lines(frames[0])


def _value_lines(frame: Frame) -> Iterator[str]:
    shown = [one for one in frame.variables if one.is_shown and one.value is not None]
    for one in shown[:_VALUES]:
        assert one.value is not None
        yield f"    {safe(one.name)} = {_text(one.value)}"
    if len(shown) > _VALUES:
        yield f"    and {len(shown) - _VALUES} more"


def _arguments(event: Mapping[str, Any]) -> str:
    args = event.get("args") or {}
    return ", ".join(f"{safe(name)}={_text(value)}" for name, value in args.items())


def _text(value: Mapping[str, Any]) -> str:
    text = safe(str(value.get("r", "...")))
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."

"""Exceptions as objects: Recording.exceptions()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional, Tuple

from relive.stories import Exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording
    from relive.stories import Story


@dataclass(frozen=True)
class RaisedFrame:
    """A frame that was open when an exception began."""

    frame: str
    """T1#5"""
    func: str
    file: str
    line: Optional[int]
    """None where the recording does not have it"""
    source: Optional[str]
    """the text of that line"""


@dataclass(frozen=True)
class Raised:
    """An exception. Cause and context are mappings with type, message, cause and context."""

    number: int
    """exc:1 is its position"""
    position: str
    """of its first event"""
    t: int
    """in nanoseconds since the run began"""
    thread: int
    type: str
    message: str
    fate: str
    """how it ended, in words"""
    uncaught: bool
    cause: Optional[Mapping[str, Any]]
    context: Optional[Mapping[str, Any]]
    frames: Tuple[RaisedFrame, ...]
    """outermost first"""


def read(recording: Recording, type: Optional[str], wants_all: bool) -> Iterator[Raised]:
    """Yields the exceptions of one recording, in the order of `relive exc`."""
    for story in Exceptions([recording], type, wants_all).stories(0):
        yield _make(recording, story)


def _make(recording: Recording, story: Story) -> Raised:
    first, exc = story.first, story.exc
    return Raised(
        number=story.number, position=f"T{first['thread']}@{first['seq']}", t=first["t"],
        thread=first["thread"], type=exc["type"], message=exc["message"], fate=story.fate,
        uncaught=story.is_alarming, cause=exc.get("cause"), context=exc.get("context"),
        frames=tuple(_make_frame(recording, story, *row) for row in story.lines()),
    )  # fmt: skip


def _make_frame(
    recording: Recording, story: Story, frame: str, code: int, line: Optional[int]
) -> RaisedFrame:
    func, file = story.first["func"], story.first["file"]
    if code:
        module, qualname, file, _, _ = recording.code(code)
        func = f"{module}:{qualname}"
    lines = recording.source_lines(file, line, line) if line else []
    return RaisedFrame(frame, func, file, line, lines[0].strip() if lines else None)

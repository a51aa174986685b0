"""A part of a recording as a recording of its own: Recording.cut()."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Sequence

from relive import _files, positions
from relive.errors import ReliveError, advise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording


@dataclass(frozen=True)
class Part:
    """What was written."""

    path: str
    first: str
    """position of the first event: T1@17"""
    last: str
    events: int
    """those of the interval; they have the numbers that they had"""
    left_out_before: int
    """of the threads that have events in the interval"""
    left_out_after: int
    threads_left_out: int
    """they had ended before the interval, or began after it"""
    events_of_begin: int
    """that say what was open when it begins"""
    frames_without_values: int
    """they were open when it begins; the values of all together are more than a part keeps"""


def write(
    run: Sequence[Recording], path: str, first: str, last: str, *, force: bool = False
) -> Part:
    """Writes the events from one position to another, both included, into a file that is not there
    yet; with `force` it replaces a recording."""
    path = os.path.abspath(path)
    begin, end = positions.find(run, first), positions.find(run, last)
    if begin.recording is not end.recording:
        raise ReliveError("ERR_USAGE", f"{first} and {last} are in two processes: cut one of them")
    recording = begin.recording
    if os.path.realpath(path) == os.path.realpath(recording.path):
        raise ReliveError("ERR_USAGE", f"{path} is the recording itself: another name is wanted")
    try:
        _files.prepare(path, force)
    except ReliveError as error:
        advise(error, "force=True replaces it", force)
        raise
    texts = [f"T{place.thread}@{place.seq}" for place in (begin, end)]
    facts = [("cut.of", os.path.basename(recording.path)), ("cut.from", texts[0]),
             ("cut.to", texts[1])]  # fmt: skip
    events, before, after, threads, begun, _, _, no_values = recording.reader.cut(
        begin.thread, begin.seq, end.thread, end.seq, path, facts
    )
    return Part(path, texts[0], texts[1], events, before, after, threads, begun, no_values)

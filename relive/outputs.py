"""What a program wrote to stdout and stderr: Recording.out(), and the objects that it gives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, Iterator, Mapping, Optional

from relive import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

    from relive.api import Recording

STREAMS = ("stdout", "stderr")
_MOST = 1 << 16  # characters of one Output
_MOST_WAITING = 1000  # for a line of another thread that has not ended


@dataclass(frozen=True)
class Output:
    """What a thread wrote in one go: print() writes its words one by one, and a long text is
    written in pieces. Neighbours in one thread, of one frame and stream, are one Output until the
    end of a line."""

    position: str
    """of its first write"""
    writes: int
    pid: int
    thread: int
    task: Optional[int]
    t: int
    """in nanoseconds since the run began"""
    stream: str
    """stdout or stderr"""
    text: str
    """as it was written, but for secrets"""
    frame: Optional[str]
    """the innermost recorded frame, T1#5; None where there was none"""
    func: Optional[str]
    file: Optional[str]
    line: Optional[int]
    """which that frame ran; None where its lines were not recorded"""


def is_recorded(recording: Recording) -> bool:
    """Returns whether this recording has what its program wrote."""
    known = recording.header["meta"].get("output")
    if known is not None:
        return bool(known != "no")
    return bool(recording.totals()["kinds"].get("output"))  # of an older Relive


def read(recording: Recording, prefix: str = "") -> Iterator[Output]:
    """Yields what was written, in order of time. `prefix` is 'P12:' where a run has several
    processes."""
    waiting: Deque[_Joining] = deque()  # in order of their begin
    unended: Dict[int, _Joining] = {}  # the one of each thread whose line has not ended
    for event, code, line in _events(recording):
        thread = event["thread"]
        joining = unended.get(thread)
        if joining is None or not joining.takes(event):
            joining = _Joining(event, code, line)
            waiting.append(joining)
        else:
            joining.add(event)
        unended[thread] = joining
        if joining.is_ended():
            del unended[thread]
        while waiting and (
            unended.get(waiting[0].thread) is not waiting[0] or len(waiting) > _MOST_WAITING
        ):
            first = waiting.popleft()
            if unended.get(first.thread) is first:
                del unended[first.thread]
            yield first.output(recording, prefix)
    for joining in waiting:
        yield joining.output(recording, prefix)


def _events(recording: Recording) -> Iterator[Tuple[Mapping[str, Any], int, int]]:
    """Yields (event, code, line) of each write."""
    recording.reader.outputs()
    piece = recording.reader.outputs_piece()
    while piece is not None:
        for text, code, line in piece:
            yield _core.read_json(text), code, line
        piece = recording.reader.outputs_piece()


class _Joining:
    """Neighbours that become one Output."""

    def __init__(self, event: Mapping[str, Any], code: int, line: int) -> None:
        self.first, self.code, self.line = event, code, line
        self.thread: int = event["thread"]
        self._last: int = event["seq"]
        self._texts = [event["text"]]
        self._size = len(event["text"])

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Returns whether an event goes on with it."""
        first = self.first
        is_next = event["seq"] == self._last + 1
        return is_next and all(event[key] == first[key] for key in ("frame", "stream"))

    def add(self, event: Mapping[str, Any]) -> None:
        """Takes the next write."""
        self._last = event["seq"]
        self._texts.append(event["text"])
        self._size += len(event["text"])

    def is_ended(self) -> bool:
        """Returns whether its line has ended, or it is as long as one may be."""
        return self._texts[-1].endswith("\n") or self._size >= _MOST

    def output(self, recording: Recording, prefix: str) -> Output:
        """Returns it as the object that users get."""
        first = self.first
        func = file = None
        if self.code:
            module, qualname, file, _, _ = recording.code(self.code)
            func = f"{module}:{qualname}"
        return Output(
            position=f"{prefix}T{first['thread']}@{first['seq']}", writes=len(self._texts),
            pid=first["pid"], thread=first["thread"], task=first.get("task"), t=first["t"],
            stream=first["stream"], text="".join(self._texts), frame=first["frame"], func=func,
            file=file, line=self.line or None,
        )  # fmt: skip

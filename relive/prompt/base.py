"""What the commands of a prompt share: the place, the frames, the selected one."""

from __future__ import annotations

from relive.errors import ReliveError
from relive.prompt.breakpoints import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Hashable, List, Optional, Sequence, Tuple

    from relive.prompt.display import Screen
    from relive.prompt.place import Frame, Place, Stop, Value

    Variables = Dict[Tuple[str, str], Value]  # by scope and name

_FRAMES_REMEMBERED = 50


class Base:
    """What a prompt keeps. `is_done`: the prompt ends, or the program goes on. `has_failed`: some
    command could not do what it should. `repeat`: what an empty line means, where that is not the
    last line."""

    def __init__(self, place: Place, screen: Screen) -> None:
        self.place, self.screen = place, screen
        self.breakpoints = Table()
        self.marks: Dict[str, str] = {}
        self.is_done = self.has_failed = False
        self.repeat = ""
        self._stop = place.here()
        self._frames: Sequence[Frame] = ()
        self._selected: Optional[Frame] = None
        self._seen: Dict[Hashable, Variables] = {}  # at the last stop in each frame
        self._before: Optional[Variables] = None  # at the one before, of the innermost frame
        self._listed = 0
        self.look(self._stop)

    # ---- where we are ----

    def look(self, stop: Stop) -> None:
        """Takes a place, without showing it."""
        self._stop = stop
        self._frames = self.place.frames()
        self._selected = self._innermost()
        self._listed = 0
        self._remember()

    def look_again(self, selected: int) -> None:
        """Takes the frames again. Something else than a command may have selected another one."""
        before = self._selected.number if self._selected is not None else 0
        self._frames = self.place.frames()
        self._selected = next((one for one in self._frames if one.number == selected), None)
        if selected != before:
            self._listed = 0

    def show_stop(self) -> None:
        """Shows where the prompt is."""
        frame = self._selected
        self.screen.stop(self._stop, frame, self._source(frame))

    def show_frame(self, number: int) -> None:
        """Shows a frame of the stack. The innermost one shows where the program has stopped."""
        for frame in self._frames:
            if frame.number == number:
                is_selected = frame is self._selected
                if is_selected:
                    self.screen.clear()
                self.screen.frame(frame, is_selected, self._source(frame), with_context=is_selected)

    def variable_names(self) -> List[str]:
        """Returns the names of the variables of the selected frame."""
        if self._selected is None:
            return []
        return [one.name for one in self.place.glance(self._selected)]

    def _innermost(self) -> Optional[Frame]:
        for frame in reversed(self._frames):
            if frame.number == self._stop.frame:
                return frame
        return None

    def _source(self, frame: Optional[Frame]) -> Sequence[str]:
        return self.place.source(frame) if frame is not None else ()

    def _arrive(self, stop: Optional[Stop]) -> None:
        """Takes a new place and shows it. None means that the program goes on."""
        if stop is None:
            self.is_done = True
            return
        thread = self._stop.thread
        self.look(stop)
        if stop.thread != thread:
            self.screen.write(f"[thread {stop.thread}]")
        self.show_stop()

    def _remember(self) -> None:
        """Keeps the variables of the selected frame, for `changed`."""
        if self._selected is None:
            return
        key = self.place.identity(self._selected)
        self._before = self._seen.pop(key, None)
        self._seen[key] = self._glance(self._selected)
        while len(self._seen) > _FRAMES_REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _glance(self, frame: Frame) -> Variables:
        return {(one.scope, one.name): one for one in self.place.glance(frame)}

    def _need_frame(self) -> Frame:
        if self._selected is None:
            raise ReliveError("ERR_USAGE", "no frame is open here: s or goto leads to one")
        return self._selected


def number_of(text: str, default: int) -> int:
    """Returns the number that a command takes."""
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise ReliveError("ERR_USAGE", f"{text!r} is no number")
    return int(text)

"""Whether two runs of a test took the same path, and the words for it."""

from __future__ import annotations

from relive import _core
from relive._terminal import safe
from relive.api import Recording
from relive.errors import ReliveError, ask_core
from relive.testing import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, Optional, Sequence, Tuple

    Skip = Tuple[int, int, int]  # thread, first event, the one behind the last

SAME = "the same path"
_END = 1 << 63
_WORDS = {
    "call": "{0} was called", "return": "{0} returned", "yield": "{0} yielded",
    "resume": "{0} went on", "throw": "{1} was thrown into {0}", "unwind": "{1} left {0}",
}  # fmt: skip


class Spans:
    """Which events of a test's run are compared: those in its phases. Hooks that report are left
    out, since only the first run is reported, and so are the begins of fixtures of wider scope."""

    def __init__(self) -> None:
        self._skips: List[Skip] = []
        self._from: Optional[int] = 0  # no phase runs since this event

    def enter_phase(self) -> None:
        place = _core.position()
        if place is not None and self._from is not None:
            self._skips.append((place[0], self._from, place[1] + 1))
        self._from = None

    def leave_phase(self) -> None:
        place = _core.position()
        self._from = place[1] + 1 if place is not None else self._from

    def place(self) -> Optional[Tuple[int, int]]:
        """Returns where the program is, for leave_out()."""
        return _core.position()

    def leave_out(self, since: Optional[Tuple[int, int]]) -> None:
        """Leaves out the events of this thread since a place."""
        place = _core.position()
        if place is not None:
            first = since[1] + 1 if since is not None and since[0] == place[0] else 0
            self._skips.append((place[0], first, place[1] + 1))

    def skips(self, main: int) -> List[Skip]:
        """Returns what is left out, at the end of the run."""
        rest = [(main, self._from, _END)] if self._from is not None else []
        return [*self._skips, *rest]


def compare(paths: Sequence[str], spans: Sequence[Spans], raised: Sequence[Sequence[str]]) -> str:
    """Returns SAME, or in which way the second run differs."""
    try:
        with Recording(paths[0], index=False) as a, Recording(paths[1], index=False) as b:
            return _compare(a, b, spans, raised)
    except ReliveError as error:
        return f"not compared: {error}"


def _compare(
    a: Recording, b: Recording, spans: Sequence[Spans], raised: Sequence[Sequence[str]]
) -> str:
    for one, which in ((a, "first"), (b, "second")):
        lost = sum(n for reason, n in one.header["losses"].items() if reason != "filter")
        if lost:
            return f"not compared: {lost} events of the {which} run are lost (see --relive-max)"
    threads = list(a.threads()), list(b.threads())
    skips = [one.skips(main[0] if main else 0) for one, main in zip(spans, threads)]
    is_same, _, call, *places = ask_core(
        a.raw_reader.paths, b.raw_reader, threads, (skips[0], skips[1])
    )
    if not is_same:
        return _other_path(a, b, call, places)
    if list(raised[0]) != list(raised[1]):
        names = [", ".join(one).replace("builtins.", "") or "no exception" for one in raised]
        return f"took the same calls, but ended with {names[1]} instead of {names[0]}"
    return SAME


def _other_path(a: Recording, b: Recording, call: int, places: Sequence[Any]) -> str:
    thread = _thread_name(a, places[0]) or _thread_name(b, places[1])
    where = f" of thread {thread}" if thread else ""
    steps = [_step(one, place) for one, place in zip((a, b), places)]
    return f"took another path at call {call}{where}: {steps[1]}; the first time {steps[0]}"


def _thread_name(recording: Recording, place: Tuple[int, int, bool]) -> str:
    """Returns the name of a thread that is not the main one."""
    threads = recording.threads()
    if place[0] not in threads or place[0] == next(iter(threads)):
        return ""
    return safe(str(threads[place[0]].get("name") or place[0]))


def _step(recording: Recording, place: Tuple[int, int, bool]) -> str:
    thread, number, is_known = place
    event = recording.event(thread, number) if is_known else None
    if event is None:
        return "it had ended" if thread else "there was no such thread"
    name = safe(str(event["func"]).partition(":")[2])
    exc: Mapping[str, Any] = event.get("exc") or {}
    words = _WORDS[event["kind"]].format(name, safe(str(exc.get("type", "an exception"))))
    return f"{words} ({texts.short(event['file'])}:{event['line']})"

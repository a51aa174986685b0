"""The variables of a frame at a stop. An assignment reaches the program at once, that name alone.

Up to CPython 3.12, frame.f_locals of a function is a copy that the program never reads again."""

from types import FrameType
from typing import Any, Dict, Iterator, Mapping, MutableMapping, Optional

from relive import _core

_CO_OPTIMIZED = 1


class FrameLocals(MutableMapping[str, Any]):
    """frame.f_locals whose assignments and deletions reach the frame. Each read is of now, so a
    change by another thread is seen."""

    def __init__(self, frame: FrameType) -> None:
        self._frame = frame

    def __getitem__(self, name: str) -> Any:
        return self._frame.f_locals[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if not _core.debug_assign(self._frame, name, value):
            self._frame.f_locals[name] = value

    def __delitem__(self, name: str) -> None:
        if not _core.debug_assign(self._frame, name):
            del self._frame.f_locals[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._frame.f_locals))

    def __len__(self) -> int:
        return len(self._frame.f_locals)

    def __or__(self, other: Mapping[str, Any]) -> Dict[str, Any]:
        return {**self._frame.f_locals, **other}

    def __ror__(self, other: Mapping[str, Any]) -> Dict[str, Any]:
        """Returns a dictionary, as pdb of 3.13 needs it to complete a name."""
        return {**other, **self._frame.f_locals}

    def __repr__(self) -> str:
        return repr(dict(self._frame.f_locals))


class LocalsBefore:
    """What a plain frame.f_locals had before a stop, to find what was written there."""

    def __init__(self, frame: FrameType) -> None:
        self._frame = frame
        self._dict: Optional[Dict[str, Any]] = None
        if frame.f_code.co_flags & _CO_OPTIMIZED and type(frame.f_locals) is dict:
            self._dict = frame.f_locals
            self._before = dict(self._dict)

    def write_changes(self) -> None:
        """Writes the names that were changed in the dictionary since, and no others. What the
        program itself has changed meanwhile keeps the program's value."""
        if self._dict is None:
            return
        now, before = dict(self._dict), self._before
        missing = object()
        actual = self._frame.f_locals  # the same dictionary, read again from the frame
        for name in {*now, *before}:
            old, new = before.get(name, missing), now.get(name, missing)
            if new is not old and actual.get(name, missing) is old:
                if new is missing:
                    _core.debug_assign(self._frame, name)
                else:
                    _core.debug_assign(self._frame, name, new)

"""Methods of other people's classes, exchanged and put back."""

import functools
from typing import Any, Callable, List, Tuple


class Patches:
    """What one instrument has exchanged. `make(original)` returns the replacement. It checks
    `is_on` and otherwise only passes on, since it cannot be removed where somebody has put another
    one over it meanwhile."""

    def __init__(self) -> None:
        self.is_on = False
        self._rows: List[Tuple[Any, str, Any, Any]] = []  # owner, name, original, ours

    def put(self, rows: List[Tuple[Any, str, Callable[[Any], Any]]]) -> None:
        """Exchanges (owner, name, make). Does not exchange again what is still below somebody
        else's."""
        buried = {(owner, name) for owner, name, _, _ in self._rows}
        for owner, name, make in rows:
            if (owner, name) not in buried:
                original = getattr(owner, name)
                ours = functools.wraps(original)(make(original))
                setattr(owner, name, ours)
                self._rows.append((owner, name, original, ours))
        self.is_on = True

    def take_back(self) -> None:
        """Puts the originals back."""
        self.is_on = False
        kept = []
        for row in self._rows:
            owner, name, original, ours = row
            if getattr(owner, name) is ours:
                setattr(owner, name, original)
            else:
                kept.append(row)
        self._rows = kept

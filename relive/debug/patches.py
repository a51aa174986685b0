"""Attributes of other people's objects, exchanged and put back exactly.

An attribute that somebody else has exchanged in between is left as it is, and telemetry records
INTEGRATION_PATCH_FAILED."""

import threading
from typing import Any, List, Sequence

from relive.debug.telemetry import Telemetry

_MISSING = object()


class Patch:
    """One attribute of an object and the value that replaces it."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self.owner, self.name, self.value = owner, name, value
        self.before: Any = _MISSING

    def apply(self) -> None:
        """Exchanges the attribute."""
        self.before = vars(self.owner).get(self.name, _MISSING)
        setattr(self.owner, self.name, self.value)

    def restore(self) -> bool:
        """Puts the old value back. Returns False where somebody else has exchanged ours."""
        if vars(self.owner).get(self.name, _MISSING) is not self.value:
            return False
        if self.before is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)
        return True


class PatchSet:
    """The patches of one runtime that are in force."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._lock = threading.RLock()
        self._patches: List[Patch] = []

    @property
    def count(self) -> int:
        """The number of exchanged attributes."""
        return len(self._patches)

    def apply(self, reason: str, patches: Sequence[Patch]) -> bool:
        """Applies all of these or none, and returns whether they are in force. Where one fails,
        telemetry records `reason`."""
        with self._lock:
            done: List[Patch] = []
            for patch in patches:
                try:
                    patch.apply()
                except (AttributeError, TypeError) as error:
                    for other in reversed(done):
                        other.restore()
                    self.record("INTEGRATION_PATCH_FAILED", f"{patch.name}: {error}")
                    self.record(reason, patch.name)
                    return False
                done.append(patch)
            self._patches.extend(done)
            return True

    def remove_all(self) -> bool:
        """Takes every patch back, the newest first, and returns whether each old value is back."""
        with self._lock:
            failed = []
            while self._patches:
                patch = self._patches.pop()
                if not patch.restore():
                    failed.append(patch.name)
                    self.record(
                        "INTEGRATION_PATCH_FAILED",
                        f"{patch.name} was patched by somebody else in between: it is left so",
                    )
            if failed:
                self.record("INTEGRATION_REMOVE_FAILED", ", ".join(failed))
            return not failed

    def record(self, reason: str, detail: str) -> None:
        """Records a reason code with its detail in telemetry."""
        self._telemetry.record(reason, detail=detail)

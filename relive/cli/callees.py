"""relive callees: which functions one called, how often, and how long they took."""

from __future__ import annotations

from relive.cli.callers import answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Prints a row for each function that FUNC called."""
    return answer("callees", "Which functions one called.", words)

"""relive threads: where each thread began, how it ended, where it was at the end."""

from __future__ import annotations

from relive.cli import tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Lists the threads of all processes of the run."""
    return tasks.show("threads", "Threads: names, times, how they ended, where they wait.", words)

"""The last events of a thread up to one of them."""

from __future__ import annotations

from relive import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from relive.api import Recording

_READ = 64  # events before, for each one that is wanted


def rows(
    recording: Recording,
    prefix: str,
    thread: int,
    seq: int,
    number: int,
    codes: Optional[List[int]],
    kinds: Sequence[str],
) -> List[Dict[str, Any]]:
    """Returns rows of a timeline. It reads only the end of what was before, so their calls have no
    numbers. `codes` are those of the functions that are wanted, None for all."""
    event = recording.event(thread, seq)
    if event is None:
        return []
    mask, bits = 0, _core.kinds()
    for kind in kinds:
        mask |= bits[kind]
    search = _core.Timeline(
        recording.raw_reader, prefix, mask, codes, thread, 0,
        (thread, max(0, seq - _READ * number), 0), (thread, seq, event["t"]), None, False, 0, True,
    )  # fmt: skip
    found: List[bytes] = []
    piece = search.piece()
    while piece is not None:
        found = [*found, *(line for _, line in piece)][-number:]
        piece = search.piece()
    return [_core.read_json(line) for line in found]

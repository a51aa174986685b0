"""Names of calls that every verb accepts: 'price#3', of calls that are known by their events."""

from __future__ import annotations

from relive import positions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Tuple

    from relive.api import Recording


def of_calls(
    recording: Recording, events: Iterable[Mapping[str, Any]], prefix: str = ""
) -> Dict[Tuple[int, int], str]:
    """Returns {(thread, number of the event): 'price#3'} of events that begin calls. The name is
    the shortest one that means no other function. `prefix` is 'P12:' where a run has several
    processes."""
    wanted: Dict[str, List[Tuple[int, int]]] = {}
    for event in events:
        if event["kind"] == "call":
            wanted.setdefault(event["func"], []).append((event["thread"], event["seq"]))
    if not wanted:
        return {}
    rows = recording.codes()
    codes: Dict[str, List[int]] = {}
    for row in rows:
        codes.setdefault(f"{row[1]}:{row[2]}", []).append(row[0])
    known = [name for name in wanted if name in codes]
    places = [place for name in known for place in wanted[name]]
    numbers = recording.reader.call_numbers([codes[name] for name in known], places)
    names = [shortest_name(recording, name) for name in known for _ in wanted[name]]
    return {
        place: f"{prefix}{name}#{number}"
        for place, name, number in zip(places, names, numbers)
        if number
    }


def shortest_name(recording: Recording, name: str) -> str:
    """Returns 'Shop.price' for 'shop:Shop.price', where no other function has that name."""
    qualname = name.partition(":")[2]
    rows, line = positions.functions_at(recording, qualname)
    is_alone = not line and {f"{row[1]}:{row[2]}" for row in rows} == {name}
    return qualname if is_alone else name

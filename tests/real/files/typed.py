from typing import Dict, Generic, Iterator, List, Optional, TypeVar

T = TypeVar("T")


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item

    def get(self, default: Optional[T] = None) -> T:
        return self.item if default is None else default


def pairs(box: Box[int], names: List[str]) -> Iterator[Dict[str, int]]:
    for name in names:
        yield {name: box.get()}


reveal_type(list(pairs(Box(1), ["a"])))
wrong: str = Box(1).get()

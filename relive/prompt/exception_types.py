"""Which types of exceptions a breakpoint on one type stops at: its subclasses, as far as known.

Python's own are known. Those of the program are read from the heads of classes in the recorded
texts, line by line, since nothing of the program is compiled. A name is a class here, in whatever
module it is."""

from __future__ import annotations

import builtins
import re
from typing import Dict, Iterable, List, Set

_HEAD = re.compile(r"\s*class\s+([^\W\d]\w*)\s*\(([^()#]*)\)?")
_BASE = re.compile(r"(?:^|\.)([^\W\d]\w*)\s*$")
_MOST_TYPES = 200


def subclasses(name: str, texts: Iterable[Iterable[str]]) -> List[str]:
    """Returns a type and those that are made from it, by the lines of the recorded files."""
    made_from: Dict[str, Set[str]] = {}
    for one in vars(builtins).values():
        if isinstance(one, type) and issubclass(one, BaseException):
            for base in one.__bases__:
                made_from.setdefault(base.__name__, set()).add(one.__name__)
    for lines in texts:
        for line in lines:
            head = _HEAD.match(line) if "class" in line else None
            for word in head[2].split(",") if head else ():
                base_name = _BASE.search(word)
                if head and base_name:
                    made_from.setdefault(base_name[1], set()).add(head[1])
    found, left = [name], [name.rpartition(".")[2]]
    while left and len(found) < _MOST_TYPES:
        more = sorted(made_from.pop(left.pop(), ()))
        left += more
        found += [one for one in more if one not in found]
    return found

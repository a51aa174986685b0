"""The filter that is always first: the standard library and the machinery of asyncio are not
recorded.

Secrets are not rules: C knows their names and forms (src/filter/secrets.c) and applies them below
every chain."""

from __future__ import annotations

from relive import _core
from relive.filters.schema import Filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


def builtin(folders: List[str], packages: str = "trace") -> Filter:
    """Returns the filter. `folders` are those of the standard library here; `packages` is the exec
    of installed packages."""
    version, rules = _core.builtin_rules(folders, packages)
    made = Filter("builtin-default", version, "<inline:builtin-default>")
    made.is_builtin, made.packages = True, packages
    made.exec, made.value = "trace", "allow"
    empty: Dict[str, Any] = {
        "value": "inherit", "level": None, "sample": 1.0, "every": 0, "min_duration": 0,
        "max_str": -1, "max_items": -1, "max_depth": -1, "max_locals": -1, "patterns": [],
        "reason": "", "source": True,
    }  # fmt: skip
    for selector, what in rules:
        made.rules.append(dict(empty, selector=selector, exec=what))
    return made

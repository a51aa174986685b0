"""Which filters apply, in which order, and what C gets from them.

    built-in, nearest project file, pyproject.toml, environment, options left to right, API

Includes and excludes, from every source, are gates before all rules."""

from __future__ import annotations

import os

from relive import _core
from relive.config import GATES
from relive.errors import ReliveError
from relive.filters.schema import ACTION, EXEC, LEVEL, Filter, FilterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

__all__ = ["Chain", "Filter", "FilterError"]


class Chain:
    """The filters of one recording, and the C filter made from them."""

    def __init__(
        self, filters: List[Filter], gates: Sequence[Tuple[str, str]] = (), sample: float = 1.0
    ) -> None:
        self.filters, self.gates, self.sample = filters, gates, sample
        self._built: Optional[_core.Filter] = None
        if gates or not all(one.is_builtin for one in filters):
            _ = self.core  # what a user wrote may be refused

    @property
    def core(self) -> _core.Filter:
        """The C filter."""
        if self._built is None:
            entries = _list_entries(self.filters, self.gates, self.sample, is_portable=False)
            self._built = _build_filter(entries)
        return self._built

    def recipe(self, level: str) -> Dict[str, Any]:
        """Returns what another process builds this chain from. `level` is that of the recording."""
        entries = _list_entries(self.filters, self.gates, self.sample, is_portable=True)
        return {"entries": list(entries), "text": self.text(), "highest": self.highest(level)}

    def summary(self) -> List[Dict[str, Any]]:
        """Returns what the recording's header keeps: [{name, version, path, sha256}]."""
        return [
            {"name": f.name, "version": f.version, "path": f.path, "sha256": f.sha256}
            for f in self.filters
        ]

    def highest(self, level: str) -> str:
        """Returns the highest level that any function may have. `level` is that of the others."""
        named = {rule["level"] for one in self.filters for rule in one.rules}
        named |= {one.level for one in self.filters} | {level}
        return str(max(named, key=lambda word: LEVEL[word]))

    def text(self) -> str:
        """Returns the summary as the header holds it."""
        return _core.json_text(self.summary())

    def rule(self, index: int) -> Tuple[Filter, int, Dict[str, Any]]:
        """Returns (filter, index in it, rule) of a rule's index in the whole chain."""
        for one in self.filters:
            if index < len(one.rules):
                return one, index, one.rules[index]
            index -= len(one.rules)
        raise IndexError(index)


def _list_entries(
    filters: List[Filter], gates: Sequence[Tuple[str, str]], sample: float, is_portable: bool
) -> Iterator[Tuple[str, Any]]:
    """Yields the chain as C builds it (recipe.h). A portable one holds no folder of this
    interpreter."""
    for one in filters:
        if one.is_builtin and is_portable:
            yield "builtin", one.packages
            continue
        root = "" if one.is_builtin else one.root
        yield "add_file", (
            one.version, one.is_builtin, root, os.path.realpath(root) if root else "",
            EXEC[one.exec], ACTION[one.value], LEVEL[one.level],
        )  # fmt: skip
        for rule in one.rules:
            yield "add_rule", (
                rule["selector"], EXEC[rule["exec"]], ACTION[rule["value"]], LEVEL[rule["level"]],
                rule["sample"], rule["every"], rule["min_duration"], rule["max_str"],
                rule["max_items"], rule["max_depth"], rule["max_locals"], not rule["source"],
            )  # fmt: skip
            for selector, action in rule["patterns"]:
                yield "add_pattern", (selector, ACTION[action])
    for gate, text in gates:
        yield "add_gate", (GATES.index(gate), text)
    yield "set_sample", (sample,)


def _build_filter(entries: Iterable[Tuple[str, Any]]) -> _core.Filter:
    core = _core.Filter()
    for name, words in entries:
        try:
            getattr(core, name)(*words)
        except _core.Error as error:
            if name != "add_gate":
                raise
            gate, text = GATES[words[0]], words[1]
            raise ReliveError(
                "ERR_INVALID_POLICY_VALUE", f"{gate.replace('_re', '')} {text!r}: {error.args[1]}"
            ) from None
    return core

"""Trace filters: TOML files, patterns and environment variables, as one chain (docs/filters.md).

`schema` reads one file, `doors` finds them and `chain` joins them, `builtin` is what always comes
first. What a rule means is decided in C (src/filter)."""

from relive.filters.chain import Chain
from relive.filters.schema import Filter, FilterError

__all__ = ["Chain", "Filter", "FilterError"]

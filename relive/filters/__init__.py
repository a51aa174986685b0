"""Trace filters: TOML files, patterns and environment variables, as one chain (docs/filters.md).

`schema` reads one file, `doors` finds the files, `chain` joins them, and `builtin` is always first.
C decides what a rule means (src/filter)."""

from relive.filters.chain import Chain
from relive.filters.schema import Filter, FilterError

__all__ = ["Chain", "Filter", "FilterError"]

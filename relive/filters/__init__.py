"""Trace filters: TOML files, patterns and environment variables, as one chain (docs/filters.md).

`schema` reads one file, `doors` finds the files, `chain` joins them, and `builtin` is always first.
C decides what a rule means (src/filter)."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # what __getattr__ below gives, for type checkers
    from relive.filters.chain import Chain
    from relive.filters.schema import Filter, FilterError

__all__ = ["Chain", "Filter", "FilterError"]


def __getattr__(name: str) -> object:
    """Imports a name when it is first used: most recordings begin without filters of anybody."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from relive.filters import chain

    return getattr(chain, name)

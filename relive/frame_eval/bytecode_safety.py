"""The seed's name for relive.debug.rewriting."""

from relive.debug.rewriting import instrument, safe_replace_code, validate_code_object

__all__ = [
    "instrument",
    "safe_replace_code",
    "validate_code_object",
]

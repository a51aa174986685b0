"""Splits what is typed at a prompt."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def split_outside_quotes(text: str, separator: str, with_brackets: bool = False) -> List[str]:
    """Returns the parts of a text between separators that are in no quotes; `with_brackets`: and in
    no brackets."""
    parts, begin, depth, quote, i = [], 0, 0, "", 0
    while i < len(text):
        c = text[i]
        if quote:
            i += c == "\\"
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif with_brackets and c in "([{":
            depth += 1
        elif with_brackets and c in ")]}":
            depth -= 1
        elif c == separator and depth <= 0:
            parts.append(text[begin:i])
            begin = i + 1
        i += 1
    return [*parts, text[begin:]]

"""Colours of a terminal: whether they are wanted, and how text gets them.

    --color always|never     counts first
    NO_COLOR, FORCE_COLOR    then; each counts where it is not empty (FORCE_COLOR=0 is as NO_COLOR)
    a terminal               otherwise, unless TERM is dumb

JSON never has any: no verb puts colour into its rows."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, TextIO

_RED, _DIM, _BOLD, _PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
_CODE = {  # colours that can be read on a light and on a dark terminal
    "keyword": "\x1b[35m", "string": "\x1b[32m", "number": "\x1b[36m", "comment": _DIM,
    "decorator": "\x1b[36m", "name": _BOLD,
}  # fmt: skip
_mode = "auto"


def choose(mode: str) -> None:
    """Takes what --color says."""
    global _mode
    _mode = mode


def is_wanted(stream: TextIO) -> bool:
    """Returns whether text for this stream is coloured."""
    if _mode != "auto":
        return _mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "")
    if forced:
        return forced != "0"
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _mark(text: str, colour: str, is_on: Optional[bool]) -> str:
    if not text or not (is_wanted(sys.stdout) if is_on is None else is_on):
        return text
    return f"{colour}{text}{_PLAIN}"


def red(text: str, is_on: Optional[bool] = None) -> str:
    """Returns text that marks what went wrong. `is_on` is for another stream than stdout."""
    return _mark(text, _RED, is_on)


def dim(text: str, is_on: Optional[bool] = None) -> str:
    """Returns text that matters less."""
    return _mark(text, _DIM, is_on)


def bold(text: str, is_on: Optional[bool] = None) -> str:
    """Returns text that matters more."""
    return _mark(text, _BOLD, is_on)


def of_code(text: str, kind: str) -> str:
    """Returns a piece of source: a keyword, string, number, comment, decorator or name."""
    return _mark(text, _CODE[kind], True)

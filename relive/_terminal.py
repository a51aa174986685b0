"""Text for a terminal."""

import os
import sys


def safe(text: str) -> str:
    """Returns the text with everything escaped that could command a terminal. Recorded text and
    names of files need it."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape").decode("ascii")
        if not 0xD800 <= ord(c) < 0xE000
        else f"\\u{ord(c):04x}"
        for c in text
    )


def forget_stdout() -> None:
    """Redirects stdout to nowhere after its reader has gone, so that the exit does not complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)

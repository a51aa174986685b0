"""Names of files for names of tests, which may hold anything."""

from __future__ import annotations

import hashlib
import os
import re

_MOST = 80  # characters of the test's own name; a file name may have 255 bytes
_OTHERS = re.compile(r"[^A-Za-z0-9_]+")
ENDING = ".relive"
FOLDER = os.path.join(".relive", "unittest")  # where tests of unittest are kept
MOST = "256M"  # for the newest events of a test
_RUN, _LOOK = "-run", "-lines"
MORE = (_RUN, _LOOK)  # what follows the digest where a test has several files


def file_name(test: str, run: int = 1, is_second_look: bool = False) -> str:
    """Returns the name of the file for a test's run: the same one in every session.

    It is readable, and the digest makes it unique. A name has no dot, so no file looks like the
    recording of another one's child."""
    readable = _OTHERS.sub("-", test.replace(".py::", "::")).strip("-")
    if len(readable) > _MOST:
        readable = readable[-_MOST:].lstrip("-")
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    again = f"{_RUN}{run}" if run > 1 else ""
    look = _LOOK if is_second_look else ""
    return f"{readable}-{digest}{again}{look}{ENDING}"

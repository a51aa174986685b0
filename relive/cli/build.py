"""What this build was made with and runs on: `relive --version --verbose`."""

from __future__ import annotations

import os
import sys

from relive._terminal import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def describe() -> List[str]:
    """Returns lines about this build: what it was made with and runs on. `relive --version
    --verbose` prints them."""
    from relive import _core

    core = _core.facts()
    chosen = next((name for name, usable, _, _ in _core.backends() if usable), "none")
    threads = ", free-threaded" if core["free_threaded"] else ""
    system = os.uname()
    rows = (
        ("format", f"{core['format']}"),
        ("libraries", f"zstd {core['zstd']}, PCRE2 {core['pcre2']}"),
        ("python", f"{sys.implementation.name} {sys.version.split()[0]}{threads}"),
        ("executable", sys.executable),
        ("system", f"{system.sysname} {system.release} {system.machine}"),
        ("module", str(_core.__file__)),
        ("backend", chosen),
        ("recording", "possible" if core["frames_ok"] else str(core["frames_why"])),
    )
    return [f"  {name:<11} {safe(text)}\n" for name, text in rows]

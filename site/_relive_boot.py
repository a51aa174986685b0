"""Begins what the variables of a process that starts want.

RELIVE_RUN or RELIVE_RECORD begins the recording, RELIVE_DEBUG the debugger. RELIVE_CONTROL lets
others control the process from outside.

relive.pth imports this module, and relive.start on 3.15 and later. It must not import anything
heavy and must never disturb the program.

It is imported before pytest could change its asserts, and has none: PYTEST_DONT_REWRITE."""

import os

_VARIABLES = ("RELIVE_RUN", "RELIVE_RECORD", "RELIVE_DEBUG", "RELIVE_CONTROL")
_has_failed = False


def start():
    global _has_failed
    if _has_failed or not any(name in os.environ for name in _VARIABLES):
        return  # relive.start is called in every process; a venv runs each .pth file twice
    try:
        from relive import _core
    except ImportError as error:  # the program runs, and one line says what is missing
        _has_failed = True
        os.write(2, f"{error}\n".encode("utf-8", "backslashreplace"))
        return

    if not hasattr(_core, "begin"):
        return  # not the main interpreter: the engine is an empty module that has counted this one
    if "RELIVE_RUN" in os.environ or "RELIVE_RECORD" in os.environ:
        _core.begin()
    if "RELIVE_DEBUG" in os.environ:
        from relive.debug import boot

        boot.begin()
    if os.environ.get("RELIVE_CONTROL", "0") not in ("", "0"):
        from relive.control import server

        server.begin()

"""Relive: the flight recorder and time-travel debugger for CPython.

    with relive.record("run.relive"):
        main()

Guides are in docs/; `relive --help` lists the command line.

It may be imported before pytest could change its asserts, and has none: PYTEST_DONT_REWRITE.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # what __getattr__ below gives, for type checkers
    from typing import List

    from relive import instrument, sessions  # noqa: F401
    from relive._version import __version__
    from relive.api import Recording, open
    from relive.config import Config
    from relive.debug.prompt import set_trace, set_trace_async
    from relive.errors import OverheadWarning, ReliveError
    from relive.recorder import is_recording, preview, previews, record, snapshot, start, stop

_LAZY = {
    "__version__": "relive._version",
    "Config": "relive.config",
    "OverheadWarning": "relive.errors",
    "ReliveError": "relive.errors",
    "Recording": "relive.api",
    "is_recording": "relive.recorder",
    "open": "relive.api",
    "preview": "relive.recorder",
    "previews": "relive.recorder",
    "record": "relive.recorder",
    "set_trace": "relive.debug.prompt",
    "set_trace_async": "relive.debug.prompt",
    "snapshot": "relive.recorder",
    "start": "relive.recorder",
    "stop": "relive.recorder",
}

__all__ = [
    "Config",
    "OverheadWarning",
    "Recording",
    "ReliveError",
    "__version__",
    "is_recording",
    "open",
    "preview",
    "previews",
    "record",
    "set_trace",
    "set_trace_async",
    "snapshot",
    "start",
    "stop",
]


def __getattr__(name: str) -> object:
    """Imports a name when it is first used, so that `import relive` costs next to nothing."""
    if name in ("instrument", "sessions"):
        return _load_module(f"relive.{name}")
    if name == "_core":  # asked for by `from relive import _core`, before the import system looks
        return _load_core()
    try:
        module = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module 'relive' has no attribute {name!r}") from None
    value = getattr(_load_module(module), name)
    globals()[name] = value
    return value


def _load_module(name: str) -> object:
    """Imports a module of ours. Where something may be recorded, its import is not."""
    suppress = getattr(sys.modules.get("relive._core"), "suppress", None)
    if suppress is None:
        return __import__(name, fromlist=["*"])
    suppress(True)
    try:
        return __import__(name, fromlist=["*"])
    finally:
        suppress(False)


def load_ipython_extension(shell: object) -> None:
    """Runs on `%load_ext relive` in IPython and Jupyter."""
    _load_module("relive.notebooks").load(shell)  # type: ignore[attr-defined]


def unload_ipython_extension(shell: object) -> None:
    """Runs on `%unload_ext relive`."""
    _load_module("relive.notebooks").unload(shell)  # type: ignore[attr-defined]


def _load_core() -> object:
    """Imports the C module. Where it cannot be loaded, the error says why and what helps."""
    try:
        _check_whole()
        return __import__("relive._core", fromlist=["*"])
    except ImportError as error:
        from relive._unloaded import explain

        raise explain(error) from None


def _check_whole() -> None:
    """Raises ImportError where the compiled file is cut off: the loader would end the process.

    A file of ELF ends in its table of sections, of which the header says place and size."""
    import _imp
    from builtins import open as open_file  # ours has the same name

    try:
        path = __file__[: -len("__init__.py")] + "_core" + _imp.extension_suffixes()[0]
        with open_file(path, "rb") as file:
            head, size = file.read(64), file.seek(0, 2)
    except OSError:
        return  # the loader says why
    count, each = (int.from_bytes(head[at : at + 2], "little") for at in (60, 58))
    if head[:6] == b"\x7fELF\2\1" and size < int.from_bytes(head[40:48], "little") + count * each:
        raise ImportError("the file is truncated")


def __dir__() -> "List[str]":
    return sorted([*__all__, "instrument", "sessions"])

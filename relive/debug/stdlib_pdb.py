"""The standard library's pdb. Packages such as pdbpp put a module of their own in front of it. Then
`import pdb` is theirs, for the program, and `pdb` here is the library's own all the same."""

import bdb
import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Iterator


def _load() -> ModuleType:
    folder = os.path.dirname(bdb.__file__)
    found = importlib.machinery.PathFinder.find_spec("pdb", [folder])
    usual = getattr(sys.modules.get("pdb"), "__spec__", None) or importlib.util.find_spec("pdb")
    if found is None or found.loader is None or usual is None or usual.origin == found.origin:
        import pdb

        return pdb
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import pdb as pdb
else:
    pdb = _load()


_EDITOR = "_pyrepl_available"  # pdb's own, from 3.15 on


@contextlib.contextmanager
def without_editor() -> Iterator[None]:
    """Has a pdb.Pdb that is made meanwhile read lines by readline, as before 3.15. The line editor
    that pdb has since then takes SIGCONT and threading.excepthook from the program. A traceback of
    one of its threads would come at the next prompt, or never."""
    module: Any = pdb
    before = getattr(module, _EDITOR, None)
    if before is None:
        yield
        return
    setattr(module, _EDITOR, lambda: False)
    try:
        yield
    finally:
        setattr(module, _EDITOR, before)

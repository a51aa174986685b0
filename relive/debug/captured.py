"""pytest captures the program's output and takes its standard input away. While the prompt is open,
both are the user's, as with `pytest --pdb`. Where doctest or the program itself collects what is
printed, the prompt's own text is not among it."""

import io
import sys
from contextlib import contextmanager
from typing import Any, Iterator

from relive.debug import children


def _capture_manager() -> Any:
    """Returns what captures in a pytest that runs here; None without one. pytest keeps it for its
    own set_trace()."""
    debugging: Any = sys.modules.get("_pytest.debugging")
    plugins = getattr(getattr(debugging, "pytestPDB", None), "_pluginmanager", None)
    return plugins.getplugin("capturemanager") if plugins is not None else None


@contextmanager
def suspended(prompt: Any) -> Iterator[None]:
    """Has a prompt read and write where the user is."""
    manager = _capture_manager()
    if manager is None or children.label():  # a child has the terminal for itself
        before = prompt.use_rawinput
        # input() would write the prompt to sys.stdout; it has no editing of lines then either
        prompt.use_rawinput = before and not issubclass(type(sys.stdout), io.StringIO)
        try:
            yield
        finally:
            prompt.use_rawinput = before
        return
    manager.suspend(in_=True)
    before, prompt.stdout = prompt.stdout, sys.stdout
    try:
        yield
    finally:
        prompt.stdout = before
        manager.resume()

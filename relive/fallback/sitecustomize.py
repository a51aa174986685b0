"""Begins a recording, or the debugger, where relive.pth is not installed (editable installs, other
environments).

`relive record` puts this folder first on PYTHONPATH. The program's own sitecustomize, if there is
one, runs as it would have."""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _begin_recording() -> None:
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _here]
    root = os.path.dirname(os.path.dirname(_here))
    try:
        import relive  # noqa: F401
    except ImportError:
        sys.path.append(root)
    try:
        from relive import _core
    except ImportError as error:
        os.write(2, f"relive: it cannot begin here: {error}\n".encode())
    else:
        if hasattr(_core, "begin"):  # else this is not the main interpreter
            _start_parts()
    if root in sys.path[-1:]:
        sys.path.pop()


def _start_parts() -> None:
    from relive import _core

    _core.begin()
    if "RELIVE_DEBUG" in os.environ:
        from relive.debug import boot

        boot.begin()
    if os.environ.get("RELIVE_CONTROL", "0") not in ("", "0"):
        from relive.control import server

        server.begin()


def _run_next() -> None:
    """Runs the program's own sitecustomize in our place, or removes ours as if there were none. It
    uses modules that every interpreter has from its start."""
    spec = sys.modules["_frozen_importlib_external"].PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    module = sys.modules["_frozen_importlib"].module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_begin_recording()
_run_next()

"""Child processes of a program under `relive debug`: breakpoints are off there.

    first process   -> a file that all of its processes share, named in RELIVE_DEBUG
    child by fork   -> a hook after fork: the engine ends, pdb and Control-C are as if unused
    other children  -> the boot module finds RELIVE_DEBUG in the environment of C

One sentence says it, once for all processes: whoever says it leaves a mark in the file."""

import json
import os
import sys
from typing import Any, Dict, List, Mapping, Optional, cast

VARIABLE = "RELIVE_DEBUG"  # also in boot.py
OFF = "relive debug: breakpoints are off in child processes\n"

is_off = False  # this is a child
_shared: Dict[str, Any] = {}  # what the children get
_passed_on = ""  # the same as text, as it is in the environment


def begin(wanted: Dict[str, Any]) -> None:
    """Prepares the first process for its children. `wanted` gets the name of the file, for the time
    after a restart."""
    import atexit

    if "shared" not in wanted:
        wanted["shared"] = _make_file()
    _shared.update(off=True, shared=wanted["shared"], stderr=_place_of_stderr(), breaks=False)
    atexit.register(_remove_file, os.getpid())
    os.register_at_fork(after_in_child=_forked)
    renew()


def renew() -> None:
    """Passes on what holds now: whether there are breakpoints. Only C sees the variable, and so the
    children; os.environ is the program's own."""
    global _passed_on
    if not _shared or is_off:
        return
    _shared["breaks"] = _has_breakpoints()
    text = json.dumps(_shared)
    if text != _passed_on:
        _passed_on = text
        os.putenv(VARIABLE, text)


def begin_off(wanted: Mapping[str, Any]) -> None:
    """Begins a child that was not forked. Nothing of the debugger is imported there."""
    global is_off
    is_off = True
    _shared.update(wanted)
    os.putenv(VARIABLE, json.dumps(_shared))
    sys.meta_path.insert(0, cast(Any, _PdbFinder))
    if wanted.get("breaks"):
        say_off()


def say_off() -> None:
    """Says that breakpoints are off, where no process has said it yet. A child whose stderr is not
    that of the first process is silent: the program reads it."""
    import fcntl

    if _place_of_stderr() != _shared.get("stderr"):
        return
    try:
        fd = os.open(_shared["shared"], os.O_RDWR | os.O_CLOEXEC)
    except (OSError, TypeError):  # it could not be made, or the first process has ended
        return
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_size == 0:
            os.write(fd, b".")
            os.write(2, OFF.encode())
    except OSError:
        pass  # nobody reads it
    finally:
        os.close(fd)


def _forked() -> None:
    """Switches everything off in a forked child; called there behind the fork."""
    global is_off
    import signal

    from relive.debug.engine import runtime

    is_off = True
    runtime.end_in_child()
    handler = signal.getsignal(signal.SIGINT)
    if hasattr(getattr(handler, "__self__", None), "catch_interrupts"):  # the prompt's
        signal.signal(signal.SIGINT, signal.default_int_handler)
    switch_off(sys.modules["pdb"])
    if _has_breakpoints():
        say_off()


def switch_off(pdb: Any) -> None:
    """Makes set_trace() of pdb do nothing, also by way of breakpoint(). A debugger with streams of
    its own, such as one over a socket, is left alone."""
    before = pdb.Pdb.set_trace
    if getattr(before, "is_off", False):
        return

    def set_trace(self: Any, *args: Any, **named: Any) -> None:
        if not self.use_rawinput:
            before(self, *args, **named)
            return
        say_off()

    cast(Any, set_trace).is_off = True
    pdb.Pdb.set_trace = set_trace


class _PdbFinder:
    """The first of sys.meta_path: pdb is switched off when it is imported."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Optional[Any]:
        """Returns the spec of pdb, as the other finders have it."""
        if name != "pdb":
            return None
        finders: List[Any] = sys.meta_path
        finders.remove(_PdbFinder)
        found = (finder.find_spec(name, path, target) for finder in list(finders))
        spec = next((one for one in found if one is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            loader = spec.loader

            def exec_module(module: Any) -> None:
                del loader.exec_module  # the attribute below
                loader.exec_module(module)
                switch_off(module)

            loader.exec_module = exec_module
        return spec


def _has_breakpoints() -> bool:
    bdb: Any = sys.modules["bdb"]
    return any(bdb.Breakpoint.bpbynumber)


def _place_of_stderr() -> Optional[List[int]]:
    try:
        found = os.fstat(2)
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def _make_file() -> Optional[str]:
    import tempfile

    try:
        fd, path = tempfile.mkstemp(prefix="relive-debug-")
    except OSError:  # no folder can be written: children say nothing
        return None
    os.close(fd)
    return path


def _remove_file(pid: int) -> None:
    if os.getpid() == pid and _shared["shared"] is not None:
        try:
            os.unlink(_shared["shared"])
        except OSError:
            pass

"""Child processes of a program under `relive debug`. Breakpoints are off there; with `--children`
each process stops at the prompt in its turn.

    first process   -> a file that all of its processes share, named in RELIVE_DEBUG
    child by fork   -> a hook after fork: the engine ends, pdb and Control-C are as if unused
    other children  -> the boot module finds RELIVE_DEBUG in the environment

One sentence says that they are off, once for all processes: whoever says it leaves a mark in the
file. With `--children` the process that has the prompt holds a lock on the file, which the system
frees when the process ends. Who steps has its pid there, and gets the lock again within a second.

Control-C reaches all of them. The one that has the prompt takes it, and leaves the time for those
that only get to it when the prompt is closed.

    byte 0    the mark        bytes 1 to 16    the pid that steps, and until when
                              bytes 17 to 24   when a prompt has taken Control-C"""

import json
import os
import struct
import sys
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Mapping, Optional, cast

from relive.debug import carried
from relive.debug.carried import VARIABLE

OFF = "relive debug: breakpoints are off in child processes"
_NEEDS_OPTION = OFF + "; --children switches them on\n"
_NEEDS_TERMINAL = OFF + ": --children needs a terminal\n"
_GONE = "*** breakpoints are off in this process from now on; it goes on"
_NO_FILE = OFF + ": no temporary file can be made\n"
_OF_BEFORE = "*** child processes that begin from now on get the breakpoints of before: "
_PREFIX = "relive-debug-"
_STALE_S = 86400
_KEPT = struct.Struct("<qd")
_TAKEN = struct.Struct("<d")
_TAKEN_AT = 1 + _KEPT.size
_KEEPS_S = 1.0  # as stops.KEEPS_S; also how late another process may get to Control-C

is_off = False  # this is a child without breakpoints
_is_child = False
_depth = 0  # prompts within prompts that this process has open
_lock: Optional[int] = None  # the locked file, while it has one open
_shared: Dict[str, Any] = {}  # what the children get
_passed_on = ""  # the same as text, as children get it
_has_said_before = False


def begin(wanted: Dict[str, Any]) -> None:
    """Prepares the first process for its children. `wanted` gets the name of the file, for the time
    after a restart."""
    import atexit

    if "shared" not in wanted:
        wanted["shared"] = _make_file()
    _shared.update(shared=wanted["shared"], stderr=_place_of_stderr())
    is_wanted = wanted.get("children", False)
    terminal = _find_terminal() if is_wanted else None
    if terminal is None or wanted["shared"] is None:
        _shared.update(off=True, says=_NEEDS_TERMINAL if is_wanted else _NEEDS_OPTION, breaks=False)
        if terminal is not None:
            os.write(2, _NO_FILE.encode())
    else:
        _shared.update(
            terminal=terminal, my_code_only=wanted["my_code_only"], rules=wanted["rules"]
        )
    atexit.register(_remove_file, os.getpid())
    os.register_at_fork(after_in_child=_forked)


def renew(prompt: Any = None) -> None:
    """Passes on what holds now: the breakpoints of a prompt, or whether there are some. Where they
    are off only C sees the variable, and so the children; os.environ is the program's own."""
    global _passed_on
    if not _shared or is_off:
        return
    if "off" in _shared:
        _shared["breaks"] = _has_breakpoints()
    elif prompt is not None:
        from relive.debug import restart

        _shared["kept"] = restart.what_is_set(prompt)
    text = json.dumps(_shared)
    if text == _passed_on:
        return
    _passed_on = text
    if "off" in _shared:
        os.putenv(VARIABLE, text)
        return
    try:
        os.environ[VARIABLE] = carried.for_children(_shared, _shared["shared"])
    except OSError as error:
        _say_of_before(prompt, error)


def _say_of_before(prompt: Any, error: OSError) -> None:
    """Says once that children get what was set before."""
    global _has_said_before
    if prompt is not None and not _has_said_before:
        _has_said_before = True
        prompt.message(f"{_OF_BEFORE}{error.filename}: {error.strerror}")


def begin_off(wanted: Mapping[str, Any]) -> None:
    """Begins a child that was not forked, without breakpoints. Nothing of the debugger is imported
    there."""
    global is_off, _is_child
    is_off = _is_child = True
    _shared.update(wanted)
    os.putenv(VARIABLE, json.dumps(_shared))
    take_every_pdb()
    if wanted.get("breaks"):
        say_off()


def begin_on(wanted: Mapping[str, Any]) -> None:
    """Notes that this is a child which was not forked, with breakpoints."""
    global _is_child
    _is_child = True
    _shared.update(wanted)
    os.register_at_fork(after_in_child=_forked)


def label() -> str:
    """Returns the name and the pid of a child, for its prompt; of the first process nothing."""
    if not _is_child:
        return ""
    processes: Any = sys.modules.get("multiprocessing.process")
    name = processes.current_process().name if processes is not None else "MainProcess"
    return f"{'child' if name == 'MainProcess' else name} {os.getpid()}"


# ---- the turn of a process ----


class Left(Exception):
    """The user has left the debugger in a child."""


@contextmanager
def turn(prompt: Any) -> Iterator[None]:
    """Waits until no other process has the prompt. In a child it reads and writes at the terminal
    of the first process. Raises Left where that is over."""
    global _depth, _lock
    from relive import _core

    if "terminal" not in _shared or _depth:
        yield
        return
    own, lock = os.getpid(), _take_lock()
    _lock = lock
    before = prompt.stdin, prompt.stdout, prompt.use_rawinput
    _depth = 1
    try:
        if _is_child:
            _open_terminal(prompt)
        try:
            yield
        except Left:
            prompt.message(_GONE)
            raise
    except OSError as error:
        raise (Left() if _is_child else error) from None
    finally:
        if _is_child and prompt.stdout is not before[1]:
            prompt.stdin.close()
            prompt.stdout.close()
        prompt.stdin, prompt.stdout, prompt.use_rawinput = before
        if os.getpid() == own:  # else this is a child of the command that was typed
            _depth = 0
            if lock is not None and _core.debug_is_stepping():
                _keep(lock, own)
        _lock = None
        if lock is not None:
            os.close(lock)


def leave() -> None:
    """Ends the debugger in a child, which goes on."""
    global is_off
    from relive.debug.engine import runtime

    is_off = True
    runtime.end_in_child()


def note_interrupt() -> None:
    """Notes that the prompt of this process has taken Control-C."""
    import time

    if _lock is not None:  # another descriptor would give up the lock when it is closed
        os.pwrite(_lock, _TAKEN.pack(time.monotonic()), _TAKEN_AT)


def has_other() -> bool:
    """Returns whether another process has the prompt, or took Control-C there just now."""
    import fcntl
    import time

    if "terminal" not in _shared or _depth:
        return False
    try:
        fd = os.open(_shared["shared"], os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        taken = os.pread(fd, _TAKEN.size, _TAKEN_AT)
    except OSError:
        return True
    finally:
        os.close(fd)
    return len(taken) == _TAKEN.size and time.monotonic() - _TAKEN.unpack(taken)[0] < _KEEPS_S


def _take_lock() -> Optional[int]:
    """Returns the locked file. Raises Left in a child where the first process has ended."""
    import fcntl
    import time

    while True:
        try:
            fd = os.open(_shared["shared"], os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            if _is_child:
                raise Left from None
            return None  # somebody has removed it
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX)
            kept = os.pread(fd, _KEPT.size, 1)
            pid, until = _KEPT.unpack(kept) if len(kept) == _KEPT.size else (0, 0.0)
            if pid in (0, os.getpid()) or time.monotonic() >= until:
                os.pwrite(fd, bytes(_KEPT.size), 1)
                return fd
        except KeyboardInterrupt:  # it is for the process that has the prompt
            pass
        os.close(fd)
        time.sleep(_KEEPS_S / 20)


def _keep(lock: int, pid: int) -> None:
    import time

    os.pwrite(lock, _KEPT.pack(pid, time.monotonic() + _KEEPS_S), 1)


def _open_terminal(prompt: Any) -> None:
    fd = os.open(_shared["terminal"], os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    prompt.stdin = open(fd, encoding="utf-8", errors="replace")
    prompt.stdout = open(os.dup(fd), "w", encoding="utf-8", errors="replace")
    prompt.use_rawinput = False


def _find_terminal() -> Optional[str]:
    """Returns the path of the terminal that is standard input."""
    try:
        return os.ttyname(0)
    except OSError:
        return None


# ---- breakpoints are off ----


def say_off() -> None:
    """Says that breakpoints are off, where no process has said it yet. A child whose stderr is not
    that of the first process is silent: the program reads it."""
    import fcntl

    if "off" not in _shared or _place_of_stderr() != _shared.get("stderr"):
        return
    try:
        fd = os.open(_shared["shared"], os.O_RDWR | os.O_CLOEXEC)
    except (OSError, TypeError):  # it could not be made, or the first process has ended
        return
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_size == 0:
            os.write(fd, b".")
            os.write(2, _shared["says"].encode())
    except OSError:
        pass  # nobody reads it
    finally:
        os.close(fd)


def _forked() -> None:
    """Continues in a forked child; called there behind the fork. Without `--children` everything is
    switched off."""
    global _is_child, _depth, _passed_on
    import signal

    _is_child, _depth = True, 0
    _passed_on = ""  # what this process sets is for its own children
    if "off" not in _shared:
        return
    leave()
    handler = signal.getsignal(signal.SIGINT)
    if hasattr(getattr(handler, "__self__", None), "catch_interrupts"):  # the prompt's
        signal.signal(signal.SIGINT, signal.default_int_handler)
    take_every_pdb()
    if _has_breakpoints():
        say_off()


def take_every_pdb(prompt: Any = None) -> None:
    """Does what take_pdb() does for what the program imports as pdb, now or later."""
    if "pdb" in sys.modules:
        take_pdb(sys.modules["pdb"], prompt)
    else:
        sys.meta_path.insert(0, cast(Any, _PdbFinder(prompt)))


def take_pdb(pdb: Any, prompt: Any = None) -> None:
    """Makes set_trace() of pdb open Relive's prompt, or do nothing where breakpoints are off. So
    breakpoint() does too. Where they are on, `prompt` is that prompt. A debugger with streams of
    its own, such as one over a socket, is left alone."""
    before = pdb.Pdb.set_trace
    if getattr(before, "is_taken", False):
        return

    def set_trace(self: Any, frame: Any = None, *args: Any, **named: Any) -> None:
        if not self.use_rawinput:
            before(self, frame or sys._getframe().f_back, *args, **named)
        elif is_off:
            say_off()
        else:
            prompt.set_trace(frame or sys._getframe().f_back, commands=named.get("commands"))

    cast(Any, set_trace).is_taken = True
    pdb.Pdb.set_trace = set_trace


class _PdbFinder:
    """The first of sys.meta_path: pdb is taken when it is imported."""

    def __init__(self, prompt: Any) -> None:
        self._prompt = prompt

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[Any]:
        """Returns the spec of pdb, as the other finders have it."""
        if name != "pdb":
            return None
        finders: List[Any] = sys.meta_path
        finders.remove(self)
        found = (finder.find_spec(name, path, target) for finder in list(finders))
        spec = next((one for one in found if one is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            loader = spec.loader

            def exec_module(module: Any) -> None:
                del loader.exec_module  # the attribute below
                loader.exec_module(module)
                take_pdb(sys.modules.get(name, module), self._prompt)

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
        fd, path = tempfile.mkstemp(prefix=f"{_PREFIX}{os.getpid()}-")
    except OSError:  # no folder can be written: children say nothing
        return None
    os.close(fd)
    _remove_stale(os.path.dirname(path))
    return path


def _remove_stale(folder: str) -> None:
    """Removes the files of processes that were killed. In another container a pid may be one that
    is not known here, so a file also has to be a day old."""
    import time

    for name in os.listdir(folder):
        pid = name[len(_PREFIX) :].partition("-")[0] if name.startswith(_PREFIX) else ""
        path = os.path.join(folder, name)
        try:
            if pid.isdecimal() and time.time() - os.lstat(path).st_mtime > _STALE_S:
                os.kill(int(pid), 0)
        except ProcessLookupError:
            with suppress(OSError):  # another user's
                os.unlink(path)
        except (OSError, OverflowError):
            pass  # it lives, as another user's, or the file is gone


def _remove_file(pid: int) -> None:
    if os.getpid() == pid and _shared["shared"] is not None:
        carried.remove_files(_shared["shared"])

"""Runs, as the API begins and continues them. What a run is, and all that a process does with one
before its program's first line and in forked children, is in C (src/cpython/run.h), so that a
program finds none of our modules imported."""

import _thread
import os
import sys

from relive import _core
from relive.errors import from_core

VARIABLE = "RELIVE_RUN"
BY_OPTION = "--force replaces it"
REDACTED = _core.SENTINELS["redacted"]
complain = _core.complain
library_folders = _core.library_folders
opened = _core.opened_run
tell_children = _core.tell_children


class _Quiet:
    """`with quiet:` nothing of this thread is recorded: it is for our own work, which calls
    functions of the standard library that a filter may want of the program."""

    def __enter__(self):
        _core.suppress(True)

    def __exit__(self, *exc_info):
        _core.suppress(False)


class _Changing(_Quiet):
    def __init__(self):
        self._lock = _thread.RLock()

    def __enter__(self):
        self._lock.acquire()
        super().__enter__()

    def __exit__(self, *exc_info):
        super().__exit__()
        self._lock.release()


quiet = _Quiet()
_changing = _Changing()


def changing():
    """What whoever begins, ends or exchanges the recording of this process holds meanwhile."""
    return _changing


def _begin_child():
    """In a forked child: a thread that held the lock in the parent does not exist here."""
    global _changing
    _changing = _Changing()


os.register_at_fork(after_in_child=_begin_child)


def choose_backend(config, level):
    """(name, reason): the wanted backend, or the best one that works here and can do what the
    settings want, where `level` is the highest of any function."""
    return _asked(_core.choose_backend, config, level)


def filter_chain(config):
    """The filters of a recording with these settings."""
    from relive.filters import doors

    return doors.chain(config, library_folders())


def open_file(path, config, run=None):
    """Starts the engine on a new file; ReliveError where that is refused."""
    _asked(_core.open_run, path, _complete(dict(run or {}, config=config)))


def join(run):
    """Opens this process's own file of the run, beside the first one."""
    _asked(_core.join_run, _complete(run))


def _complete(run):
    config = run["config"]
    made = dict(run, filter=filter_chain(config).recipe(config["level"]))
    made.pop("filter_key", None)  # of another filter
    return made


def _asked(function, *args):
    try:
        return function(*args)
    except _core.Error as error:
        raise from_core(error) from None


def safe(text):
    """Text that cannot command a terminal: recorded text, names of files."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape").decode("ascii")
        if not 0xD800 <= ord(c) < 0xE000
        else f"\\u{ord(c):04x}"
        for c in text
    )


def forget_stdout():
    """Whoever read our output has gone: no complaint at exit either."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)

"""Looks at a real program from inside, in the ways that the variable WATCH names.

The module site imports it before the program begins. It imports nothing that an interpreter has not
imported by then. So what it writes at the end is the program's doing."""

import atexit
import os
import sys


def write_modules(folder, pid, write=os.write, open=os.open, getpid=os.getpid, modules=sys.modules):
    """Writes the names of all modules, in the process that began alone, not in its forks."""
    if getpid() != pid:
        return
    name = f"{folder}/modules.{pid}"
    file = open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    write(file, "\n".join(sorted(modules)).encode())
    os.close(file)


def leave_at_once(status, leave=os._exit):
    """os._exit() for a program that ends by it: no function of atexit runs there."""
    write_modules(*NOTED)
    leave(status)


if "WATCH_MODULES" in os.environ:
    NOTED = os.environ["WATCH_MODULES"], os.getpid()
    atexit.register(write_modules, *NOTED)
    os._exit = leave_at_once
if "WATCH_CALLS" in os.environ and "RELIVE_RUN" in os.environ:  # not relive record itself
    import watcher

    watcher.begin(os.environ["WATCH_CALLS"])

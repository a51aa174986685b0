"""Puts Relive's classes in place of pdb's and bdb's, for the tests that CPython has of them.

It maps names and texts of prompts. It decides nothing about stops."""

import os
import subprocess
import sys

# What `relive debug` prints, and what pdb prints in its place.
TEXTS = [(b"(relive) ", b"(Pdb) "), (b"((relive)) ", b"((Pdb)) ")]
HERE = os.path.dirname(os.path.abspath(__file__))


def start_runtime():
    """Starts the engine for all code: CPython's tests step through the standard library."""
    from relive.debug.engine import runtime

    assert runtime.initialize({"enabled": True, "my_code_only": False}), runtime.telemetry.as_json()


_seen = [0]  # the stops that the engine has counted


def require_own_stop(frame):
    """A stop is the engine's: its telemetry counts and names it. From 3.12 on there is no trace
    function at it."""
    from relive.debug.engine import runtime

    trouble, count, named = "", runtime.counts()["stops"], runtime.stops.here()
    if count <= _seen[0] or named is None or named.frame is not frame:
        trouble = f"the engine does not know of a stop at {frame!r}"
    elif sys.version_info >= (3, 12) and sys.gettrace() is not None:
        trouble = f"there is a trace function at a stop: {sys.gettrace()!r}"
    if trouble:
        os.write(2, f"{trouble}\n".encode())
        os._exit(70)  # an exception could be what a test expects
    _seen[0] = count


def replace_bdb():
    """Makes bdb.Bdb the class that the engine drives."""
    import bdb

    from relive.debug.bdb_bridge import EngineDriven

    class Bdb(EngineDriven):
        def __init__(self, *args, **named):
            super().__init__(*args, **named)
            self.start_engine()

        def stopped(self, frame, *args):
            require_own_stop(frame)
            super().stopped(frame, *args)

    start_runtime()
    bdb.Bdb = Bdb


def replace_pdb():
    """Makes pdb.Pdb Relive's prompt."""
    import pdb

    from relive.debug.prompt import Prompt

    class Pdb(Prompt):
        def __init__(self, *args, **named):
            super().__init__(*args, **named)
            self.prompt = "(Pdb) "

        def stopped(self, frame, *args):
            require_own_stop(frame)
            super().stopped(frame, *args)

    start_runtime()
    pdb.Pdb = Pdb


class Popen(subprocess.Popen):
    """`python -m pdb` becomes `relive debug`."""

    def __init__(self, args, *more, **named):
        self.is_mapped = list(args[1:3]) == ["-m", "pdb"]
        if self.is_mapped:
            words = args[3:]
            end = words.index("--") if "--" in words else len(words)
            words = ["-x" if word == "-c" else word for word in words[:end]] + words[end:]
            args = [args[0], "-m", "relive", "debug", "--again", "--all-code", *words]
        super().__init__(args, *more, **named)

    def communicate(self, *args, **named):
        return tuple(self._map(text) for text in super().communicate(*args, **named))

    def _map(self, text):
        for ours, theirs in TEXTS if self.is_mapped and text else ():
            if isinstance(text, str):
                ours, theirs = ours.decode(), theirs.decode()
            text = text.replace(ours, theirs)
        return text


class Subprocess:
    """The module subprocess, with the Popen above."""

    Popen = Popen

    def __getattr__(self, name):
        return getattr(subprocess, name)


def replace_children(module):
    """Gives a test module children that have Relive's classes too."""
    module.subprocess = Subprocess()
    run_pty = getattr(module, "run_pty", None)
    if run_pty is not None:
        # On the first line, which is empty in these scripts: numbers of lines stay.
        first = f"import sys; sys.path.insert(0, {HERE!r}); import shim; shim.replace_pdb()"
        module.run_pty = lambda script, *args, **named: run_pty(
            first + own_lines(script), *args, **named
        )


def own_lines(script):
    """Returns a script that begins with the end of a line."""
    return script if script.startswith("\n") else "\n" + script


def load(name):
    """Imports a test module of CPython with the classes replaced."""
    import importlib

    if name == "test_bdb":
        replace_bdb()
    else:
        replace_pdb()
    module = importlib.import_module(f"test.{name}")
    replace_children(module)
    return module

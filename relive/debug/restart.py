"""`restart` at the prompt of `relive debug`: the process becomes the program once more, by exec.

So the program begins with fresh modules, in its first folder and environment. What the user has set
goes along in the variable that `relive debug` itself uses."""

import bdb
import io
import os
import sys
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, cast

from relive.debug import carried
from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime
from relive.debug.stdlib_pdb import pdb
from relive.errors import ReliveError

_HISTORY = 200  # lines


class Start(NamedTuple):
    """How the program was started."""

    wanted: Mapping[str, Any]  # what VARIABLE had
    environ: Mapping[str, str]
    folder: str


_start: Optional[Start] = None


def remember(start: Start) -> None:
    """Keeps how the program was started, for start_again()."""
    global _start
    _start = start


def start_again(prompt: pdb.Pdb, args: Optional[Sequence[str]]) -> None:
    """Starts the program again, with other arguments unless they are None. Returns only where that
    is refused: it raises ReliveError then."""
    if _start is None or _start.wanted["pid"] != os.getpid():
        raise ReliveError("ERR_USAGE", "only the process that `relive debug` began can restart")
    words, head = list(_start.wanted["words"]), _start.wanted["head"]
    if args is not None:
        words[head:] = args
    prompt.message(f"Restarting {words[head - 1]} with arguments:")
    prompt.message("\t" + " ".join(words[head:]))
    _become(prompt, _start, words)


def become(prompt: pdb.Pdb) -> None:
    """Starts the program again with the same arguments. Returns only where another process began
    it; raises ReliveError where exec fails."""
    if _start is not None and _start.wanted["pid"] == os.getpid():
        _become(prompt, _start, _start.wanted["words"])


def _become(prompt: pdb.Pdb, start: Start, words: List[str]) -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    kept = {**_kept(prompt), "rest": _take_rest()}
    wanted = {**start.wanted, "words": words, "kept": kept}
    folder = os.getcwd()
    try:
        os.chdir(start.folder)
        with carried.for_program(wanted) as text:
            _execute(words, {**start.environ, carried.VARIABLE: text})
    except OSError as error:
        raise ReliveError("ERR_TARGET", f"{start.folder}: {error.strerror}") from None
    finally:
        os.chdir(folder)
        put_rest(kept["rest"])


def _execute(words: List[str], environ: Mapping[str, str]) -> None:
    try:
        os.execve(words[0], words, environ)
    except OSError as error:
        raise ReliveError("ERR_TARGET", f"{words[0]}: {error.strerror}") from None


def _kept(prompt: pdb.Pdb) -> Dict[str, Any]:
    """Returns what the user has set, as JSON can have it."""
    inner = cast(Any, prompt)
    catches = [one for one in runtime.breakpoints.all() if one.exception]
    return {
        "breaks": [
            one and [one.file, one.line, one.temporary, one.cond, getattr(one, "funcname", None),
                     one.ignore, one.enabled, one.hits, _options(one)]
            for one in bdb.Breakpoint.bpbynumber[1:]
        ],
        "traces": list(inner.place.trace("")),
        "context": inner.shown_context(),
        "catches": [[one.when, one.exception] for one in catches],
        "watches": runtime.watches.kept(),
        "attributes": {name: list(getattr(inner, name, {}).items()) for name in _TABLES},
        "queue": [line for line in prompt.cmdqueue if not line.startswith("_pdbcmd_")],
        "history": _history(),
    }  # fmt: skip


def what_is_set(prompt: pdb.Pdb) -> Dict[str, Any]:
    """Returns what the user has set, for a child: no commands that are still to come."""
    return {**_kept(prompt), "queue": [], "history": []}


def _options(one: bdb.Breakpoint) -> Dict[str, Any]:
    """Returns the options of a breakpoint, but a thread, which is another one after a restart."""
    options = getattr(one, "options", {})
    return {name: value for name, value in options.items() if name != "thread"}


# Tables of a pdb.Pdb that stay. Their keys are numbers of breakpoints, or names.
_TABLES = ("commands", "commands_doprompt", "commands_silent", "aliases")


def _history() -> List[str]:
    readline: Any = sys.modules.get("readline")
    if readline is None:
        return []
    count = readline.get_current_history_length()
    numbers = range(max(1, count - _HISTORY + 1), count + 1)
    return [line for line in map(readline.get_history_item, numbers) if line]


def put_back(prompt: pdb.Pdb, kept: Mapping[str, Any]) -> List[Breakpoint]:
    """Sets what _kept() returned. Returns the breakpoints on exceptions, to be added."""
    for number, row in enumerate(kept["breaks"], 1):
        if row is None:
            bdb.Breakpoint.bpbynumber.append(None)
            bdb.Breakpoint.next = number + 1
            continue
        file, line, temporary, condition, function, ignore, enabled, hits, options = row
        prompt.set_break(file, line, temporary, condition, function)
        one = bdb.Breakpoint.bpbynumber[-1]
        if one is not None and one.number == number:
            one.ignore, one.enabled, one.hits = ignore, enabled, hits
            one.options = options  # type: ignore[attr-defined]
    for name, items in kept["attributes"].items():
        if items:
            setattr(prompt, name, dict(map(tuple, items)))
    inner = cast(Any, prompt)
    for name in kept["traces"]:
        inner.place.trace(name)
    inner.show_context(kept["context"])
    prompt.rcLines.extend(kept["queue"])
    readline: Any = sys.modules.get("readline")
    for line in kept["history"] if readline is not None else ():
        readline.add_history(line)
    for row in kept["watches"]:
        runtime.watches.again(*row)
    return [Breakpoint(exception=name, when=when) for when, name in kept["catches"]]


# ---- standard input that is no terminal: what was read ahead is still to come ----


class _Rest(io.RawIOBase):
    """Standard input with a text in front."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        found, self._text = self._text[:size], self._text[size:]
        found = found or os.read(0, size)
        buffer[: len(found)] = found
        return len(found)


def _take_rest() -> str:
    """Returns what Python has read of standard input and nobody has taken yet."""
    stream = sys.__stdin__
    if stream is None or stream.closed or stream.isatty():
        return ""
    kept, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        return stream.read()
    except ValueError:  # no text in this encoding
        return ""
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(nothing)


def put_rest(text: str) -> None:
    """Puts a text in front of standard input."""
    if text:
        encoding = sys.stdin.encoding
        raw: Any = _Rest(text.encode(encoding, "surrogateescape"))
        made = io.TextIOWrapper(io.BufferedReader(raw), encoding, sys.stdin.errors)
        sys.stdin = sys.__stdin__ = made  # type: ignore[misc]

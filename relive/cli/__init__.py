"""The command line: one verb, one module of the same name in this folder."""

import os
import sys

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional

# In the order in which somebody new needs them.
VERBS = {
    "record": "run a program and record what it does",
    "summary": "a recording on one page, with the next commands; also: relive FILE",
    "why": "the failure on one page: the exception, its values, what came before",
    "unittest": "run tests, and keep a recording of each that fails; pytest has --relive",
    "debug": "run a program with breakpoints that cost nothing until they are hit",
    "attach": "record a process that runs already, or change how it is recorded",
    "detach": "end the recording of a process that runs on",
    "info": "what a recording holds: when, where, how much, what was not kept",
    "tree": "the call tree, repeated calls folded, with what went wrong",
    "calls": "each call of a function, with values; which ones an expression picks",
    "exc": "exceptions: where raised, through which frames, with their variables",
    "line": "each time a line ran, with the values of its variables",
    "frame": "one call whole: its lines with values, what it called, how it ended",
    "history": "each value that a variable had",
    "state": "what was open at a position: threads, tasks, frames, their variables",
    "find": "every place where a value is: arguments, results, variables, attributes, items",
    "origin": "where the value of a variable came from, hop by hop",
    "replay": "step through a recording with pdb's commands, forwards and backwards",
    "threads": "threads: names, times, how they ended, where they wait",
    "tasks": "tasks: who created them, how they ended, what they wait for",
    "timeline": "all threads, tasks and processes in one order of time",
    "top": "functions by their own time",
    "cover": "which lines of a function or a file ran, and how often",
    "out": "what the program wrote, with the position of each write",
    "callers": "which functions called one, and how often",
    "callees": "which functions one called, and how often",
    "diff": "where two recordings part",
    "sessions": "requests and other sessions, with what ran for them",
    "gaps": "what was called and not recorded, and the rule to add",
    "filter": "check, explain and begin filter files",
    "cut": "a part of a recording as a recording of its own",
    "pack": "a whole run as one file that may be passed on, without secrets",
    "ls": "recordings of a folder: how old, how big, which program, how it ended",
    "rm": "remove recordings, with their children's files and indexes",
    "check": "verify every block of a recording",
    "completion": "completion of verbs, options and names for bash, zsh and fish",
    "schema": "what each verb prints with --json",
    "dump": "every event as a line of JSON",
    "doctor": "what works here, and why something does not",
}

# The same verbs by what somebody wants to do.
GROUPS = (
    ("record and debug a program",
     ("record", "unittest", "debug", "attach", "detach", "doctor", "filter")),
    ("what happened", ("summary", "why", "exc", "tree", "top", "out", "info", "gaps")),
    ("calls, lines and values",
     ("calls", "frame", "line", "history", "state", "find", "origin", "cover", "callers", "callees",
      "replay", "diff")),
    ("threads, tasks and requests", ("threads", "tasks", "timeline", "sessions")),
    ("files", ("ls", "rm", "cut", "pack", "check", "dump", "schema", "completion")),
)  # fmt: skip

RUNS = {"attach", "debug", "detach", "record", "unittest"}  # they read no recording

OK, NOTHING, USAGE, DAMAGED, NOT_STARTED = 0, 1, 2, 3, 125


def usage() -> str:
    """Returns the text of `relive --help`, as wide as the terminal."""
    from relive.cli.options import format_row, terminal_width, wrap

    room, column = max(40, terminal_width() - 2), max(map(len, VERBS)) + 4
    lines = []
    for title, verbs in GROUPS:
        lines.append(f"\n{title}:")
        for verb in verbs:
            lines += format_row(verb, VERBS[verb], room, column)
    head = wrap("Relive records what a Python program does and answers questions about it.", room)
    tail = [
        "FILE is the newest recording in this folder when left out.",
        "`relive FILE` is `relive summary FILE`.",
        "A long one gets an index beside it (FILE-index), unless --no-index is given.",
        "`relive VERB --help` tells more; begin with: relive record app.py",
    ]
    rest = [line for text in tail for line in wrap(text, room)]
    lines = ["usage: relive VERB [options] [FILE]", "", *head, *lines, "", *rest]
    return "\n".join(lines) + "\n"


def _is_file(word: str) -> bool:
    """Returns whether a word in the place of a verb is meant as a recording."""
    return os.path.isfile(word) or word.endswith(".relive")


def main(
    argv: "Optional[List[str]]" = None, before_verb: "Optional[Callable[[], None]]" = None
) -> int:
    """Runs one command, and returns the exit status. `before_verb` is called once the module of its
    verb is imported."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words, before_verb)
    except ImportError as error:
        if error.name != "relive._core":
            raise
        sys.stderr.write(f"{error}\n")
        return NOT_STARTED if words and words[0] in ("record", "debug") else USAGE


def _run(words: "List[str]", before_verb: "Optional[Callable[[], None]]") -> int:
    """Runs the verb that the words name."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # names may hold what the terminal's encoding has not
        reconfigure(errors="backslashreplace")
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
        if not words:
            from relive.cli.common import newest_here

            sys.stdout.writelines(newest_here(5))
        return OK if words else USAGE
    if words[0] in ("-V", "--version"):
        from relive._version import __version__

        print(f"relive {__version__}")
        if words[1:] == ["--verbose"]:
            from relive.cli.build import describe

            sys.stdout.writelines(describe())
        return OK
    verb = words[0]
    if verb not in VERBS and _is_file(verb):
        verb = "summary"
        words.insert(0, verb)
    if verb not in VERBS:
        from relive.config import nearest

        sys.stderr.write(
            f"relive: there is no verb {verb!r}{nearest(verb, VERBS)} (relive --help lists them)\n"
        )
        return USAGE
    words = words[1:]
    if verb not in RUNS and "--no-index" in words:
        import os

        os.environ["RELIVE_INDEX"] = "0"
        words.remove("--no-index")
    try:
        module = __import__(f"relive.cli.{verb}", fromlist=["main"])
        if before_verb is not None:
            before_verb()
        return int(module.main(words))
    except ReliveError as error:
        from relive.cli.common import safe

        sys.stderr.write(f"relive {verb}: {safe(str(error))} [{error.code}]\n")
        if error.command:
            sys.stderr.write(f"This works here:\n  {safe(error.command)}\n")
        if verb in ("record", "debug", "unittest"):
            return NOT_STARTED
        return DAMAGED if error.kind == "target" and error.code != "ERR_NOT_FOUND" else USAGE
    except BrokenPipeError:
        from relive._terminal import forget_stdout

        forget_stdout()
        return OK
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        if verb in RUNS:
            raise  # it may be the program's own
        sys.stderr.write(f"relive {verb}: no memory for the answer [ERR_NO_MEMORY]\n")
        return USAGE

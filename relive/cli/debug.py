"""relive debug [options] TARGET: run a program under the debugger, with a prompt like pdb's.

Like `relive record`, the program is started by its own interpreter; breakpoints cost nothing until
they are hit."""

from __future__ import annotations

import os

from relive.cli.options import Option, Parser
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

_EPILOG = """TARGET is what `relive record` takes: script.py [args], -m module [args], -c code,
an installed command, or an interpreter with its flags.

Without -b the program stops at its first line; with -b at the first breakpoint:
  relive debug -b shop.py:42 -b "shop.py:60 if total > 100" shop.py

The prompt has pdb's commands (h lists them). In a program of your own, relive.set_trace() or
PYTHONBREAKPOINT=relive.set_trace opens the same prompt.
At a terminal the program runs again when it has ended, until you quit. Otherwise, or with --once,
the exit status is the program's; 125 when it was not started.
"""


def parser() -> Parser:
    """Returns the parser of the options."""
    return Parser(
        "debug", "Run a program under the debugger.",
        Option("-b", "--break", key="breaks", many=True, default=[],
               metavar="FILE:LINE[ if EXPR]", text="stop there, with the options of `b` at the"
               " prompt; may be given several times"),
        Option("--catch", key="catches", many=True, metavar="WHEN[:NAME]",
               text="stop at exceptions: raised, uncaught or user_unhandled, of the class NAME or"
               " of all; may be given several times (default: uncaught; none: --catch off)"),
        Option("--watch", key="watches", many=True, default=[],
               metavar="FUNCTION:NAME[.ATTRIBUTE]",
               text="stop where a variable of a function, or an attribute of one, has changed;"
               " may be given several times"),
        Option("--all-code", text="step through libraries too (default: through your code, as"
               " trace filters have it)"),
        Option("--trace-filter", many=True, metavar="FILE",
               text="a filter file: code that it skips is not stepped through; may be given"
               " several times"),
        Option("--no-auto-filter", key="auto_filter", const=False,
               text="do not look for the project's own .relive/trace-filter.toml"),
        Option("-x", "--command", key="commands", many=True, default=[], metavar="COMMAND",
               text="a command for the prompt, as if typed at the first stop; may be given several"
               " times"),
        Option("--again", text="run the program again when it has ended, as pdb does; breakpoints"
               " stay (default: where standard input is a terminal)"),
        Option("--once", key="again", const=False, text="end with the program, with its exit"
               " status (default: where standard input is no terminal)"),
        Option("--children", text="stop in child processes too, one at a time at the terminal"
               " (default: breakpoints are off there)"),
        Option("--context", metavar="N", default="1",
               text="show N lines of source around each stop (default: 1)"),
        has_target=True, epilog=_EPILOG,
    )  # fmt: skip


def place(text: str) -> Tuple[str, int, Optional[str], Dict[str, str], bool]:
    """Returns (path, line, condition, options, once) of FILE:LINE[ if EXPR][, OPTION ...]."""
    from relive.debug import breakpoints, conditions
    from relive.prompt.breakpoints import LINE, parse_break

    one = parse_break(text.strip(), "")
    if one.kind != LINE or "if" in one.file.split():
        raise ReliveError("ERR_USAGE", f"-b {text!r}: written is FILE:LINE, or FILE:LINE if EXPR")
    if not os.path.isfile(one.file):
        raise ReliveError("ERR_USAGE", f"-b {text!r}: there is no file {one.file}")
    if "thread" in one.options:
        raise ReliveError("ERR_USAGE", f"-b {text!r}: threads have numbers at the prompt alone")
    if one.condition:
        try:
            conditions.parse(one.condition)
        except (SyntaxError, ValueError) as error:
            why = getattr(error, "msg", error)
            raise ReliveError(
                "ERR_USAGE", f"-b {text!r}: {one.condition!r} is no expression: {why}"
            ) from None
    path = os.path.abspath(one.file)
    hits, log = one.options.get("hits", ""), one.options.get("log")
    made = breakpoints.Breakpoint(path, one.line, hit_condition=hits, log_message=log)
    try:
        breakpoints.check(made)
    except ReliveError as error:
        raise ReliveError("ERR_USAGE", f"-b {text!r}: {error}") from None
    return path, one.line, one.condition, one.options, one.is_temporary


def catches(texts: Optional[Sequence[str]]) -> List[Tuple[str, str]]:
    """Returns [(when, name)] of --catch."""
    from relive.config import nearest
    from relive.debug.breakpoints import CATCHES

    found = []
    for text in ["uncaught"] if texts is None else texts:
        when, _, name = text.partition(":")
        if when == "off" and not name:
            continue
        if when not in CATCHES:
            words = ", ".join(CATCHES)
            raise ReliveError(
                "ERR_USAGE",
                f"--catch {text!r}: wanted is one of {words}, off{nearest(when, CATCHES)}",
            )
        found.append((when, name or "*"))
    return found


def watches(texts: Sequence[str]) -> List[Tuple[str, str]]:
    """Returns [(function, data)] of --watch."""
    found = []
    for text in texts:
        function, _, data = text.rpartition(":")
        if not function or not all(map(str.isidentifier, data.split("."))):
            raise ReliveError(
                "ERR_USAGE",
                f"--watch {text!r}: written is FUNCTION:NAME, or FUNCTION:NAME.ATTRIBUTE",
            )
        found.append((function, data))
    return found


def main(words: List[str]) -> int:
    """Replaces this process by the program. Returns only where that is refused."""
    from relive import config
    from relive.cli import launch
    from relive.debug import carried
    from relive.filters import doors

    args = parser().parse(words)
    if not args.target:
        raise ReliveError(
            "ERR_USAGE", "no TARGET: what shall be run? For example: relive debug app.py"
        )
    if not args.context.isdecimal() or not 0 < int(args.context) < 1000:
        raise ReliveError("ERR_USAGE", f"--context {args.context!r}: wanted is a number of lines")
    program = launch.resolve(args.target)
    chosen = {"trace_filter": args.trace_filter, "auto_filter": args.auto_filter}
    rules = config.load(options={k: v for k, v in chosen.items() if v is not None}).as_dict()
    if not args.all_code:
        rules, _ = doors.resolved(rules, program.folder())
    flags = program.flags()
    is_named = program.words[len(flags) : len(flags) + 1] in (["-m"], ["-c"])
    wanted = {
        "pid": os.getpid(),
        "words": [program.interpreter, *program.words],
        "head": 1 + len(flags) + (2 if is_named else 1),  # then come the program's arguments
        "again": os.isatty(0) if args.again is None else args.again,
        "my_code_only": not args.all_code,
        "rules": {key: rules[key] for key in ("trace_filter", "auto_filter")},
        "breaks": [place(text) for text in args.breaks],
        "catches": catches(args.catches),
        "watches": watches(args.watches),
        "commands": args.commands,
        "context": int(args.context),
        "children": bool(args.children),
    }
    with carried.for_program(wanted) as text:
        launch.become(program, {carried.VARIABLE: text})
    return 0  # not reached: it becomes the program, or raises

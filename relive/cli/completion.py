"""relive completion bash|zsh|fish: a script that completes verbs, options, choices, recordings, and
names of functions.

    eval "$(relive completion bash)"

The script has what the parsers have. Names of functions alone come from `relive completion
functions [FILE]`, when a word may be one. It ends within a second and never writes an error. A
name that is not of letters, digits, dots and _ is left out, so a recording cannot say anything to
a shell."""

from __future__ import annotations

import os
import re
import sys

from relive.cli import OK, VERBS
from relive.cli.options import Option, Parser, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List

_SHELLS = ("bash", "zsh", "fish")
_SECONDS = 1
_MOST_NAMES = 5000
_PLAIN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FILES = ("FILE", "OUT", "FOLDER", "PATH")  # metavars of what the shell itself completes


def main(words: List[str]) -> int:
    """Prints the script of a shell, or the names of functions in a recording."""
    args = Parser(
        "completion", "A script that completes the words of relive. For bash: eval \"$(relive"
        " completion bash)\", in ~/.bashrc.",
        Word("SHELL", "bash, zsh or fish; functions: the names that these scripts ask for",
             read=_read_shell),
        Word("FILE", "with functions: the recording (default: the newest one here)", least=0),
    ).parse(words)  # fmt: skip
    if args.shell == "functions":
        _print_functions(args.file)
        return OK
    sys.stdout.write(_fish() if args.shell == "fish" else _script(args.shell))
    return OK


def _read_shell(text: str) -> str:
    if text not in (*_SHELLS, "functions"):
        raise ValueError(f"none of {', '.join(_SHELLS)}")
    return text


def _print_functions(name: str) -> None:
    """Prints the names of functions in a recording, as far as a second allows."""
    import threading

    from relive import _core
    from relive.cli.common import recordings_here

    watch = threading.Timer(_SECONDS, os._exit, [0])  # the reader lets it run
    watch.daemon = True
    watch.start()
    name = name or next(iter(recordings_here()), "")
    try:
        codes = _core.Reader(name).codes() if name else []
    except (_core.Error, OSError, ValueError):
        return
    names = {code[2].rpartition("<locals>.")[2] for code in codes if not code[5] & 256}
    plain = sorted(one for one in names if _PLAIN.fullmatch(one))
    sys.stdout.writelines(f"{one}\n" for one in plain[:_MOST_NAMES])


def _parsers() -> Dict[str, Parser]:
    from relive.cli import parsers

    return parsers.read_all()


def _takes_function(parser: Parser) -> bool:
    return any("FUNC" in word.metavar or word.metavar in ("CALL", "POSITION", "NAME@POS")
               for word in parser.words())  # fmt: skip


def _values(option: Option) -> str:
    """Returns what completes the value of an option: its choices, 'file', 'function', or ''."""
    if option.choices:
        return " ".join(option.choices)
    if not option.metavar:
        return ""
    choices = option.metavar.split("|")
    if len(choices) > 1 and all(map(str.islower, choices)):
        return " ".join(choices)
    if "FUNC" in option.metavar:
        return "@functions"
    return "@files" if option.metavar.startswith(_FILES) else "@none"


# ---- bash and zsh: completion.bash and completion.zsh, with the words put in ----


def _script(shell: str) -> str:
    """Returns the script of bash or zsh."""
    parsers = _parsers()
    options, values, free = [], [], ["        filter) echo 'check explain init' ;;"]
    for verb, parser in parsers.items():
        names = [name for option in parser.options() for name in option.names]
        options.append(f"        '{verb}') echo '{' '.join(names)}' ;;")
        for option in parser.options():
            wanted = _values(option)
            if wanted:
                keys = "|".join(f"'{verb} {name}'" for name in option.names)
                values.append(f"        {keys}) echo '{wanted}' ;;")
        free.append(f"        '{verb}') echo '{' '.join(_free(verb, parser))}' ;;")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"completion.{shell}")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for key, lines in (("OPTIONS", options), ("VALUES", values), ("FREE", free)):
        text = text.replace(f"@{key}@", "\n".join(lines))
    return text.replace("@VERBS@", " ".join(VERBS))


def _free(verb: str, parser: Parser) -> Iterator[str]:
    """Yields what the words of a verb are."""
    metavars = [word.metavar for word in parser.words()]
    if verb == "schema":
        yield from VERBS
    elif verb == "completion":
        yield from _SHELLS
    if parser.has_target or "FOLDER" in metavars or verb.startswith("filter "):
        yield "@files"
    elif any(one in ("FILE", "A", "B") for one in metavars):
        yield "@recordings"
    if _takes_function(parser):
        yield "@functions"
        if any("FILE" in word.metavar and word.metavar != "FILE" for word in parser.words()):
            yield "@files"


# ---- fish ----


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish() -> str:
    lines = [
        "function __relive_verb",
        "    set -l words (commandline -opc)",
        "    test (count $words) -gt 1; and test $words[2] = $argv[1]",
        "end",
        "function __relive_begins",
        "    test (count (commandline -opc)) -eq 1",
        "end",
        "function __relive_functions",
        "    set -l files (string match '*.relive' -- (commandline -opc))",
        "    command relive completion functions $files[1] 2>/dev/null",
        "end",
        "function __relive_recordings",
        "    set -l files (commandline -ct)*.relive",
        "    printf '%s\\n' $files",
        "end",
        "complete -c relive -f",
        "complete -c relive -n __relive_begins -a '(__relive_recordings)'",
    ]
    lines += [f"complete -c relive -n __relive_begins -a {verb} -d {_quote(text)}"
              for verb, text in VERBS.items()]  # fmt: skip
    for verb, parser in _parsers().items():
        when = f"-n '__relive_verb {verb.partition(' ')[0]}'"
        for option in parser.options():
            lines.append(f"complete -c relive {when} {_fish_option(option)}")
        for word in _free(verb, parser):
            what = {
                "@files": "-F", "@recordings": "-a '(__relive_recordings)'",
                "@functions": "-a '(__relive_functions)'",
            }.get(word, f"-a {word}")  # fmt: skip
            lines.append(f"complete -c relive {when} {what}")
    lines.append("complete -c relive -n '__relive_verb filter' -a 'check explain init'")
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    words = []
    for name in option.names:
        words += ["-l", name[2:]] if name.startswith("--") else ["-s", name[1:]]
    wanted = _values(option)
    if wanted:
        words.append("-r" if wanted == "@files" else "-x")
    if wanted == "@files":
        words.append("-F")
    elif wanted == "@functions":
        words.append("-a '(__relive_functions)'")
    elif wanted not in ("", "@none"):
        words.append(f"-a {_quote(wanted)}")
    return " ".join([*words, "-d", _quote(option.text)])

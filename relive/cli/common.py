"""What all verbs share: options, the file, how times and names are shown."""

import argparse
import glob
import json
import os
import re
import sys

from relive.config import nearest
from relive.errors import ReliveError

_SIBLING = re.compile(r"\.\d+\.\d+\.relive$")


class Parser(argparse.ArgumentParser):
    """argparse, with near names for a mistyped option and one error style."""

    def __init__(self, verb, text, **more):
        super().__init__(prog=f"relive {verb}", description=text, allow_abbrev=False, **more)

    def error(self, message):
        match = re.search(r"unrecognized arguments: (--?[\w-]+)", message)
        if match:
            options = [text for action in self._actions for text in action.option_strings]
            message = f"there is no option {match.group(1)}{nearest(match.group(1), options)}"
        raise ReliveError("ERR_USAGE", f"{message} (relive {self.prog.split()[-1]} --help)")


def file_parser(verb, text):
    """A parser with FILE and --json."""
    parser = Parser(verb, text)
    parser.add_argument("file", nargs="?", help="a recording (default: the newest one here)")
    parser.add_argument("--json", action="store_true", help="JSON, an object a line")
    return parser


def find_file(name):
    """The named recording, or the newest one of this folder."""
    if name is not None:
        return name
    found = [path for path in glob.glob("*.relive") if not _SIBLING.search(path)]
    if not found:
        raise ReliveError(
            "ERR_NOT_FOUND",
            "there is no recording in this folder: name a file, or make one: relive record app.py",
        )
    return max(found, key=os.path.getmtime)


def open_run(path, siblings=True):
    """The recording at `path` and, unless told otherwise, the others of its run."""
    from relive.api import Recording

    first = Recording(path)
    others = []
    if siblings:
        for other in first.siblings():
            try:
                others.append(Recording(other))
            except ReliveError as error:
                sys.stderr.write(f"relive: {error}\n")
    return [first, *others]


def say_problems(recordings):
    """Damage goes to stderr; whether there was any."""
    found = False
    for recording in recordings:
        for problem in recording.problems():
            found = True
            sys.stderr.write(f"relive: {recording.path}: {problem}\n")
    return found


def duration(ns):
    """1234567 -> '1.23 ms'."""
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / divisor:.3g} {unit}" if divisor > 1 else f"{ns} {unit}"
    return f"{ns / 1e9:.2f} s"


def count(number):
    """1234567 -> '1,234,567'."""
    return f"{number:,}"


def size(number):
    """Bytes, readable."""
    for limit, divisor, unit in ((10**4, 1, "bytes"), (10**7, 10**3, "kB"), (10**10, 10**6, "MB")):
        if number < limit:
            return f"{number // divisor:,} {unit}"
    return f"{number // 10**9:,} GB"


def safe(text):
    """Recorded text that cannot command a terminal."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape").decode("ascii")
        if not 0xD800 <= ord(c) < 0xE000
        else f"\\u{ord(c):04x}"
        for c in text
    )


def wants_colour():
    """Only on a terminal, and not where NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def red(text):
    """For what went wrong."""
    return f"\x1b[31m{text}\x1b[0m" if wants_colour() else text


def dim(text):
    """For what matters less."""
    return f"\x1b[2m{text}\x1b[0m" if wants_colour() else text


def name_of(code):
    """How a function is shown: 'module:qualname', a native one as Python shows it."""
    module, qualname = code[0], code[1]
    return safe(f"{module}:{qualname}")


def emit(**fields):
    """One line of --json output."""
    sys.stdout.write(json.dumps(fields, separators=(",", ":")) + "\n")


def next_command(text):
    """Each answer ends in what to type next; on stderr, so that data stays data."""
    if sys.stderr.isatty():
        sys.stderr.write(f"next: {text}\n")


def losses_text(losses):
    """'12 (ring), 3 (disk_full), 1 thread with a gap (hook_taken)'."""
    words = []
    for reason, number in sorted(losses.items()):
        what = " threads with a gap" if reason == "hook_taken" else ""
        words.append(f"{count(number)}{what} ({reason})")
    return ", ".join(words)

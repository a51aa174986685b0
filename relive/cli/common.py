"""What all verbs share: options, the file, how times and names are shown."""

import argparse
import contextlib
import glob
import json
import os
import re
import sys

from relive._terminal import safe
from relive.cli import unseen
from relive.config import nearest
from relive.errors import ReliveError

_FILTER_STATS = ("scopes_skipped", "undecided", "secrets", "value_redactions", "value_drops")
_GAPS = {"buffer_full", "ring", "disk_full", "io_error", "file_gone", "memory"}
_SIBLING = re.compile(r"\.\d+\.\d+\.relive$")


class Parser(argparse.ArgumentParser):
    """argparse, with near names for a mistyped option and one error style."""

    def __init__(self, verb, text, **more):
        super().__init__(prog=f"relive {verb}", description=text, allow_abbrev=False, **more)

    def options(self):
        """Returns {option: whether it takes a value}, of every spelling."""
        return {text: one.nargs != 0 for one in self._actions for text in one.option_strings}

    def error(self, message):
        match = re.search(r"unrecognized arguments: (--?[\w-]+)", message)
        if match:
            near = nearest(match.group(1), self.options())
            message = f"there is no option {match.group(1)}{near}"
        raise ReliveError("ERR_USAGE", f"{message} ({self.prog} --help)")


def file_parser(verb, text):
    """A parser with FILE and --json."""
    parser = Parser(verb, text)
    parser.add_argument("file", nargs="?", help="a recording (default: the newest one here)")
    parser.add_argument("--json", action="store_true", help="JSON, an object a line")
    return parser


def recordings_here():
    """Paths of the first files of all runs in this folder, the newest one first."""
    found = []
    for path in glob.glob("*.relive"):
        try:
            if not _SIBLING.search(path):
                found.append((os.path.getmtime(path), path))
        except OSError:
            continue  # gone meanwhile
    return [path for _, path in sorted(found, reverse=True)]


def newest_here(most):
    """A line for each of the newest recordings of this folder: a program that was killed could not
    name its own."""
    from relive.api import Recording

    lines = []
    for path in recordings_here()[:most]:
        try:
            with Recording(path) as recording:
                header = recording.header
        except ReliveError as error:
            lines.append(f"  {safe(path)}  cannot be read: {safe(str(error))}\n")
            continue
        state = "still written" if header["is_being_written"] else "its program was killed"
        state = "" if header["is_complete"] else f", {state}"
        what = f"{count(header['events'])} events, {size(header['size'])}{state}"
        lines.append(f"  {safe(path)}  {what}\n")
    return ["\nThe newest recordings here:\n", *lines] if lines else []


def find_file(name):
    """The named recording, or the newest one of this folder."""
    if name is not None:
        return name
    found = recordings_here()
    if not found:
        raise ReliveError(
            "ERR_NOT_FOUND",
            "there is no recording in this folder: name a file, or make one: relive record app.py",
        )
    return found[0]


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
                say(str(error))
    return [first, *others]


@contextlib.contextmanager
def progress(recording):
    """Shows on a terminal, after half a second, how far a question has read."""
    if not sys.stderr.isatty():
        yield
        return
    import threading

    is_done = threading.Event()

    def show():
        if is_done.wait(0.5):
            return
        while True:
            read, known = recording.progress()
            share = 100 * min(read, known) // known if known else 0
            sys.stderr.write(f"\rrelive: {share} % read\x1b[K")
            sys.stderr.flush()
            if is_done.wait(0.2):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                return

    shower = threading.Thread(target=show, daemon=True)
    shower.start()
    try:
        yield
    finally:
        is_done.set()
        shower.join()


def say_problems(recordings):
    """Damage goes to stderr; whether there was any."""
    found = False
    for recording in recordings:
        for problem in recording.problems():
            found = True
            say(f"{recording.path}: {problem}")
    return found


def whole_number(text):
    """The value of an option that counts something: 0 or more."""
    if not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 999999999")
    return int(text)


def parse_duration(option, text):
    """'2ms' -> 2000000."""
    match = re.match(r"^(\d+(?:\.\d+)?)\s*(ns|us|ms|s)?$", text.strip())
    if not match:
        raise ReliveError("ERR_USAGE", f"{option} {text!r} is no duration such as 2ms or 0.5s")
    unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, None: 1}[match.group(2)]
    return int(float(match.group(1)) * unit)


def duration(ns):
    """1234567 -> '1.23 ms'."""
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / divisor:.3g} {unit}" if divisor > 1 else f"{ns} {unit}"
    return f"{ns / 1e9:.2f} s"


def thread_title(thread):
    """'thread 2 "worker"', of a row of Recording.threads()."""
    name, first = thread["name"], thread["first_name"]
    text = f"thread {thread['thread']}"
    if name is not None:
        text += f' "{safe(name)}"'
    if first not in (None, name):
        text += f' (was "{safe(first)}")'
    return text


def has_gaps(recording):
    """Whether events are missing, so that a frame may have ended without a word of it."""
    return not _GAPS.isdisjoint(recording.header["losses"])


def took(ns, is_open):
    """'1.23 ms'; of what had not ended when the recording did '>= 1.23 ms, open'."""
    return f">= {duration(ns)}, open" if is_open else duration(ns)


def count(number):
    """1234567 -> '1,234,567'."""
    return f"{number:,}"


def counted(number, word):
    """1 -> '1 call', 1234 -> '1,234 calls'."""
    return f"{count(number)} {word}{'s' if number != 1 else ''}"


def size(number):
    """Bytes, readable."""
    for limit, divisor, unit in ((10**4, 1, "bytes"), (10**7, 10**3, "kB"), (10**10, 10**6, "MB")):
        if number < limit:
            return f"{number // divisor:,} {unit}"
    return f"{number // 10**9:,} GB"


def say(text):
    """A line on stderr; names of files in it cannot command a terminal either."""
    sys.stderr.write(f"relive: {safe(text)}\n")


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
        sys.stderr.write(f"next: {safe(text)}\n")


_WHAT_WAS_LOST = {
    "hook_taken": ("thread", "with a gap (hook_taken)"),
    "interpreters": ("interpreter", "not recorded"),
    "sessions": ("session", "forgotten, as more than 10,000 were open"),
}


def losses_text(losses):
    """'12 (ring), 3 (disk_full), 1 thread with a gap (hook_taken)'."""
    words = []
    for reason, number in sorted(losses.items()):
        if reason in _WHAT_WAS_LOST:
            word, rest = _WHAT_WAS_LOST[reason]
            words.append(f"{counted(number, word)} {rest}")
        else:
            words.append(f"{count(number)} ({reason})")
    return ", ".join(words)


def position(event, run):
    """Where an event is: T1@17, in a run of several processes P123:T1@17."""
    prefix = f"P{event['pid']}:" if len(run) > 1 else ""
    return f"{prefix}T{event['thread']}@{event['seq']}"


def value_text(value, limit=80):
    """A recorded value on one line."""
    text = safe(value["r"])
    return text if len(text) <= limit else text[: limit - 3] + "..."


def arguments_text(arguments, limit=160, doubtful=()):
    """a=1, b='x'; those that may have changed are marked."""
    text = ", ".join(
        f"{safe(name)}={value_text(value)}" + (f" {unseen.MARK}" if name in doubtful else "")
        for name, value in arguments.items()
    )
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_library(recording, file):
    """Whether a file is of the standard library or an installed package there."""
    folders = recording.header["meta"].get("libraries", "").split(os.pathsep)
    return file.startswith("<frozen") or any(
        folder and file.startswith(folder) for folder in folders
    )


def highest_level(meta):
    """Of any function of the recording; filter rules may give one a level of its own."""
    return meta.get("highest_level", meta.get("level"))


def trace_filter(recording):
    """The chain of filters that was used, and what it left out."""
    filters = json.loads(recording.header["meta"].get("trace_filter", "[]"))
    stats = {"scopes_skipped": len(recording.skipped())}
    for event in recording.select(["filter"]):
        stats.update({key: event[key] for key in _FILTER_STATS})
    return {"filters": filters, "stats": stats}


def sees_handled(meta):
    """Whether raise and handled inside one frame are in a recording."""
    return "raise" in meta.get("capabilities", "").split() or meta.get("level") == "lines"


def file_name(event):
    """shop.py"""
    return safe(os.path.basename(event["file"]))


def place(event, line=None):
    """shop.py:40"""
    return f"{file_name(event)}:{line or event['line']}"


def short_path(path):
    """A path as it is shortest from here."""
    return min((os.path.relpath(path), os.fspath(path)), key=len)


def _nearest_first(row):
    """A function before the module or class body that begins on the same line."""
    return -row[4], row[5] & 16


def functions_at(recording, target):
    """The codes that FUNC or FILE:LINE names, and the line (0 for FUNC).

    FUNC is a qualified name, with or without its module, or a module, whose functions it is; of
    FILE:LINE it is the functions of that
    file, the ones that begin nearest above the line first."""
    file, _, number = target.rpartition(":")
    if file and number.isdigit():
        line = int(number)
        codes = [
            row
            for row in recording.codes()
            if row[3] == file or row[3].endswith(os.sep + file.lstrip("./"))
        ]
        return sorted((row for row in codes if row[4] <= line), key=_nearest_first), line
    rows = recording.codes()
    found = [row for row in rows if target in (row[2], f"{row[1]}:{row[2]}", f"{row[1]}.{row[2]}")]
    if not found:
        found = [row for row in rows if row[2].rpartition(".")[2] == target]
    if not found:
        found = [row for row in rows if row[1] == target]
    return found, 0


def no_such_function(run, target):
    """The error for a target that no recording has, with the nearest name."""
    names = {
        name
        for recording in run
        for row in recording.codes()
        for name in (row[1], row[2], f"{row[1]}:{row[2]}", os.path.basename(row[3]))
    }
    return ReliveError(
        "ERR_NOT_FOUND", f"nothing of {target} was recorded{nearest(target, sorted(names))}"
    )


def needs_lines(run, what):
    """ReliveError where the recording has no lines to answer with."""
    if all(highest_level(recording.header["meta"]) != "lines" for recording in run):
        raise ReliveError(
            "ERR_UNSUPPORTED",
            f"{what} needs lines, and this was recorded at level"
            f" {run[0].header['meta'].get('level', '?')}: record again with --level lines",
        )

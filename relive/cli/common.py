"""What all verbs share: the file, how times and names are shown."""

from __future__ import annotations

import os
import sys

from relive import _core, _endings, _files, config
from relive._colour import dim as dim
from relive._colour import red as red
from relive._facts import command_line as command_line
from relive._facts import has_gaps as has_gaps
from relive._facts import is_launcher
from relive._facts import is_library as is_library
from relive._facts import sees_handled as sees_handled
from relive._terminal import progress as progress
from relive._terminal import safe as safe
from relive._terminal import thread_title as thread_title
from relive.cli.options import Option, Parser, Word, terminal_width
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

    from relive._variables import Variable
    from relive.api import Recording
    from relive.calls import ExpressionError
    from relive.cli.options import Given

    Event = Mapping[str, Any]  # an event as `relive dump` prints it

_FILTER_STATS = ("scopes_skipped", "undecided", "secrets", "value_redactions", "value_drops")
UNSEEN = "(may have changed unseen)"

FILE = Word("FILE", "a recording (default: the newest one here)", least=0)
JSON = Option("--json", text="JSON, an object a line")
FULL = Option("--full", text="whole values, however long")


def file_parser(verb: str, about: str, *options: Option) -> Parser:
    """Returns a parser with FILE, --json and these options."""
    return Parser(verb, about, FILE, JSON, *options)


def recordings_here() -> List[str]:
    """Returns the paths of the first files of all runs in this folder, the newest first."""
    found = []
    for path in _files.list_recordings(os.curdir):
        try:
            if not _files.is_of_child(path):
                found.append((os.path.getmtime(path), path))
        except OSError:
            continue  # gone meanwhile
    return [path for _, path in sorted(found, reverse=True)]


def newest_here(most: int) -> List[str]:
    """Returns a line for each of the newest recordings of this folder. A program that was killed
    could not name its own."""
    from relive.api import Recording

    lines = []
    for path in recordings_here()[:most]:
        try:
            with Recording(path) as recording:
                header = recording.header
        except ReliveError as error:
            lines.append(f"  {safe(path)}  cannot be read: {safe(str(error))}\n")
            continue
        state = _endings.describe_shortly(header)
        state = f", {state}" if state else ""
        what = f"{count(header['events'])} events, {size(header['size'])}{state}"
        lines.append(f"  {safe(path)}  {what}\n")
    return ["\nThe newest recordings here:\n", *lines] if lines else []


def find_file(name: Optional[str]) -> str:
    """Returns the named recording, or the newest one of this folder."""
    if name is not None:
        if not os.path.lexists(name):
            from relive.config import nearest

            folder, base = os.path.split(name)
            near = nearest(base, names_in(folder or os.curdir))
            raise ReliveError(
                "ERR_NOT_FOUND", f"cannot open {name}: No such file or directory{near}"
            )
        return name
    found = recordings_here()
    if not found:
        raise ReliveError(
            "ERR_NOT_FOUND",
            "there is no recording in this folder: name a file, or make one: relive record app.py",
        )
    return found[0]


def names_in(folder: str) -> List[str]:
    """Returns the names in a folder; none where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def open_run(path: str, siblings: bool = True) -> List[Recording]:
    """Returns the recording at `path` and, with `siblings`, the others of its run."""
    from relive.api import Recording

    first = Recording(path)
    others = []
    if siblings:
        for other, member in first.others():
            try:
                others.append(Recording(other, member=member))
            except ReliveError as error:
                say(str(error))
    return [first, *others]


def say_problems(recordings: List[Recording]) -> bool:
    """Writes the damage of these recordings to stderr, and returns whether there was any."""
    found = False
    for recording in recordings:
        for problem in recording.problems():
            found = True
            say(f"{recording.path}: {problem}")
    return found


def parse_duration(option: str, text: str) -> int:
    """Returns nanoseconds: '2ms' -> 2000000. A number without a unit is of nanoseconds."""
    text = text.strip()
    try:
        return config.parse_duration(f"{text}ns" if text[-1:].isdecimal() else text)
    except ValueError:
        raise ReliveError(
            "ERR_USAGE", f"{option} {text!r} is no duration such as 2ms or 0.5s"
        ) from None


def duration(ns: int) -> str:
    """Returns nanoseconds as text: 1234567 -> '1.23 ms'."""
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / divisor:.3g} {unit}" if divisor > 1 else f"{ns} {unit}"
    return f"{ns / 1e9:.2f} s"


def took(ns: int, is_open: object) -> str:
    """Returns '1.23 ms', or '>= 1.23 ms, open' for what had not ended when the recording did."""
    return f">= {duration(ns)}, open" if is_open else duration(ns)


def count(number: int) -> str:
    """Returns 1234567 as '1,234,567'."""
    return f"{number:,}"


def counted(number: int, word: str) -> str:
    """Returns '1 call' or '1,234 calls'."""
    return f"{count(number)} {word}{'s' if number != 1 else ''}"


def size(number: int) -> str:
    """Returns a number of bytes as readable text."""
    for limit, divisor, unit in ((10**4, 1, "bytes"), (10**7, 10**3, "kB"), (10**10, 10**6, "MB")):
        if number < limit:
            return f"{number // divisor:,} {unit}"
    return f"{number // 10**9:,} GB"


def say(text: str) -> None:
    """Writes a line to stderr. Names of files in it cannot command a terminal either."""
    sys.stderr.write(f"relive: {safe(text)}\n")


def name_of(code: Sequence[Any]) -> str:
    """Returns 'module:qualname', from a code's first two fields."""
    module, qualname = code[0], code[1]
    return safe(f"{module}:{qualname}")


def row(**fields: Any) -> str:
    """Returns one line of --json output."""
    import json

    return json.dumps(fields, separators=(",", ":")) + "\n"


def emit(**fields: Any) -> None:
    """Writes one line of --json output."""
    sys.stdout.write(row(**fields))


def typed(command: str) -> str:
    """Returns a command `relive ...` as it works here: with uvx, `uvx relive ...`."""
    from relive.cli import project

    launcher = project.launcher() if command.startswith("relive ") else ""
    return launcher + command[len("relive") :] if launcher else command


def next_command(text: str) -> None:
    """Suggests what to type next. It goes to stderr, so that stdout holds only data."""
    if sys.stderr.isatty():
        sys.stderr.write(f"next: {safe(typed(text))}\n")


_WHAT_WAS_LOST = {
    "hook_taken": ("thread", "with a gap (hook_taken)"),
    "interpreters": ("interpreter", "not recorded"),
    "sessions": ("session", "forgotten, as more than 10,000 were open"),
}


def losses_text(losses: Mapping[str, int]) -> str:
    """Returns '12 (ring), 3 (disk_full), 1 thread with a gap (hook_taken)'."""
    words = []
    for reason, number in sorted(losses.items()):
        if reason in _WHAT_WAS_LOST:
            word, rest = _WHAT_WAS_LOST[reason]
            words.append(f"{counted(number, word)} {rest}")
        else:
            words.append(f"{count(number)} ({reason})")
    return ", ".join(words)


def nothing_lost(run: List[Recording]) -> str:
    """Returns that no event was lost, and which file is not whole."""
    for recording in run:
        header = recording.header
        is_growing = header["is_being_written"] or header["is_running"]
        if recording.problems() or not (header["is_complete"] or is_growing):
            return "no loss while it was recorded, but the file is not whole (relive check)"
    return "nothing lost"


def show_expression(error: ExpressionError) -> None:
    """Writes an expression to stderr, with a caret at the place where it is wrong."""
    before = safe(error.expression[: error.place])[-60:]
    after = safe(error.expression[error.place :])[:60]
    sys.stderr.write(f"  {before}{after}\n  {' ' * len(before)}^\n")


def unknown_text(counts: Any) -> str:
    """Returns '; 2 not known (1 cut, 1 redacted)', for what an expression has counted."""
    text = ""
    reasons = _core.where_reasons()
    for number, what, is_unknown in (
        (counts.unknown, "not known", True), (counts.no_answer, "without an answer", False),
    ):  # fmt: skip
        if number:
            words = ", ".join(
                f"{count(counts.reasons[reason])} {reason}"
                for reason, is_of_unknown in reasons.items()
                if is_of_unknown == is_unknown and reason in counts.reasons
            )
            text += f"; {count(number)} {what} ({words})"
    return text


def sum_losses(run: List[Recording]) -> Dict[str, int]:
    """Returns {reason: number} of all processes together."""
    losses: Dict[str, int] = {}
    for recording in run:
        for reason, number in recording.header["losses"].items():
            losses[reason] = losses.get(reason, 0) + number
    return losses


def quoted(text: str) -> str:
    """Returns a word as a shell takes it, for a command that somebody pastes."""
    from shlex import quote

    return safe(quote(text))


def position(event: Event, run: List[Recording]) -> str:
    """Returns the position of an event: T1@17, in a run of several processes P123:T1@17."""
    prefix = f"P{event['pid']}:" if len(run) > 1 else ""
    return f"{prefix}T{event['thread']}@{event['seq']}"


def value_widths(args: Given, line: int = 160, value: int = 80) -> Tuple[int, int]:
    """Returns how long the values of a line may be together, and each of them. On a terminal they
    grow and shrink with it; --full shows them whole."""
    if args.full:
        return 1 << 30, 1 << 30
    if sys.stdout.isatty():
        room = max(20, terminal_width() - 40)
        return room, min(room, max(value, room // 2))
    return line, value


def value_text(value: Mapping[str, Any], limit: int = 80) -> str:
    """Returns a recorded value on one line."""
    text = safe(value["r"])
    return text if len(text) <= limit else text[: limit - 3] + "..."


def arguments_text(arguments: Mapping[str, Any], limit: int = 160, most: int = 80) -> str:
    """Returns a=1, b='x'. `most` bounds each value."""
    text = ", ".join(f"{safe(name)}={value_text(value, most)}" for name, value in arguments.items())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def variables_text(variables: Iterable[Variable], limit: int, most: int = 80) -> str:
    """Returns a=1, b=[1] (may have changed unseen), for the variables that have a value."""
    text = ", ".join(
        f"{safe(one.name)}={value_text(one.value, most)}"
        + (f" {UNSEEN}" if one.is_doubtful else "")
        for one in variables
        if one.value is not None and one.is_shown
    )
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_own(recording: Recording, what: Mapping[str, Any]) -> bool:
    """Returns whether a function is the program's own. The script that an installed command begins
    with is not."""
    is_script = is_launcher(what["func"], what["file"])
    return not is_script and not is_library(recording, what["file"])


def highest_level(meta: Mapping[str, str]) -> Optional[str]:
    """Returns the highest level of any function; filter rules may give one a level of its own."""
    return meta.get("highest_level", meta.get("level"))


def trace_filter(recording: Recording) -> Dict[str, Any]:
    """Returns the chain of filters that was used, and what it left out."""
    filters = _core.read_json(recording.header["meta"].get("trace_filter", "[]"))
    stats = {"scopes_skipped": len(recording.skipped())}
    for event in recording.select(["filter"]):
        stats.update({key: event[key] for key in _FILTER_STATS})
    return {"filters": filters, "stats": stats}


def file_name(event: Event) -> str:
    """Returns shop.py."""
    return safe(os.path.basename(event["file"]))


def place(event: Event, line: Optional[int] = None) -> str:
    """Returns shop.py:40."""
    return f"{file_name(event)}:{line or event['line']}"


def short_path(path: str) -> str:
    """Returns a path as it is shortest from here."""
    return min((os.path.relpath(path), os.fspath(path)), key=len)


def lines_advice(run: List[Recording], func: str) -> str:
    """Returns the command that records the lines of MODULE:FUNCTION. At level lines, too, those of
    libraries are recorded where they are named."""
    if all(highest_level(recording.header["meta"]) != "lines" for recording in run):
        return "relive record --level lines"
    module, _, name = func.partition(":")
    return f"relive record --lines {quoted(module if name == '<module>' else f'{module}.{name}')}"


def needs_lines(run: List[Recording], what: str) -> None:
    """Raises ReliveError where no recording of the run has lines to answer with."""
    if all(highest_level(recording.header["meta"]) != "lines" for recording in run):
        raise ReliveError(
            "ERR_UNSUPPORTED",
            f"{what} needs lines, and this was recorded at level"
            f" {run[0].header['meta'].get('level', '?')}: record again with --level lines",
        )

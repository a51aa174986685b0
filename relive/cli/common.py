"""What all verbs share: the file, how times and names are shown."""

from __future__ import annotations

import os
import sys

from relive import _core, _files, config
from relive._terminal import safe as safe  # every verb prints with it
from relive.cli import unseen
from relive.cli.options import Option, Parser, Word
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

    Event = Mapping[str, Any]  # an event as `relive dump` prints it
    Code = Tuple[int, str, str, str, int, int, int, List[str]]  # a row of Recording.codes()

_FILTER_STATS = ("scopes_skipped", "undecided", "secrets", "value_redactions", "value_drops")
_GAPS = {"buffer_full", "ring", "disk_full", "io_error", "file_gone", "memory"}

FILE = Word("FILE", "a recording (default: the newest one here)", least=0)
JSON = Option("--json", text="JSON, an object a line")


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
        state = "still written" if header["is_being_written"] else "its program was killed"
        state = "" if header["is_complete"] else f", {state}"
        what = f"{count(header['events'])} events, {size(header['size'])}{state}"
        lines.append(f"  {safe(path)}  {what}\n")
    return ["\nThe newest recordings here:\n", *lines] if lines else []


def find_file(name: Optional[str]) -> str:
    """Returns the named recording, or the newest one of this folder."""
    if name is not None:
        return name
    found = recordings_here()
    if not found:
        raise ReliveError(
            "ERR_NOT_FOUND",
            "there is no recording in this folder: name a file, or make one: relive record app.py",
        )
    return found[0]


def open_run(path: str, siblings: bool = True) -> List[Recording]:
    """Returns the recording at `path` and, with `siblings`, the others of its run."""
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


class progress:
    """`with progress(recording):` shows on a terminal how far a question has read, once it takes
    half a second."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        if sys.stderr.isatty():
            self._start()

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def _start(self) -> None:
        import threading

        is_done = threading.Event()
        shower = threading.Thread(target=self._show, args=(is_done.wait,), daemon=True)

        def stop() -> None:
            is_done.set()
            shower.join()

        self._stop = stop
        shower.start()

    def _show(self, wait: Callable[[float], bool]) -> None:
        if wait(0.5):
            return
        while True:
            read, known = self._recording.progress()
            share = 100 * min(read, known) // known if known else 0
            sys.stderr.write(f"\rrelive: {share} % read\x1b[K")
            sys.stderr.flush()
            if wait(0.2):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                return


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


def thread_title(thread: Mapping[str, Any]) -> str:
    """Returns 'thread 2 "worker"', for a row of Recording.threads()."""
    name, first = thread["name"], thread["first_name"]
    text = f"thread {thread['thread']}"
    if name is not None:
        text += f' "{safe(name)}"'
    if first not in (None, name):
        text += f' (was "{safe(first)}")'
    return text


def has_gaps(recording: Recording) -> bool:
    """Returns whether events are missing, so that a frame may have ended without an event."""
    return not _GAPS.isdisjoint(recording.header["losses"])


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


def wants_colour() -> bool:
    """Returns whether stdout is a terminal and NO_COLOR is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def red(text: str) -> str:
    """Returns text that marks what went wrong."""
    return f"\x1b[31m{text}\x1b[0m" if wants_colour() else text


def dim(text: str) -> str:
    """Returns text that matters less."""
    return f"\x1b[2m{text}\x1b[0m" if wants_colour() else text


def name_of(code: Sequence[Any]) -> str:
    """Returns 'module:qualname', from a code's first two fields."""
    module, qualname = code[0], code[1]
    return safe(f"{module}:{qualname}")


def emit(**fields: Any) -> None:
    """Writes one line of --json output."""
    import json

    sys.stdout.write(json.dumps(fields, separators=(",", ":")) + "\n")


def next_command(text: str) -> None:
    """Suggests what to type next. It goes to stderr, so that stdout holds only data."""
    if sys.stderr.isatty():
        sys.stderr.write(f"next: {safe(text)}\n")


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


def position(event: Event, run: List[Recording]) -> str:
    """Returns the position of an event: T1@17, in a run of several processes P123:T1@17."""
    prefix = f"P{event['pid']}:" if len(run) > 1 else ""
    return f"{prefix}T{event['thread']}@{event['seq']}"


def value_text(value: Mapping[str, Any], limit: int = 80) -> str:
    """Returns a recorded value on one line."""
    text = safe(value["r"])
    return text if len(text) <= limit else text[: limit - 3] + "..."


def arguments_text(
    arguments: Mapping[str, Any], limit: int = 160, doubtful: Collection[str] = (), most: int = 80
) -> str:
    """Returns a=1, b='x', and marks those that may have changed. `most` bounds each value."""
    text = ", ".join(
        f"{safe(name)}={value_text(value, most)}" + (f" {unseen.MARK}" if name in doubtful else "")
        for name, value in arguments.items()
    )
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_library(recording: Recording, file: str) -> bool:
    """Returns whether a file belongs to the standard library or to an installed package there."""
    folders = recording.header["meta"].get("libraries", "").split(os.pathsep)
    return file.startswith("<frozen") or any(
        folder and file.startswith(folder) for folder in folders
    )


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


def sees_handled(meta: Mapping[str, str]) -> bool:
    """Returns whether a recording has exceptions that were raised and caught in one frame."""
    return "raise" in meta.get("capabilities", "").split() or meta.get("level") == "lines"


def file_name(event: Event) -> str:
    """Returns shop.py."""
    return safe(os.path.basename(event["file"]))


def place(event: Event, line: Optional[int] = None) -> str:
    """Returns shop.py:40."""
    return f"{file_name(event)}:{line or event['line']}"


def short_path(path: str) -> str:
    """Returns a path as it is shortest from here."""
    return min((os.path.relpath(path), os.fspath(path)), key=len)


def _rank_nearest(row: Code) -> Tuple[int, int]:
    """Sorts a function before the module or class body that begins on the same line."""
    return -row[4], row[5] & 16


def functions_at(recording: Recording, target: str) -> Tuple[List[Code], int]:
    """Returns the codes that FUNC or FILE:LINE names, and the line (0 for FUNC).

    FUNC is a qualified name, with or without its module, or a module. FILE:LINE means the functions
    of that file, those that begin nearest above the line first."""
    file, _, number = target.rpartition(":")
    if file and number.isdigit():
        line = int(number)
        codes = [
            row
            for row in recording.codes()
            if row[3] == file or row[3].endswith(os.sep + file.lstrip("./"))
        ]
        return sorted((row for row in codes if row[4] <= line), key=_rank_nearest), line
    rows = recording.codes()
    found = [row for row in rows if target in (row[2], f"{row[1]}:{row[2]}", f"{row[1]}.{row[2]}")]
    if not found:
        found = [row for row in rows if row[2].rpartition(".")[2] == target]
    if not found:
        found = [row for row in rows if row[1] == target]
    return found, 0


def no_such_function(run: List[Recording], target: str) -> ReliveError:
    """Returns the error for a target that no recording has, with the nearest name."""
    names = {
        name
        for recording in run
        for row in recording.codes()
        for name in (row[1], row[2], f"{row[1]}:{row[2]}", os.path.basename(row[3]))
    }
    return ReliveError(
        "ERR_NOT_FOUND", f"nothing of {target} was recorded{nearest(target, sorted(names))}"
    )


def needs_lines(run: List[Recording], what: str) -> None:
    """Raises ReliveError where no recording of the run has lines to answer with."""
    if all(highest_level(recording.header["meta"]) != "lines" for recording in run):
        raise ReliveError(
            "ERR_UNSUPPORTED",
            f"{what} needs lines, and this was recorded at level"
            f" {run[0].header['meta'].get('level', '?')}: record again with --level lines",
        )

"""A recording on one page: how each process ended, which exception mattered, where the time went,
and what is odd.

Counts come from the folded tree, which a closed file has ready. Exceptions take one pass. What
waited at the end is read only where something did."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from relive import _endings, stories
from relive._facts import is_library
from relive._terminal import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

    Key = Tuple[str, str, str, int]  # module, qualname, file, line of a function

_MANY = 10  # exceptions that one handler caught, before that is odd
_BODY = 16 | 32  # flags of code: a module, a class body
_LEAST_SHARE = 0.005  # of the time, of a function that is listed
_LEAST_CALLS = 3  # of a function, before it is odd that most of them raise
_INTERRUPTED, _FAILED, _CTRL_C = 130, 1, 2
_MEMBER = re.compile(r"<[\w.]{1,80}: -?\d{1,9}>")  # of an enumeration
_ITERATORS = ("__next__", "__anext__", "<genexpr>")  # end by an exception as a rule


@dataclass(frozen=True)
class Ending:
    """How the recording of one process ended."""

    pid: int
    how: str
    """running, snapshot, exec, killed, exception, exit, os_exit, interrupted, stopped or closed"""
    status: Optional[int]
    """the exit status, where the recording shows it"""
    text: str
    signal: Optional[int] = None
    """the signal that ended it, where that is known"""


@dataclass(frozen=True)
class HotSpot:
    """A function by its own time."""

    func: str
    file: str
    line: int
    calls: int
    self_ns: int
    share: float
    """of the time of all functions"""


@dataclass(frozen=True)
class Oddity:
    """Something that a reader would not expect. `what` is a word for its kind."""

    what: str
    text: str
    exception: Optional[int] = None
    """its number in `relive exc`"""
    func: Optional[str] = None


@dataclass(frozen=True)
class Summary:
    """What `relive summary` shows."""

    endings: Tuple[Ending, ...]
    exceptions: stories.Exceptions
    exception: Optional[Tuple[int, stories.Place]]
    """number and place of the exception that mattered"""
    ns: int
    """from the first event of the run to the last one"""
    threads: int
    tasks: int
    unfinished_tasks: int
    sessions: int
    open_sessions: int
    hot_spots: Tuple[HotSpot, ...]
    busiest: Optional[str]
    """the program's own function, not the body of a module or class, with the most time"""
    oddities: Tuple[Oddity, ...]


def read(run: Sequence[Recording], hot_spots: int = 5) -> Summary:
    """Reads the summary of all processes of a run."""
    for recording in run:
        recording.use_index(may_make=True)  # all that follows reads a part of what this reads
    found = stories.Exceptions(list(run), None, False)
    totals = [recording.totals() for recording in run]
    tasks, unfinished = _count_pairs(totals, "task_start", "task_end")
    sessions, open_sessions = _count_pairs(totals, "session_start", "session_end")
    functions = _sum_functions(run)
    spots = _find_hot_spots(functions, hot_spots)
    return Summary(
        endings=tuple(find_ending(found, number) for number in range(len(run))),
        exceptions=found, exception=_find_what_mattered(found), ns=_measure(run, totals),
        threads=sum(len(one["threads"]) + one["unlisted_threads"] for one in totals),
        tasks=tasks, unfinished_tasks=unfinished, sessions=sessions, open_sessions=open_sessions,
        hot_spots=spots, busiest=_find_busiest(run, functions),
        oddities=tuple(_find_oddities(run, found, totals, functions)),
    )  # fmt: skip


def _count_pairs(totals: Sequence[Mapping[str, Any]], begin: str, end: str) -> Tuple[int, int]:
    """Returns how many began in all processes, and how many of them did not end."""
    counts = [(one["kinds"].get(begin, 0), one["kinds"].get(end, 0)) for one in totals]
    return sum(begun for begun, _ in counts), sum(max(0, a - b) for a, b in counts)


def _measure(run: Sequence[Recording], totals: Sequence[Mapping[str, Any]]) -> int:
    """Returns the nanoseconds from the first event of the run to its end."""
    first = [thread["first_ns"] for one in totals for thread in one["threads"]]
    last = max(recording.header["end_ns"] for recording in run)
    return max(0, int(last - min(first, default=last)))


# ---- the end ----


def find_ending(found: stories.Exceptions, number: int) -> Ending:
    """Returns how a process of the run ended."""
    header = found.run[number].header
    pid, ending = header["pid"], header["ending"]
    if header["state"] == "snapshot":
        return Ending(pid, "snapshot", None, "the program went on: this is a snapshot of it")
    if (header["is_being_written"] or header["is_running"]) and not header["is_closed"]:
        return Ending(pid, "running", None, "still running: the recording is being written")
    if header["state"] == "exec":
        return Ending(pid, "exec", None, "the process replaced itself by another program (exec)")
    if _endings.is_killed(header) or (ending["how"] == "signal" and ending["signal"] != _CTRL_C):
        doubt = "" if header["is_complete"] else "; its last events may be missing"
        if ending["how"] in ("exit", "os._exit"):  # the file alone has no end
            how = "exit" if ending["how"] == "exit" else "os_exit"
            text = "unseen: the file has no end, and its last events may be missing"
            return Ending(pid, how, ending["status"], text)
        text = f"killed {_endings.describe(header)}{doubt}"
        return Ending(pid, "killed", ending["status"], text, ending["signal"])
    return _find_way_out(found, number)


def _find_way_out(found: stories.Exceptions, number: int) -> Ending:
    """Returns how a process ended that has closed its recording. Where its exit status is in the
    recording, that counts; otherwise it follows from how the program ended."""
    header = found.run[number].header
    way = _find_exception_out(found, number)
    status, how = header["ending"]["status"], header["ending"]["how"]
    if how == "os._exit" and (way is None or way.status != status):
        at = _find_open(found.run[number])
        text = f"by os._exit({status})" + (f" in {safe(at)}" if at is not None else "")
        return Ending(header["pid"], "os_exit", status, text)
    if way is not None:
        return way if status is None else replace(way, status=status)
    at = _find_open(found.run[number])
    if how == "stopped":
        where = f" in {safe(at)}" if at is not None else ""
        text = f"the recording was stopped{where}, and the program went on"
        return Ending(header["pid"], "stopped", None, text)
    if how == "exit":
        text = "no exception ended it" + (f"; it ended in {safe(at)}" if at is not None else "")
        return Ending(header["pid"], "closed", status, text)
    text = (
        "no exception ended it"
        if at is None
        else f"in {safe(at)}: by os._exit, or the recording was stopped there"
    )
    return Ending(header["pid"], "closed", None, f"{text} (its exit status is not recorded)")


def _find_exception_out(found: stories.Exceptions, number: int) -> Optional[Ending]:
    """Returns the end by an exception that left the program's outermost frame."""
    pid = found.run[number].header["pid"]
    for outcome in reversed(found.outcomes(number)):
        if not (outcome.is_in_main_thread() and outcome.has_left_the_outermost_frame()):
            continue
        if outcome.name == "SystemExit":
            status, text = _read_exit(found, number, outcome)
            return Ending(pid, "exit", status, text)
        if outcome.fate()[0].endswith("ended the program"):
            if outcome.name == "KeyboardInterrupt":
                return Ending(pid, "interrupted", _INTERRUPTED, "interrupted (KeyboardInterrupt)")
            return Ending(pid, "exception", _FAILED, f"by {safe(outcome.type)}, uncaught")
    for code, _, _, _, _, unwinds, kind, _, _, _ in found.run[number].tree():
        # It ended a task, and what runs the tasks has raised it again.
        if unwinds and kind and found.run[number].code(code)[:2] == ("__main__", "<module>"):
            if kind.rpartition(".")[2] in ("SystemExit", "KeyboardInterrupt"):
                return Ending(pid, "exit", None, f"by {safe(kind)}")
            return Ending(pid, "exception", _FAILED, f"by {safe(kind)}, uncaught")
    return None


def _find_open(recording: Recording) -> Optional[str]:
    """Returns the innermost function that was open in the main thread when the recording was
    closed; None where none was."""
    rows = recording.tree()
    threads = recording.totals()["threads"]
    main = next((row["root"] for row in threads if row["is_main"]), None)
    found = None
    for place, row in enumerate(rows):
        if row.open and row.parent == (main if found is None else found):
            found = place
    return None if found is None else ":".join(recording.code(rows[found].code)[:2])


def _read_exit(
    found: stories.Exceptions, number: int, outcome: stories.Outcome
) -> Tuple[Optional[int], str]:
    """Returns the exit status of a SystemExit, and how that reads."""
    if outcome.is_intended():
        return 0, "by sys.exit, without an error"
    index = found.first_of(number, outcome)
    message = found.story((number, index)).exc["message"] if index is not None else ""
    if message.lstrip("-").isdigit() and len(message) < 10:
        return int(message) & 0xFF, f"by sys.exit({message})"
    if _MEMBER.fullmatch(message):  # what sys.exit has made of it, the process knows
        return None, f"by sys.exit({safe(message)})"
    return _FAILED, f"by sys.exit with a message: {safe(message[:80])}"


def _find_what_mattered(found: stories.Exceptions) -> Optional[Tuple[int, stories.Place]]:
    """Returns number and place of the most urgent exception; of an exit that has a reason, the
    reason."""
    row = found.most_urgent(found.rows(200, 0)[0])
    if row is None:
        return None
    place = found.rows(1, row.first)[2]
    reason = found.reason(place) if row.is_exit else None
    if reason is not None:
        return found.number(*reason), reason
    if row.outcome.is_intended():
        return None  # an exit without an error is how the program ended, and no more
    return row.first, place


# ---- time ----


def _sum_functions(run: Sequence[Recording]) -> Dict[Key, List[int]]:
    """Returns {function: [calls, total ns, own ns, unwinds, open]} of all processes together."""
    rows: Dict[Key, List[int]] = {}
    for recording in run:
        for number, *counts in recording.functions():
            code = recording.code(number)[:4]
            rows[code] = [sum(pair) for pair in zip(rows.get(code, [0] * 5), counts)]
    return rows


def _find_hot_spots(functions: Mapping[Key, Sequence[int]], most: int) -> Tuple[HotSpot, ...]:
    whole = sum(counts[2] for counts in functions.values())
    rows = sorted(functions.items(), key=lambda item: (-item[1][2], item[0]))[:most]
    return tuple(
        HotSpot(f"{key[0]}:{key[1]}", key[2], key[3], counts[0], counts[2], counts[2] / whole)
        for key, counts in rows
        if whole and counts[2] >= _LEAST_SHARE * whole
    )


def _find_busiest(
    run: Sequence[Recording], functions: Mapping[Key, Sequence[int]]
) -> Optional[str]:
    bodies = {row[1:5] for one in run for row in one.codes() if row[5] & _BODY}
    rows = [
        (counts[2], key)
        for key, counts in functions.items()
        if key not in bodies and not is_library(run[0], key[2]) and not key[2].startswith("<")
    ]
    return ":".join(max(rows)[1][:2]) if rows else None


# ---- what is odd ----


def _find_oddities(
    run: Sequence[Recording],
    found: stories.Exceptions,
    totals: Sequence[Mapping[str, Any]],
    functions: Mapping[Key, Sequence[int]],
) -> List[Oddity]:
    return [
        *_find_swallowed(found),
        *_find_failing(run, functions),
        *_find_unfinished(run, totals),
        *_find_lost(run, totals),
    ]


def _find_swallowed(found: stories.Exceptions) -> List[Oddity]:
    """Returns handlers of the program that caught many exceptions, those with the most first."""
    rows: Dict[Tuple[str, str, str], List[Any]] = {}
    for number in range(len(found.run)):
        for outcome in found.outcomes(number):
            fate, _ = outcome.fate()
            is_caught = fate.startswith(("caught in", "discarded in"))
            if is_caught and outcome.rank() == stories.CAUGHT and not outcome.is_control_flow():
                row = rows.setdefault((outcome.type, outcome.place, fate), [0, number, outcome])
                row[0] += outcome.count
    odd = []
    for (kind, place, fate), (count, number, outcome) in rows.items():
        if count >= _MANY:
            index = found.first_of(number, outcome)
            listed = found.number(number, index) if index is not None else 0
            text = f"{safe(kind)} of {place} was {fate}, {count:,} times"
            odd.append((count, Oddity("swallowed", text, exception=listed or None)))
    return [row for _, row in sorted(odd, key=lambda item: -item[0])]


def _find_failing(run: Sequence[Recording], functions: Mapping[Key, Sequence[int]]) -> List[Oddity]:
    """Returns the program's own functions most calls of which an exception left."""
    rows = []
    for key, (calls, _, _, unwinds, _) in functions.items():
        is_own = not is_library(run[0], key[2]) and not key[1].endswith(_ITERATORS)
        if is_own and calls >= _LEAST_CALLS and 2 * unwinds > calls:
            func = f"{key[0]}:{key[1]}"
            text = f"an exception left {unwinds:,} of {calls:,} calls of {safe(func)}"
            rows.append((unwinds, key, Oddity("fails", text, func=func)))
    closed = _find_closed(run) if rows else set()
    rows = [row for row in rows if row[1] not in closed]
    return [row for *_, row in sorted(rows, key=lambda item: -item[0])]


def _find_closed(run: Sequence[Recording]) -> Set[Key]:
    """Returns the generators that were closed before their end: that is no failure."""
    return {
        recording.code(node.code)[:4]
        for recording in run
        for node in recording.tree()
        if node.exc == "GeneratorExit"
    }


def _find_unfinished(run: Sequence[Recording], totals: Sequence[Mapping[str, Any]]) -> List[Oddity]:
    """Returns threads that had not ended when their process closed its recording."""
    odd = []
    for recording, one in zip(run, totals):
        if not recording.header["is_closed"] or recording.header["state"] == "snapshot":
            continue
        left = {row["thread"] for row in one["threads"] if not (row["has_ended"] or row["is_main"])}
        names = _name_running(recording, left) if left else []
        if names:
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            text = f"never ended: {', '.join(names[:3])}{more}"
            odd.append(Oddity("thread", f"{len(names):,} thread{'s' * (len(names) > 1)} {text}"))
    return odd


def _name_running(recording: Recording, numbers: Set[int]) -> List[str]:
    """Returns the names of those of these threads that had not come to their end."""
    from relive import lives

    reader = lives.Reader(recording, is_of_tasks=False)
    found = [row[0] for row in reader.rows if row[0] in numbers and reader.is_unfinished(row)]
    names = [(number, recording.thread(number)["name"]) for number in found]
    return [f"T{number}" + (f" {safe(name)}" if name else "") for number, name in names]


def _find_lost(run: Sequence[Recording], totals: Sequence[Mapping[str, Any]]) -> List[Oddity]:
    """Returns what the recordings do not have although it happened."""
    odd = []
    unseen = sum(one["kinds"].get("closed_unseen", 0) for one in totals)
    if unseen:
        calls = "1 call" if unseen == 1 else f"{unseen:,} calls"
        text = f"the end of {calls} was not seen"
        if run[0].header["meta"].get("python", "").startswith("3.13"):
            text += "; 3.13 shows none of a generator that is left unfinished"
        odd.append(Oddity("unseen", text))
    problems = [problem for recording in run for problem in recording.problems()]
    if problems:
        text = f"damaged: {safe(problems[0])}"
        text += f" and {len(problems) - 1} more (relive check)" if len(problems) > 1 else ""
        odd.append(Oddity("damaged", text))
    return odd

"""relive summary: a recording on one page. `relive FILE` prints it, too."""

from __future__ import annotations

import os

from relive import summaries
from relive.cli import DAMAGED, OK, common, exc, source
from relive.cli.bodies import Bodies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Sequence, Tuple

    from relive.api import Recording
    from relive.stories import Exceptions, Place, Story
    from relive.summaries import Ending, HotSpot, Summary

_MOST_ENDINGS = 6  # of processes, and as many oddities
_MOST_FRAMES = 2
_WIDEST = 100


def main(words: List[str]) -> int:
    """Prints the summary of all processes of the run."""
    about = "A recording on one page: how it ended, what failed, where the time went, what is odd."
    args = common.file_parser("summary", about).parse(words)
    run = common.open_run(common.find_file(args.file))
    found = summaries.read(run)
    if args.json:
        emit(run, found)
    else:
        for line in describe(run, found):
            print(line)
    return DAMAGED if common.say_problems(run) else OK


def describe(run: List[Recording], found: Summary) -> Iterator[str]:
    """Yields the lines of the page."""
    yield from _describe_run(run, found)
    if found.exception is not None:
        yield from _describe_exception(found, *found.exception)
    if found.hot_spots:
        yield "most time of their own, with the code that they call and that is not recorded"
        for spot in found.hot_spots:
            yield _describe_spot(spot)
    odd = list(_list_oddities(run, found))
    if odd:
        yield "odd"
        yield from (common.red(f"  {_fit(text)}") for text in odd[:_MOST_ENDINGS])
        if len(odd) > _MOST_ENDINGS:
            yield common.dim(f"  and {common.count(len(odd) - _MOST_ENDINGS)} more (--json)")
    yield "next"
    for command, why in suggest(run, found):
        yield f"  {common.typed(command):<{46}}  {common.dim(why)}"


def _describe_run(run: List[Recording], found: Summary) -> Iterator[str]:
    header, meta = run[0].header, run[0].header["meta"]
    argv = common.command_line(meta)
    events = sum(recording.header["events"] for recording in run)
    size = sum(recording.header["size"] for recording in run)
    name = common.safe(common.short_path(run[0].path))
    yield _fit(f"{name}  {common.count(events)} events, {common.size(size)}")
    if len(argv) > 1 and os.path.basename(argv[0]).startswith("python"):
        del argv[0]
    python = f"Python {meta.get('python', '?')}"
    yield _fit(f"  program   {common.safe(' '.join(argv)) or '?'}  ({python}, pid {header['pid']})")
    yield from describe_endings(found.endings)
    yield f"  ran       {', '.join(_count_all(run, found))}"
    yield _fit(f"  recorded  {', '.join(_list_facts(run))}")


def describe_endings(endings: Sequence[Ending], head: str = "  ended     ") -> Iterator[str]:
    """Yields how the processes ended: the first one, then the others, those that failed first."""
    groups: Dict[Tuple[bool, bool, str], List[int]] = {}
    for number, ending in enumerate(endings):
        is_bad = bool(ending.status) or ending.how == "killed"
        status = f" (exit status {ending.status})" if ending.status is not None else ""
        groups.setdefault((number != 0, not is_bad, ending.text + status), []).append(ending.pid)
    rows = sorted(groups.items(), key=lambda item: item[0])
    for (_, is_good, text), pids in rows[:_MOST_ENDINGS]:
        who = f"pid {pids[0]}: " if len(endings) > 1 else ""
        if len(pids) > 1:
            more = ", ..." if len(pids) > 3 else ""
            names = ", ".join(map(str, pids[:3]))
            who = f"{common.count(len(pids))} processes (pid {names}{more}): "
        line = _fit(f"{head}{who}{text}")
        yield line if is_good else common.red(line)
    if len(rows) > _MOST_ENDINGS:
        left = sum(len(pids) for _, pids in rows[_MOST_ENDINGS:])
        yield common.dim(f"            and {common.count(left)} more (--json)")


def _count_all(run: List[Recording], found: Summary) -> Iterator[str]:
    yield common.duration(found.ns)
    if len(run) > 1:
        yield f"{common.count(len(run))} processes"
    yield common.counted(found.threads, "thread")
    for number, left, word in (
        (found.tasks, found.unfinished_tasks, "task"),
        (found.sessions, found.open_sessions, "session"),
    ):
        if number:
            open_ones = f" ({common.count(left)} not finished)" if left else ""
            yield common.counted(number, word) + open_ones


def _list_facts(run: List[Recording]) -> Iterator[str]:
    """Yields what was recorded, and what is not there."""
    meta = run[0].header["meta"]
    yield f"level {meta.get('level', '?')}"
    chain = common.trace_filter(run[0])
    own = [one["name"] for one in chain["filters"] if not one["name"].startswith("builtin")]
    if own:
        yield f"filters {', '.join(map(common.safe, own))}"
    skipped = sum(len(recording.skipped()) for recording in run)
    if skipped:
        yield f"{common.counted(skipped, 'function')} left out (relive gaps)"
    yield from _count_hidden(run)
    losses = common.sum_losses(run)
    yield f"lost: {common.losses_text(losses)}" if losses else common.nothing_lost(run)


def _count_hidden(run: List[Recording]) -> Iterator[str]:
    """Yields how many values the filters hid. A process that was killed has not counted them."""
    stats = [common.trace_filter(one)["stats"] for one in run]
    for key, word in (("value_redactions", "redacted"), ("value_drops", "dropped")):
        count = sum(sum(one.get(key, {}).values()) for one in stats)
        if count:
            yield f"{common.counted(count, 'value')} {word}"


def _describe_exception(found: Summary, number: int, place: Place) -> Iterator[str]:
    """Yields the exception that mattered, and its innermost frames of the program."""
    story = found.exceptions.story(place)
    run = found.exceptions.run
    position = common.position(story.first, run)
    line = _fit(f"exception {number} at {position}: {exc.title_of(story.exc)}")
    yield common.red(line) if story.is_alarming else line
    for word, other in exc.chain(story.exc)[:_MOST_FRAMES]:
        yield _fit(f"  {word} {exc.title_of(other)}")
    for at, text in frames_of(found.exceptions, place, story):
        yield _fit(f"  {at}")
        if text:
            yield common.dim(_fit(f"    > {source.shown(text)}"))
    yield _fit(f"  {story.fate}")
    exit = found.exceptions.exit_for(place)
    if exit is not None:
        last = found.exceptions.story(exit)
        at = common.position(last.first, run)
        number = found.exceptions.number(*exit)
        yield common.red(_fit(f"  then exception {number} at {at}: {exc.title_of(last.exc)}"))


def frames_of(found: Exceptions, place: Place, story: Story) -> Iterator[Tuple[str, str]]:
    """Yields the innermost frames of the program's own, outermost first, with the texts of their
    lines. A library that has raised is the last one."""
    recording = found.run[place[0]]
    rows = [
        (frame, exc.activation(recording, story, code), line) for frame, code, line in story.lines()
    ]
    own = [row for row in rows if common.is_own(recording, row[1])]
    shown = own[-_MOST_FRAMES:]
    if rows[-1] not in shown:
        shown = [*shown[-1:], rows[-1]]
    variables = exc.variables_of(recording, story, [row[0] for row in shown])
    bodies = Bodies([recording])
    for frame, what, line in shown:
        at_call = {
            one.name: value
            for one in variables.get(frame, ())
            for value in (one.at_call or one.value,)
            if one.is_parameter and value is not None
        }
        at = common.place(what, line) if line else f"{common.file_name(what)}:?"
        arguments = common.arguments_text(at_call, 100, 60)
        text = source.line_of(recording, what["file"], line, what["func"])
        yield f"{at}  {bodies.call_text(what, common.safe(what['func']), arguments)}", text or ""


def _describe_spot(spot: HotSpot) -> str:
    where = f"  {common.place({'file': spot.file, 'line': spot.line})}" if spot.file else ""
    return _fit(
        f"  {spot.share:>4.0%} {common.duration(spot.self_ns):>9}  {common.safe(spot.func)}"
        f" x{common.count(spot.calls)}{where}"
    )


def _list_oddities(run: List[Recording], found: Summary) -> Iterator[str]:
    if found.unfinished_tasks:
        yield f"{common.counted(found.unfinished_tasks, 'task')} never finished (relive tasks)"
    for odd in found.oddities:
        yield odd.text + (f" (exc:{odd.exception})" if odd.exception else "")
    losses = common.sum_losses(run)
    if losses:
        yield f"events lost: {common.losses_text(losses)}"


def suggest(run: List[Recording], found: Summary) -> Iterator[Tuple[str, str]]:
    """Yields commands that are worth their time here, each with what it answers."""
    path = common.quoted(common.short_path(run[0].path))
    if found.exception is not None:
        number, place = found.exception
        yield f"relive why {path} exc:{number}", "its frames, its values, what came before it"
        if found.exceptions.count > 1:
            yield f"relive exc {path}", f"all {common.count(found.exceptions.count)} exceptions"
    if found.endings[0].how in ("killed", "running", "os_exit"):
        yield f"relive state end {path}", "what was open at the end"
    if found.busiest is not None:
        func = common.quoted(found.busiest)
        yield f"relive calls {func} {path}", "each call of the busiest function"
    if found.tasks:
        yield f"relive tasks {path}", "who created each task, how it ended, what it waits for"
    if found.threads > 1:
        yield f"relive timeline {path}", "all threads in one order of time"
    yield f"relive tree {path}", "what called what, and how long it took"


def _fit(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def emit(run: List[Recording], found: Summary) -> None:
    """Writes a row for each process, and one for each other thing on the page."""
    common.emit(schema="relive.summary", version=1)
    common.emit(
        row="run", ns=found.ns, processes=len(run), threads=found.threads, tasks=found.tasks,
        unfinished_tasks=found.unfinished_tasks, sessions=found.sessions,
        open_sessions=found.open_sessions,
        events=sum(recording.header["events"] for recording in run),
        losses=common.sum_losses(run), exceptions=found.exceptions.count,
    )  # fmt: skip
    for recording, ending in zip(run, found.endings):
        meta = recording.header["meta"]
        common.emit(
            row="process", pid=ending.pid, file=recording.path, ended=ending.how,
            exit_status=ending.status, signal=ending.signal, text=ending.text,
            complete=recording.header["is_complete"], python=meta.get("python"),
            level=meta.get("level"), events=recording.header["events"],
        )  # fmt: skip
    if found.exception is not None:
        number, place = found.exception
        story = found.exceptions.story(place)
        frames = [
            {"at": at, "source": text} for at, text in frames_of(found.exceptions, place, story)
        ]
        common.emit(
            row="exception", number=number, position=common.position(story.first, run),
            type=story.exc["type"], message=story.exc["message"], fate=story.fate,
            uncaught=story.is_alarming, frames=frames,
        )  # fmt: skip
    for spot in found.hot_spots:
        common.emit(row="hot", **spot.__dict__)
    for odd in found.oddities:
        common.emit(row="odd", **odd.__dict__)
    for command, why in suggest(run, found):
        common.emit(row="next", command=common.typed(command), why=why)

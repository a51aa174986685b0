"""relive state: what was open at a position: threads, tasks, frames, and their variables."""

from __future__ import annotations

from relive import positions
from relive._variables import KNOWN, MAY_HAVE_CHANGED, NOT_RECORDED, is_from_before
from relive.cli import DAMAGED, OK, common, paging, source
from relive.cli.options import Given, Option, Parser, Word, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List

    from relive.api import Recording
    from relive.instants import Frame, State, Variable

BEFORE = "(known at the begin of the part)"


def main(words: List[str]) -> int:
    """Prints what was open right after the event at a position."""
    args = Parser(
        "state", "What was open at a position: threads, tasks, frames, their variables.",
        Word("POSITION", "T1@17, FUNC#N, FILE:LINE#N, exc:last, exc:N, 42%, +3ms, start or end;"
             " P12:T1@17 where a run has several processes", key="position"),
        common.FILE,
        Option("--thread", metavar="N", read=whole_number, default=0, text="only this thread"),
        Option("--frames", metavar="N", read=whole_number, default=40,
               text="innermost frames of a thread (default 40, 0 = all; --json has all)"),
        *paging.options(100, True),
        common.FULL,
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    from relive import instants

    place = positions.find(run, args.position)
    with common.progress(place.recording):
        state = instants.state_of(place, args.thread)
    if args.thread and not state.threads:
        raise ReliveError("ERR_NOT_FOUND", f"thread {args.thread} does not run at {args.position}")
    if state.note:
        common.say(state.note)
    page = paging.Page(
        args, "state", run[0].header["run_id"], args.position, args.thread, args.frames, args.full,
        args.json, limit=100,
    )  # fmt: skip
    if args.json:
        page.put_schema("relive.state")
        rows = json_rows(state, place.recording, run)
    else:
        rows = texts(state, place.recording, run, args)
    left = page.put_all(rows)
    page.end("", left, hint=" (--limit 0 shows all)")
    damaged = common.say_problems(run)
    common.next_command(f"relive state POSITION {run[0].path}")
    return DAMAGED if damaged else OK


def texts(state: State, recording: Recording, run: List[Recording], args: Given) -> Iterator[str]:
    """Yields the state: the event, then each thread and what is suspended, a frame at a time."""
    event = state.event
    where = f"  {common.place(event)} {common.safe(event['func'])}" if "func" in event else ""
    yield f"{common.position(event, run)}  {event['kind']}{where}  +{event['t'] / 1e6:.6g}ms\n"
    tasks = {task.number: task.name for task in state.tasks}
    for thread in state.threads:
        row = recording.thread(thread.number)
        title = common.dim(f"{common.thread_title(row)}, last event {thread.position}") + "\n"
        hidden = max(0, len(thread.frames) - args.frames) if args.frames else 0
        if hidden:
            further = f"  ... {common.counted(hidden, 'frame')} further out (--frames)"
            title += common.dim(further) + "\n"
        for frame in thread.frames[hidden:]:
            yield title + frame_text(frame, tasks, recording, args)
            title = ""
        if not thread.frames:
            yield f"{title}  no frame is open\n"
    title = common.dim("suspended") + "\n"
    for frame in state.suspended:
        yield title + frame_text(frame, tasks, recording, args)
        title = ""
    for task in state.tasks:
        name = f' "{common.safe(task.name)}"' if task.name else ""
        yield common.dim(f"task {task.number}{name}, {task.state}") + "\n"


def frame_text(frame: Frame, tasks: Dict[int, str], recording: Recording, args: Given) -> str:
    """Returns a frame, the text of its line, and its variables, a line each."""
    at = f"{common.file_name({'file': frame.file})}:{frame.line or '?'}"
    facts = [frame.name]
    if frame.state == "left":
        facts.append("left by this event")
    elif frame.state == "waits":
        facts.append("waits for the one below")
    if frame.task:
        facts.append(f"task {common.safe(tasks.get(frame.task) or str(frame.task))}")
    lines = [f"  {at}  {common.safe(frame.func)}  {common.dim('(' + ', '.join(facts) + ')')}"]
    text = source.line_of(recording, frame.file, frame.line, frame.func)
    if text:
        lines.append(common.dim(f"    > {source.shown(text)}"))
    most = common.value_widths(args, 120, 120)[1]
    for variable in frame.variables:
        if variable.state != NOT_RECORDED:
            before = ""
            if is_from_before(recording, variable.recorded_at):
                before = f"  {common.dim(BEFORE)}"
            lines.append(f"      {describe(variable, most)}{before}")
    unknown = [common.safe(one.name) for one in frame.variables if one.state == NOT_RECORDED]
    if unknown:
        lines.append(common.dim(f"      not recorded: {', '.join(unknown)}"))
    return "\n".join(lines) + "\n"


def describe(variable: Variable, most: int = 120) -> str:
    """Returns 'x = [1]  (may have changed unseen)'."""
    name = common.safe(variable.name)
    if variable.scope == "global":
        name = f"global {name}"
    if variable.value is None or variable.state not in (KNOWN, MAY_HAVE_CHANGED):
        return f"{name}  <{variable.state}>"
    mark = f"  {common.UNSEEN}" if variable.is_doubtful else ""
    return f"{name} = {common.value_text(variable.value, most)}{mark}"


def json_rows(state: State, recording: Recording, run: List[Recording]) -> Iterator[str]:
    """Yields a row for the position, and one for each thread, task and frame."""
    yield common.row(row="position", position=common.position(state.event, run), event=state.event)
    prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
    for thread in state.threads:
        yield common.row(
            row="thread", thread=thread.number, thread_name=thread.name,
            position=prefix + thread.position, t=thread.t,
        )  # fmt: skip
        for depth, frame in enumerate(thread.frames):
            yield common.row(row="frame", depth=depth, **frame_fields(frame, prefix, recording))
    for frame in state.suspended:
        yield common.row(row="frame", depth=None, **frame_fields(frame, prefix, recording))
    for task in state.tasks:
        yield common.row(
            row="task", task=task.number, name=task.name, state=task.state,
            frames=[frame.name for frame in task.frames],
        )  # fmt: skip


def frame_fields(frame: Frame, prefix: str, recording: Recording) -> Dict[str, Any]:
    """Returns a frame as JSON has it."""
    return {
        "frame": frame.name, "caller": frame.caller, "thread": frame.thread, "task": frame.task,
        "func": frame.func, "file": frame.file, "line": frame.line, "state": frame.state,
        "source": source.line_of(recording, frame.file, frame.line, frame.func),
        "variables": [
            {
                "name": one.name, "scope": one.scope, "state": one.state, "value": one.value,
                "recorded_at": one.recorded_at and prefix + one.recorded_at,
                "before_part": is_from_before(recording, one.recorded_at),
            }
            for one in frame.variables
        ],
    }  # fmt: skip

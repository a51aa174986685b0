"""relive tasks, relive threads: where each began, how it ended, what it waits for at the end."""

from __future__ import annotations

from relive import lives
from relive.cli import DAMAGED, NOTHING, OK, common, paging, source
from relive.cli.options import Option, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Optional, Tuple

    from relive.api import Recording
    from relive.cli.options import Given
    from relive.lives import Life, Maker, Reader, Wait

    Row = Tuple[Reader, Any]


def main(words: List[str]) -> int:
    """Lists the tasks of all processes of the run."""
    return show("tasks", "Tasks: who created them, how they ended, what they wait for.", words)


def show(verb: str, about: str, words: List[str]) -> int:
    """Lists threads or tasks."""
    args = Parser(
        verb, about, common.FILE,
        Option("--open", text="only those that never finished"),
        *paging.options(50), common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    rows = list(_read_rows(run, verb == "tasks", args))
    page = paging.Page(args, verb, run[0].header["run_id"], args.open, args.json)
    if args.json:
        page.put_once(f'{{"schema":"relive.{verb}","version":1}}\n')
    for reader, life in _make_lives(rows[page.skip :], args.limit):
        text = _format_json(reader.recording, life) if args.json else _format(life, reader, run)
        if not page.put(text):
            break
    page.is_full = page.is_full or page.shown < len(rows)
    _put_totals(page, verb, rows, run, args)
    damaged = common.say_problems(run)
    return DAMAGED if damaged else OK if rows else NOTHING


def _read_rows(run: List[Recording], is_of_tasks: bool, args: Given) -> Iterator[Row]:
    for recording in run:
        prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
        reader = lives.Reader(recording, is_of_tasks, prefix)
        for row in reader.rows:
            if not args.open or reader.is_unfinished(row):
                yield reader, row


def _make_lives(rows: List[Row], limit: int) -> Iterator[Tuple[Reader, Life]]:
    """Yields the first threads or tasks of these rows, those of one recording together."""
    from itertools import groupby

    for reader, group in groupby(rows[:limit] if limit else rows, key=lambda row: row[0]):
        for life in reader.make([row for _, row in group]):
            yield reader, life


def _put_totals(
    page: paging.Page, verb: str, rows: List[Row], run: List[Recording], args: Given
) -> None:
    """Prints the totals behind the last row. Where rows are left, how to go on."""
    word = verb[:-1]
    left = sum(reader.is_unfinished(row) for reader, row in rows)
    losses = common.sum_losses(run)
    unlisted = sum(reader.unlisted for reader in {row[0] for row in rows}) if word == "task" else 0
    text = common.counted(len(rows), word)
    if left and not args.open:
        text += f", {common.count(left)} never finished"
    if unlisted:
        text += f"; {common.count(unlisted)} more are not listed"
    if losses:
        text += f"; events lost: {common.losses_text(losses)}"
    last = common.dim(text) + "\n"
    if args.json:
        from relive import _core

        totals = {
            verb: len(rows), "never_finished": left, "unlisted": unlisted, "losses": losses
        }  # fmt: skip
        last = _core.json_text({"totals": totals}) + "\n"
    if not page.put_last(last):
        common.say(f"{common.counted(page.shown, 'row')} so far; {text}")
        common.say(f"the next page: --cursor {page.cursor()}")


# ---- rows ----


def _format(life: Life, reader: Reader, run: List[Recording]) -> str:
    """Returns the lines of one thread or task."""
    letter = "task " if life.is_task else "T"
    process = f"P{life.pid} " if len(run) > 1 else ""
    name = f'  "{common.safe(life.name)}"' if life.name else ""
    func = f"  {common.safe(life.func)}" if life.func else ""
    took = common.duration(max(0, life.last_ns - life.first_ns))
    head = f"{process}{letter}{life.number}{name}{func}  {_describe_end(life)}"
    times = f"{life.first} to {life.last}, {took}, {common.counted(life.calls, 'call')}"
    is_bad = life.end in (lives.EXCEPTION, lives.NEVER_FINISHED) and life.is_task
    lines = [common.red(head) if is_bad or life.end == lives.EXCEPTION else head]
    lines.append(common.dim(f"    {times}"))
    if life.maker is not None:
        parent = f" by task {life.parent}" if life.parent else ""
        lines.append(f"    created{parent} in {_describe_maker(life.maker)}")
    elif life.parent:
        lines.append(f"    created by task {life.parent}")
    if life.waits is not None:
        lines += _describe_wait(life.waits, reader.recording)
    return "\n".join(lines) + "\n"


def _describe_end(life: Life) -> str:
    if life.end == lives.RESULT:
        return f"-> {common.value_text(life.value, 60)}" if life.value else "returned"
    if life.end in (lives.EXCEPTION, lives.CANCELLED):
        message = (life.exc or {}).get("message", "")
        text = f"{life.exc_type or '?'}: {message}".rstrip(": ")
        what = "cancelled" if life.end == lives.CANCELLED else f"! {text}"
        return common.safe(f"{what}  at {life.ended_at}")
    if life.end == lives.NEVER_FINISHED and not life.is_task:
        return "had not ended"
    return {
        lives.NOT_STARTED: "never ran", lives.LOST: "its end may be lost",
        lives.IDLE: "all its calls had returned",
        lives.ENDED: "ended",
    }.get(life.end, life.end)  # fmt: skip


def _describe_maker(maker: Maker) -> str:
    at = common.place({"file": maker.file}, maker.line) if maker.file and maker.line else ""
    name = common.safe(maker.func) if maker.func else "a call"
    return "  ".join(filter(None, [name, at, f"({maker.position or maker.frame})"]))


def _describe_wait(waits: Wait, recording: Recording) -> List[str]:
    name = common.file_name({"file": waits.file})
    line = f"{name}:{waits.line}" if waits.line else f"{name}:?"
    at = f" since {waits.position}" if waits.position else ""
    value = f"  for {common.value_text(waits.value, 60)}" if waits.value else ""
    what = "waits" if waits.position else "was"
    lines = [f"    {what} at {line} in {common.safe(waits.func)} ({waits.frame}){at}{value}"]
    text = source.line_of(recording, waits.file, waits.line, waits.func)
    return [*lines, common.dim(f"      > {source.shown(text)}")] if text else lines


def _format_json(recording: Recording, life: Life) -> str:
    from relive import _core

    row = dict(life.__dict__)
    del row["is_task"]
    row["position"] = row["first"]
    row["maker"] = life.maker and dict(life.maker.__dict__)
    row["waits"] = life.waits and dict(
        life.waits.__dict__, source=_source_of(recording, life.waits)
    )  # fmt: skip
    return _core.json_text(row) + "\n"


def _source_of(recording: Recording, waits: Wait) -> Optional[str]:
    return source.line_of(recording, waits.file, waits.line, waits.func)

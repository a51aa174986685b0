"""relive timeline: what happened in all threads, tasks and processes, in one order of time."""

from __future__ import annotations

import sys

from relive import _core, positions, timelines
from relive.calls import ExpressionError
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.bodies import Bodies
from relive.cli.options import Given, Option, Parser, terminal_width, whole_number
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, Optional, Tuple

    from relive.api import Recording

_EPILOG = """names in an expression: the parameters of the call that begins, and of each event
  {names}
  A parameter wins; call.NAME is never a parameter. Write call.n and call.t for n and t.
  Times are nanoseconds: total > 2ms.

examples:
  relive timeline --from exc:last --thread 2
  relive timeline --where 'func == "price" and total > 1ms'
  relive timeline --kinds write --where 'name == "balance"'
"""
_DEEPEST = 20  # levels of indentation


def main(words: List[str]) -> int:
    """Prints a row for each event that is wanted."""
    args = Parser(
        "timeline", "What happened in all threads, tasks and processes, in one order of time.",
        common.FILE,
        Option("--thread", metavar="N", read=whole_number, default=0, text="only this thread"),
        Option("--task", metavar="TASK", text="only this task: its number, or its name"),
        Option("--process", metavar="PID", read=whole_number, default=0,
               text="only this process"),
        Option("--from", metavar="POSITION", key="begin",
               text="from here on: T1@17, FUNC#N, exc:last, 42%, +3ms"),
        Option("--to", metavar="POSITION", key="end", text="up to here"),
        Option("--where", metavar="E", text="only events for which this is true: 'total > 2ms'"),
        Option("--kinds", metavar="LIST",
               text="other kinds of events: line,write or all (default: begins and ends of calls,"
               " exceptions that are caught, tasks, threads, output, logs, sessions, marks)"),
        Option("--libraries", text="also code of libraries"),
        Option("--count", text="only how many there are"),
        *paging.options(100),
        Option("--full", text="whole values, however long"),
        common.JSON,
        epilog=_EPILOG.format(names=", ".join(_core.timeline_names())),
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    _check_expression(args, run)
    answer = _Answer(args, run)
    try:
        answer.print()
    finally:
        sys.stdout.flush()
    damaged = common.say_problems(run)
    return DAMAGED if damaged else OK if answer.counts.passed else NOTHING


def _check_expression(args: Given, run: List[Recording]) -> None:
    """Shows the place where the expression is wrong, and raises the error."""
    try:
        if args.where is not None:
            timelines.check_expression(args.where, run)
    except ExpressionError as error:
        common.show_expression(error)
        raise ReliveError(error.code, f"--where: {error}") from None


class _Answer:
    """The rows of one or several processes."""

    def __init__(self, args: Given, run: List[Recording]) -> None:
        self.args = args
        self.run = run
        self.counts = timelines.NO_COUNTS
        self.page = paging.Page(
            args, "timeline", run[0].header["run_id"], args.thread, args.task, args.process,
            args.begin, args.end, args.where, args.kinds, args.libraries, args.count, args.full,
            args.json,
        )  # fmt: skip
        self._width = terminal_width() if sys.stdout.isatty() and not args.full else 0
        self._tasks = _name_tasks(run)
        self._has_values = has_values(run)
        self._bodies = Bodies(run)

    def print(self) -> None:
        """Prints the page."""
        if self.args.json:
            self.page.put_once('{"schema":"relive.timeline","version":1}\n')
        timeline = timelines.Timeline(
            self._chosen(), self._question(), self.page.skip, bool(self.args.count)
        )
        with common.progress(self.run[0]):
            for line in timeline.rows():
                if line is None:
                    sys.stdout.flush()
                elif not self.page.is_full and not self.page.put(self._format(line)):
                    timeline.only_count()
        self.counts = timeline.counts()
        self._print_totals()

    def _chosen(self) -> List[Recording]:
        if not self.args.process:
            return self.run
        chosen = [one for one in self.run if one.header["pid"] == self.args.process]
        if not chosen:
            known = ", ".join(str(one.header["pid"]) for one in self.run)
            raise ReliveError(
                "ERR_NOT_FOUND", f"there is no process {self.args.process}: this run has {known}"
            )
        return chosen

    def _question(self) -> timelines.Question:
        args = self.args
        if args.thread and not any(args.thread in one.threads() for one in self._chosen()):
            raise ReliveError(
                "ERR_NOT_FOUND",
                f"there is no thread {args.thread} (relive threads lists them)",
            )
        begin = positions.find(self.run, args.begin) if args.begin else None
        end = positions.find(self.run, args.end) if args.end else None
        if begin and end and begin.is_behind(end):
            raise ReliveError("ERR_USAGE", f"--to {args.end} is before --from {args.begin}")
        return timelines.Question(
            _read_kinds(args.kinds), has_libraries=bool(args.libraries), thread=args.thread,
            task=self._find_task(), begin=begin, end=end, where=args.where,
        )  # fmt: skip

    def _find_task(self) -> int:
        text = self.args.task
        if text is None:
            return 0
        if text.isdecimal() and 0 < int(text) < 1 << 32:
            return int(text)
        found = {number for names in self._tasks.values() for number, name in names.items()
                 if name == text}  # fmt: skip
        if len(found) == 1:
            return int(found.pop())
        names = {name for names in self._tasks.values() for name in names.values()}
        why = f"{len(found)} tasks have the name {text}: give a number" if found else (
            f"there is no task {text}{nearest(text, sorted(names))}"
        )  # fmt: skip
        raise ReliveError("ERR_NOT_FOUND", f"{why} (relive tasks lists them)")

    def _format(self, line: bytes) -> str:
        if self.args.json:
            return line.decode("ascii")
        return self._format_row(_core.read_json(line))

    def _format_row(self, row: Mapping[str, Any]) -> str:
        """Returns the line of one event."""
        who = f"P{row['pid']} " if len(self.run) > 1 else ""
        who += f"T{row['thread']}"
        task = row.get("task")
        if task:
            who += f" {common.safe(self._tasks.get(row['pid'], {}).get(task) or f'task {task}')}"
        head = f"{row['position']:>10}  +{row['t'] / 1e6:<10.6g} {who:<12} "
        head += "  " * min(row["depth"], _DEEPEST)
        room = max(30, self._width - len(head)) if self._width else 0
        limit = 1 << 62 if self.args.full else room or 160
        text, is_error = describe(row, limit, self._has_values, self._bodies)
        text = text if len(text) <= limit else text[: limit - 3] + "..."
        return f"{head}{common.red(text) if is_error else text}\n"

    def _print_totals(self) -> None:
        """Prints the totals behind the last row. Where rows are left, how to go on."""
        counts = self.counts
        losses = common.sum_losses(self._chosen())
        text = f"{common.count(counts.passed)} of {common.counted(counts.events, 'event')}"
        text += common.unknown_text(counts)
        if losses:
            text += f"; events lost: {common.losses_text(losses)}"
        last = common.dim(text)
        if self.args.json:
            last = _core.json_text({"totals": {**counts.__dict__, "losses": losses}})
        if not self.page.put_last(last + "\n"):
            common.say(f"{common.counted(self.page.shown, 'row')} so far; {text}")
            common.say(f"the next page: --cursor {self.page.cursor()}")


def _name_tasks(run: List[Recording]) -> Any:
    """Returns {pid: {number: name}} of the tasks of each process that has some."""
    names = {}
    for recording in run:
        if recording.totals()["kinds"].get("task_start"):
            rows = recording.select(["task_start"])
            names[recording.header["pid"]] = {row["task"]: row.get("name") or "" for row in rows}
    return names


def _read_kinds(text: Optional[str]) -> List[str]:
    """Returns the kinds that --kinds names; none means all."""
    if text is None:
        return list(timelines.DEFAULT_KINDS)
    if text == "all":
        return []
    known = _core.kinds()
    kinds = [word.strip() for word in text.split(",") if word.strip()]
    for kind in kinds:
        if kind not in known:
            raise ReliveError(
                "ERR_USAGE", f"--kinds: there is no kind {kind!r}{nearest(kind, known)}"
                f" (kinds: {', '.join(known)})",
            )  # fmt: skip
    return kinds


# ---- the text of an event ----


def has_values(run: List[Recording]) -> bool:
    """Returns whether a call without arguments has none, since all recordings have values."""
    return all(common.highest_level(one.header["meta"]) != "calls" for one in run)


def describe(
    row: Mapping[str, Any], limit: int, has_values: bool, bodies: Bodies
) -> Tuple[str, bool]:
    """Returns the text of an event, and whether it is an exception."""
    kind = row["kind"]
    if "func" not in row:
        return _describe_other(row, limit), False
    name = common.safe(row["call"] or row["func"])
    if bodies.kind(row) != "module body":  # they all have one name
        name = name.rpartition(":")[2]
    if kind == "call":
        again = "  (began before this recording)" if row.get("already_running") else ""
        unknown = "" if has_values and not again else "..."
        arguments = common.arguments_text(row["args"], limit, 60) if "args" in row else unknown
        return f"{bodies.call_text(row, name, arguments)}{again}", False
    if kind == "return" and bodies.kind(row):
        took = f"  {common.duration(row['total_ns'])}" if row["total_ns"] is not None else ""
        return f"{name} ({bodies.kind(row)}) ended{took}", False
    if kind in ("return", "yield"):
        value = f" -> {common.value_text(row['value'], limit)}" if row.get("value") else ""
        took = f"  {common.duration(row['total_ns'])}" if row["total_ns"] is not None else ""
        return f"{name}{value or ' ' + kind}{took}", False
    if "exc" in row or "exc_type" in row:
        exc = row.get("exc") or {}
        what = f"{row.get('exc_type') or exc.get('type', '?')}: {exc.get('message', '')}"
        line = f" at line {row['exc_line']}" if row.get("exc_line") else ""
        how = {"unwind": "!", "handled": "caught", "raise": "raised", "throw": "thrown in:"}
        text = f"{name}  {how.get(kind, kind)} {common.safe(what.rstrip(': '))}{line}"
        return text, kind == "unwind"
    if kind == "line":
        return f"{common.place(row)}  in {name}", False
    if kind == "write":
        return f"{common.safe(row['name'])} = {common.value_text(row['value'], limit)}", False
    what = "is gone, its end was not seen" if row.get("unseen") else kind.replace("_", " ")
    return f"{name}  {what}", False


def _describe_other(row: Mapping[str, Any], limit: int) -> str:
    kind: str = row["kind"]
    words = kind.replace("_", " ")
    if kind == "output":
        return f"{row['stream']}: {common.safe(row['text'].rstrip())}"
    if kind == "loss":
        return f"lost: {common.losses_text({row['reason']: row['count']})}"
    if kind == "thread_start":
        return f"{words}  {common.safe(row.get('name') or '')}".rstrip()
    if kind.startswith("task"):
        maker = f"  created in {row['made_in']}:{row['made_line']}" if "made_in" in row else ""
        return f"{words} {row['task']}  {common.safe(row.get('name') or '')}{maker}".rstrip()
    if "fields" in row:
        return f"{words}  {common.arguments_text(row['fields'], limit, 60)}".rstrip()
    return words

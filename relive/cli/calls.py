"""relive calls: each call of a function, with arguments, result, time and caller."""

from __future__ import annotations

import sys

from relive import _core, calls
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.bodies import Bodies
from relive.cli.options import Given, Option, Parser, Word, ordinal, terminal_width
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Tuple

    from relive.api import Recording

_EPILOG = """names in an expression: the parameters of the function, and of each call
  {names}
  A parameter wins; call.NAME is never a parameter. Write call.n and call.t for n and t.
  Times are nanoseconds: total > 2ms.
operators: as in Python, with len(x), type(x) == "Name" and re(x, "pattern").
  A value that is redacted, cut or not recorded is never equal, more or less.

examples:
  relive calls price --where 'ret < 0'
  relive calls price --where 'item in ("tea", "milk") and total > 1ms' --last
  relive calls price --group 'type(ret)'
"""


def main(words: List[str]) -> int:
    """Prints a row for each call of FUNC that passes."""
    args = Parser(
        "calls", "Each call of a function, with its values, its caller and its time.",
        Word("FUNC", "price, shop:price, shop.py:11, or price#3 for its third call",
             key="function"),
        common.FILE,
        Option("--where", metavar="E", text="only calls for which this is true: 'ret < 0'"),
        Option("--first", text="only the first of them"),
        Option("--last", text="only the last of them"),
        Option("--nth", metavar="N", read=ordinal, text="only the Nth of them"),
        Option("--count", text="only how many there are"),
        Option("--group", metavar="E",
               text="how many calls have each value of this: 'type(ret)'"),
        *paging.options(50),
        Option("--full", text="whole values, however long"),
        common.JSON,
        epilog=_EPILOG.format(names=", ".join(_core.call_names())),
    ).apart("--first", "--last", "--nth", "--count", "--group").parse(words)  # fmt: skip
    name, number = _split_handle(args.function)
    run = common.open_run(common.find_file(args.file))
    codes = calls.find_function(run, name)
    _check_expressions(args, [row for rows in codes for row in rows])
    answer = _Answer(args, run, codes, name, number)
    try:
        answer.print()
    finally:
        sys.stdout.flush()
    damaged = common.say_problems(run)
    one = f"{name}#{number or 1}" if len(run) == 1 else f"P{run[0].header['pid']}:{name}#1"
    common.next_command(f"relive frame {one} {run[0].path}")
    return DAMAGED if damaged else OK if answer.counts.passed else NOTHING


def _split_handle(text: str) -> Tuple[str, int]:
    """Returns ('price', 3) for 'price#3', and ('price', 0) for 'price'."""
    name, sign, number = text.rpartition("#")
    if sign and name and number.isdecimal() and int(number):
        return name, int(number)
    return text, 0


def _check_expressions(args: Given, codes: List[Any]) -> None:
    """Shows the place where an expression is wrong, and raises the error."""
    for option, text in (("--where", args.where), ("--group", args.group)):
        try:
            if text is not None:
                calls.check_expression(text, codes)
        except calls.ExpressionError as error:
            common.show_expression(error)
            raise ReliveError(error.code, f"{option}: {error}") from None


class _Answer:
    """The rows of one or several processes."""

    def __init__(
        self, args: Given, run: List[Recording], codes: List[List[Any]], name: str, number: int
    ) -> None:
        self.args, self.run, self.codes, self.name, self.number = args, run, codes, name, number
        self.nth = 1 if args.first else args.nth
        self.counts = calls.NO_COUNTS
        self._others = 0
        run_id = run[0].header["run_id"]
        self.page = paging.Page(
            args, "calls", run_id, args.function, args.where, self.nth, args.last, args.count,
            args.group, args.full, args.json,
        )  # fmt: skip
        self._bodies = Bodies(run)
        self._width = terminal_width() if sys.stdout.isatty() and not args.full else 0

    def print(self) -> None:
        """Prints the page."""
        if self.args.json:
            self.page.put_once('{"schema":"relive.calls","version":1}\n')
        if self.args.group is not None:
            self._print_groups()
        elif self.args.last or self.nth:
            self._print_one()
        else:
            self._print_calls()
        self._print_totals()

    def _searches(self, skip: int = 0, **how: Any) -> Iterator[calls.Search]:
        """Yields a search for each process that has the function, all but the first `skip` rows."""
        for recording, codes in zip(self.run, self.codes):
            if not codes:
                continue
            prefix = f"P{recording.header['pid']}:" if len(self.run) > 1 else ""
            search = calls.Search(
                recording, codes, self.name, prefix, where=self.args.where, number=self.number,
                skip=skip, **how,
            )  # fmt: skip
            with common.progress(recording):
                yield search
            found = search.counts()
            skip = max(0, skip - found.passed)
            self.counts += found

    def _print_calls(self) -> None:
        only_counts = bool(self.args.count)
        for search in self._searches(self.page.skip, only_counts=only_counts):
            for piece in search.pieces():
                for line in piece:
                    if not self.page.put(self._format(line)):
                        search.only_count()
                        break
                if piece:
                    sys.stdout.flush()

    def _print_one(self) -> None:
        """Prints the first call that passes, the last or the Nth."""
        skip = 0 if self.args.last else max(1, self.nth) - 1
        found = None
        for search in self._searches(skip, only_last=bool(self.args.last)):
            for piece in search.pieces():
                if piece and (found is None or self.args.last):
                    found = piece[0]
                if found is not None and not self.args.last:
                    search.only_count()
        if found is not None and not self.page.skip:
            self.page.put(self._format(found))

    def _format(self, line: bytes) -> str:
        if self.args.json:
            return line.decode("ascii")
        row, is_full = _core.read_json(line), bool(self.args.full)
        return _format_call(row, self._width, is_full, self._bodies)

    def _print_groups(self) -> None:
        joined: Dict[Tuple[str, str], _Group] = {}
        for search in self._searches(group=self.args.group):
            for _ in search.pieces():
                pass
            groups, others = search.groups()
            self._others += others
            for line, number, *first in groups:
                value = _core.read_json(line)
                group = _Group(value, number, self._place(search, *first))
                known = joined.setdefault((value["t"], value["r"]), group)
                known.calls += number if known is not group else 0
        rows = sorted(joined.values(), key=lambda group: -group.calls)
        for group in rows[self.page.skip :]:
            if not self.page.put(self._format_group(group)):
                break

    def _place(self, search: calls.Search, number: int, thread: int, seq: int) -> Tuple[str, str]:
        return f"{search.prefix}{self.name}#{number}", f"{search.prefix}T{thread}@{seq}"

    def _format_group(self, group: _Group) -> str:
        call, position = group.first
        if self.args.json:
            row = {"value": group.value, "calls": group.calls, "call": call, "position": position}
            return _core.json_text(row) + "\n"
        limit = 10**9 if self.args.full else max(20, self._width - 40) if self._width else 80
        text = common.value_text(group.value, limit)
        return f"{common.count(group.calls):>9}  {text}  {common.dim(common.safe(call))}\n"

    # ---- totals ----

    def _print_totals(self) -> None:
        """Prints the totals behind the last row. Where rows are left, how to go on."""
        losses = common.sum_losses(self.run)
        text = _totals_text(self.counts, self.name, self.args.where is not None)
        if self.number and not self.args.json:
            return  # the search has ended with that call
        if self._others:
            text += f"; {common.counted(self._others, 'call')} of values that are not listed"
        if losses:
            text += f"; events lost: {common.losses_text(losses)}"
        if self.args.json:
            last = _core.json_text(
                {"totals": {**self.counts.__dict__, "others": self._others, "losses": losses}}
            )
        else:
            last = common.dim(text)
        if not self.page.put_last(last + "\n"):
            common.say(f"{common.counted(self.page.shown, 'row')} so far; {text}")
            common.say(f"the next page: --cursor {self.page.cursor()}")


class _Group:
    """The calls that have one value of the expression."""

    def __init__(self, value: Mapping[str, Any], calls: int, first: Tuple[str, str]) -> None:
        self.value, self.calls, self.first = value, calls, first


def _totals_text(counts: calls.Counts, name: str, has_where: bool) -> str:
    """Returns '3 of 118 calls of price, 1 raised; 2 not known (1 cut, 1 redacted)'."""
    text = common.counted(counts.calls, "call")
    if has_where:
        text = f"{common.count(counts.passed)} of {text}"
    text += f" of {common.safe(name)}"
    if counts.raised:
        text += f", {common.count(counts.raised)} raised"
    if counts.open:
        text += f", {common.count(counts.open)} open"
    return text + common.unknown_text(counts)


def _format_call(row: Mapping[str, Any], width: int, is_full: bool, bodies: Bodies) -> str:
    """Returns the line of one call, which fits into `width` characters where that is not 0."""
    head = f"{common.safe(row['call'])}  {row['position']}  "
    name = common.safe(row["func"].partition(":")[2])
    tail = ""
    if row["total_ns"] is not None:
        tail += f"  {common.took(row['total_ns'], row['end'] == 'open')}"
    if row["caller"]:
        line = f":{row['caller_line']}" if row["caller_line"] else ""
        tail += f"  from {common.safe(row['caller'].partition(':')[2])}{line}"
    if row["task"]:
        tail += f"  task {row['task']}"
    if row["already_running"]:
        tail += "  (began before this recording)"
    end, is_error = _describe_end(row, is_full, bool(bodies.kind(row)))
    room = max(30, width - len(head) - len(name) - len(tail) - 2) if width else 0
    if room:
        end = _shorten(end, max(12, room - 12) if len(end) < room // 2 else room // 2)
    limit = 10**9 if is_full else room - len(end) if room else 160
    arguments = "..."
    if row["args"] is not None:
        each = limit if room or is_full else 80
        arguments = ", ".join(
            f"{common.safe(key)}={common.value_text(value, max(8, each))}"
            for key, value in row["args"].items()
        )
    end = common.red(end) if is_error else end
    text = bodies.call_text(row, name, _shorten(arguments, max(8, limit)))
    return f"{head}{text}{end}{common.dim(tail)}\n"


def _describe_end(row: Mapping[str, Any], is_full: bool, is_body: bool) -> Tuple[str, bool]:
    """Returns ' -> 22.5', or what else the call ended with, and whether it is an exception."""
    if row["end"] == "return":
        limit = 10**9 if is_full else 80
        has_result = row["value"] and not is_body
        return (f" -> {common.value_text(row['value'], limit)}" if has_result else ""), False
    if row["end"] == "raise":
        exc = row["exc"] or {}
        kind = row["exc_type"] or exc.get("type") or "an exception"
        message = common.safe(f"{kind}: {exc.get('message', '')}".rstrip(": "))
        return f"  ! {message if is_full else _shorten(message, 160)}", True
    ends = {
        "unseen": "  (it is gone, its end was not seen)",
        "lost": "  (its end is not in the recording)",
    }
    return ends.get(row["end"], ""), False


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."

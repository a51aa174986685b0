"""relive find: every place where a value is, the first one first."""

from __future__ import annotations

import sys

from relive import _core, finds
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Given, Option, Parser, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from relive.api import Recording
    from relive.finds import FoundPlace

_EPILOG = """examples:
  relive find 118
  relive find '"sku-77"' --first
  relive find 're("^sku-7\\d")' --writers
  relive find --contains 'out of'
"""


def main(words: List[str]) -> int:
    """Prints a row for each place."""
    args = Parser(
        "find", "Every place where a value is, the first one first.",
        Word("VALUE", "118, '\"text\"', None, (1, 2), or 're(\"pattern\")' for texts", key="value"),
        common.FILE,
        Option("--contains", text="VALUE is a text without quotes, and part of what is found"),
        Option("--writers", text="only writes of a variable, attribute or item"),
        Option("--first", text="only the first place"),
        Option("--count", text="only how many there are"),
        *paging.options(50),
        Option("--full", text="whole values, however long"),
        common.JSON,
        epilog=_EPILOG,
    ).apart("--first", "--count").parse(words)  # fmt: skip
    if args.contains:
        expression = finds.expression_of(args.value, True, False)
    else:
        expression = finds.parse_expression(args.value)
    run = common.open_run(common.find_file(args.file))
    answer = _Answer(args, run, expression)
    try:
        answer.print()
    finally:
        sys.stdout.flush()
    damaged = common.say_problems(run)
    return DAMAGED if damaged else OK if answer.found else NOTHING


class _Answer:
    """The places in one or several processes."""

    def __init__(self, args: Given, run: List[Recording], expression: finds.Expression) -> None:
        self._args, self._run, self._expression = args, run, expression
        self.found = 0
        self._page = paging.Page(
            args, "find", run[0].header["run_id"], expression.text, args.writers, args.first,
            args.count, args.full, args.json,
        )  # fmt: skip

    def print(self) -> None:
        """Prints the page, and how many places there are."""
        if self._args.json:
            self._page.put_once('{"schema":"relive.find","version":1}\n')
        skip = self._page.skip
        for recording in self._run:
            places = finds.Places(recording, self._expression, bool(self._args.writers), skip)
            with common.progress(recording):
                self._print_places(places, recording)
                is_enough = self._args.first and self.found + places.count > 0
                self.found += places.count if is_enough else places.count_all()
            skip = max(0, skip - places.count)
            if is_enough:
                return
        self._print_total()

    def _print_places(self, places: finds.Places, recording: Recording) -> None:
        if self._args.count:
            return
        for place in places:
            text = self._format(place, recording)
            if not self._page.put(text) or self._args.first:
                return

    def _print_total(self) -> None:
        losses: Dict[str, int] = {}
        for recording in self._run:
            for reason, number in recording.header["losses"].items():
                losses[reason] = losses.get(reason, 0) + number
        text = common.counted(self.found, "place")
        text += f"; events lost: {common.losses_text(losses)}" if losses else ""
        last = common.dim(text)
        if self._args.json:
            last = _core.json_text({"totals": {"places": self.found, "losses": losses}})
        if not self._page.put_last(last + "\n"):
            common.say(f"{common.counted(self._page.shown, 'row')} so far; {text}")
            common.say(f"the next page: --cursor {self._page.cursor()}")

    def _format(self, place: FoundPlace, recording: Recording) -> str:
        prefix = f"P{recording.header['pid']}:" if len(self._run) > 1 else ""
        position = prefix + place.position
        if self._args.json:
            return _core.json_text({**place.__dict__, "position": position}) + "\n"
        limit = 10**9 if self._args.full else 100
        call = place.call or (place.func or "").partition(":")[2]
        name = place.name or {"result": "ret"}.get(place.place, "")
        what = common.safe(f"{name}{place.path}")
        text = f"{position:>10}  {common.safe(call)}  {place.place} {what}".rstrip()
        text += f" = {common.value_text(place.value, limit)}"
        if place.file:
            where = common.place({"file": place.file, "line": place.before_line or place.line})
            text += f"  {common.dim(f'before {where}' if place.before_line else where)}"
        return text + "\n"

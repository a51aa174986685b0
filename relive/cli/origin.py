"""relive origin: where the value of a variable came from, hop by hop."""

from __future__ import annotations

from relive import _core
from relive.cli import DAMAGED, OK, common, paging, source
from relive.cli.options import Given, Option, Parser, Word, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

    from relive.api import Recording
    from relive.origins import Holder, Hop, Origin

_EPILOG = """A hop has one of these words:
  certain     it is the same object, and it was held all the time.
  only one    Nothing else that the line reads has an equal value.
  one of      Several have, and the others are listed.
  Numbers, texts, None and such are never certain.

examples:
  relive origin total@order#2
  relive origin 'self.cart.items[0].price@exc:last'
  relive origin total --at T1@66 --follow qty
"""


def main(words: List[str]) -> int:
    """Prints the way of a value back to where it came from."""
    args = Parser(
        "origin", "Where the value of a variable came from, hop by hop.",
        Word("NAME@POS", "total@price#118, order.items[0].price@exc:last; ret@... is the result of"
             " a call that ends there", key="target"),
        common.FILE,
        Option("--at", metavar="POS", text="the position, where NAME is given alone"),
        Option("--follow", metavar="NAME", many=True,
               text="at a computation, go on with this name, or with the one of this number; may be"
               " given for each of them"),
        Option("--hops", metavar="N", read=whole_number, default=50,
               text="no more than this many hops (default 50)"),
        *paging.options(0),
        Option("--full", text="whole values, however long"),
        common.JSON,
        epilog=_EPILOG,
    ).parse(words)  # fmt: skip
    name, position = _split(args.target, args.at)
    run = common.open_run(common.find_file(args.file))
    recording, position = _choose(run, position)
    with common.progress(recording):
        found = recording.origin(name, position, follow=args.follow or (), limit=args.hops or 10**6)
    _Answer(args, run, recording, found).print()
    damaged = common.say_problems(run)
    losses: Dict[str, int] = recording.header["losses"]
    if losses:
        common.say(f"events lost: {common.losses_text(losses)}")
    return DAMAGED if damaged else OK


def _split(target: str, at: Optional[str]) -> Tuple[str, str]:
    """Returns the name and the position of 'total@T1@66'."""
    if at is not None:
        return target, at
    name, _, position = target.partition("@")
    if not name or not position:
        raise ReliveError(
            "ERR_USAGE",
            f"{target!r} has no position: write {name or 'NAME'}@T1@17, or --at T1@17 (relive"
            " origin --help)",
        )
    return name, position


def _choose(run: List[Recording], position: str) -> Tuple[Recording, str]:
    """Returns the recording of a run that a position is in, and its position there."""
    from relive import positions

    place = positions.find(run, position)
    if place.note:
        common.say(place.note)
    return place.recording, f"T{place.thread}@{place.seq}"


class _Answer:
    """The rows of an origin: the value, the hops, the end, and what the last line reads."""

    def __init__(
        self, args: Given, run: List[Recording], recording: Recording, found: Origin
    ) -> None:
        self.args, self.recording, self.found = args, recording, found
        self._prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
        self._limit = 10**9 if args.full else 100
        self._page = paging.Page(
            args, "origin", recording.header["run_id"], found.name, found.position, args.follow,
            args.hops, args.full, args.json,
        )  # fmt: skip

    def print(self) -> None:
        """Prints the page."""
        found = self.found
        if self.args.json:
            self._page.put_once('{"schema":"relive.origin","version":1}\n')
        rows = [self._subject(), *map(self._hop, found.hops), self._end()]
        rows += [self._operand(i, one) for i, one in enumerate(found.operands, 1)]
        for row in rows[self._page.skip :]:
            if not self._page.put(row + "\n"):
                common.say(f"the next page: --cursor {self._page.cursor()}")
                break
        for note in found.notes:
            common.say(note)
        if found.operands and not self.args.json and not self._page.is_full:
            common.next_command(f"the same with --follow NAME, such as {found.operands[0].name}")

    def _value(self, value: Optional[Mapping[str, Any]]) -> str:
        return common.value_text(value, self._limit) if value is not None else "<not recorded>"

    def _subject(self) -> str:
        found = self.found
        position = self._prefix + found.position
        if self.args.json:
            return _core.json_text(
                {"row": "value", "name": found.name, "position": position, "value": found.value}
            )
        return f"{common.safe(found.name)} = {self._value(found.value)}  {common.dim(position)}"

    def _hop(self, hop: Hop) -> str:
        position = self._prefix + hop.position
        if self.args.json:
            fields = dict(hop.__dict__, row="hop", position=position)
            fields["candidates"] = [one.__dict__ for one in hop.candidates]
            return _core.json_text(fields)
        func = hop.call or hop.func.partition(":")[2]
        sure = hop.confidence
        if hop.candidates:
            sure = f"{sure} {len(hop.candidates) + 1}"
        head = f"{position:>10}  {common.safe(func)}  "
        text = f"{head}{common.safe(hop.name)} = {self._value(hop.value)}"
        text += f"  {common.dim(f'{hop.how}, {sure}')}"
        if hop.line:
            text += f"\n{'':12}{common.file_name({'file': hop.file})}:{hop.line}"
            text += f" > {source.shown(hop.source)}" if hop.source else ""
        if hop.changed_at:
            where = f" at {common.file_name({'file': hop.file})}:{hop.changed_line}"
            where = where if hop.changed_line else ""
            note = f"changed inside since, last before {hop.changed_at}{where}"
            text += common.dim(f"\n{'':12}{note}")
        for one in hop.candidates:
            text += f"\n{'':12}or {common.safe(one.name)} = {self._value(one.value)}"
            text += f"  {one.position}" if one.position else ""
        return text

    def _end(self) -> str:
        found = self.found
        if self.args.json:
            return _core.json_text(
                {"row": "end", "end": found.end, "reason": found.reason, "advice": found.advice}
            )
        text = f"{found.end}: {common.safe(found.reason)}"
        return f"{text}; {common.safe(found.advice)}" if found.advice else text

    def _operand(self, number: int, one: Holder) -> str:
        if self.args.json:
            return _core.json_text({"row": "operand", "number": number, **one.__dict__})
        where = f"  {one.position}" if one.position else ""
        return f"  {number}  {common.safe(one.name)} = {self._value(one.value)}{where}"

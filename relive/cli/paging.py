"""Answers in pages: as many rows as somebody wants to read, and how to go on from there.

A page ends before the first row that does not fit, so no row is ever split. Its cursor says how
many rows were given, and of which question. Joined, the pages are the answer without a limit, byte
for byte. What is printed once is in the first page or in the last one."""

from __future__ import annotations

import sys

from relive.cli import common
from relive.cli.options import Option, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, List, Optional, Tuple, TypeVar

    from relive.cli.options import Given

    _Row = TypeVar("_Row")


def options(limit: int, json_has_all: bool = False, *names: str) -> List[Option]:
    """Returns the options of a verb that answers in pages, with so many rows a page by default;
    with `json_has_all`, --json then has no limit. `names` are others for --limit."""
    usual = f"default {limit}" + ("; with --json all" if json_has_all else "")
    return [
        Option(*names, "--limit", metavar="N", read=whole_number,
               default=None if json_has_all else limit,
               text=f"this many rows (0 = all; {usual})"),
        Option("--max-bytes", metavar="N", read=whole_number, default=0,
               text="no more than this much output, but one row at least (0 = any)"),
        Option("--cursor", metavar="CURSOR", text="go on where that page ended"),
    ]  # fmt: skip


def _size(text: str) -> int:
    return len(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


class Page:
    """One page. `question` is whatever decides the bytes of the rows; `limit` is the number of rows
    where the command line has none; `rows` is it where --limit means something else."""

    def __init__(
        self, args: Given, *question: object, limit: int = 0, rows: Optional[int] = None
    ) -> None:
        import binascii

        sum_of_question = binascii.crc32(repr(question).encode("utf-8", "surrogatepass"))
        self._question = f"{sum_of_question & 0xFFFFFFFF:08x}"
        usual = 0 if args.json else limit
        self._rows_max: int = rows if rows is not None else usual
        if rows is None and args.limit is not None:
            self._rows_max = args.limit
        self._bytes_max: int = args.max_bytes
        self._rows = self._counted = self._bytes = 0
        self.place = ""
        """of the last row of the page before this one; then what put() was given last"""
        self.skip = 0 if args.cursor is None else self._parse(args.cursor)
        """rows of the pages before this one"""
        self.is_first = args.cursor is None
        self.is_full = False

    def _parse(self, cursor: str) -> int:
        rows, _, question = cursor.partition(".")
        question, _, self.place = question.partition(".")
        if not rows.isdecimal() or len(rows) > 18:
            raise ReliveError("ERR_USAGE", f"--cursor {cursor!r} is none: the page before names it")
        if question != self._question:
            raise ReliveError(
                "ERR_USAGE",
                f"--cursor {cursor!r} is of another question: file, options and cursor go together",
            )
        return int(rows)

    @property
    def room(self) -> Optional[int]:
        """How many rows may still be put into this page; None for any number."""
        return max(0, self._rows_max - self._counted) if self._rows_max else None

    def put_once(self, text: str) -> None:
        """Prints what comes before the first row of the answer."""
        if self.is_first:
            self._write(text)

    def put_schema(self, name: str, version: int = 1) -> None:
        """Prints the first line of an answer in JSON."""
        self.put_once(f'{{"schema":"{name}","version":{version}}}\n')

    def rest(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """Yields the rows that no page before this one has."""
        for number, row in enumerate(rows):
            if number >= self.skip:
                yield row

    def put(self, text: str, place: str = "", *, is_counted: bool = True) -> bool:
        """Prints a row, and returns whether it was in this page. `place` is for the cursor of a
        verb that finds its way back by it. --limit counts the row unless `is_counted` is false."""
        size = _size(text)
        is_over = (is_counted and self._rows_max and self._counted >= self._rows_max) or (
            self._bytes_max and self._rows and self._bytes + size > self._bytes_max
        )
        self.is_full = self.is_full or bool(is_over)
        if self.is_full:
            return False
        self._rows += 1
        self._counted += is_counted
        self.place = place
        self._write(text)
        return True

    def put_all(self, rows: Iterable[str], total: Optional[int] = None) -> int:
        """Prints the rows that no page before this one has, and returns how many are left. Where
        their number is known, those are not even made."""
        found = iter(self.rest(rows))
        for text in found:
            if not self.put(text):
                return 1 + sum(1 for _ in found) if total is None else total - self.shown
        return 0

    def put_mixed(self, rows: Iterable[Tuple[str, bool]]) -> int:
        """Prints the rows that no page before this one has, each with whether --limit counts it.
        Returns how many of the counted ones are left."""
        left = 0
        for text, is_counted in self.rest(rows):
            self.is_full = self.is_full or not self.put(text, is_counted=is_counted)
            left += self.is_full and is_counted
        return left

    def put_last(self, text: str) -> bool:
        """Prints what comes behind the last row of the answer. It is in this page, or alone in the
        next one: --limit does not count it, --max-bytes does."""
        if not self.is_full:
            self._rows_max = 0
        return self.put(text, self.place) if text else not self.is_full

    def end(
        self, last: str = "", left: Optional[int] = 0, word: str = "row", hint: str = ""
    ) -> None:
        """Ends the answer with its last line; where rows are left, says how to go on. None of them
        were counted where `left` is None."""
        if self.put_last(last):
            return
        more = f"more {word}s" if left is None else common.counted(left, f"more {word}")
        text = "" if left == 0 else f"{more}{hint}; "
        common.say(f"{text}the next page: --cursor {self.cursor()}")

    def _write(self, text: str) -> None:
        self._bytes += _size(text)
        sys.stdout.write(text)

    @property
    def shown(self) -> int:
        """How many rows of the answer were given, with those of earlier pages."""
        return self.skip + self._rows

    def cursor(self) -> str:
        """Returns what goes on behind this page."""
        return f"{self.shown}.{self._question}" + (f".{self.place}" if self.place else "")

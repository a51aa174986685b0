"""Answers in pages: as many rows as somebody wants to read, and how to go on from there.

A page ends before the first row that does not fit, so no row is ever split. Its cursor says how
many rows were given, and of which question. Joined, the pages are the answer without a limit, byte
for byte. What is printed once is in the first page or in the last one."""

from __future__ import annotations

import sys

from relive.cli.options import Option, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from relive.cli.options import Given


def options(limit: int) -> List[Option]:
    """Returns the options of a verb that answers in pages, with so many rows a page by default."""
    return [
        Option("--limit", metavar="N", read=whole_number, default=limit,
               text=f"this many rows (0 = all; default {limit})"),
        Option("--max-bytes", metavar="N", read=whole_number, default=0,
               text="no more than this much output, but one row at least (0 = any)"),
        Option("--cursor", metavar="CURSOR", text="go on where that page ended"),
    ]  # fmt: skip


def _size(text: str) -> int:
    return len(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


class Page:
    """One page. `question` is whatever decides the bytes of the rows."""

    def __init__(self, args: Given, *question: object) -> None:
        import binascii

        sum_of_question = binascii.crc32(repr(question).encode("utf-8", "surrogatepass"))
        self._question = f"{sum_of_question & 0xFFFFFFFF:08x}"
        self._rows_max: int = args.limit
        self._bytes_max: int = args.max_bytes
        self._rows = self._bytes = 0
        self.skip = 0 if args.cursor is None else self._parse(args.cursor)
        """rows of the pages before this one"""
        self.is_first = args.cursor is None
        self.is_full = False

    def _parse(self, cursor: str) -> int:
        rows, _, question = cursor.partition(".")
        if not rows.isdecimal() or len(rows) > 18:
            raise ReliveError("ERR_USAGE", f"--cursor {cursor!r} is none: the page before names it")
        if question != self._question:
            raise ReliveError(
                "ERR_USAGE",
                f"--cursor {cursor!r} is of another question: file, options and cursor go together",
            )
        return int(rows)

    def put_once(self, text: str) -> None:
        """Prints what comes before the first row of the answer."""
        if self.is_first:
            self._write(text)

    def put(self, text: str) -> bool:
        """Prints a row, and returns whether it was in this page."""
        size = _size(text)
        is_over = (self._rows_max and self._rows >= self._rows_max) or (
            self._bytes_max and self._rows and self._bytes + size > self._bytes_max
        )
        self.is_full = self.is_full or bool(is_over)
        if self.is_full:
            return False
        self._rows += 1
        self._write(text)
        return True

    def put_last(self, text: str) -> bool:
        """Prints what comes behind the last row of the answer. It is in this page, or alone in the
        next one: --limit does not count it, --max-bytes does."""
        if not self.is_full:
            self._rows_max = 0
        return self.put(text)

    def _write(self, text: str) -> None:
        self._bytes += _size(text)
        sys.stdout.write(text)

    @property
    def shown(self) -> int:
        """How many rows of the answer were given, with those of earlier pages."""
        return self.skip + self._rows

    def cursor(self) -> str:
        """Returns what goes on behind this page."""
        return f"{self.shown}.{self._question}"

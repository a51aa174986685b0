"""Which lines of a function or a file ran, and how often: Recording.cover(), `relive cover`.

The recording has which lines ran. Which others are statements is read from the recorded text by its
tokens alone: nothing of it is compiled."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from relive import positions
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

RAN, NOT_RUN, UNKNOWN = STATES = "ran", "did not run", "not known"
_WITHOUT_CODE = {"else", "try", "finally", "global", "nonlocal"}  # keywords of lines without events
_NATIVE, _SKIPPED = 8, 256  # flags of code


@dataclass(frozen=True)
class CoveredLine:
    """A line that ran, or a statement that did not."""

    line: int
    hits: int
    """how often it was about to run"""
    state: str
    """one of STATES; not known: the lines of its function were not recorded"""
    func: Optional[str]
    """the function that it is in; None where it is not in the recording"""


@dataclass(frozen=True)
class CoveredFunction:
    """A function of the file."""

    func: str
    line: int
    calls: int
    has_lines: bool
    """its lines were recorded"""
    is_skipped: bool
    """a filter left it out"""


@dataclass(frozen=True)
class Cover:
    """What ran of a function or a file."""

    file: str
    first: int
    last: int
    """the lines that are meant"""
    lines: Tuple[CoveredLine, ...]
    functions: Tuple[CoveredFunction, ...]
    """those that were called or left out; and those that the text defines and nothing called"""
    has_lines: bool
    """lines of one of them were recorded"""
    has_text: bool
    """without the text, lines that did not run are not known"""


@dataclass(frozen=True)
class Statement:
    """A statement of a text. `scope` is the line at which the function or class around it begins,
    with its decorators; 0 in none."""

    first: int
    last: int
    scope: int
    begins: int
    """line at which the function or class that it defines begins; 0 where it defines none"""
    name: str
    """of that function or class"""
    has_code: bool


def statements(text: str) -> List[Statement]:
    """Returns the statements of a text, as far as it can be read."""
    import io
    import tokenize

    reading = _Statements()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            reading.take(token)
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # cut, or with a mark in the place of a secret
    return reading.found


class _Statements:
    def __init__(self) -> None:
        self.found: List[Statement] = []
        self._words: List[Any] = []  # tokens of the statement under way
        self._scopes = [0]  # first line of the scope, for each indentation
        self._next_scope = 0  # of the block that a def or class has begun
        self._decorator = 0  # line of the first decorator before a def

    def take(self, token: Any) -> None:
        """Takes the next token."""
        import tokenize

        if token.type == tokenize.INDENT:
            self._scopes.append(self._next_scope or self._scopes[-1])
            self._next_scope = 0
        elif token.type == tokenize.DEDENT:
            self._scopes.pop()
        elif token.type == tokenize.NEWLINE:
            self._end()
        elif token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
            self._words.append(token)

    def _end(self) -> None:
        import tokenize

        words, self._words = self._words, []
        if not words:
            return
        first, last = words[0].start[0], words[-1].end[0]
        scope = self._scopes[-1]
        texts = [word.string for word in words[:3]]
        if texts[0] == "async":
            texts = texts[1:]
        is_text = all(word.type == tokenize.STRING for word in words)
        has_code = not is_text and texts[0] not in _WITHOUT_CODE
        name, begins = "", 0
        if texts[0] == "@":
            self._decorator = self._decorator or first
        elif texts[0] in ("def", "class") and len(texts) > 1:
            name, begins = texts[1], self._decorator or first
            if words[-1].string == ":":
                self._next_scope = begins
        if texts[0] != "@":
            self._decorator = 0
        self.found.append(Statement(first, last, scope, begins, name, has_code))


def find(run: Sequence[Recording], target: str) -> Tuple[str, bool, List[List[positions.Code]]]:
    """Returns (file, whether all of it is meant, the functions that are meant in each recording).
    Functions inside a function belong to it."""
    rows = [_of_file(recording, target) for recording in run]
    is_file = any(rows)
    if not is_file:
        found = positions.named_functions(run, target)
        if not any(found):
            raise positions.no_such_function(run, target)
        is_file = any(row[2] == "<module>" for codes in found for row in codes)
        rows = [_with_inner(recording, codes) for recording, codes in zip(run, found)]
        if is_file:
            file = next(row[3] for codes in found for row in codes)
            rows = [_of_file(recording, file) for recording in run]
    files = sorted({row[3] for one in rows for row in one})
    if len(files) > 1:
        raise ReliveError(
            "ERR_USAGE",
            f"{target} is in several files: {', '.join(files[:10])}. Write more of the path",
        )
    return files[0], is_file, rows


def _all_codes(recording: Recording) -> List[positions.Code]:
    return [*recording.codes(), *recording.skipped()]


def _of_file(recording: Recording, target: str) -> List[positions.Code]:
    end = os.sep + target.lstrip("./")
    return [
        row
        for row in _all_codes(recording)
        if not row[5] & _NATIVE and (row[3] == target or row[3].endswith(end))
    ]


def _with_inner(recording: Recording, codes: Sequence[positions.Code]) -> List[positions.Code]:
    heads = {(row[1], row[3], f"{row[2]}.") for row in codes}
    return [
        row
        for row in _all_codes(recording)
        if row in codes
        or any(row[1] == a and row[3] == b and row[2].startswith(c) for a, b, c in heads)
    ]


def read(run: Sequence[Recording], target: str) -> Cover:
    """Returns what ran of a function or a file, of all processes together."""
    file, is_file, codes = find(run, target)
    counts = _Counts()
    for recording, rows in zip(run, codes):
        counts.add(recording, rows)
    text = next(filter(None, (_text_of(one, file) for one in run)), None)
    found = statements(text) if text else []
    first, last = 1, len(text.splitlines()) if text else 0
    if not is_file:
        first = min(row[4] for rows in codes for row in rows)
        last = _end_of(found, first)
    last = max([first, last, *counts.hits])
    meant = [one for one in found if first <= one.first <= last]
    lines = [CoveredLine(line, hits, RAN, counts.func_of[line])
             for line, hits in counts.hits.items()]  # fmt: skip
    if counts.hits:
        lines += counts.lines_without_hits(meant, first if not is_file else 0)
    return Cover(
        file, first, last, tuple(sorted(lines, key=lambda one: one.line)),
        tuple(counts.functions(meant)), bool(counts.hits), bool(text),
    )  # fmt: skip


def _text_of(recording: Recording, file: str) -> Optional[str]:
    source = recording.source(file)
    return source.text if source is not None else None


def _end_of(found: Sequence[Statement], first: int) -> int:
    """Returns the last line of the function that begins at line `first`."""
    scopes, last = {first}, first
    for one in found:
        if one.scope in scopes or one.begins == first:
            last = max(last, one.last)
            scopes.add(one.begins or first)
    return last


class _Counts:
    """What ran, of all processes. Functions are known by their first line and name."""

    def __init__(self) -> None:
        self.hits: Dict[int, int] = {}
        self.func_of: Dict[int, str] = {}  # of a line that ran
        self._calls: Dict[Tuple[int, str], int] = {}
        self._skipped: Set[Tuple[int, str]] = set()
        self._with_lines: Set[int] = set()

    def add(self, recording: Recording, rows: Sequence[positions.Code]) -> None:
        """Adds one process."""
        keys = {row[0]: (row[4], f"{row[1]}:{row[2]}") for row in rows}
        for row in rows:
            if row[5] & _SKIPPED:
                self._skipped.add(keys[row[0]])
            else:
                self._calls.setdefault(keys[row[0]], 0)
        for code, calls, *_ in recording.functions():
            if code in keys:
                self._calls[keys[code]] = self._calls.get(keys[code], 0) + calls
        for code, line, hits in recording.reader.line_counts(sorted(keys)):
            self.hits[line] = self.hits.get(line, 0) + hits
            self.func_of.setdefault(line, keys[code][1])
            self._with_lines.add(keys[code][0])

    def lines_without_hits(self, meant: Sequence[Statement], but: int) -> Iterator[CoveredLine]:
        """Yields the statements of which no line ran. The one that defines the function at line
        `but` is none of its own."""
        names = dict([*self._skipped, *self._calls])
        module = next((line for line, name in names.items() if name.endswith(":<module>")), None)
        met = set(names) - self._with_lines  # called without lines, or left out
        for one in meant:
            is_head = but and (one.begins == but or one.first == but)
            ran = any(line in self.hits for line in range(one.first, one.last + 1))
            if ran or is_head or not one.has_code:
                continue
            scope = one.scope or module
            state = UNKNOWN if scope is None or scope in met else NOT_RUN
            yield CoveredLine(one.first, 0, state, names.get(scope or 0))

    def functions(self, meant: Sequence[Statement]) -> Iterator[CoveredFunction]:
        """Yields what was called or left out, and what the text defines and nothing called."""
        rows = {
            key: CoveredFunction(key[1], key[0], calls, key[0] in self._with_lines, False)
            for key, calls in self._calls.items()
        }
        for key in self._skipped:
            rows.setdefault(key, CoveredFunction(key[1], key[0], 0, False, True))
        known = {line for line, _ in rows}
        for one in meant:
            if one.begins and one.begins not in known:
                key = one.begins, one.name
                rows[key] = CoveredFunction(one.name, one.begins, 0, False, False)
        return iter([rows[key] for key in sorted(rows)])

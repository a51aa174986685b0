"""relive diff: where two recordings part, and which functions they called how often."""

from __future__ import annotations

import os

from relive import diffs
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.bodies import Bodies
from relive.cli.options import Option, Parser, Word, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

    from relive.api import Recording

    _Run = List[Recording]
    # A function, its [calls, own time] in A and in B, whether it is the program's own.
    _Row = Tuple[str, List[int], List[int], bool]

_FUNCTIONS = 10  # so many are listed
_LEAST_NS = 1_000_000  # smaller differences in time are chance


def main(words: List[str]) -> int:
    """Compares the recordings A and B, thread by thread; or one call of each."""
    args = Parser(
        "diff", "Where two recordings part, or two calls.",
        Word("A", "a recording", key="a"),
        Word("B", "another one; left out where two calls of A are compared", key="b", least=0),
        Word("FUNC#N", "a call in A, and one in B where it has another number: price#3 price#4",
             key="calls", least=0, most=0),
        Option("--thread", metavar="N", read=whole_number, text="only this thread"),
        Option("--limit", metavar="N", read=whole_number, default=10,
               text="this many differences (0 = all; default 10)"),
        *paging.options(0)[1:],
        Option("--all", text="also what differs in libraries"),
        common.JSON,
    ).parse(words)  # fmt: skip
    calls, other = list(args.calls or []), args.b
    if other is not None and "#" in other and not os.path.exists(other):
        calls, other = [other, *calls], None
    if len(calls) != 2 and (other is None or len(calls) > 2):
        raise ReliveError(
            "ERR_USAGE", "diff takes two recordings, or a recording and two calls:"
            " relive diff a.relive b.relive, relive diff a.relive price#3 price#4",
        )  # fmt: skip
    runs = common.open_run(args.a), common.open_run(args.a if other is None else other)
    report: Union[_Json, _Text] = (_Json if args.json else _Text)(runs, args.all)
    if calls:
        pairs = [_find_calls(runs, (calls[0], calls[-1]))]
    else:
        pairs = _pair_threads(runs, args.thread)
    page = paging.Page(args, "diff", *(run[0].header["run_id"] for run in runs), calls,
                       args.thread, args.all, args.json)  # fmt: skip
    report.begin(bool(calls))
    most = 2**63 if page.room is None else page.skip + page.room + 1
    for pair in pairs:
        _make_second_index(pair)
        with common.progress(pair.a):
            answer = diffs.compare(pair.a, pair.b, pair.threads, pair.calls, most)
        report.pair(pair, answer)
    counts = [] if calls else _count_functions(runs)
    report.functions(counts)
    page.end("", page.put_mixed(report.rows) + report.unread, "difference")
    damaged = common.say_problems([*runs[0], *runs[1]])
    is_same = report.is_same and all(row[1][0] == row[2][0] for row in counts)
    return DAMAGED if damaged else OK if is_same else NOTHING


class _Pair:
    """Two threads, or two calls with their names, that are compared."""

    def __init__(
        self, a: Recording, b: Recording, threads: Tuple[int, int],
        calls: Optional[Tuple[int, int]] = None, names: Optional[Tuple[str, str]] = None,
    ) -> None:  # fmt: skip
        self.a, self.b, self.threads, self.calls, self.names = a, b, threads, calls, names

    def title(self) -> str:
        """Returns what is compared."""
        if self.names is None:
            return common.thread_title(self.a.thread(self.threads[0]))
        return common.safe(" and ".join(dict.fromkeys(self.names)))


def _make_second_index(pair: _Pair) -> None:
    """Makes an index where only the other recording has one: that costs less than to read both."""
    a, b = pair.a, pair.b
    if pair.calls is None and (a.use_index() is None) != (b.use_index() is None):
        (b if b.use_index() is None else a).use_index(may_make=True)


def _pair_threads(runs: Tuple[_Run, _Run], wanted: Optional[int]) -> List[_Pair]:
    """Returns the threads that both runs have, process by process."""
    pairs = [
        _Pair(a, b, (thread, thread))
        for a, b in zip(*runs)
        for thread in a.threads()
        if thread in b.threads() and wanted in (None, thread)
    ]
    if wanted is not None and not pairs:
        raise ReliveError("ERR_NOT_FOUND", f"not both recordings have a thread {wanted}")
    return pairs


def _find_calls(runs: Tuple[_Run, _Run], names: Tuple[str, str]) -> _Pair:
    """Returns the two calls that the positions name."""
    from relive import positions

    a, b = (positions.find(run, name) for run, name in zip(runs, names))
    for place, name in ((a, names[0]), (b, names[1])):
        event = place.recording.event(place.thread, place.seq)
        if event is None or event["kind"] != "call":
            raise ReliveError("ERR_USAGE", f"{name} is no call: write one such as price#3")
    return _Pair(a.recording, b.recording, (a.thread, b.thread), (a.seq, b.seq), names)


def _count_functions(runs: Tuple[_Run, _Run]) -> List[_Row]:
    """Returns each function's calls and own time in both runs. Those whose calls are furthest apart
    come first, then those whose times are."""
    found: Dict[str, _Row] = {}
    for side, run in enumerate(runs, 1):
        for recording in run:
            own = set(recording.own_codes())
            for code, calls, _, time, _, _ in recording.functions():
                name = common.name_of(recording.code(code))
                row = found.setdefault(name, (name, [0, 0], [0, 0], code in own))
                sums = row[1] if side == 1 else row[2]
                sums[0] += calls
                sums[1] += time
    return sorted(
        found.values(), key=lambda row: (-abs(row[1][0] - row[2][0]), -abs(row[1][1] - row[2][1]))
    )


def _is_slower(a: int, b: int) -> bool:
    """Returns whether two times of a function are apart by more than chance: a millisecond, and by
    half."""
    return abs(a - b) >= _LEAST_NS and 2 * max(a, b) >= 3 * min(a, b)


def _without_start(a: str, b: str) -> Tuple[str, str]:
    """Returns two texts from shortly before the place where they part, if they are long."""
    if len(a) + len(b) <= 120:
        return a, b
    at = next((i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
    return ("..." + a[at - 20 :], "..." + b[at - 20 :]) if at > 23 else (a, b)


def _name_program(recording: Recording) -> str:
    """Returns app.py, or -m app; "" where it has no name."""
    words = common.command_line(recording.header["meta"])[1:]
    while len(words) > 1 and words[0].startswith("-") and words[0] not in ("-m", "-c"):
        del words[: 2 if words[0] in ("-X", "-W") else 1]
    if words[:1] == ["-m"]:
        return " ".join(words[:2])
    return "" if not words or words[0].startswith("-") else os.path.basename(words[0])


def _what_is_left_out(a: Recording, b: Recording) -> List[str]:
    """Returns a sentence for what one recording has and the other has not."""
    kinds, has_values = diffs.comparable(a, b)
    levels = [common.highest_level(one.header["meta"]) or "?" for one in (a, b)]
    if levels[0] == levels[1]:
        return []
    what = [] if has_values else ["values"]
    what += [] if "line" in kinds else ["lines and variables"]
    return [f"A has level {levels[0]}, B {levels[1]}: {' and '.join(what)} are not compared"]


def _describe(event: Optional[Mapping[str, Any]], bodies: Bodies) -> str:
    """Returns what happened at an event, in words."""
    if event is None:
        return "an event that is lost"
    kind, name = event["kind"], common.safe(event.get("func", "?"))
    value = common.value_text(event["value"], 60) if event.get("value") else ""
    if kind in ("call", "return") and bodies.kind(event):
        return f"{bodies.kind(event)} {name} {'began' if kind == 'call' else 'ended'}"
    if kind == "call":
        args = event.get("args")
        return f"{name}{'' if args is None else f'({common.arguments_text(args, 100)})'} was called"
    if kind in ("return", "yield", "resume"):
        verb = {"return": "returned", "yield": "yielded", "resume": "went on"}[kind]
        return f"{name} {verb} {value}".rstrip()
    if kind == "line":
        return f"{common.place(event)} ran"
    if kind == "write":
        return f"{common.safe(event['name'])} = {value}" if value else "a variable was deleted"
    if kind == "output":
        return f"wrote {common.safe(repr(event.get('text', '')))[:80]}"
    if kind in ("raise", "unwind", "throw", "handled"):
        what = common.safe(event.get("exc_type") or "an exception")
        verbs = {"raise": "raised in", "unwind": "left", "throw": "was thrown into"}
        line = event.get("exc_line")
        at = f" at {common.place(event, line)}" if line else ""
        return f"{what} {verbs.get(kind, 'was caught in')} {name}{at}"
    return f"{kind.replace('_', ' ')} {name}"


class _Report:
    """What both forms of the answer have in common."""

    def __init__(self, runs: Tuple[_Run, _Run], has_libraries: bool) -> None:
        self.runs, self.has_libraries = runs, has_libraries
        self._bodies = Bodies([*runs[0], *runs[1]])
        self.is_same = True
        self.rows: List[Tuple[str, bool]] = []  # each with whether it is a difference
        self.unread = 0  # differences that follow those in rows

    def put(self, text: str, is_difference: bool = False) -> None:
        """Adds lines to the answer, which no page splits."""
        self.rows.append((f"{text}\n", is_difference))

    def put_row(self, is_difference: bool = False, **fields: Any) -> None:
        """Adds a row of JSON."""
        self.rows.append((common.row(**fields), is_difference))

    def wanted(self, answer: diffs.Comparison) -> List[diffs.Difference]:
        """Returns the differences to show: without --all, those in the program's own code."""
        found = [one for one in answer.differences if one.is_own or self.has_libraries]
        self.unread += (answer.count if self.has_libraries else answer.own) - len(found)
        return found

    def sides(
        self, one: diffs.Difference, pair: _Pair
    ) -> List[Tuple[str, diffs.Side, _Run, Recording]]:
        """Returns both sides of a difference, each with its letter, its run and its recording."""
        return [("a", one.a, self.runs[0], pair.a), ("b", one.b, self.runs[1], pair.b)]

    def missing(self) -> List[str]:
        """Returns a sentence for each process and thread that only one run has."""
        found = []
        for which, run, other in (("A", *self.runs), ("B", *self.runs[::-1])):
            if len(run) > len(other):
                found.append(f"{which} has {len(run)} processes, the other {len(other)}")
            for one, beside in zip(run, other):
                titles = [
                    common.thread_title(row)
                    for number, row in one.threads().items()
                    if number not in beside.threads()
                ]
                found += [f"{which} alone has {title}" for title in titles]
        return found


class _Text(_Report):
    """Prints the answer for people."""

    def begin(self, has_calls: bool) -> None:
        """Says what is compared."""
        for letter, run in zip("AB", self.runs):
            self.put(f"{letter}  {common.safe(run[0].path)}")
        names = [_name_program(run[0]) for run in self.runs]
        if all(names) and names[0] != names[1]:
            both = " and ".join(map(common.safe, names))
            self.put(f"these are two programs: {both}")
        for text in _what_is_left_out(self.runs[0][0], self.runs[1][0]):
            self.put(text)
        for text in [] if has_calls else self.missing():
            self.is_same = False
            self.put(common.red(text))

    def pair(self, pair: _Pair, answer: diffs.Comparison) -> None:
        """Prints the differences of one pair."""
        count, shown = answer.count, self.wanted(answer)
        self.is_same = self.is_same and not count
        steps = f"{common.counted(answer.same, 'step')} in common"
        what = common.counted(count, "difference") if count else "no difference"
        self.put(f"\n{pair.title()}: {what}, {steps}")
        for number, difference in enumerate(shown, 1):
            self._show(number, difference, pair)
        listed = count if self.has_libraries else answer.own
        if count > listed:
            if not listed:
                self.put("no difference in the program's own code")
            self.put(common.dim(f"... {common.count(count - listed)} in libraries (--all)"))

    def _show(self, number: int, one: diffs.Difference, pair: _Pair) -> None:
        around = " > ".join(common.safe(name) for name in one.stack[-3:])
        if len(one.stack) > 3 or one.hidden:
            around = f"... > {around}"
        title = f"in {around}" if around else "outside of every function"
        lines = [f"{number:>4}  {title}"]
        if one.kind == "lost":
            lines.append("      events are lost here; what follows was not compared")
        for letter, side, run, recording in self.sides(one, pair):
            position = _position(recording, run, side)
            text = _describe(side.first, self._bodies) if side.events else "no such step"
            if side.events > 1:
                text += f", and {common.counted(side.events - 1, 'more event')}"
            where = position if side.events else f"after {position}"
            lines.append(f"      {letter.upper()}  {where:>12}  {text}")
        for name, old, new in one.changes():
            if len(old) + len(new) > 100 or (one.a.first or {}).get("kind") == "call":
                old, new = _without_start(old, new)
                lines.append(f"         {common.safe(name)}: {_short(old)} -> {_short(new)}")
        self.put("\n".join(lines), True)

    def functions(self, rows: List[_Row]) -> None:
        """Prints the functions that were called another number of times, and the slower ones."""
        rows = rows if self.has_libraries else [row for row in rows if row[3]]
        other = [row for row in rows if row[1][0] != row[2][0]]
        times = [row for row in rows if row[1][0] == row[2][0] and _is_slower(row[1][1], row[2][1])]
        for title, found in (("called another number of times", other), ("other own time", times)):
            if found:
                head = f"{'calls A':>12} {'calls B':>12} {'self A':>10} {'self B':>10}"
                self.put(f"\n{title}:\n{head}")
            for name, a, b, _ in found[:_FUNCTIONS]:
                calls = f"{common.count(a[0]):>12} {common.count(b[0]):>12}"
                self.put(f"{calls} {common.duration(a[1]):>10} {common.duration(b[1]):>10}  {name}")
            if len(found) > _FUNCTIONS:
                self.put(common.dim(f"... {common.count(len(found) - _FUNCTIONS)} more (--json)"))


class _Json(_Report):
    """Prints the answer for programs."""

    def begin(self, has_calls: bool) -> None:
        """Prints the head."""
        self.put_row(
            schema="relive.diff", version=1, a=self.runs[0][0].path, b=self.runs[1][0].path,
            not_compared=_what_is_left_out(self.runs[0][0], self.runs[1][0]),
        )  # fmt: skip
        for text in [] if has_calls else self.missing():
            self.is_same = False
            self.put_row(kind="missing", text=text)

    def pair(self, pair: _Pair, answer: diffs.Comparison) -> None:
        """Prints the differences of one pair, then its totals."""
        shown = self.wanted(answer)
        for one in shown:
            sides = {
                letter: {
                    "position": _position(recording, run, side),
                    "events": side.events,
                    "first": side.first,
                }
                for letter, side, run, recording in self.sides(one, pair)
            }
            changes = [{"name": name, "a": old, "b": new} for name, old, new in one.changes()]
            self.put_row(
                True, kind=one.kind, is_own=one.is_own, stack=one.stack, hidden=one.hidden,
                changes=changes, **sides,
            )  # fmt: skip
        self.is_same = self.is_same and not answer.count
        self.put_row(
            kind="call" if pair.names else "thread", thread=list(pair.threads), calls=pair.names,
            pid=[pair.a.header["pid"], pair.b.header["pid"]],
            same=answer.same, found=answer.found, own=answer.own,
        )  # fmt: skip

    def functions(self, rows: List[_Row]) -> None:
        """Prints a row for each function whose count or time is another."""
        for name, a, b, is_own in rows:
            if a != b and (is_own or self.has_libraries):
                self.put_row(kind="function", func=name, calls=[a[0], b[0]], self_ns=[a[1], b[1]])


def _position(recording: Recording, run: _Run, side: diffs.Side) -> str:
    event = {"pid": recording.header["pid"], "thread": side.thread, "seq": side.seq}
    return common.position(event, run)


def _short(text: str) -> str:
    text = common.safe(text)
    return text if len(text) <= 80 else text[:77] + "..."

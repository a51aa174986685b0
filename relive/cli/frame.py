"""relive frame: one call whole: its lines with values, what it called, how it ended."""

from __future__ import annotations

import sys

from relive import activations, handles
from relive.cli import DAMAGED, OK, common, paging, source
from relive.cli.bodies import Bodies
from relive.cli.options import Parser, Word, terminal_width
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping

    from relive.activations import Activation, Call, Line, Sequence
    from relive.api import Recording
    from relive.cli.options import Given

_MOST_GAP = 3  # lines in a row that did not run, and are shown
_WIDEST_SOURCE = 50  # columns, in front of what a line did
_EXCEPTIONS = {"raise": "! {}", "handled": "caught {}", "throw": "! {} came in"}


def main(words: List[str]) -> int:
    """Prints one call of a function."""
    args = Parser(
        "frame", "One call whole: its lines with values, what it called, how it ended.",
        Word("CALL", "a position in it: price#3, T1@120, exc:1; or a frame: T1#5", key="call"),
        common.FILE,
        *paging.options(200, True),
        common.FULL,
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    recording, frame, note = activations.find(run, args.call)
    if note:
        common.say(note)
    with common.progress(recording):
        found = activations.read(recording, frame)
    if found is None:
        raise ReliveError("ERR_NOT_FOUND", f"nothing of frame {frame} was recorded")
    page = paging.Page(
        args, "frame", run[0].header["run_id"], recording.header["pid"], frame, args.full,
        args.json, limit=200,
    )  # fmt: skip
    view = _View(recording, found, run, args)
    if args.json:
        page.put_schema("relive.frame")
        page.put_once(view.call_row())
        left = page.put_all(view.line_rows())
    else:
        page.put_once(view.head())
        left = page.put_all(view.lines())
    page.end("" if args.json else view.rest, left, "line", " (--limit 0 shows all)")
    return DAMAGED if common.say_problems(run) else OK


def why_no_text(recording: Recording, event: Mapping[str, Any]) -> str:
    """Returns ': a reason', or '' where none is known."""
    found = recording.source(event["file"])
    return f": {found.meaning}" if found is not None and found.text is None else ""


def block_of(source: List[str], first: int, last: int) -> Dict[int, str]:
    """Returns {number: text} of a function that begins at line `first`, its common indentation
    left out. It ends where the text is indented less, and not before line `last`."""
    texts: Dict[int, str] = {}
    head = None
    for number in range(first, len(source) + 1):
        text = source[number - 1].expandtabs()
        indent = len(text) - len(text.lstrip())
        is_head = head is None
        if head is None and text.lstrip().startswith("@"):
            is_head = True
        elif head is None:
            head = indent
        elif text.strip() and indent <= head and number > last and not is_head:
            break
        texts[number] = text
    while texts and not texts[max(texts)].strip():
        del texts[max(texts)]
    least = min((len(text) - len(text.lstrip()) for text in texts.values() if text.strip()),
                default=0)  # fmt: skip
    return {number: text[least:] for number, text in texts.items()}


def how_it_ended(found: Activation, most: int, is_body: bool = False) -> str:
    """Returns ' -> 5', or '  ! KeyError: x at line 7'. A body has no result."""
    end = found.end
    if end is None:
        return "  (open)"
    if end["kind"] == "unwind":
        at = f" at line {end['exc_line']}" if end.get("exc_line") else ""
        return "  " + common.red(f"! {title_of(end)}{at}")
    has_result = end.get("value") and not is_body
    return f" -> {common.value_text(end['value'], most)}" if has_result else ""


def title_of(event: Mapping[str, Any]) -> str:
    """Returns 'KeyError: x' of an event with an exception."""
    message = (event.get("exc") or {}).get("message", "")
    return common.safe(f"{event.get('exc_type', 'an exception')}: {message}".rstrip(": "))


class _View:
    """One call as text, and as rows of JSON. `rest` is what follows the last line of the text."""

    def __init__(
        self, recording: Recording, found: Activation, run: List[Recording], args: Given
    ) -> None:
        self.recording, self.found, self.run, self.args = recording, found, run, args
        self.prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
        self.rest = ""
        called = [
            call.event
            for line in found.lines.values()
            for calls in line.calls.values()
            for call, _ in calls.rows
        ]
        called += [call.event for calls in found.calls for call, _ in calls.rows]
        self.handles = handles.of_calls(recording, [found.event, *called], self.prefix)
        self._bodies = Bodies([recording])
        self._lines_of_file = source.lines_of(recording, found.event["file"], found.event["func"])
        self._most = 1 << 30 if args.full else 80  # characters of a value
        self._columns = terminal_width() if sys.stdout.isatty() else 100

    # ---- text ----

    def head(self) -> str:
        """Returns what the call got, how it ended, and, without lines, what it called."""
        found, most = self.found, max(self._most, 400)
        event, end = found.event, found.end or {}
        arguments = common.arguments_text(event.get("args", {}), most, self._most)
        facts = [f"{common.place(event)}", event["frame"]]
        facts += [self.handles[key] for key in [(event["thread"], event["seq"])]
                  if key in self.handles]  # fmt: skip
        begin = common.position(event, self.run)
        is_from_before = event.get("already_running") and self.recording.header["before"]
        facts.append(f"began before this part, shown from {begin}" if is_from_before
                     else f"from {begin}")  # fmt: skip
        is_open = not end and not common.has_gaps(self.recording)
        until = end["t"] if end else self.recording.header["end_ns"] if is_open else None
        if until is not None:
            facts.append(common.took(until - event["t"], is_open))
        how = how_it_ended(found, max(self._most, 160), bool(self._bodies.kind(event)))
        known = common.arguments_text(found.known, max(self._most, 200), self._most)
        title = self._bodies.call_text(event, common.safe(event["func"]), arguments)
        lines = [f"{title}{how}", common.dim("  ".join(facts))]
        if known:
            lines.append(common.dim(f"known at the begin of the part: {known}"))
        lines += [f"  {text}" for calls in found.calls for text in self._calls_texts(calls)]
        has_hits = any(line.hits for line in found.lines.values())
        if not has_hits and not found.event.get("already_running"):
            advice = common.lines_advice([self.recording], event["func"])
            lines.append(common.dim(f"its lines were not recorded ({advice})"))
        if has_hits and found.containers > activations.COMPARED:
            lines.append(common.dim(
                f"{found.containers} containers take turns in being compared: a change inside one"
                " may be shown some lines late"
            ))  # fmt: skip
        if found.lines and not self._texts():
            why = why_no_text(self.recording, event)
            lines.append(common.dim(f"its source is not in the recording{why}"))
        return "\n".join(lines) + "\n"

    def _first(self) -> int:
        """Returns the number of the first line of the function's text."""
        event = self.found.event
        return 1 if event["func"].endswith(":<module>") else int(event["line"])

    def _texts(self) -> Dict[int, str]:
        return block_of(self._lines_of_file, self._first(), max(self.found.lines))

    def lines(self) -> Iterator[str]:
        """Yields the lines that ran in the order of the function's text, each with those before it
        that did not run."""
        found = self.found
        lines = found.lines
        if not lines:
            return
        texts = self._texts()
        has_hits = any(line.hits for line in lines.values())
        widest = max([0, *(len(texts.get(number, "")) for number in lines)])
        last = self._first() - 1
        for number in sorted(lines):
            gap = gap_texts(texts, last + 1, number) if has_hits else []
            text = texts.get(number, "")
            shown = self._line_texts(lines[number], text, 13 + min(_WIDEST_SOURCE, widest))
            yield "\n".join([*gap, *shown]) + "\n"
            last = number
        if has_hits:
            gap = gap_texts(texts, last + 1, max([0, *texts]) + 1)
            self.rest = "".join(f"{text}\n" for text in gap)

    def _line_texts(self, line: Line, text: str, column: int) -> List[str]:
        """Returns a line that ran, and what it did: beside it, or below where that is too long."""
        hits = f"x{common.count(line.hits)}" if line.hits else ""
        head = f"{line.number or '':>5} {hits:>5}  {common.safe(text)}".rstrip()
        facts = self._facts_of(line, text)
        beside = f"{head:<{column}}  {'; '.join(facts)}"
        if len(facts) and len(beside) <= self._columns:
            return [beside]
        indent = " " * (len(head) - len(head[13:].lstrip()) - 13 + 17)
        return [head, *(f"{indent}{fact}" for fact in facts)]

    def _facts_of(self, line: Line, text: str) -> List[str]:
        """Returns what a line did: values of variables, calls, values that it yielded,
        exceptions."""
        found, facts = self.found, []
        if line.hits and found.is_in_a_branch(line):
            moved = {name: value for name, value in line.before.items() if found.written[name] > 1}
            if moved:
                known = common.arguments_text(moved, max(self._most, 200), self._most)
                facts.append(f"first with {known}")
        for name, values in line.writes.items():
            fact = f"{common.safe(name)} = {values_text(values, self._most)}"
            if fact != text.strip():
                facts.append(fact)
        for calls in line.calls.values():
            facts += self._calls_texts(calls)
        if line.yields.total:
            facts.append(f"yields {values_text(line.yields, self._most)}")
        for event, times in line.exceptions.rows:
            fact = _EXCEPTIONS[event["kind"]].format(title_of(event))
            facts.append(fact + (f"  x{common.count(times)}" if times > 1 else ""))
        return facts

    def _calls_texts(self, calls: Sequence) -> List[str]:
        """Returns calls of one function, a text each."""
        texts = []
        for position, (call, times) in enumerate(calls.rows):
            if calls.skipped and position == len(calls.rows) - 1:
                texts.append(f"... {common.count(calls.skipped)} more")
            again = f"  x{common.count(times)}" if times > 1 else ""
            texts.append(f"{self._call_text(call)}{again}")
        return texts

    def _call_text(self, call: Call) -> str:
        """Returns 'take(item='tea') -> None  T1@7  take#2'."""
        event, end = call.event, call.end or {}
        name = common.safe(event["func"].partition(":")[2])
        arguments = common.arguments_text(event.get("args", {}), max(self._most, 160), self._most)
        text = self._bodies.call_text(event, name, arguments)
        if end.get("value") and not self._bodies.kind(event):
            text += f" -> {common.value_text(end['value'], self._most)}"
        elif end.get("kind") == "unwind":
            text += f"  ! {title_of(end)}"
        elif not end:
            text += "  (goes on)"
        handle = self.handles.get((event["thread"], event["seq"]), "")
        return f"{text}  {self.prefix}T{event['thread']}@{event['seq']}  {handle}".rstrip()

    # ---- JSON ----

    def call_row(self) -> str:
        """Returns the row of the call."""
        event, end = self.found.event, self.found.end or {}
        return common.row(
            row="call", call=self.handles.get((event["thread"], event["seq"])),
            position=common.position(event, self.run), frame=event["frame"],
            parent=event["parent"], func=event["func"], file=event["file"], line=event["line"],
            args=event.get("args"), value=end.get("value"), exc_type=end.get("exc_type"),
            exc=end.get("exc"), open=not end,
            calls=[self._calls_fields(calls) for calls in self.found.calls],
        )  # fmt: skip

    def line_rows(self) -> Iterator[str]:
        """Yields a row for each line."""
        texts = self._lines_of_file
        for number, line in sorted(self.found.lines.items()):
            yield common.row(
                row="line", line=number, hits=line.hits,
                position=self.prefix + line.position if line.position else None,
                text=texts[number - 1] if 0 < number <= len(texts) else None,
                writes={name: values_fields(values) for name, values in line.writes.items()},
                calls=[self._calls_fields(calls) for calls in line.calls.values()],
                yields=values_fields(line.yields),
                exceptions=[
                    {"kind": one["kind"], "exc_type": one.get("exc_type"), "exc": one.get("exc"),
                     "times": times}
                    for one, times in line.exceptions.rows
                ],
            )  # fmt: skip

    def _calls_fields(self, calls: Sequence) -> Mapping[str, Any]:
        """Returns the calls that were kept, and how many there were."""
        kept = []
        for call, times in calls.rows:
            event, end = call.event, call.end or {}
            key = event["thread"], event["seq"]
            kept.append({
                "call": self.handles.get(key), "position": f"{self.prefix}T{key[0]}@{key[1]}",
                "frame": event["frame"], "func": event["func"], "args": event.get("args"),
                "value": end.get("value"), "exc_type": end.get("exc_type"),
                "open": call.end is None, "times": times,
            })  # fmt: skip
        return {"total": calls.total, "skipped": calls.skipped, "kept": kept}


def gap_texts(texts: Dict[int, str], begin: int, end: int) -> List[str]:
    """Returns lines that did not run; of many only which."""
    numbers = [number for number in range(begin, end) if number in texts]
    if len(numbers) > _MOST_GAP and begin > min(texts):
        return [common.dim(f"{numbers[0]:>5}        ... to line {numbers[-1]}")]
    return [
        common.dim(f"{number:>5}        {common.safe(texts[number])}".rstrip())
        for number in numbers[-_MOST_GAP:]
    ]


def values_text(values: Sequence, most: int) -> str:
    """Returns '5, 10, ..., 7  (9 values)'."""
    words = []
    for position, (item, times) in enumerate(values.rows):
        value = item["value"] if "kind" in item else item
        text = common.value_text(value, most) if value.get("t") else "deleted"
        if values.skipped and position == len(values.rows) - 1:
            words.append("...")
        words.append(text + (f" x{times}" if times > 1 else ""))
    return ", ".join(words) + (f"  ({common.count(values.total)} values)" if values.skipped else "")


def values_fields(values: Sequence) -> Mapping[str, Any]:
    """Returns the values that were kept, and how many there were."""
    kept = [
        {"value": item["value"] if "kind" in item else item, "times": times}
        for item, times in values.rows
    ]
    return {"total": values.total, "skipped": values.skipped, "kept": kept}

"""relive frame: one call whole: its lines with values, what it called, how it ended."""

from __future__ import annotations

import os
import sys

from relive import _core, activations, positions
from relive.cli import DAMAGED, OK, common, source
from relive.cli.options import Option, Parser, Word, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Tuple

    from relive.activations import Activation, Call, Line, Sequence
    from relive.api import Recording

_MOST_GAP = 3  # lines in a row that did not run, and are shown
_WIDEST_SOURCE = 50  # columns, in front of what a line did
_EXCEPTIONS = {"raise": "! {}", "handled": "caught {}", "throw": "! {} came in"}


def main(words: List[str]) -> int:
    """Prints one call of a function."""
    args = Parser(
        "frame", "One call whole: its lines with values, what it called, how it ended.",
        Word("CALL", "a position in it: price#3, T1@120, exc:1; or a frame: T1#5", key="call"),
        common.FILE,
        Option("--limit", metavar="N", read=whole_number, default=200,
               text="show this many lines of the function (0 = all; default 200)"),
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    recording, frame, note = find_frame(run, args.call)
    if note:
        common.say(note)
    with common.progress(recording):
        found = activations.read(recording, frame)
    if found is None:
        raise ReliveError("ERR_NOT_FOUND", f"nothing of frame {frame} was recorded")
    if args.json:
        emit(recording, found, run)
    else:
        show(recording, found, run, args.limit)
    return DAMAGED if common.say_problems(run) else OK


def find_frame(run: List[Recording], text: str) -> Tuple[Recording, str, str]:
    """Returns the recording, the name of the frame that a text means, and a note on its number."""
    import re

    named = re.fullmatch(r"(?:P(\d+):)?(T\d+#\d+)", text)
    if named:
        process = int(named.group(1) or run[0].header["pid"])
        for recording in run:
            if recording.header["pid"] == process:
                return recording, named.group(2), ""
        raise ReliveError("ERR_NOT_FOUND", f"there is no process {process} in {run[0].path}")
    place = positions.find(run, text)
    event = _core.read_json(place.recording.reader.event(place.thread, place.seq) or b"{}")
    if event.get("frame") is None:
        raise ReliveError("ERR_NOT_FOUND", f"{text} is in no frame: it is {event.get('kind')}")
    return place.recording, event["frame"], place.note


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


def show(recording: Recording, found: Activation, run: List[Recording], limit: int) -> None:
    """Prints a call: what it got, its lines, how it ended."""
    event, end = found.event, found.end or {}
    prefix = f"P{recording.header['pid']}:" if len(run) > 1 else ""
    name = common.safe(event["func"])
    print(f"{name}({common.arguments_text(event.get('args', {}), 400)}){how_it_ended(found)}")
    facts = [f"{common.place(event)}", event["frame"], f"from {common.position(event, run)}"]
    is_open = not end and not common.has_gaps(recording)
    until = end["t"] if end else recording.header["end_ns"] if is_open else None
    if until is not None:
        facts.append(common.took(until - event["t"], is_open))
    print(common.dim("  ".join(facts)))
    for calls in found.calls:
        for text in calls_texts(calls, prefix):
            print(f"  {text}")
    show_lines(recording, found, limit, prefix)


def how_it_ended(found: Activation) -> str:
    """Returns ' -> 5', or '  ! KeyError: x at line 7'."""
    end = found.end
    if end is None:
        return "  (open)"
    if end["kind"] == "unwind":
        at = f" at line {end['exc_line']}" if end.get("exc_line") else ""
        return "  " + common.red(f"! {title_of(end)}{at}")
    return f" -> {common.value_text(end['value'], 160)}" if end.get("value") else ""


def title_of(event: Mapping[str, Any]) -> str:
    """Returns 'KeyError: x' of an event with an exception."""
    message = (event.get("exc") or {}).get("message", "")
    return common.safe(f"{event.get('exc_type', 'an exception')}: {message}".rstrip(": "))


def show_lines(recording: Recording, found: Activation, limit: int, prefix: str) -> None:
    """Prints the lines of the function in the order of its text."""
    event, lines = found.event, found.lines
    has_hits = any(line.hits for line in lines.values())
    if not has_hits and common.highest_level(recording.header["meta"]) != "lines":
        print(common.dim("its lines were not recorded (relive record --level lines)"))
    if not lines:
        return
    texts_of_file = source.lines_of(recording, event["file"], event["func"])
    first = 1 if event["func"].endswith(":<module>") else event["line"]
    texts = block_of(texts_of_file, first, max(lines))
    if not texts:
        print(common.dim(f"its source is not in the recording{why_no_text(recording, event)}"))
    column = 13 + min(_WIDEST_SOURCE, max([0, *(len(texts.get(number, "")) for number in lines)]))
    shown: List[int] = []
    for number in sorted(lines):
        if limit and len(shown) >= limit:
            common.say(f"{len(lines) - len(shown)} more lines ran (--limit 0 shows all)")
            return
        if has_hits:
            show_gap(texts, shown[-1] + 1 if shown else first, number)
        show_line(found, lines[number], texts.get(number, ""), column, prefix)
        shown.append(number)
    if has_hits:
        show_gap(texts, shown[-1] + 1, max([0, *texts]) + 1)


def show_gap(texts: Dict[int, str], begin: int, end: int) -> None:
    """Prints lines that did not run; of many only which."""
    numbers = [number for number in range(begin, end) if number in texts]
    if len(numbers) > _MOST_GAP and begin > min(texts):
        print(common.dim(f"{numbers[0]:>5}        ... to line {numbers[-1]}"))
        return
    for number in numbers[-_MOST_GAP:]:
        print(common.dim(f"{number:>5}        {common.safe(texts[number])}".rstrip()))


def show_line(found: Activation, line: Line, text: str, column: int, prefix: str) -> None:
    """Prints a line that ran, and what it did: beside it, or below where that is too long."""
    hits = f"x{common.count(line.hits)}" if line.hits else ""
    head = f"{line.number or '':>5} {hits:>5}  {common.safe(text)}".rstrip()
    facts = facts_of(found, line, text, prefix)
    beside = f"{head:<{column}}  {'; '.join(facts)}"
    if len(facts) and len(beside) <= width():
        print(beside)
        return
    print(head)
    for fact in facts:
        print(f"{' ' * (len(head) - len(head[13:].lstrip()) - 13 + 17)}{fact}")


def facts_of(found: Activation, line: Line, text: str, prefix: str) -> List[str]:
    """Returns what a line did: values of variables, calls, values that it yielded, exceptions."""
    facts = []
    if line.hits and found.is_in_a_branch(line):
        moved = {name: value for name, value in line.before.items() if found.written[name] > 1}
        if moved:
            facts.append(f"first with {common.arguments_text(moved, 200)}")
    for name, values in line.writes.items():
        fact = f"{common.safe(name)} = {values_text(values)}"
        if fact != text.strip():
            facts.append(fact)
    for calls in line.calls.values():
        facts += calls_texts(calls, prefix)
    if line.yields.total:
        facts.append(f"yields {values_text(line.yields)}")
    for event, times in line.exceptions.rows:
        fact = _EXCEPTIONS[event["kind"]].format(title_of(event))
        facts.append(fact + (f"  x{common.count(times)}" if times > 1 else ""))
    return facts


def width() -> int:
    """Returns the columns of the terminal, 100 where there is none."""
    return os.get_terminal_size(1).columns if sys.stdout.isatty() else 100


def values_text(values: Sequence) -> str:
    """Returns '5, 10, ..., 7  (9 values)'."""
    words = []
    for position, (item, times) in enumerate(values.rows):
        value = item["value"] if "kind" in item else item
        text = common.value_text(value, 80) if value.get("t") else "deleted"
        if values.skipped and position == len(values.rows) - 1:
            words.append("...")
        words.append(text + (f" x{times}" if times > 1 else ""))
    return ", ".join(words) + (f"  ({common.count(values.total)} values)" if values.skipped else "")


def calls_texts(calls: Sequence, prefix: str) -> List[str]:
    """Returns calls of one function, a text each."""
    texts = []
    for position, (call, times) in enumerate(calls.rows):
        if calls.skipped and position == len(calls.rows) - 1:
            texts.append(f"... {common.count(calls.skipped)} more")
        texts.append(call_text(call, prefix) + (f"  x{common.count(times)}" if times > 1 else ""))
    return texts


def call_text(call: Call, prefix: str) -> str:
    """Returns 'take(item='tea') -> None  T1@7'."""
    event, end = call.event, call.end or {}
    name = common.safe(event["func"].partition(":")[2])
    text = f"{name}({common.arguments_text(event.get('args', {}))})"
    if end.get("value"):
        text += f" -> {common.value_text(end['value'])}"
    elif end.get("kind") == "unwind":
        text += f"  ! {title_of(end)}"
    elif not end:
        text += "  (goes on)"
    return f"{text}  {prefix}T{event['thread']}@{event['seq']}"


def emit(recording: Recording, found: Activation, run: List[Recording]) -> None:
    """Writes a row for the call and one for each line."""
    event, end = found.event, found.end or {}
    common.emit(schema="relive.frame", version=1)
    common.emit(
        row="call", position=common.position(event, run), frame=event["frame"],
        parent=event["parent"], func=event["func"], file=event["file"], line=event["line"],
        args=event.get("args"), value=end.get("value"), exc_type=end.get("exc_type"),
        exc=end.get("exc"), open=not end, calls=[calls_fields(calls) for calls in found.calls],
    )  # fmt: skip
    texts_of_file = source.lines_of(recording, event["file"], event["func"])
    for number, line in sorted(found.lines.items()):
        common.emit(
            row="line", line=number, hits=line.hits, position=line.position or None,
            text=texts_of_file[number - 1] if number <= len(texts_of_file) else None,
            writes={name: values_fields(values) for name, values in line.writes.items()},
            calls=[calls_fields(calls) for calls in line.calls.values()],
            yields=values_fields(line.yields),
            exceptions=[
                {"kind": one["kind"], "exc_type": one.get("exc_type"), "exc": one.get("exc"),
                 "times": times}
                for one, times in line.exceptions.rows
            ],
        )  # fmt: skip


def values_fields(values: Sequence) -> Mapping[str, Any]:
    """Returns the values that were kept, and how many there were."""
    kept = [
        {"value": item["value"] if "kind" in item else item, "times": times}
        for item, times in values.rows
    ]
    return {"total": values.total, "skipped": values.skipped, "kept": kept}


def calls_fields(calls: Sequence) -> Mapping[str, Any]:
    """Returns the calls that were kept, and how many there were."""
    kept = [
        {
            "position": f"T{call.event['thread']}@{call.event['seq']}",
            "frame": call.event["frame"], "func": call.event["func"],
            "args": call.event.get("args"), "value": (call.end or {}).get("value"),
            "exc_type": (call.end or {}).get("exc_type"), "open": call.end is None, "times": times,
        }
        for call, times in calls.rows
    ]  # fmt: skip
    return {"total": calls.total, "skipped": calls.skipped, "kept": kept}

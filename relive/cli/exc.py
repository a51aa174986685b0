"""relive exc: exceptions, from where they were raised to where they were caught."""

from __future__ import annotations

import sys

from relive.cli import DAMAGED, NOTHING, OK, common, unseen
from relive.cli.line import update
from relive.cli.options import Given, Option, integer, whole_number
from relive.cli.stories import Exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

    from relive.api import Recording
    from relive.cli.stories import Place, Story

# Of a module's names those that its statements define say nothing of how it came to an exception.
_DEFINITIONS = ("<class '", "<function ", "<module ", "<built-in ", "<bound method ")


def main(words: List[str]) -> int:
    """Lists exceptions and shows one of them whole."""
    args = common.file_parser(
        "exc", "Exceptions: where raised, through which frames, where caught.",
        Option("--all", text="also those that end loops and generators, and those that stayed"
               " inside libraries"),
        Option("--type", metavar="TYPE", text="only this type"),
        Option("--nth", metavar="N", read=integer, text="show this one of the list whole"),
        Option("--limit", metavar="N", read=whole_number,
               text="list this many (0 = all; default 30, and all with --json)"),
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    found = Exceptions(run, args.type, args.all)
    damaged = common.say_problems(run)
    answer = DAMAGED if damaged else OK if found.count else NOTHING
    if args.json:
        common.emit(schema="relive.exc", version=1)
        for recording in range(len(run)):
            for story in found.stories(recording):
                if not args.limit or story.number <= args.limit:
                    emit(run[recording], story, run)
        return answer
    shown = max(1, min(found.count, args.nth or 1))
    if found.count:
        place = show_list(found, 30 if args.limit is None else args.limit, shown)
        sys.stdout.flush()  # what it carried is read from the file again
        show_whole(found, place)
    else:
        print(f"no exception of the program was recorded{seen_how(run)}")
    if found.hidden:
        others = common.counted(found.hidden, "other exception")
        text = f"{others} that only ended a loop or stayed inside libraries (--all)"
        print(common.dim(text))
    say_next(found, shown, args)
    return answer


def seen_how(run: List[Recording]) -> str:
    """Returns what an empty answer does not show."""
    if all(common.sees_handled(recording.header["meta"]) for recording in run):
        return ""
    return (
        "; those that were raised and caught inside one frame are not visible at this level"
        " (--level lines shows them)"
    )


def say_next(found: Exceptions, shown: int, args: Given) -> None:
    """Suggests a command with a number that exists, also where a program reads the answer."""
    path = common.short_path(found.run[0].path)
    command = f"relive tree --calls {path}"
    if found.count > 1:
        words = ["relive exc --nth", str(2 if shown == 1 else 1)]
        words += ["--all"] if args.all else []
        words += ["--type", args.type] if args.type else []
        command = " ".join([*words, path])
    sys.stderr.write(f"next: {common.safe(command)}\n")


def show_list(found: Exceptions, limit: int, nth: int) -> Place:
    """Prints a line for each exception, equal neighbours in one, and returns where the nth is."""
    rows, more, place = found.rows(limit, nth)
    for number, text, is_alarming, count in rows:
        line = f"{number:>4}  {text}" + (f"  x{common.count(count)}" if count > 1 else "")
        print(common.red(line) if is_alarming else line)
    if more:
        print(common.dim(f"... {common.count(more)} more (--limit)"))
    return place


def title_of(exc: Mapping[str, Any]) -> str:
    """Returns type and message, as a traceback ends."""
    message = common.safe(exc["message"])
    return common.safe(exc["type"]) + (f": {message}" if message else "")


def chain(exc: Mapping[str, Any]) -> List[Tuple[str, Mapping[str, Any]]]:
    """Returns [(word, exception)] of cause and context, as far as Python shows them."""
    found = []
    for word, other in (("because of", exc.get("cause")), ("while handling", exc.get("context"))):
        if other and "type" in other:
            if word == "while handling" and (exc.get("cause") or exc.get("suppress_context")):
                continue
            found += [(word, other), *chain(other)]
    return found


def show_chain(found: Exceptions, recording: int, story: Story) -> None:
    """Prints cause and context, a line each, with their numbers where they are in the list."""
    rows = chain(story.exc)
    numbers = found.numbers_of(recording, story, [other for _, other in rows])
    for word, other in rows:
        number = numbers.get((other["type"], other.get("id", 0)))
        print(f"  {word} {title_of(other)}" + (f" ({number})" if number else ""))


def show_whole(found: Exceptions, place: Place) -> None:
    """Prints a traceback with the recorded variables at each frame, outermost frame first."""
    recording, story = found.run[place[0]], found.story(place)
    rows = story.lines()
    arguments, variables, fresh = values_of(recording, story, [row[0] for row in rows])
    print()
    print(title_of(story.exc))
    show_chain(found, place[0], story)
    where = common.position(story.first, found.run)
    if len(recording.threads()) > 1:
        where += f" in {common.thread_title(recording.thread(story.first['thread']))}"
    print(common.dim(f"at {where}, innermost frame last"))
    for frame, code, line in rows:
        what = activation(recording, story, code)
        own = arguments.get(frame, {})
        at = common.place(what, line) if line else f"{common.file_name(what)}:?"
        unknown = "" if line else "  (the recording does not say at which line)"
        text = f"{common.safe(what['func'])}({common.arguments_text(own)}){unknown}"
        print(f"  {at}  {text}")
        is_module = what["func"].endswith(":<module>")
        for name, value in variables.get(frame, {}).items():
            is_definition = is_module and value["r"].startswith(_DEFINITIONS)
            if own.get(name, {}).get("r") != value["r"] and not is_definition:
                is_doubtful = (frame, name) not in fresh and unseen.may_change(value)
                mark = f"  {unseen.MARK}" if is_doubtful else ""
                print(f"      {common.safe(name)} = {common.value_text(value, 120)}{mark}")
    print(common.red(story.fate) if story.is_alarming else story.fate)


def activation(recording: Recording, story: Story, code: int) -> Mapping[str, Any]:
    """Returns the function of a frame."""
    if code == 0:  # of the exception's own event, or not known after a gap
        first: Mapping[str, Any] = story.first
        return first
    module, qualname, file, line, _ = recording.code(code)
    return {"func": f"{module}:{qualname}", "file": file, "line": line}


def values_of(
    recording: Recording, story: Story, frames: Sequence[str]
) -> Tuple[Dict[str, Any], Dict[str, Any], Set[Tuple[str, str]]]:
    """Returns {frame: arguments} and {frame: variables} at the moment of the exception, and each
    (frame, name) that was written at that moment."""
    first = story.first
    arguments: Dict[str, Any] = {}
    variables: Dict[str, Any] = {}
    fresh: Set[Tuple[str, str]] = set()
    next_seq = 0
    for event in recording.select(["call", "write"], frames=frames):
        if event["thread"] == first["thread"] and event["seq"] >= first["seq"]:
            break
        if event["kind"] == "call":
            arguments[event["frame"]] = dict(event.get("args", {}))
        update(variables.setdefault(event["frame"], {}), event)
        if event["kind"] == "write" and event["thread"] == first["thread"]:
            if event["seq"] != next_seq:
                fresh.clear()
            fresh.add((event["frame"], event["name"]))
            next_seq = event["seq"] + 1
    return arguments, variables, fresh if next_seq == first["seq"] else set()


def emit(recording: Recording, story: Story, run: List[Recording]) -> None:
    """Writes an exception as a JSON object."""
    frames = []
    for frame, code, line in story.lines():
        what = activation(recording, story, code)
        frames.append({"frame": frame, "func": what["func"], "file": what["file"], "line": line})
    first = story.first
    common.emit(
        number=story.number, position=common.position(first, run), thread=first["thread"],
        thread_name=recording.thread(first["thread"])["name"], type=story.exc["type"],
        message=story.exc["message"], func=first["func"], file=first["file"],
        line=first.get("exc_line"), cause=story.exc.get("cause"), context=story.exc.get("context"),
        fate=story.fate, uncaught=story.is_alarming,
        control_flow=story.outcome.is_control_flow(), frames=frames,
    )  # fmt: skip

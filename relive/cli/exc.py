"""relive exc: exceptions, from where they were raised to where they were caught."""

import sys

from relive.cli import DAMAGED, NOTHING, OK, common, unseen
from relive.cli.line import update
from relive.cli.stories import ENDED, stories

# Of a module's names those that its statements define say nothing of how it came to an exception.
_DEFINITIONS = ("<class '", "<function ", "<module ", "<built-in ", "<bound method ")


def main(words):
    """Lists exceptions and shows one of them whole."""
    parser = common.file_parser(
        "exc", "Exceptions: where raised, through which frames, where caught."
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="also those that end loops and generators, and those that stayed inside libraries",
    )
    parser.add_argument("--type", help="only this type")
    parser.add_argument("--nth", type=int, help="show this one of the list whole")
    parser.add_argument("--limit", type=int, default=30, help="list this many (default 30)")
    args = parser.parse_args(words)
    run = common.open_run(common.find_file(args.file))
    told, hidden = chosen(run, args)
    damaged = common.say_problems(run)
    if args.json:
        common.emit(schema="relive.exc", version=1)
        for recording, rows in by_recording(run, told):
            emit(recording, rows, run)
        return DAMAGED if damaged else OK if told else NOTHING
    shown = max(1, min(len(told), args.nth or 1))
    if told:
        show_list(told, args)
        show_whole(*told[shown - 1], run, told)
    else:
        print(f"no exception of the program was recorded{seen_how(run)}")
    if hidden:
        others = common.counted(hidden, "other exception")
        text = f"{others} that only ended a loop or stayed inside libraries (--all)"
        print(common.dim(text))
    say_next(run, told, shown, args)
    return DAMAGED if damaged else OK if told else NOTHING


def chosen(run, args):
    """[(recording, story)] that were asked for, the most urgent first and numbered; how many were
    left out that the option --all shows."""
    rows, hidden = [], 0
    for recording in run:
        for story in stories(recording):
            if args.type not in (None, story.exc["type"], story.name):
                continue
            rank = story.rank(recording)
            is_quiet = story.is_control_flow() or (rank > ENDED and story.is_inside(recording))
            if is_quiet and not args.all:
                hidden += 1
                continue
            rows.append((rank, story.first["t"], len(rows), recording, story))
    rows.sort(key=lambda row: row[:3])
    for number, row in enumerate(rows, 1):
        row[-1].number = number
    return [row[3:] for row in rows], hidden


def by_recording(run, told):
    """(recording, [story]) of each recording of the run that has some, in the order of the list."""
    for recording in run:
        rows = [story for owner, story in told if owner is recording]
        if rows:
            yield recording, rows


def seen_how(run):
    """What an empty answer does not say."""
    if all(common.sees_handled(recording.header["meta"]) for recording in run):
        return ""
    return (
        "; those that were raised and caught inside one frame are not visible at this level"
        " (--level lines shows them)"
    )


def say_next(run, told, shown, args):
    """A command with a number that is there; also where the answer is read by a program."""
    path = common.short_path(run[0].path)
    command = f"relive tree --calls {path}"
    if len(told) > 1:
        words = ["relive exc --nth", str(2 if shown == 1 else 1)]
        words += ["--all"] if args.all else []
        words += ["--type", args.type] if args.type else []
        command = " ".join([*words, path])
    sys.stderr.write(f"next: {common.safe(command)}\n")


def show_list(told, args):
    """A line each, neighbours that say the same in one."""
    rows = []
    for recording, story in told:
        fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
        place = common.place(story.first, story.first.get("exc_line"))
        text = f"{common.safe(story.exc['type'])}  {place}  {fate}"
        if rows and rows[-1][1] == text:
            rows[-1][3] += 1
        else:
            rows.append([story.number, text, alarming, 1])
    for number, text, alarming, count in rows[: args.limit]:
        text = f"{number:>4}  {text}" + (f"  x{common.count(count)}" if count > 1 else "")
        print(common.red(text) if alarming else text)
    left = len(rows) - max(0, args.limit)
    if left > 0:
        print(common.dim(f"... {common.count(left)} more (--limit)"))


def title_of(exc):
    """Type and message, as a traceback ends."""
    message = common.safe(exc["message"])
    return common.safe(exc["type"]) + (f": {message}" if message else "")


def number_of(other, story, told):
    """' (3)': the number of a cause or context in the list, where it is there."""
    identity = other["type"], other.get("id")
    before = [
        one.number
        for _, one in told
        if one.identity == identity
        and one.first["pid"] == story.first["pid"]
        and one.first["t"] <= story.first["t"]
    ]
    return f" ({max(before, key=lambda number: told[number - 1][1].first['t'])})" if before else ""


def chain_text(exc, story, told, indent):
    """Cause and context, a line each."""
    lines = []
    for word, other in (("because of", exc.get("cause")), ("while handling", exc.get("context"))):
        if other and "type" in other:
            if word == "while handling" and (exc.get("cause") or exc.get("suppress_context")):
                continue
            lines.append(f"{indent}{word} {title_of(other)}{number_of(other, story, told)}")
            lines += chain_text(other, story, told, indent)
    return lines


def show_whole(recording, story, run, told):
    """A traceback with the recorded variables at each frame, outermost frame first."""
    (stack,) = recording.stacks_at([(story.first["thread"], story.first["seq"])])
    rows = story.lines(stack)
    arguments, variables, fresh = values_of(recording, story, [row[0] for row in rows])
    print()
    print(title_of(story.exc))
    for text in chain_text(story.exc, story, told, "  "):
        print(text)
    place = common.position(story.first, run)
    if len(recording.threads()) > 1:
        place += f" in {common.thread_title(recording.thread(story.first['thread']))}"
    print(common.dim(f"at {place}, innermost frame last"))
    for frame, code, line in rows:
        what = activation(recording, story, code)
        own = arguments.get(frame, {})
        where = common.place(what, line) if line else f"{common.file_name(what)}:?"
        unknown = "" if line else "  (the recording does not say at which line)"
        text = f"{common.safe(what['func'])}({common.arguments_text(own)}){unknown}"
        print(f"  {where}  {text}")
        is_module = what["func"].endswith(":<module>")
        for name, value in variables.get(frame, {}).items():
            is_definition = is_module and value["r"].startswith(_DEFINITIONS)
            if own.get(name, {}).get("r") != value["r"] and not is_definition:
                is_doubtful = (frame, name) not in fresh and unseen.may_change(value)
                mark = f"  {unseen.MARK}" if is_doubtful else ""
                print(f"      {common.safe(name)} = {common.value_text(value, 120)}{mark}")
    fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
    print(common.red(fate) if alarming else fate)


def activation(recording, story, code):
    """The function of a frame."""
    if code == 0:  # of the exception's own event, or not known after a gap
        return story.first
    module, qualname, file, line, _ = recording.code(code)
    return {"func": f"{module}:{qualname}", "file": file, "line": line}


def values_of(recording, story, frames):
    """{frame: arguments} and {frame: variables}, as they were when the exception came up, and the
    (frame, name) that were written at that moment."""
    first = story.first
    arguments, variables = {}, {}
    fresh, next_seq = set(), 0
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


def emit(recording, rows, run):
    """A JSON object each."""
    stacks = recording.stacks_at([(story.first["thread"], story.first["seq"]) for story in rows])
    for story, stack in zip(rows, stacks):
        fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
        frames = []
        for frame, code, line in story.lines(stack):
            what = activation(recording, story, code)
            frames.append({"frame": frame, "func": what["func"], "file": what["file"],
                           "line": line})  # fmt: skip
        common.emit(
            number=story.number, position=common.position(story.first, run),
            thread=story.first["thread"],
            thread_name=recording.thread(story.first["thread"])["name"],
            type=story.exc["type"], message=story.exc["message"], func=story.first["func"],
            file=story.first["file"], line=story.first.get("exc_line"),
            cause=story.exc.get("cause"), context=story.exc.get("context"), fate=fate,
            uncaught=alarming, control_flow=story.is_control_flow(), frames=frames,
        )  # fmt: skip

"""relive exc: exceptions, from where they were raised to where they were caught."""

from relive.cli import DAMAGED, NOTHING, OK, common
from relive.cli.line import update

# How loops and tasks end: told only when asked for.
CONTROL_FLOW = {"StopIteration", "StopAsyncIteration", "GeneratorExit"}
# Where the standard library catches what ends a thread.
THREAD_END = "threading:Thread._bootstrap_inner"


class Story:
    """One exception: where it began, the frames that it left, and what became of it."""

    def __init__(self, event):
        self.first = event
        self.exc = event.get("exc") or {"type": event.get("exc_type", "?"), "message": "",
                                        "cause": None, "context": None}  # fmt: skip
        self.events = [event]
        self.task = None  # (its number, its name) where it ended one
        self.is_awaited = False  # and was raised again in who awaited that
        self.ends_thread = False
        self.thread = None  # that it was in last, as Recording.thread() has it

    def add(self, event):
        self.events.append(event)
        if event.get("exc"):
            self.exc = event["exc"]

    @property
    def last(self):
        return self.events[-1]

    def frames(self):
        """The frames that it was in, innermost first, and the line in each."""
        lines = {}
        for event in self.events:
            if event["kind"] in ("raise", "unwind") and event.get("exc_line"):
                lines.setdefault(event["frame"], event["exc_line"])
        if self.last["kind"] == "handled":
            lines.setdefault(self.last["frame"], self.last.get("exc_line"))
        return lines

    def is_control_flow(self):
        return self.exc["type"].rpartition(".")[2] in CONTROL_FLOW

    def is_inside(self, recording):
        """Whether it never left the libraries."""
        return all(common.is_library(recording, event["file"]) for event in self.events)

    def fate(self, sees_handled):
        """What became of it, in words, and whether it is alarming."""
        last = self.last
        if self.task is not None:
            number, name = self.task
            ended = f"ended task {common.safe(name or str(number))}"
            if self.is_awaited:
                return f"{ended}, which was awaited", False
            if not sees_handled:
                return f"{ended}; whether that was awaited is not visible at this level", False
            alarming = "Cancelled" not in self.exc["type"]
            return f"uncaught: it {ended}, which nobody awaited", alarming
        if last["kind"] == "handled" and not self.ends_thread:
            place = common.place(last, last.get("exc_line"))
            return f"caught in {common.safe(last['func'])} at {place}", False
        if self.ends_thread or (last["kind"] == "unwind" and last["parent"] is None):
            what = "left the outermost frame"
            if last["thread"] != 1 and not self.thread["is_main"]:
                what = f"ended {common.thread_title(self.thread)}"
            elif last["func"].endswith(":<module>"):
                what = "ended the program"
            return f"uncaught: it {what}", True
        if sees_handled:
            return f"went out of {common.safe(last['func'])} into code that is not recorded", False
        return (
            f"went out of {common.safe(last['func'])}; who caught it is not visible at this level",
            False,
        )


def stories(recording):
    """Every exception of a recording, in order."""
    found, current, names = [], {}, {}
    for event in recording.select(["raise", "unwind", "handled", "task_start", "task_end"]):
        key = event["thread"]
        if event["kind"] == "task_start":
            names[event["task"]] = event["name"]
            continue
        if event["kind"] == "task_end":
            story = current.get(key)
            if story is not None and story.last["seq"] + 1 == event["seq"]:
                story.task = event["task"], names.get(event["task"])
            continue
        story = current.get(key)
        if story is None or begins_anew(story, event):
            story = current[key] = Story(event)
            found.append(story)
        else:
            story.add(event)
    ends = thread_ends(recording)
    seen = set()
    for story in reversed(found):
        where = story.last["frame" if story.last["kind"] == "handled" else "parent"]
        story.ends_thread = where in ends
        story.thread = recording.thread(story.last["thread"])
        identity = story.exc["type"], story.exc.get("id")
        story.is_awaited = identity in seen
        seen.add(identity)
    return found


def thread_ends(recording):
    """The frames of the standard library that catch what ends a thread."""
    codes = [row[0] for row in recording.codes() if f"{row[1]}:{row[2]}" == THREAD_END]
    return {event["frame"] for event in recording.select(["call"], codes=codes)} if codes else set()


def begins_anew(story, event):
    """Whether the event tells of another exception than the story so far."""
    now, before = event.get("exc"), story.exc
    if now is None or now.get("id", 0) == 0 or before.get("id", 0) == 0:
        same = event.get("exc_type") == story.first.get("exc_type")
        goes_on = story.last["kind"] == "unwind" and story.last["parent"] == event["frame"]
        return not (same and goes_on)
    if now["id"] != before["id"] or now["type"] != before["type"]:
        return True
    return event["kind"] == "raise" and not now.get("again")


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
    if args.json:
        common.emit(schema="relive.exc", version=1)
    told, hidden = [], 0
    for recording in run:
        for story in stories(recording):
            kind = story.exc["type"]
            if args.type not in (None, kind, kind.rpartition(".")[2]):
                continue
            if not args.all and (story.is_control_flow() or story.is_inside(recording)):
                hidden += 1
                continue
            told.append((recording, story))
    damaged = common.say_problems(run)
    if args.json:
        for recording, story in told:
            emit(recording, story, run)
        return DAMAGED if damaged else OK if told else NOTHING
    if told:
        show_list(told, args)
        show_whole(*chosen(told, args), run)
    else:
        print(f"no exception of the program was recorded{seen_how(run)}")
    if hidden:
        text = f"{common.count(hidden)} more ended loops or stayed inside libraries (--all)"
        print(common.dim(text))
    common.next_command(f"relive exc --nth N {run[0].path}")
    return DAMAGED if damaged else OK if told else NOTHING


def seen_how(run):
    """What an empty answer does not say."""
    if all(common.sees_handled(recording.header["meta"]) for recording in run):
        return ""
    return (
        "; those that were raised and caught inside one frame are not visible at this level"
        " (--level lines shows them)"
    )


def chosen(told, args):
    """The one to show: asked for, else the last uncaught one, else the last."""
    if args.nth is not None:
        return told[max(0, min(len(told), args.nth) - 1)]
    alarming = [one for one in told if one[1].fate(common.sees_handled(one[0].header["meta"]))[1]]
    return (alarming or told)[-1]


def show_list(told, args):
    """A line each, neighbours that say the same in one."""
    rows = []
    for number, (recording, story) in enumerate(told, 1):
        fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
        place = common.place(story.first, story.first.get("exc_line"))
        text = f"{common.safe(story.exc['type'])}  {place}  {fate}"
        if rows and rows[-1][1] == text:
            rows[-1][3] += 1
            rows[-1][0] = number
        else:
            rows.append([number, text, alarming, 1])
    skipped = max(0, len(rows) - args.limit)
    if skipped:
        print(common.dim(f"... {common.count(skipped)} earlier ones (--limit)"))
    for number, text, alarming, count in rows[skipped:]:
        text = f"{number:>4}  {text}" + (f"  x{common.count(count)}" if count > 1 else "")
        print(common.red(text) if alarming else text)


def chain_text(exc, indent):
    """Cause and context, a line each."""
    lines = []
    for word, other in (("because of", exc.get("cause")), ("while handling", exc.get("context"))):
        if other and "type" in other:
            if word == "while handling" and (exc.get("cause") or exc.get("suppress_context")):
                continue
            text = f"{common.safe(other['type'])}: {common.safe(other['message'])}"
            lines.append(f"{indent}{word} {text}")
            lines += chain_text(other, indent)
    return lines


def show_whole(recording, story, run):
    """A traceback with the recorded variables at each frame, outermost frame first."""
    lines = story.frames()
    calls, variables = outer_frames(recording, story)
    print()
    print(f"{common.safe(story.exc['type'])}: {common.safe(story.exc['message'])}")
    for text in chain_text(story.exc, "  "):
        print(text)
    place = common.position(story.first, run)
    if len(recording.threads()) > 1:
        place += f" in {common.thread_title(recording.thread(story.first['thread']))}"
    print(common.dim(f"at {place}, innermost frame last"))
    for frame in reversed(calls):
        call = calls[frame]
        line = lines.get(frame)
        where = common.place(call, line) if line else common.place(call)
        own = dict(call.get("args", {}))
        print(f"  {where}  {common.safe(call['func'])}({common.arguments_text(own)})")
        for name, value in variables.get(frame, {}).items():
            if own.get(name, {}).get("r") != value["r"]:
                print(f"      {common.safe(name)} = {common.value_text(value, 120)}")
    fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
    print(common.red(fate) if alarming else fate)


def outer_frames(recording, story):
    """{frame: its call event}, innermost first, and the variables that each had at the time."""
    first = story.first
    frames = recording.stack_at(first["thread"], first["seq"])
    if first["frame"] not in frames:
        frames.append(first["frame"])  # the story begins with its end
    calls, variables = {}, {}
    for event in recording.select(["call", "write"], frames=frames):
        if event["thread"] == first["thread"] and event["seq"] >= first["seq"]:
            break
        if event["kind"] == "call":
            calls[event["frame"]] = event
        update(variables.setdefault(event["frame"], {}), event)
    return {frame: calls[frame] for frame in reversed(frames) if frame in calls}, variables


def emit(recording, story, run):
    fate, alarming = story.fate(common.sees_handled(recording.header["meta"]))
    common.emit(
        position=common.position(story.first, run), thread=story.first["thread"],
        thread_name=recording.thread(story.first["thread"])["name"], type=story.exc["type"],
        message=story.exc["message"], func=story.first["func"], file=story.first["file"],
        line=story.first.get("exc_line"), cause=story.exc.get("cause"),
        context=story.exc.get("context"), fate=fate, uncaught=alarming,
        control_flow=story.is_control_flow(),
        frames=[{"frame": frame, "line": line} for frame, line in story.frames().items()],
    )  # fmt: skip

"""What `relive exc` has to say, from a plain reading of all events: the oracle of its C code."""

from relive.cli import common

# How loops and tasks end: shown only when asked for.
CONTROL_FLOW = {"StopIteration", "StopAsyncIteration", "GeneratorExit"}
# Where the standard library catches what ends a thread.
THREAD_END = "threading:Thread._bootstrap_inner"
# What a story is shown by, the most urgent first.
UNCAUGHT, ENDED, CAUGHT, IN_LIBRARY, INTENDED = range(5)
# So many exceptions of a thread may be on their way at once: clean-ups raise and catch some.
_AT_ONCE = 8


def _exception(event):
    """What was captured; None where nothing was, or a filter hides it."""
    exc = event.get("exc") or {}
    return exc if "type" in exc else None


class Story:
    """One exception: where it began, the frames that it left, and what became of it."""

    def __init__(self, event):
        self.first = event
        self.exc = _exception(event) or {
            "type": event.get("exc_type", "?"),
            "message": (event.get("exc") or {}).get("r", ""),
            "cause": None,
            "context": None,
        }
        self.events = [event]
        self.task = None  # (its number, its name) where it ended one
        self.is_awaited = False  # and was raised again in who awaited that; None: not known
        self.ends_thread = False
        self.thread = None  # that it was in last, as Recording.thread() has it
        self.is_at_prompt = False  # where the interpreter prints what is uncaught, and goes on
        self.replaced_by = None  # the story that began while a clean-up dealt with this one
        self.number = None  # in the list that is shown

    def add(self, event):
        self.events.append(event)
        self.exc = _exception(event) or self.exc

    @property
    def last(self):
        return self.events[-1]

    @property
    def identity(self):
        """What no other exception of its process has at the time; None where it is not known."""
        return (self.exc["type"], self.exc["id"]) if self.exc.get("id") else None

    @property
    def name(self):
        """The type without its module."""
        return self.exc["type"].rpartition(".")[2]

    def lines(self, stack):
        """[(frame, code, line)], outermost first: the frames that were open when it began. `stack`
        is the recording's; a line is None where the recording does not say it."""
        told = {self.first["frame"]: self.first.get("exc_line")}
        for event in self.events:
            if event["kind"] in ("raise", "unwind"):
                told.setdefault(event["frame"], event.get("exc_line"))
        rows = list(stack)
        if self.first["frame"] not in {row[0] for row in rows}:
            rows.append((self.first["frame"], 0, 0))
        while rows[-1][0] != self.first["frame"]:
            rows.pop()
        last = rows.pop()
        found = [(frame, code, line or told.get(frame) or None) for frame, code, line in rows]
        return [*found, (last[0], last[1], told[last[0]] or None)]

    def was_in(self, frame):
        """Whether it came to this frame."""
        return any(event["frame"] == frame for event in self.events)

    def is_control_flow(self):
        return self.name in CONTROL_FLOW

    def is_inside(self, recording):
        """Whether it never left the libraries."""
        return all(common.is_library(recording, event["file"]) for event in self.events)

    def is_intended(self):
        """An exit without an error, or a task that was cancelled."""
        if self.name == "SystemExit":
            return self.exc["message"] in ("", "0", "None", "False")
        return self.name == "CancelledError" and self.task is not None

    def is_in_main_thread(self):
        return self.last["thread"] == 1 or self.thread["is_main"]

    def has_left_the_outermost_frame(self):
        last = self.last
        if self.ends_thread or last.get("outermost"):
            return True
        # Recordings of format minor 0 say it only where nothing else can be.
        return (
            last["kind"] == "unwind"
            and last["parent"] is None
            and last["func"] == "__main__:<module>"
        )

    def rank(self, recording):
        """UNCAUGHT to INTENDED."""
        if self.is_intended():
            return INTENDED
        if self.has_left_the_outermost_frame():
            if self.name in ("SystemExit", "KeyboardInterrupt") or not self.is_in_main_thread():
                return ENDED
            return UNCAUGHT
        if self.task is not None and self.is_awaited is not True:
            return ENDED
        return IN_LIBRARY if common.is_library(recording, self.last["file"]) else CAUGHT

    def fate(self, sees_handled):
        """What became of it, in words, and whether it is alarming."""
        last = self.last
        if self.task is not None:
            return self._fate_of_task(sees_handled)
        if self.has_left_the_outermost_frame():
            what = "left the outermost frame"
            if not self.is_in_main_thread():
                what = f"ended {common.thread_title(self.thread)}"
            elif last["func"].endswith(":<module>") and not self.is_at_prompt:
                what = "ended the program"
            return f"uncaught: it {what}", not self.is_intended()
        func = common.safe(last["func"])
        if last["kind"] == "handled":
            return self._fate_of_handled(func), False
        if sees_handled:
            return f"went out of {func} into code that is not recorded", False
        return f"went out of {func}; who caught it is not visible at this level", False

    def _fate_of_task(self, sees_handled):
        number, name = self.task
        ended = f"ended task {common.safe(name or str(number))}"
        if self.is_awaited:
            return f"{ended}, which was awaited", False
        if self.is_awaited is None or not sees_handled:
            return f"{ended}; whether that was awaited is not visible at this level", False
        return f"{ended}; no await raised it again", False

    def _fate_of_handled(self, func):
        last = self.last
        handler = last.get("handler")
        if handler is None:
            return f"caught in {func} at {common.place(last, last.get('exc_line'))}"
        if self.replaced_by is not None:
            other = self.replaced_by
            number = f"exception {other.number}, " if other.number else ""
            return f"replaced in {func} by {number}{common.safe(other.exc['type'])}"
        what = {"break": "break or continue"}.get(handler, handler)
        return f"discarded in {func} by the {what} on line {last['handler_line'] or '?'}"


def stories(recording):
    """Every exception of a recording, in order."""
    found, recent, names = [], {}, {}
    sees_raise = common.sees_handled(recording.header["meta"])
    for event in recording.select(["raise", "unwind", "handled", "task_start", "task_end"]):
        if event["kind"] == "task_start":
            names[event["task"]] = event["name"]
            continue
        own = recent.setdefault(event["thread"], [])
        if event["kind"] == "task_end":
            if own and own[-1].last["seq"] + 1 == event["seq"]:
                own[-1].task = event["task"], names.get(event["task"])
            continue
        is_unseen = event.get("unseen")
        if is_unseen and sees_raise:
            continue  # no exception has ended that frame
        for story in reversed(own):
            if not _begins_anew(story, event, sees_raise, story is own[-1]):
                story.add(event)
                own.remove(story)
                break
        else:
            if is_unseen:
                continue
            story = Story(event)
            found.append(story)
        own.append(story)
        del own[:-_AT_ONCE]
        story.thread = recording.thread(event["thread"])
        story.is_at_prompt = "prompt" in recording.header["meta"]
    _connect(found, _thread_ends(recording), recording.header["minor"] > 0)
    return found


def _connect(found, ends, tells_earlier):
    """Adds to earlier stories what later ones show. An address is used again, so a later exception
    is the same one only where the recording says that it was raised before."""
    raised_again, replacing = set(), {}
    for story in reversed(found):
        where = story.last["frame" if story.last["kind"] == "handled" else "parent"]
        story.ends_thread = where in ends
        story.is_awaited = story.identity in raised_again if tells_earlier else None
        if story.identity is not None:
            others = replacing.pop(story.identity, ())
            if "handler" in story.last:
                story.replaced_by = next((o for o in others if o.was_in(story.last["frame"])), None)
            raised_again.discard(story.identity)
            if story.first.get("raised_before"):
                raised_again.add(story.identity)
        for identity in {*_chain(_exception(story.first) or {}), *_chain(story.exc)}:
            replacing.setdefault(identity, []).insert(0, story)


def _chain(exc):
    """The identities of the causes and contexts right behind an exception."""
    others = (exc.get("cause"), exc.get("context"))
    return [(other["type"], other["id"]) for other in others if other and other.get("id")]


def _thread_ends(recording):
    """The frames of the standard library that catch what ends a thread."""
    codes = [row[0] for row in recording.codes() if f"{row[1]}:{row[2]}" == THREAD_END]
    return {event["frame"] for event in recording.select(["call"], codes=codes)} if codes else set()


def _begins_anew(story, event, sees_raise, is_latest):
    """Whether the event is of another exception than the story so far."""
    now, before = _exception(event) or {}, story.exc
    if not now.get("id") or not before.get("id"):
        same = event.get("exc_type") in (None, story.first.get("exc_type"))
        return not (is_latest and same and _goes_on(story.last, event))
    if now["id"] != before["id"] or now["type"] != before["type"]:
        return True
    if event["kind"] == "raise":
        is_thrown = _is_thrown(story.last, event) or _is_passed_unseen(story, event)
        return not now.get("again") and not is_thrown
    return not sees_raise and not _may_be_outside(event["frame"], story)


def _goes_to_who_waits(last, event):
    """Whether it is thrown into the coroutine that waited for the one that it has left."""
    comes_up = event["frame"] == last["parent"] and last["kind"] == "unwind"
    return comes_up and bool(event.get("raised_before"))


def _is_thrown(last, event):
    """Whether it goes on in another frame: of who waited, or of what a `with` has called."""
    if _goes_to_who_waits(last, event):
        return True
    is_with = last["kind"] == "handled" and last.get("handler") == "with"
    return is_with and _is_earlier_inside(last["frame"], event)


def _is_earlier_inside(frame, event):
    """Whether something that the frame has called raises what was raised before."""
    inside = {event["parent"], *(caller["frame"] for caller in event.get("callers", ()))}
    return bool(event.get("raised_before")) and frame in inside - {None}


def _is_passed_unseen(story, event):
    """Whether a `with` has passed it on that the recording does not show."""
    last = story.last
    reached = {"raise": last["frame"], "unwind": last["parent"]}.get(last["kind"])
    own, other = (frame.partition("#") for frame in (event["frame"], last["frame"]))
    began_before = own[0] == other[0] and int(own[2]) < int(other[2])
    was_there = last["kind"] == "raise" or began_before
    is_other = own != other and story.task is None
    return was_there and is_other and _is_earlier_inside(reached, event)


def _goes_on(last, event):
    """Whether the event comes next where only frames say it."""
    if event["kind"] == "raise":
        is_again = bool(event.get("again")) and event["frame"] == last["frame"]
        return is_again or _is_thrown(last, event)
    return event["frame"] == last["parent" if last["kind"] == "unwind" else "frame"]


def _may_be_outside(frame, story):
    """Returns whether the frame may be one that the exception came to next.

    Addresses are used again, so the exception of a frame that began later is another one."""
    last = story.last
    if frame in (last["frame"], last["parent"]):
        return True
    if any(frame == caller["frame"] for caller in story.first.get("callers", ())):
        return True
    return int(frame.rpartition("#")[2]) < int(last["frame"].rpartition("#")[2])

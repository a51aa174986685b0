"""What is open after an event, from a plain reading of all events before it: the oracle of
src/query/instant.c. It uses tests/py/format_reader.py alone.

`states(path, places)` gives, for each index of the merged events, what relive.open(path).state()
should. `positions(path)` gives what other positions than T1@5 mean."""

import format_reader
from format_reader import Bytes, Value, unzigzag

CALL, RETURN, YIELD, RESUME, THROW, UNWIND, RAISE, HANDLED, LINE, WRITE = range(1, 11)
RUNNING, CLOSED, BUDGET = 28, 29, 30
ENTERS, LEAVES, ENDS = {CALL, RESUME, THROW, RUNNING}, {RETURN, YIELD, UNWIND, CLOSED}, {
    RETURN, UNWIND, CLOSED,
}  # fmt: skip
OPEN, LEFT, WAITS, SUSPENDED = "open", "left", "waits", "suspended"
KNOWN, MAY, DELETED, CUT, REDACTED, DROPPED, NOTHING = (
    "known", "may have changed", "deleted", "cut", "redacted", "dropped", "not recorded",
)  # fmt: skip
FIXED, OWN, DEEP = range(3)
# Of these types a text stands for an instance that cannot change.
FIXED_TEXTS = {
    "decimal.Decimal", "uuid.UUID", "re.Match", "generator", "coroutine", "frame", "traceback",
    "async_generator", "code",
}  # fmt: skip
# Values of these tags are compared at each line, however many there are.
ATOMS = {0, 1, 2, 3, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 33}


def change(value):
    """What of a value can change: nothing, its own items, or more."""
    inner = max((change(one) for one in value.inner), default=FIXED)
    tag = value.tag
    if tag in (16, 18, 20, 23):
        return DEEP if inner != FIXED or value.len > 32 else OWN
    if tag == 26 and value.type == "bytearray":
        return DEEP if value.inner[0].len > 128 else OWN
    if tag == 26 and value.type != "mappingproxy":
        return inner
    if tag == 28:
        return OWN if value.len else FIXED
    if tag == 25:
        name = value.type.rpartition(".")[2]
        is_fixed = value.type in FIXED_TEXTS or value.type.startswith(("datetime.", "pathlib."))
        return FIXED if is_fixed or value.held.startswith(f"<{name}.") else DEEP
    if tag == 30 or tag == 26:
        return DEEP
    return DEEP if inner != FIXED else FIXED


class Frame:
    """What is known of one frame."""

    def __init__(self, number):
        self.number = number
        self.code = self.line = self.thread = self.task = 0
        self.has_lines = self.is_suspended = False
        self.call = None  # (thread, seq, bytes)
        self.writes = {}  # (scope, name) -> (thread, seq, value, line that was about to run before)


class Thread:
    def __init__(self):
        self.stack = []  # [frame, caller, code, line while others are above, task, waits]
        self.leaving = 0
        self.last = None
        self.fresh_from = 0


class Reading:
    """Takes the events one by one."""

    def __init__(self, recording):
        self.recording = recording
        self.threads, self.frames, self.tasks, self.codes = {}, {}, {}, {}
        self.suspended = {}  # frame -> code, as the rule about frames that wait wants them
        self.ended = 0

    def text(self, number):
        return self.recording.strings.get(number, "?")

    def names(self, code):
        """(names of its variables, how many are parameters)"""
        found = self.recording.codes.get(code)
        if found is None:
            return [], 0
        return [self.text(name) for name in found[6]], min(found[5], len(found[6]))

    def take(self, event):
        kind, number = event["kind"], event["frame"]
        thread = self.threads.setdefault(event["thread"], Thread())
        self.frames.pop(self.ended, None)
        self.ended = 0
        self.remove_left(thread)
        if "gap" in event:
            thread.stack = [[event["gap"], 0, 0, 0, 0, False]] if event["gap"] else []
            for frame in list(self.frames.values()):
                if frame.thread == event["thread"]:
                    del self.frames[frame.number]
        self.move(thread, event)
        last = thread.last
        is_run = last and last["kind"] == WRITE and last["seq"] + 1 == event["seq"]
        thread.fresh_from = thread.fresh_from if is_run else event["seq"]
        thread.last = event
        if kind in (16, 17):
            known = self.tasks.get(number, 0)
            self.tasks[number] = event["id"] if kind == 16 else known
        elif kind == 18:
            self.tasks.pop(number, None)
        else:
            self.take_frame(event)
        if kind in ENDS:
            self.ended = number

    def remove_left(self, thread):
        """The frame that the last event left goes now, and those that waited for it."""
        number, thread.leaving = thread.leaving, 0
        while number:
            rows = [row for row in thread.stack if row[0] == number]
            if not rows:
                break
            was_top = thread.stack[-1] is rows[-1]
            at = len(thread.stack) - 1 - thread.stack[::-1].index(rows[-1])
            del thread.stack[at]
            if thread.stack and was_top:
                thread.stack[-1][3] = 0
            callers = [row for row in thread.stack if row[0] == rows[-1][1] and row[5]]
            number = callers[-1][0] if callers else 0

    def move(self, thread, event):
        """Changes the stack by an event."""
        kind, number, stack = event["kind"], event["frame"], thread.stack
        if event.get("switch"):
            for row in reversed(stack):
                if row[0] == event["switch"]:
                    is_top = row is stack[-1]
                    stack.remove(row)
                    if stack and is_top:
                        stack[-1][3] = 0
                    row[3] = 0
                    stack.append(row)
                    break
        has_caller = bool(stack) and event.get("switch") != 0
        caller = stack[-1][0] if has_caller else 0
        for frame, line in self.callers(event):
            if frame not in [row[0] for row in stack]:
                above = [row for row in stack if row[0] == self.above]
                if frame not in self.suspended or not above:
                    continue
                place = above[-1]
                waiting = [frame, place[1], self.suspended[frame], 0, place[4], True]
                place[1] = frame
                stack.insert(stack.index(place), waiting)
            next(row for row in reversed(stack) if row[0] == frame)[3] = line
            self.above = frame
        if kind in ENTERS:
            stack.append([number, caller, event["id"], 0, event["task"], False])
        elif kind in LEAVES:
            thread.leaving = number
            if kind == YIELD and number:
                self.suspended[number] = event["id"]
            elif kind != YIELD:
                self.suspended.pop(number, None)

    def callers(self, event):
        """Yields (frame, line) of the callers that an exception names."""
        self.above = event["frame"]
        if event["kind"] not in (RAISE, UNWIND) or not event.get("values"):
            return
        data = Bytes(event["values"])
        Value(data, self.recording.strings)
        if data.left():
            data.varint()
        frame = event["frame"]
        while data.left():
            frame += unzigzag(data.varint())
            yield frame, data.varint()

    def frame(self, event):
        """The frame of an event, which is remembered from then on."""
        frame = self.frames.setdefault(event["frame"], Frame(event["frame"]))
        frame.code, frame.thread, frame.task = event["id"], event["thread"], event["task"]
        return frame

    def take_frame(self, event):
        kind, values = event["kind"], event.get("values", b"")
        known = self.frames.get(event["frame"]) if event["frame"] else None
        if kind == CALL and values:
            self.frame(event).call = (event["thread"], event["seq"], values)
        elif kind == LINE:
            frame = self.frame(event)
            frame.has_lines, frame.line = True, event["line"]
        elif kind == WRITE:
            frame = self.frame(event)
            frame.has_lines = True
            self.take_write(frame, event)
        elif kind == YIELD and event["frame"]:
            self.frame(event).is_suspended = True
        elif kind in ENTERS and known:
            known.is_suspended = False
            known.thread, known.task = event["thread"], event["task"]
        elif kind in (RAISE, HANDLED) and known and event.get("line"):
            known.line = event["line"]
        elif kind == BUDGET and event["id"]:
            data = Bytes(values)
            data.varint()
            if data.varint() != 3:
                place = self.recording.codes[event["id"]][2:4]
                for frame in self.frames.values():
                    if frame.code and self.recording.codes[frame.code][2:4] == place:
                        frame.has_lines = False

    def take_write(self, frame, event):
        data, strings = Bytes(event["values"]), self.recording.strings
        word = data.varint()
        if word & 3 == 3:
            Value(data, strings)
            word = data.varint()
        scope, number = word & 3, word >> 3
        name = self.names(event["id"])[0][number] if scope == 0 else self.text(number)
        row = event["thread"], event["seq"], Value(data, strings), frame.line
        frame.writes[scope, name] = row
        module, qualname = self.module_of(event["id"])
        if scope == 2 or (scope == 1 and qualname == "<module>"):
            self.share_write(frame, module, name, row)

    def module_of(self, code):
        """(module, qualified name) of a code."""
        module, qualname = self.recording.codes.get(code, (0, 0))[:2]
        return self.text(module), self.text(qualname)

    def share_write(self, writer, module, name, row):
        """A change of a module's variable has one event; it holds for all frames that have it."""
        for frame in self.frames.values():
            other, qualname = self.module_of(frame.code)
            if frame is writer or other != module:
                continue
            if qualname == "<module>":
                frame.writes[1, name] = (*row[:3], 0)
            elif (2, name) in frame.writes:
                frame.writes[2, name] = (*row[:3], 0)

    # ---- what is open ----

    def view(self, last):
        frames = []
        for number in sorted(self.threads):
            thread = self.threads[number]
            if thread.last is not last:
                self.remove_left(thread)
            for row in thread.stack:
                frames.append(self.open_frame(number, thread, row, last))
        shown = {row["frame"] for row in frames}
        for number in sorted(self.frames):
            frame = self.frames[number]
            if frame.is_suspended and number not in shown:
                line = frame.line if frame.has_lines else 0
                row = {"frame": number, "caller": 0, "thread": frame.thread, "task": frame.task}
                frames.append(dict(row, code=frame.code, line=line, state=SUSPENDED))
        for row in frames:
            row["variables"] = self.variables(row, last)
        threads = [
            (number, thread.last["seq"])
            for number, thread in sorted(self.threads.items())
            if thread.last["kind"] != 15 or thread.last is last
        ]
        tasks = [
            (task, self.text(name) if name else "") for task, name in sorted(self.tasks.items())
        ]
        return {"threads": threads, "tasks": tasks, "frames": frames}

    def open_frame(self, number, thread, row, last):
        frame, caller, code, line, task, waits = row
        known = self.frames.get(frame)
        event = thread.last
        is_top = row is thread.stack[-1]
        if event["frame"] == frame and event.get("line") and event["kind"] != WRITE:
            line = event["line"]
        elif is_top or not line:
            line = known.line if known and known.has_lines else 0
        state = WAITS if waits else OPEN
        if event is last and frame == last["frame"] and last["kind"] in LEAVES:
            state = LEFT
        code = code or (known.code if known else 0)
        return {"frame": frame, "caller": caller, "thread": number, "task": task, "code": code,
                "line": line, "state": state}  # fmt: skip

    def variables(self, row, last):
        """[(name, scope, state, value, thread, seq)]"""
        frame = self.frames.get(row["frame"])
        names, parameters = self.names(row["code"])
        found = {}
        if frame is not None:
            if frame.call:
                thread, seq, values = frame.call
                data = Bytes(values)
                for name in names[:parameters]:
                    value = Value(data, self.recording.strings) if data.left() else None
                    found[0, name] = thread, seq, value, 0
            found.update(frame.writes)
        rows = []
        for (scope, name), (thread, seq, value, _) in found.items():
            state = self.judge(row, frame, last, scope, name, found[scope, name], found)
            shown = None if value is None else value.as_json()
            rows.append((name, scope, state, shown, thread, seq))
        rows += [
            (name, 0, NOTHING, None, 0, 0)
            for name in dict.fromkeys(names)
            if (0, name) not in found
        ]
        return rows

    def judge(self, row, frame, last, scope, name, known, found):
        thread, seq, value, after = known
        if value is None or value.tag == 31:
            return CUT
        if value.tag in (0, 29, 32):
            return {0: DELETED, 29: REDACTED, 32: DROPPED}[value.tag]
        if thread == last["thread"] and seq >= self.threads[thread].fresh_from:
            return KNOWN
        if not frame.has_lines or (last["kind"] == WRITE and last["frame"] == frame.number):
            return MAY
        is_own = last["frame"] == frame.number
        is_compared = row["state"] != WAITS and (
            last["kind"] in (LINE, RETURN, YIELD, UNWIND, RAISE)
            if is_own
            else frame.number in [caller for caller, _ in self.callers(last)]
        )
        what = change(value)
        if what == FIXED:
            is_free = self.may_be_bound(row, frame, scope, name, after)
            return KNOWN if is_compared or not is_free else MAY
        many = [one for one in found.values() if one[2] is None or one[2].tag not in ATOMS]
        takes_turns = len(many) > 8 and last["kind"] == LINE
        return KNOWN if what == OWN and is_compared and not takes_turns else MAY

    def may_be_bound(self, row, frame, scope, name, after):
        """Whether something else than a later line of the frame can have bound the name."""
        _, qualname, file = self.recording.codes.get(row["code"], (0, 0, 0))[:3]
        if scope == 2 or (scope == 1 and self.text(qualname) == "<module>"):
            return True
        if not frame.is_suspended and after and after == frame.line:
            return True
        inside = self.text(qualname) + ".<locals>."
        return any(
            self.text(other[1]).startswith(inside)
            and self.text(other[2]) == self.text(file)
            and not other[4] & 256
            and name in [self.text(number) for number in other[6][other[5] :]]
            for other in self.recording.codes.values()
        )


def states(path, places):
    """{index: (event, state)}"""
    recording = format_reader.Recording(path)
    reading, found, wanted = Reading(recording), {}, set(places)
    for index, event in enumerate(format_reader.merged(recording)):
        reading.take(event)
        if index in wanted:
            found[index] = event, reading.view(event)
    return found


def order(path):
    """[(thread, seq)] of all events."""
    merged = format_reader.merged(format_reader.Recording(path))
    return [(event["thread"], event["seq"]) for event in merged]


def gaps(path):
    """The indexes of events before which some of their thread were lost."""
    merged = format_reader.merged(format_reader.Recording(path))
    return [index for index, event in enumerate(merged) if "gap" in event]


def positions(path):
    """{what a user may write: (thread, seq)}"""
    recording = format_reader.Recording(path)
    found, calls, lines = {}, {}, {}
    for event in format_reader.merged(recording):
        place = event["thread"], event["seq"]
        found.setdefault("start", place)
        found["end"] = found["100%"] = place
        name, file, _ = recording.name(event["id"])
        if event["kind"] in (CALL, RUNNING):
            calls[name] = calls.get(name, 0) + 1
            found[f"{name}#{calls[name]}"] = found[f"{name}#last"] = place
        if event["kind"] == LINE:
            at = f"{file}:{event['line']}"
            lines[at] = lines.get(at, 0) + 1
            found[f"{at}#{lines[at]}"] = found[f"{at}#last"] = place
    return found

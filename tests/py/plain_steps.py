"""Where a step through a recording ends, from a plain list of all events: the oracle of
src/query/step_search.c. It uses tests/py/format_reader.py and plain_instant.py alone.

`Steps(path)` reads all events; `step(how, place, thread, frame, ...)` gives the place at which the
step ends, or None. A place is the number of an event, from 1."""

import format_reader
import plain_instant
from format_reader import Bytes, Value
from plain_instant import CALL, LINE, RAISE, RESUME, RUNNING, THROW, UNWIND, WRITE, YIELD

RETURN, CLOSED = 2, 29
ENTRIES, LEAVES, ENDS = {CALL, RESUME, THROW}, {2, YIELD, UNWIND, CLOSED}, {2, UNWIND, CLOSED}
QUIET = {WRITE, 19}  # events that say nothing about a frame's lines


class Event:
    def __init__(self, event, stack):
        self.kind, self.thread, self.frame = event["kind"], event["thread"], event["frame"]
        self.line, self.code, self.seq = event.get("line", 0), event["id"], event["seq"]
        self.values, self.is_lost = event.get("values", b""), "gap" in event
        self.stack = stack  # frames that are open, outermost first
        self.has_lines = False  # of its frame, so far
        self.caller_has_lines = False
        self.caller = 0  # of the frame, where its begin was seen


class Steps:
    def __init__(self, path):
        self.recording = format_reader.Recording(path)
        reading = plain_instant.Reading(self.recording)
        self.events, callers = [], {}
        for event in format_reader.merged(self.recording):
            reading.take(event)
            stack = self.stack_of(reading, event["thread"])
            one = Event(event, stack)
            if one.kind in (CALL, RUNNING) and one.frame:
                below = stack[: stack.index(one.frame)]
                rows = reading.threads[one.thread].stack
                callers[one.frame] = rows[len(below)][1]
            one.caller = callers.get(one.frame, 0)
            one.caller_known = one.frame in callers
            one.has_lines = self.lines_of(reading, one.frame)
            one.caller_has_lines = self.lines_of(reading, one.caller)
            self.events.append(one)
        self.settle_entries()

    @staticmethod
    def stack_of(reading, number):
        thread = reading.threads.get(number)
        return [row[0] for row in thread.stack] if thread else []

    @staticmethod
    def lines_of(reading, number):
        known = reading.frames.get(number)
        return bool(known and known.has_lines)

    def settle_entries(self):
        """For each entry, the place of the first line that directly follows; the entry's own place
        where none does."""
        self.shown = {}
        last = {}  # thread -> place of an entry
        for place, one in enumerate(self.events, 1):
            begun = last.get(one.thread)
            if begun and one.kind not in QUIET:
                is_line = one.kind == LINE and one.frame == self.events[begun - 1].frame
                self.shown[begun] = place if is_line else begun
                del last[one.thread]
            if one.kind in ENTRIES:
                last[one.thread] = place
        for begun in last.values():
            self.shown[begun] = begun

    # ---- the step itself: places at which it may end ----

    def ends(self, how, thread, frame, with_callees, line, backwards, after=0):
        """Yields (place, is lost) of all events at which a step may end, from events behind
        `after`."""
        for place, one in enumerate(self.events, 1):
            if place <= after:
                continue
            if one.is_lost and one.thread == thread and how != "continue":
                yield place, True
                continue
            is_own = one.frame == frame and frame
            if how == "continue":
                continue
            if how == "step":
                found = one.thread == thread and one.kind in {LINE, *ENTRIES, *LEAVES} - {CLOSED}
            elif how == "return":
                wanted = {CALL, RUNNING} if backwards else ENDS
                if is_own and one.kind in wanted:
                    yield place, False
                continue
            elif is_own:
                found = one.kind in ENDS or (
                    one.kind == LINE and (how != "until" or one.line >= line)
                )
                found = found or (one.kind in {YIELD, *ENTRIES} and not one.has_lines)
            else:
                wanted = LEAVES - {CLOSED} if backwards else ENTRIES
                found = with_callees and one.caller_known and one.caller == frame
                found = found and one.kind in wanted
            if found and one.kind in ENTRIES:
                if one.kind != CALL and one.has_lines:
                    continue
                yield self.shown[place], False
            elif found:
                yield place, False

    def step(self, how, place, thread, frame, line=0, backwards=False, stops=()):
        """Returns (place, reason) or None. `stops` are events at which a condition holds: (place,
        where that shows)."""
        if backwards:
            return self.step_back(how, place, thread, frame, line, stops)
        with_callees = False
        here = self.events[place - 1]
        left = ENDS if how == "return" else LEAVES
        if how not in ("step", "continue") and here.frame == frame and here.kind in left and frame:
            below = here.stack[: len(here.stack) - 1 - here.stack[::-1].index(frame)]
            frame = below[-1] if below else 0
            with_callees = bool(frame) and how != "return" and not self.has_lines_at(frame, place)
        if how in ("next", "until") and not frame:
            how = "step"
        found = dict(self.ends(how, thread, frame, with_callees, line, False, place))
        return self.choose(found, [at for begun, at in stops if begun > place], min)

    def has_lines_at(self, frame, place):
        return any(one.frame == frame and one.kind in (LINE, WRITE) for one in self.events[:place])

    @staticmethod
    def choose(found, stops, best):
        places = {*found, *stops}
        if not places:
            return None
        at = best(places)
        if at in stops:
            return at, "stop"
        return at, "lost" if found[at] else "step"

    def step_back(self, how, place, thread, frame, line, stops):
        with_callees = False
        while True:
            begins = [
                at
                for at, one in enumerate(self.events[:place], 1)
                if one.frame == frame and frame and one.kind in (CALL, RUNNING)
            ]
            begin = begins[-1] if begins and how not in ("step", "continue") else 0
            found = {
                at: is_lost
                for at, is_lost in self.ends(how, thread, frame, with_callees, line, True)
                if begin <= at < place
            }
            chosen = self.choose(found, [at for _, at in stops if begin <= at < place], max)
            if chosen or not begin:
                return chosen
            one = self.events[begin - 1]
            place, frame = begin, one.caller
            with_callees = how != "return" and not one.caller_has_lines
            if not frame and how == "return":
                return None
            how = how if frame else "step"

    # ---- conditions ----

    def lines(self, file, line):
        """Events at which a line of a file is about to run."""
        return [
            (place, place)
            for place, one in enumerate(self.events, 1)
            if one.kind == LINE and one.line == line and self.name(one.code)[1] == file
        ]

    def calls(self, qualname):
        """Calls of a function."""
        return [
            (place, self.shown[place])
            for place, one in enumerate(self.events, 1)
            if one.kind == CALL and self.name(one.code)[0] == qualname
        ]

    def raises(self):
        """Events at which exceptions are raised for the first time."""
        found = []
        for place, one in enumerate(self.events, 1):
            if one.kind != RAISE:
                continue
            flags, is_again = 0, False
            if one.values:
                data = Bytes(one.values)
                value = Value(data, self.recording.strings)
                is_again = value.tag == 30 and bool(value.flags & 4)
                flags = data.varint() if data.left() else 0
            if not flags & 6 and not is_again:
                found.append((place, place))
        return found

    def writes(self, frame, name):
        """Events at which a local of a frame is written, or given as an argument."""
        found = []
        for place, one in enumerate(self.events, 1):
            if one.frame != frame:
                continue
            code = self.recording.codes.get(one.code)
            names = [self.recording.strings.get(number, "?") for number in code[6]] if code else []
            if one.kind == CALL and one.values and name in names[: code[5]]:
                found.append(place)
            elif one.kind == WRITE:
                data = Bytes(one.values)
                word = data.varint()
                if word & 3 == 3:
                    Value(data, self.recording.strings)
                    word = data.varint()
                if word & 3 == 0 and names[word >> 3] == name:
                    found.append(place)
        return [(place, self.shown.get(place, place)) for place in found]

    def name(self, code):
        return self.recording.name(code)

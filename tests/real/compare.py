"""What a recording and the oracle of the same run say, side by side; each difference is a text.

Both sides are read as streams, thread by thread: a real program has a million events."""

import functools
import marshal
import os
import sys
from collections import Counter, deque
from pathlib import Path

FRAME_KINDS = {"call", "resume", "throw", "return", "yield", "unwind"}
QUIET = {
    "StopIteration",
    "StopAsyncIteration",
}  # they mostly end loops, and which do is not in the file
NEAR = 40  # so many lines are looked ahead for the place where two streams agree again
ENOUGH = 100  # differences of one thread
PLAIN_NAMES = sys.version_info < (3, 11)  # the oracle cannot know qualified names there


class Line:
    """One event in the words that both sides share.

    Once these are equal, exact values and the line are compared (of the oracle: all lines that it
    may be)."""

    __slots__ = ("at", "text", "values")

    def __init__(self, text, values=None, at=None):
        self.text = text
        self.values = values
        self.at = at


class Names:
    """Names frames by the order in which they began in their thread, whatever their numbers."""

    def __init__(self):
        self.names = {}
        self.count = 0

    def begin(self, frame, func):
        self.count += 1
        self.names[frame] = f"{func}#{self.count}"

    def of(self, frame, func):
        """Its name; only the function's where it began elsewhere."""
        return "-" if frame is None else self.names.get(frame) or f"({last_word(func)})"


def last_word(func):
    return func.partition(":")[2].rpartition(".")[2]


def shown(func):
    """A function as both sides can name it."""
    return f"{func.partition(':')[0]}:{last_word(func)}" if PLAIN_NAMES else func


@functools.lru_cache(maxsize=None)
def known(func, file):
    return shown(func), os.path.basename(file)


# ---- the oracle ----


class Watched:
    """What the oracle wrote of one process."""

    def __init__(self, path):
        self.path = path
        self.kept, self.skipped = {}, {}
        self.counts = Counter()
        self.threads = {}  # (native id, how often it was used before): number
        self.leaves = Counter()  # of a frame: it yielded None or unwound, after an exception in it
        self.ended = set()  # frames of which nothing is heard after that
        self.unbegun = set()  # generators that were closed before they ran: 3.8 to 3.10 trace that
        seen, before, called = Counter(), {}, {}
        for kind, thread, *rest in self.events():
            if kind == "unwind" and before.get(thread) == ("raise", rest[0], "GeneratorExit"):
                self.unbegun.add(rest[0])
                self.counts[called[thread]] -= 1
            is_close = kind == "raise" and before.get(thread) == ("call", rest[0], None)
            before[thread] = kind, rest[0], rest[2] if is_close else None
            self.ended.discard(rest[0])
            if kind == "leaves":
                self.leaves[rest[0]] += 1
                self.ended.add(rest[0])
            if kind == "thread":
                self.threads[rest[0], seen[rest[0]]] = thread
                seen[rest[0]] += 1
            elif kind == "call":
                called[thread] = key = known(rest[1], rest[2])
                self.kept.setdefault(key, rest[1])
                self.counts[key] += 1
            elif kind == "skipped":
                self.skipped[known(rest[0], rest[1])] = rest[0]

    def events(self):
        data = memoryview(self.path.read_bytes())
        at, loads = 0, marshal.loads
        while at < len(data):
            begin = at + 4
            at = begin + int.from_bytes(data[at:begin], "little")
            yield loads(data[begin:at])

    def lines(self, number, leave_out, raises):
        """Those of one thread. Frames of functions in `leave_out` are as if they were not."""
        names, funcs, parents, leaves = Names(), {}, {}, Counter()
        for kind, thread, *rest in self.events():
            if kind == "leaves":
                leaves[rest[0]] += 1
                is_last = leaves[rest[0]] == self.leaves[rest[0]] and rest[0] in self.ended
                kind, rest[1] = ("unwind", rest[1]) if is_last else ("yield", "None")
            if rest[0] in self.unbegun:
                continue
            # Parents and frames that go on may have begun in another thread.
            if kind in ("call", "resume") and known(rest[1], rest[2]) in leave_out:
                parents[rest[0]] = rest[3:5] if kind == "call" else (None, None)
                continue
            if kind in ("call", "resume"):
                funcs[rest[0]] = shown(rest[1])
            elif kind == "running":
                funcs[rest[0]] = f":{rest[1]}"
                continue
            if thread != number or kind in ("thread", "skipped") or rest[0] not in funcs:
                continue
            frame, func = rest[0], funcs[rest[0]]
            if kind == "call":
                above, name = rest[3:5]
                while above in parents:
                    above, name = parents[above]
                names.begin(frame, func)
                above = names.of(above, f":{name}")
                yield Line(f"call {names.of(frame, func)} from {above}", rest[5])
            elif kind == "raise":
                if raises and rest[2] not in QUIET:
                    yield Line(f"raise {rest[2]} at {rest[1]} in {names.of(frame, func)}")
            elif kind == "unwind":
                yield Line(f"unwind {names.of(frame, func)}", None, rest[1])
            else:
                value = rest[1] if kind != "resume" else None
                yield Line(f"{kind} {names.of(frame, func)}", value)


# ---- the recording ----


class Recorded:
    """Turns the events of one process into lines, one after the other."""

    def __init__(self, leave_out, raises):
        self.leave_out = leave_out
        self.raises = raises
        self.names = {}
        self.funcs, self.parents = {}, {}

    def line(self, event):
        kind = event["kind"]
        if "func" not in event or (kind not in FRAME_KINDS and kind != "raise"):
            return None
        frame, func = event["frame"], shown(event["func"])
        names = self.names.get(event["thread"])
        if names is None:
            names = self.names[event["thread"]] = Names()
        is_out = known(event["func"], event["file"]) in self.leave_out
        if kind == "call":
            self.parents[frame] = event["parent"]
            self.funcs[frame] = None if is_out else func
            if event.get("already_running"):
                return None
        if is_out:
            return None
        if kind == "call":
            above = event["parent"]
            while above is not None and self.funcs.get(above) is None:
                above = self.parents.get(above)
            names.begin(frame, func)
            above = names.of(above, self.funcs.get(above, ":?"))
            return Line(f"call {names.of(frame, func)} from {above}", event.get("args", {}))
        if kind == "raise":
            is_again = event["exc"].get("again")
            if not self.raises or is_again or event["exc_type"] in QUIET:
                return None
            at = f"{event['exc_type']} at {event['exc_line']}"
            return Line(f"raise {at} in {names.of(frame, func)}")
        kind = "resume" if kind == "throw" else kind
        text = f"{kind} {names.of(frame, func)}"
        return Line(text, event.get("value"), event.get("exc_line"))


# ---- both ----


class Aligned:
    """Two streams of one thread: ours is pushed, theirs is drawn. After a difference the nearest
    place is sought where both agree."""

    def __init__(self, theirs):
        self.source = theirs
        self.ours, self.theirs = deque(), deque()
        self.found = []

    def push(self, line):
        self.ours.append(line)
        if len(self.ours) > NEAR:
            self.step()

    def step(self):
        """Compares one line; whether there was one."""
        if len(self.found) > ENOUGH:
            self.ours.clear()
            return False
        while len(self.theirs) <= NEAR:
            line = next(self.source, None)
            if line is None:
                break
            self.theirs.append(line)
        if not self.theirs and not self.ours:
            return False
        if self.ours and self.theirs and self.ours[0].text == self.theirs[0].text:
            self.found += unlike(self.ours.popleft(), self.theirs.popleft())
            return True
        ours, theirs = self.nearest()
        self.found += [f"recorded only: {self.ours.popleft().text}" for _ in range(ours)]
        self.found += [f"not recorded: {self.theirs.popleft().text}" for _ in range(theirs)]
        return True

    def nearest(self):
        """How many lines either side must give up for the next ones to be equal."""
        ours, theirs = list(self.ours), list(self.theirs)
        for distance in range(1, NEAR):
            for a in range(distance + 1):
                b = distance - a
                if a < len(ours) and b < len(theirs) and ours[a].text == theirs[b].text:
                    return a, b
        return min(len(ours), 1), min(len(theirs), 1)

    def end(self):
        """All differences."""
        while self.step():
            pass
        return self.found


def unlike(ours, theirs):
    """Lines and exact values that the recording tells otherwise than the oracle."""
    if theirs.at is not None and ours.at not in theirs.at:
        return [f"line: {ours.text} at {ours.at}, is {theirs.at}"]
    wanted, got = theirs.values, ours.values
    if wanted is None:
        return []
    if not isinstance(wanted, dict):
        wanted, got = {"result": wanted}, {"result": got}
    found = []
    for name, text in wanted.items():
        value = (got or {}).get(name)
        if text is None or (value is not None and "<redacted>" in value["r"]):
            continue
        if value is None or value["r"] != text:
            told = "nothing" if value is None else value["r"]
            found.append(f"value: {name} of {ours.text}: {told[:80]}, is {text[:80]}")
    return found


def differences(events, functions, watched, raises):
    """Texts: what one side has and the other has not. `events` of one process, `functions` of the
    whole recording: (function, file) each."""
    recorded = {known(func, file): func for func, file in functions}
    lost = {key: func for key, func in watched.kept.items() if key not in recorded}
    more = {
        key: func
        for key, func in recorded.items()
        if key in watched.skipped and key not in watched.kept
    }
    found = [f"function not recorded: {func} of {key[1]}" for key, func in sorted(lost.items())]
    found += [f"function of a library: {func} of {key[1]}" for key, func in sorted(more.items())]
    ours, threads, seen, unknown = Recorded(more, raises), {}, Counter(), set()
    left = dict(watched.threads)
    for event in events:
        number = event["thread"]
        if event["kind"] == "thread_start":
            native = event["native_id"]
            theirs = left.pop((native, seen[native]), None)
            seen[native] += 1
            if theirs is not None:
                threads[number] = Aligned(watched.lines(theirs, lost, raises))
            continue
        line = ours.line(event)
        if line is None:
            continue
        if number in threads:
            threads[number].push(line)
        elif number not in unknown:
            unknown.add(number)
            found.append(f"thread not watched: {line.text}")
    for aligned in threads.values():
        found += aligned.end()
    for number in left.values():
        line = next(watched.lines(number, lost, raises), None)
        if line is not None:
            found.append(f"thread not recorded: {line.text}")
    return found


def watched_files(folder):
    """{pid: the files of its programs, one after the other}."""
    found = {}
    paths = [path for path in Path(folder).iterdir() if path.name[0].isdigit()]
    for path in sorted(paths, key=lambda path: int(path.suffix[1:])):
        found.setdefault(int(path.stem), []).append(path)
    return found

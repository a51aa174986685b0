"""What a recording and the oracle of the same run say, side by side; each difference is a text."""

import marshal
import os
import sys
from pathlib import Path

FRAME_KINDS = {"call", "resume", "throw", "return", "yield", "unwind"}
NEAR = 40  # so many lines are looked ahead for the place where two streams agree again
PLAIN_NAMES = sys.version_info < (3, 11)  # the oracle cannot know qualified names there


class Line:
    """One event in the words that both sides share, and what is compared once these are equal: exact
    values, the line (of the oracle: all that it may be)."""

    __slots__ = ("at", "text", "values")

    def __init__(self, text, values=None, at=None):
        self.text = text
        self.values = values
        self.at = at


class Names:
    """Frames by the order in which they began in their thread, so that numbering does not matter."""

    def __init__(self):
        self.names = {}
        self.counts = {}

    def begin(self, thread, frame, func):
        count = self.counts[thread] = self.counts.get(thread, 0) + 1
        self.names[frame] = f"{func}#{count}", thread

    def of(self, thread, frame, func):
        """Its name; only its function where it began elsewhere."""
        if frame is None:
            return "-"
        name, at = self.names.get(frame, (None, None))
        return name if at == thread else f"({plain(func)})"


def plain(func):
    """A function without its module, and where the oracle lacks qualified names its last word."""
    return func.partition(":")[2].rpartition(".")[2]


def shown(func):
    if not PLAIN_NAMES:
        return func
    module = func.partition(":")[0]
    return f"{module}:{plain(func)}"


# ---- the oracle ----


def read_watched(path):
    """The events of one process."""
    events = []
    with open(path, "rb") as file:
        while True:
            try:
                events.append(marshal.load(file))
            except EOFError:
                return events


def watched_threads(events, leave_out):
    """{(native thread id, how many times it was used before): lines}."""
    names, threads, keys, seen = Names(), {}, {}, {}
    funcs, parents = {}, {}
    for kind, thread, *rest in events:
        if kind == "thread":
            (native,) = rest
            seen[native] = seen.get(native, -1) + 1
            keys[thread] = native, seen[native]
            threads[keys[thread]] = []
            continue
        if kind == "skipped":
            continue
        lines = threads[keys[thread]]
        number = rest[0]
        if kind in ("call", "resume"):
            func = shown(rest[1])
            funcs[number] = func
            if (rest[1], rest[2]) in leave_out:
                parents[number] = rest[3:5] if kind == "call" else (None, None)
                funcs[number] = None
                continue
        func = funcs.get(number)
        if func is None:
            continue
        if kind == "call":
            parent, parent_name = rest[3:5]
            while parent in parents:
                parent, parent_name = parents[parent]
            above = names.of(thread, parent, f":{parent_name}")
            names.begin(thread, number, func)
            text = f"call {names.of(thread, number, func)} from {above}"
            lines.append(Line(text, rest[5]))
        elif kind == "raise":
            lines.append(Line(f"raise {rest[2]} at {rest[1]} in {names.of(thread, number, func)}"))
        else:
            name = names.of(thread, number, func)
            if kind == "unwind":
                lines.append(Line(f"unwind {name}", None, rest[1]))
            else:
                lines.append(Line(f"{kind} {name}", rest[1] if kind != "resume" else None))
    return threads


# ---- the recording ----


def recorded_threads(events, leave_out, raises):
    """The same of a dump's events of one process."""
    names, threads, keys, seen = Names(), {}, {}, {}
    parents, funcs = {}, {}
    for event in events:
        thread = event["thread"]
        kind = event["kind"]
        if kind == "thread_start":
            native = event["native_id"]
            seen[native] = seen.get(native, -1) + 1
            keys[thread] = native, seen[native]
            threads[keys[thread]] = []
            continue
        if "func" not in event or (kind not in FRAME_KINDS and kind != "raise"):
            continue
        frame, func = event["frame"], shown(event["func"])
        if kind == "call":
            parents[frame] = event["parent"]
            funcs[frame] = event["func"]
            if event.get("already_running"):
                continue
        if (event["func"], event["file"]) in leave_out:
            funcs[frame] = None
            continue
        lines = threads[keys[thread]]
        if kind == "call":
            parent = event["parent"]
            while parent is not None and funcs.get(parent) is None:
                parent = parents.get(parent)
            above = names.of(thread, parent, funcs.get(parent) or ":?")
            names.begin(thread, frame, func)
            text = f"call {names.of(thread, frame, func)} from {above}"
            lines.append(Line(text, event.get("args", {})))
        elif kind == "raise":
            if raises and not event["exc"].get("again"):
                at = f"{event['exc_type']} at {event['exc_line']}"
                lines.append(Line(f"raise {at} in {names.of(thread, frame, func)}"))
        else:
            kind = "resume" if kind == "throw" else kind
            text = f"{kind} {names.of(thread, frame, func)}"
            lines.append(Line(text, event.get("value"), event.get("exc_line")))
    return threads


# ---- both ----


def functions(events, watched):
    """(what the oracle kept, what it left out): (function, file) each."""
    kept, skipped = set(), set()
    for kind, _, *rest in watched:
        if kind == "call":
            kept.add((rest[1], rest[2]))
        elif kind == "skipped":
            skipped.add((rest[0], rest[1]))
    return kept, skipped


def differences(events, watched, raises):
    """Texts: what one side has and the other has not, in order of threads."""
    kept, skipped = functions(events, watched)
    recorded = {(e["func"], e["file"]) for e in events if e["kind"] == "call" and "func" in e}
    found = []
    by_name = {(shown(func), os.path.basename(file)) for func, file in recorded}
    lost = {
        (func, file) for func, file in kept if (shown(func), os.path.basename(file)) not in by_name
    }
    library = {(shown(func), os.path.basename(file)) for func, file in skipped}
    mine = {(shown(func), os.path.basename(file)) for func, file in kept}
    more = {
        (func, file)
        for func, file in recorded
        if (shown(func), os.path.basename(file)) in library - mine
    }
    found += [f"function not recorded: {func} of {file}" for func, file in sorted(lost)]
    found += [f"function of the library: {func} of {file}" for func, file in sorted(more)]
    ours = recorded_threads(events, more, raises)
    theirs = watched_threads([e for e in watched if raises or e[0] != "raise"], lost)
    for key in sorted(set(ours) | set(theirs)):
        if key not in ours:
            if theirs[key]:
                found.append(f"thread not recorded: {theirs[key][0].text}")
        elif key not in theirs:
            if ours[key]:
                found.append(f"thread not watched: {ours[key][0].text}")
        else:
            found += aligned(ours[key], theirs[key])
    return found


def aligned(ours, theirs):
    """Differences of one thread: after each one the nearest place is sought where both agree."""
    found, i, j = [], 0, 0
    while i < len(ours) and j < len(theirs):
        if ours[i].text == theirs[j].text:
            found += unlike(ours[i], theirs[j])
            i, j = i + 1, j + 1
            continue
        skip = nearest(ours, theirs, i, j)
        found += [f"recorded only: {line.text}" for line in ours[i : i + skip[0]]]
        found += [f"not recorded: {line.text}" for line in theirs[j : j + skip[1]]]
        i, j = i + skip[0], j + skip[1]
        if len(found) > 200:
            return [*found, "more: the two do not agree any more"]
    found += [f"recorded only: {line.text}" for line in ours[i:]][:20]
    found += [f"not recorded: {line.text}" for line in theirs[j:]][:20]
    return found


def nearest(ours, theirs, i, j):
    for distance in range(1, NEAR):
        for a in range(distance + 1):
            b = distance - a
            if i + a < len(ours) and j + b < len(theirs):
                if ours[i + a].text == theirs[j + b].text:
                    return a, b
    return 1, 1


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
        if text is None or (value is not None and value["redacted"]):
            continue
        if value is None or value["r"] != text:
            told = "nothing" if value is None else value["r"]
            found.append(f"value: {name} of {ours.text}: {told[:80]}, is {text[:80]}")
    return found


def watched_files(folder):
    """{pid: the files of its programs, one after the other}."""
    found = {}
    for path in sorted(Path(folder).iterdir(), key=lambda path: int(path.name.partition(".")[2])):
        pid, _, n = path.name.partition(".")
        if pid.isdigit():
            found.setdefault(int(pid), []).append(path)
    return found

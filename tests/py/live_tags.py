"""A live oracle: runs a program under sys.settrace, and gives each object a number of its own.

    python live_tags.py PROGRAM     prints {"func#n": {"start", "lines", "end"}} as JSON

Objects are kept, so no address comes again. `start` has the names of a frame at its call. `lines`
has those behind each line, as [line, {name: number}]. `end` is the number of the result."""

import contextlib
import io
import json
import sys

PLAIN = (int, float, str, bytes, complex, type(None), type)
tags, kept, frames, counts, calls = {}, [], {}, {}, {}


def tag(value):
    """The number of an object; 0 for a plain value, of which Python may have one for all."""
    if isinstance(value, PLAIN) or value == ():
        return 0
    if id(value) not in tags:
        tags[id(value)] = len(kept) + 1
        kept.append(value)
    return tags[id(value)]


def names_of(frame):
    return {name: tag(value) for name, value in frame.f_locals.items() if name[:2] != "__"}


def trace(frame, event, arg):
    if frame.f_code.co_filename != PROGRAM:
        return None
    if frame not in frames:
        name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
        counts[name] = counts.get(name, 0) + 1
        calls[f"{name}#{counts[name]}"] = row = {"start": names_of(frame), "lines": [], "end": 0}
        frames[frame] = [row, frame.f_lineno]
        return trace
    row, line = frames[frame]
    row["lines"].append([line, names_of(frame)])
    frames[frame][1] = frame.f_lineno
    if event == "return":
        row["end"] = tag(arg)
    return trace


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    with open(PROGRAM, encoding="utf-8") as file:
        code = compile(file.read(), PROGRAM, "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        sys.settrace(trace)
        with contextlib.suppress(Exception):
            exec(code, {"__name__": "__main__"})
        sys.settrace(None)
    print(json.dumps(calls))

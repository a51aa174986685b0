"""A live oracle: runs a program under sys.settrace, and gives each object a number of its own.

    python live_tags.py ANSWER FOLDER[:FOLDER ...] PROGRAM [WORDS ...]

ANSWER becomes {"module:func#n": {"start", "parameters", "lines", "is_cut", "end"}} as JSON, for the
functions of files in these folders. Objects are kept, so no address comes again.

`start` has the names of a frame at its call. `lines` has those behind each line, as
[line, {name: number}]. `end` has the number of the result, and those of its first items. Of each
function the first calls are kept, and of these the first lines (`is_cut`)."""

import contextlib
import json
import os
import sys

PLAIN = (int, float, str, bytes, complex, type(None), type)
MOST_CALLS, MOST_LINES = 6, 400
tags, kept, frames, counts, calls, traced = {}, [], {}, {}, {}, {}


def tag(value):
    """The number of an object; 0 for a plain value, of which Python may have one for all."""
    if isinstance(value, PLAIN) or (type(value) is tuple and not value):
        return 0
    if id(value) not in tags:
        tags[id(value)] = len(kept) + 1
        kept.append(value)
    return tags[id(value)]


def names_of(frame):
    return {name: tag(value) for name, value in frame.f_locals.items() if name[:2] != "__"}


def parameters_of(code):
    flags = bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + flags]


def is_traced(path):
    if path not in traced:
        traced[path] = path.startswith(FOLDERS) and not path.startswith(HERE)
    return traced[path]


def trace(frame, event, arg):
    if not is_traced(frame.f_code.co_filename):
        return None
    if frame not in frames:
        name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
        name = f"{frame.f_globals.get('__name__')}:{name}"
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > MOST_CALLS:
            return None
        row = {"start": names_of(frame), "parameters": parameters_of(frame.f_code), "lines": [],
               "is_cut": False, "end": []}  # fmt: skip
        calls[f"{name}#{counts[name]}"] = row
        frames[frame] = [row, frame.f_lineno]
        return trace
    row, line = frames[frame]
    row["is_cut"] |= len(row["lines"]) >= MOST_LINES
    if not row["is_cut"] or event == "return":
        row["lines"].append([line, names_of(frame)])
    frames[frame][1] = frame.f_lineno
    if event == "return":
        parts = arg if type(arg) in (tuple, list) else ()
        row["end"] = [tag(one) for one in (arg, *parts[:9])]
    return trace


if __name__ == "__main__":
    ANSWER, FOLDERS = sys.argv[1], tuple(os.path.join(one, "") for one in sys.argv[2].split(":"))
    HERE = os.path.abspath(__file__)
    PROGRAM = sys.argv[3]
    sys.argv[:] = sys.argv[3:]
    sys.path[0] = os.path.dirname(os.path.abspath(PROGRAM))
    with open(PROGRAM, encoding="utf-8") as file:
        code = compile(file.read(), PROGRAM, "exec")
    sys.settrace(trace)
    with contextlib.suppress(Exception, SystemExit):
        exec(code, {"__name__": "__main__", "__file__": PROGRAM, "__builtins__": __builtins__})
    sys.settrace(None)
    with open(ANSWER, "w", encoding="ascii") as file:
        json.dump(calls, file)

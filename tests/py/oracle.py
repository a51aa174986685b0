"""The oracle: what a program does, seen by sys.settrace in plain Python.

Run as a script: `python oracle.py OUT program.py`. Writes the canonical text of the events of the
program's own file, one list a thread. Shares no code with Relive. Its limits are settrace's: a
throw() looks like a resume.
"""

import dis
import json
import os
import sys
import threading

YIELDS = {
    dis.opmap[name]
    for name in ("YIELD_VALUE", "YIELD_FROM", "SEND", "RESUME", "RESUME_CHECK", "JUMP_BACKWARD")
    if name in dis.opmap
}
SUSPENDABLE = 0x20 | 0x80 | 0x200  # generator, coroutine, asynchronous generator


def delegates(frame):
    """Before 3.11 a frame that is suspended in `yield from` is before that instruction."""
    after = frame.f_code.co_code[frame.f_lasti + 2 : frame.f_lasti + 3]
    return bool(after) and dis.opname[after[0]] == "YIELD_FROM"


def leaving(frame, arg, raising):
    """Which of unwind, yield and return a `return` event of sys.settrace is."""
    opcode = frame.f_code.co_code[frame.f_lasti] if frame.f_lasti >= 0 else -1
    if arg is None and raising and not dis.opname[opcode].startswith("RETURN_"):
        return "unwind"
    if frame.f_code.co_flags & SUSPENDABLE and (opcode in YIELDS or delegates(frame)):
        return "yield"
    if arg is None and dis.opname[opcode] not in ("RETURN_VALUE", "RETURN_CONST"):
        return "unwind"
    return "return"


def exact(value, depth=0):
    """Returns the repr() of exact built-in types within the recorder's default bounds, else None.

    The walk is its own: it calls nothing of the program."""
    kind = type(value)
    if value is None or kind in (bool, float, complex):
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() <= 2048 else None
    if kind in (str, bytes):
        size = len(value.encode("utf-8", "surrogatepass")) if kind is str else len(value)
        return repr(value) if size <= 256 else None
    if kind not in (list, tuple, dict, set, frozenset) or len(value) > 10:
        return None
    if depth == 3 and value:
        return None
    if kind is dict:
        parts = [(exact(k, depth + 1), exact(v, depth + 1)) for k, v in list(value.items())]
        if any(None in pair for pair in parts):
            return None
        return "{" + ", ".join(f"{k}: {v}" for k, v in parts) + "}"
    parts = [exact(item, depth + 1) for item in list(value)]
    if None in parts:
        return None
    text = ", ".join(parts)
    if kind is list:
        return f"[{text}]"
    if kind is tuple:
        return f"({text},)" if len(parts) == 1 else f"({text})"
    if not parts:
        return f"{kind.__name__}()"
    return "{" + text + "}" if kind is set else "frozenset({" + text + "})"


def arguments(frame):
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
    values = frame.f_locals if count else {}
    return {name: exact(values.get(name)) for name in code.co_varnames[:count]}


class Oracle:
    def __init__(self, file):
        self.file = file
        self.threads = []
        self.local = threading.local()
        self.frames = {}  # id(frame) -> number, while the frame has not ended; no frame is kept
        self.count = 0
        self.lock = threading.Lock()

    def here(self):
        events = getattr(self.local, "events", None)
        if events is None:
            events = self.local.events = []
            with self.lock:
                self.threads.append(events)
        return events

    def number(self, frame, event):
        known = self.frames.get(id(frame))
        if known is None or (event == "call" and self.begins(frame)):
            self.count += 1
            self.frames[id(frame)] = self.count
            return self.count, True
        return known, False

    def begins(self, frame):
        if sys.version_info < (3, 11):
            return frame.f_lasti < 0
        at = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
        return dis.opname[at[0]].startswith("RESUME") and at[1] & 3 == 0

    def parent(self, frame):
        frame = frame.f_back
        while frame is not None:
            if frame.f_code.co_filename == self.file and id(frame) in self.frames:
                return self.frames[id(frame)]
            frame = frame.f_back
        return None

    def trace(self, frame, event, arg):
        code = frame.f_code
        if code.co_filename != self.file:
            return self.trace
        kind = event
        raising = getattr(self.local, "raising", None)
        if event == "exception":
            self.local.raising = id(frame), frame.f_lasti
            return self.trace
        self.local.raising = None  # a line event says that the exception was caught here
        if event not in ("call", "return"):
            return self.trace
        number, is_new = self.number(frame, event)
        if event == "call":
            kind = "call" if is_new else "resume"
        else:
            kind = leaving(frame, arg, raising == (id(frame), frame.f_lasti))
        parent = self.parent(frame) if is_new else None
        if kind in ("return", "unwind"):
            del self.frames[id(frame)]
        name = getattr(code, "co_qualname", code.co_name)
        module = frame.f_globals.get("__name__", "?")
        if not isinstance(module, str):
            module = "?"
        values = None
        if is_new:
            values = arguments(frame)
        elif kind in ("return", "yield"):
            values = exact(arg)
        self.here().append([kind, f"{module}:{name}", number, parent, values])
        return self.trace


def main():
    out, program = sys.argv[1:3]
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    with open(program, "rb") as file:
        code = compile(file.read(), program, "exec", dont_inherit=True)
    import types

    module = types.ModuleType("__main__")
    module.__file__ = program
    sys.modules["__main__"] = module
    oracle = Oracle(program)

    def save():
        with open(out, "w") as file:
            json.dump(oracle.threads, file)

    import atexit

    atexit.register(save)
    threading.settrace(oracle.trace)
    sys.settrace(oracle.trace)
    exec(code, module.__dict__)


if __name__ == "__main__":
    main()

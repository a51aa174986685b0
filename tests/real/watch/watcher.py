"""The oracle of real programs: what happened, by sys.settrace, in the recorded run itself.

It shares no code with Relive and keeps its own rule of what is recorded by default: everything but
the standard library. It uses sys.settrace, which also sees raises with their lines and does not
slow down code that is not recorded. sys.setprofile does neither. A throw() looks like a resume.

Each process writes one file. An event is a length and a marshalled tuple, written at once, so a
process that is killed or forks loses nothing. The frame evaluator of 3.8 to 3.11 sees trace
functions run. The folder of this file is named like one of a standard library, so it is left out
there."""

import _thread
import dis
import fcntl
import marshal
import os
import sys
import threading

from oracle import SUSPENDABLE, arguments, exact, leaving

RAISE = dis.opmap["RAISE_VARARGS"]
NEW_LOCALS, HEAP_TYPE = 2, 1 << 9  # flags of code and of types
FUNCTION = type(lambda: 0)
# Of other versions some are not in here; a name that is in no version harms nobody.
LIBRARY = getattr(sys, "stdlib_module_names", None) or {
    "asyncio", "builtins", "collections", "concurrent", "ctypes", "dataclasses", "email", "enum",
    "functools", "http", "importlib", "inspect", "json", "logging", "multiprocessing", "re",
    "runpy", "selectors", "socket", "ssl", "string", "threading", "typing", "unittest", "zipimport",
}  # fmt: skip


class Generated:
    """Finds where code without a file belongs.

    A method belongs to the class that has it. A text that a library runs in a namespace of its own
    belongs to that library, and so do the text's functions."""

    def __init__(self, is_library):
        self.is_library = is_library
        self.homes = {}  # id(code) -> code, (module, function)
        self.children = {}  # id(code) of functions in a library's text -> code

    def home(self, frame):
        code = frame.f_code
        known = self.homes.get(id(code))
        if known is None:
            known = self.homes[id(code)] = code, self.find(frame)
        return known[1]

    def find(self, frame):
        code, module = frame.f_code, frame.f_globals.get("__name__", "?")
        owner, name = self.owner(frame)
        if owner is not None:
            if module == "?":
                module = owner.__module__
            func = name if code.co_name.startswith("<") else code.co_name
            return module, f"{owner.__qualname__}.{func}"
        if self.is_text(frame):
            caller = frame.f_back
            while caller is not None and caller.f_code.co_filename.startswith("<"):
                if caller.f_code.co_filename.startswith("<frozen "):
                    break
                caller = caller.f_back
            if caller is not None and self.is_library(caller.f_code):
                module = caller.f_globals.get("__name__", "?")
                inner = [value for value in code.co_consts if hasattr(value, "co_consts")]
                self.children.update((id(child), child) for child in inner)
        return module, getattr(code, "co_qualname", code.co_name)

    def owner(self, frame):
        """The class that has this code, found from the first argument, and the name there."""
        code = frame.f_code
        if not code.co_argcount:
            return None, None
        first = frame.f_locals.get(code.co_varnames[0])
        for kind in (first, type(first)) if isinstance(first, type) else (type(first),):
            for base in kind.__mro__:
                if base.__flags__ & HEAP_TYPE:
                    for name, value in list(base.__dict__.items()):
                        if isinstance(name, str) and has_code(value, code):
                            return base, name
        return None, None

    def is_text(self, frame):
        code = frame.f_code
        if code.co_flags & NEW_LOCALS:
            return id(code) in self.children
        own = code.co_filename == "<string>" and frame.f_locals is not frame.f_globals
        return own or "__name__" not in frame.f_globals


def has_code(value, code):
    """Whether a function, or what a decorator of the language made of it, runs this code."""
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if not isinstance(value, FUNCTION):
        return False
    inner = value.__dict__.get("__wrapped__")
    return value.__code__ is code or (isinstance(inner, FUNCTION) and inner.__code__ is code)


class Watcher:
    def __init__(self, folder):
        self.folder = folder
        self.frames = {}  # id(frame) -> number, while the frame has not ended; no frame is kept
        self.lines = {}  # id(frame) -> where exceptions were raised in it or came through
        self.kept = {}
        self.generated = Generated(self.is_library)
        self.skipped = set()
        lib = os.path.dirname(os.__file__)
        self.lib = tuple({lib + os.sep, os.path.realpath(lib) + os.sep})
        self.own = os.path.dirname(__file__) + os.sep
        self.count = 0
        self.open()

    def open(self):
        """A file for this process, the next one where an exec has kept its number."""
        self.pid = os.getpid()
        self.local = _thread._local()
        self.threads = 0
        self.skipped.clear()
        self.inherited = set(self.frames.values())  # frames that were open when this process began
        for n in range(1000):
            try:
                name = f"{self.folder}/{self.pid}.{n}"
                os.close(os.open(name, os.O_CREAT | os.O_EXCL, 0o666))
                break
            except FileExistsError:
                pass
        self.name = name
        self.open_file()

    def open_file(self):
        """At a number that the program is not given: it may close files that it does not know."""
        file = os.open(self.name, os.O_WRONLY | os.O_APPEND)
        self.file = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 700)
        os.close(file)

    def write(self, *event, dumps=marshal.dumps, write=os.write, getpid=os.getpid):
        if getpid() != self.pid:
            self.open()
        thread = getattr(self.local, "thread", None)
        if thread is None:
            self.threads += 1
            thread = self.local.thread = self.threads
            self.write("thread", _thread.get_native_id())
        data = dumps((event[0], thread, *event[1:]))
        data = len(data).to_bytes(4, "little") + data
        try:
            write(self.file, data)
        except OSError:
            self.open_file()
            write(self.file, data)

    def is_recorded(self, code, module):
        """The rule: all but the standard library; code without a file goes with its module."""
        file = code.co_filename
        if module.partition(".")[0] in ("relive", "_relive_boot", "_distutils_hack"):
            return False  # ours, and a part of the start of each interpreter
        if file.startswith("<"):
            if module.startswith("namedtuple_"):
                return False  # the standard library makes these
            return module.partition(".")[0] not in LIBRARY and not file.startswith("<frozen ")
        if file.startswith(self.own):
            return False
        return not file.startswith(self.lib) or "-packages" + os.sep in file

    def is_library(self, code):
        file = code.co_filename
        return file.startswith((*self.lib, "<frozen ")) or "-packages" + os.sep in file

    def place(self, frame):
        """(whether a frame's code is recorded, `module:function`)."""
        code, module = frame.f_code, frame.f_globals.get("__name__", "?")
        if code.co_filename.startswith("<") and not code.co_filename.startswith("<frozen "):
            module, func = self.generated.home(frame)
        else:
            func = getattr(code, "co_qualname", code.co_name)
        module = module if isinstance(module, str) else "?"
        kept = self.kept.get((code.co_filename, module))
        if kept is None:
            kept = self.kept[code.co_filename, module] = self.is_recorded(code, module)
        return kept, f"{module}:{func}"

    def number(self, frame, is_call):
        known = self.frames.get(id(frame))
        if known is None or (is_call and self.begins(frame)):
            self.count += 1
            self.frames[id(frame)] = self.count
            return self.count, True
        return known, False

    def begins(self, frame):
        if not frame.f_code.co_flags & SUSPENDABLE:
            return True
        if sys.version_info < (3, 11):
            return frame.f_lasti < 0
        at = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
        return dis.opname[at[0]].startswith("RESUME") and at[1] & 3 == 0

    def parent(self, frame):
        frame = frame.f_back
        while frame is not None:
            number = self.frames.get(id(frame))
            place = frame.f_code.co_filename, frame.f_globals.get("__name__", "?")
            if number is not None and self.kept.get(place):  # a skipped frame may have its address
                return number, frame.f_code.co_name
            frame = frame.f_back
        return None, None

    def trace(self, frame, event, arg):
        code = frame.f_code
        if event == "call":
            kept, name = self.place(frame)
            if not kept:
                if (name, code.co_filename) not in self.skipped:
                    self.skipped.add((name, code.co_filename))
                    self.write("skipped", name, code.co_filename)
                return None
            self.local.raising = None
            frame.f_trace_lines = False
            number, is_new = self.number(frame, True)
            self.local.resumed = None if is_new else id(frame)
            if is_new:
                values = arguments(frame)
                self.write("call", number, name, code.co_filename, *self.parent(frame), values)
            else:
                self.write("resume", number, name, code.co_filename)
            return self.trace
        if event == "exception":
            self.local.raising = id(frame), frame.f_lasti
            frame.f_trace_lines = True  # a line says that it was caught here
            self.raised(frame, *arg)
        elif event == "line":
            self.local.raising = None
            frame.f_trace_lines = False
        elif event == "return":
            self.left(frame, arg)
        return self.trace

    def raised(self, frame, kind, value, tb):
        """A raise, where no recorded frame below has seen it, or it was thrown into this one."""
        opcode = frame.f_code.co_code[frame.f_lasti]
        number = self.frames.get(id(frame))
        self.introduce(number, frame)
        self.lines.setdefault(id(frame), set()).add(tb.tb_lineno if tb else frame.f_lineno)
        was_thrown = getattr(self.local, "resumed", None) == id(frame)
        self.local.resumed = None
        tb = None if tb is None or was_thrown or opcode == RAISE else tb.tb_next
        while tb is not None:
            if self.place(tb.tb_frame)[0]:
                return
            tb = tb.tb_next
        self.write("raise", number, frame.f_lineno, kind.__name__, id(value))

    def left(self, frame, arg):
        number = self.frames.get(id(frame))
        raising = getattr(self.local, "raising", None)
        self.local.raising = self.local.resumed = None
        self.introduce(number, frame)
        kind = leaving(frame, arg, raising == (id(frame), frame.f_lasti))
        if kind != "yield":
            self.frames.pop(id(frame), None)
        lines = self.lines.pop(id(frame), set())
        if kind == "unwind":
            self.write(kind, number, sorted(lines or {frame.f_lineno}))
        elif kind == "yield" and arg is None and lines:
            self.frames[id(frame)] = number
            self.write("leaves", number, sorted(lines))  # which of the two the reader finds out
        else:
            self.write(kind, number, exact(arg))

    def introduce(self, number, frame):
        """In a forked child the name of a frame that began before it, once."""
        if os.getpid() != self.pid:
            self.open()
        if number in self.inherited:
            self.inherited.discard(number)
            self.write("running", number, frame.f_code.co_name)


def begin(folder):
    watcher = Watcher(folder)
    threading.settrace(watcher.trace)
    sys.settrace(watcher.trace)

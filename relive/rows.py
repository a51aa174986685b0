"""Rows of Recording: functions, sums and files. Each is a tuple with names, so it can be unpacked,
sorted and compared, and a checker knows the type of each field."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, NamedTuple, Optional, TypedDict
else:
    from relive._named import NamedTuple

    TypedDict = dict

GENERATOR, COROUTINE, ASYNC_GENERATOR, NATIVE, BODY = 1, 2, 4, 8, 16  # bits of flags
_KINDS = (
    (NATIVE, "native"), (BODY, "class body"), (ASYNC_GENERATOR, "async generator"),
    (COROUTINE, "coroutine"), (GENERATOR, "generator"),
)  # fmt: skip


def _kind_of(flags: int, qualname: str) -> str:
    if flags & BODY and qualname == "<module>":
        return "module"
    return next((name for bit, name in _KINDS if flags & bit), "function")


class Function(NamedTuple):
    """A function that was seen, also a class body or a module body."""

    code: int
    """its number in this recording"""
    module: str
    qualname: str
    file: str
    line: int
    """its first one"""
    flags: int
    """bits, as docs/format.md lists them; `kind` has the main one as a word"""
    parameters: int
    """how many of `names` are its parameters"""
    names: List[str]
    """of its variables, parameters first"""

    @property
    def func(self) -> str:
        """module:qualname, as events and verbs have it."""
        return f"{self.module}:{self.qualname}"

    @property
    def kind(self) -> str:
        """function, generator, coroutine, async generator, module, class body, or native: in C."""
        return _kind_of(self.flags, self.qualname)

    @property
    def parameter_names(self) -> List[str]:
        """The names of its parameters."""
        return self.names[: self.parameters]


class SkippedFunction(NamedTuple):
    """A function that was met and not recorded."""

    code: int
    module: str
    qualname: str
    file: str
    line: int
    flags: int
    reason: int
    """2 + the index of a rule, 1 for a default, or 0: an include, an exclude or sampling"""
    names: List[str]

    @property
    def func(self) -> str:
        """module:qualname, as verbs have it."""
        return f"{self.module}:{self.qualname}"

    @property
    def kind(self) -> str:
        """As of Function."""
        return _kind_of(self.flags, self.qualname)


class CodeTexts(NamedTuple):
    """What a code number means."""

    module: str
    qualname: str
    file: str
    line: int
    flags: int


class FunctionTotals(NamedTuple):
    """All calls of a function. Times are nanoseconds."""

    code: int
    calls: int
    total_ns: int
    self_ns: int
    """the part of it in which no other recorded function ran"""
    unwinds: int
    """how many calls an exception left"""
    open: int
    """how many had not ended when the recording did; they count until then"""


class Neighbour(NamedTuple):
    """A caller or a callee of functions. Times are those of the called ones."""

    code: int
    """0 is no recorded function"""
    calls: int
    total_ns: int
    self_ns: int
    unwinds: int
    open: int
    depth: int
    """how deep a function went into itself"""


class TreeNode(NamedTuple):
    """A node of the folded call tree: all calls of a function with the same callers."""

    code: int
    parent: int
    """the index of its row, -1 for none"""
    calls: int
    total_ns: int
    self_ns: int
    unwinds: int
    exc: str
    """type of the exception that left it last, '' for none"""
    exc_line: int
    max_depth: int
    """how deep it went into itself"""
    open: int


class SessionCalls(NamedTuple):
    """What a session called."""

    session: int
    calls: int
    errors: int
    """exceptions that left a function of the program's own; each once"""


class SourceFile(NamedTuple):
    """A source file in a recording, without its text."""

    file: str
    state: str
    """text, or why there is none"""
    bytes: int
    changed: bool
    """after the process began"""
    redactions: int


class StackFrame(NamedTuple):
    """A frame that was open."""

    frame: str
    """T1#5"""
    code: int
    line: int
    """0 where it is not known"""


class NestedCall(NamedTuple):
    """A single call. Its events are dictionaries, as `relive dump` prints them."""

    level: int
    """number of calls around it in the answer"""
    call: Mapping[str, Any]
    end: Optional[Mapping[str, Any]]
    """its return or unwind event"""


class ThreadRow(TypedDict):
    """A thread. Where the recording does not list it, it has a number and no name."""

    thread: int
    name: Optional[str]
    first_name: Optional[str]
    is_main: bool
    native_id: int
    root: int
    first_ns: int
    last_ns: int
    events: int
    calls: int
    has_ended: bool


class Totals(TypedDict):
    """Threads, and events by kind."""

    threads: List[ThreadRow]
    unlisted_threads: int
    is_folded_flat: bool
    kinds: Dict[str, int]


class Checked(TypedDict):
    """What reading every block has found."""

    blocks: int
    bytes: int
    chunks: int
    events: int
    unknown_blocks: int
    missing_chunks: int
    missing_events: int
    bad_blocks: int
    problems: List[str]

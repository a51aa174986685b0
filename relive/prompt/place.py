"""What a prompt needs of whatever it moves in: a recording, or a program that has stopped."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, FrozenSet, Hashable, Mapping, Optional, Sequence, Set, Tuple

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.prompt.breakpoints import Breakpoint

# Ways to go: `Place.step(how)`.
CONTINUE, STEP, NEXT, UNTIL, RETURN = "continue", "step", "next", "until", "return"


@dataclass(frozen=True)
class Frame:
    """An open frame."""

    number: int
    """its identity, for as long as it is open"""
    name: str
    """T1#5"""
    func: str
    """qualified name, without the module"""
    file: str
    line: Optional[int]
    """None where it is not known"""
    first_line: int
    """of its function"""
    thread: int
    task: Optional[int] = None
    note: str = ""
    """what is special about it: left, waits, suspended"""
    raised_at: Optional[int] = None
    """the line from which an exception has left it, where that is not `line`"""


@dataclass(frozen=True)
class Value:
    """A variable, or what an expression gives."""

    name: str
    text: Optional[str]
    """None where there is no value; `note` then says why"""
    note: str = ""
    """what is doubtful about the text, or the reason for none"""
    scope: str = "local"
    kind: str = ""
    """parameter, for one"""
    whole: Optional[Mapping[str, Any]] = None
    """the value as JSON, where the place has it"""


@dataclass(frozen=True)
class Stop:
    """Where a step ended, or where a position is."""

    position: str
    """in words that goto() takes"""
    thread: int
    frame: int = 0
    """the innermost frame; 0 = none is open"""
    title: str = ""
    """what happens here: Call, Return, Yield, Exception; empty before a line"""
    result: str = ""
    """what is returned, yielded or raised"""
    when: str = ""
    """+3.2ms"""
    reason: str = ""
    """a sentence about why the step ended here, where it was not the step itself"""
    breakpoint: Optional[Breakpoint] = None


@dataclass(frozen=True)
class Row:
    """A row of an answer: where, what, and more about it."""

    position: str
    text: str
    note: str = ""
    fields: Tuple[str, ...] = field(default=())


class Place(abc.ABC):
    """Where a prompt is. A subclass gives what it can; what it cannot do raises ReliveError with
    a sentence for the user, as the methods here do. `abilities` names what it can do beyond frames,
    variables, source and steps forwards; help shows these commands alone."""

    prompt = "(relive) "
    abilities: FrozenSet[str] = frozenset()
    fewest_steps = 0
    """that may be written behind `s` and `n`"""

    # ---- where it is ----

    @abc.abstractmethod
    def here(self) -> Stop:
        """Returns where it is."""

    @abc.abstractmethod
    def frames(self) -> Sequence[Frame]:
        """Returns the frames of the selected thread, outermost first."""

    @abc.abstractmethod
    def variables(self, frame: Frame) -> Sequence[Value]:
        """Returns what is known of the variables of a frame."""

    def source_warning(self, frame: Frame) -> str:
        """Returns what is to be known of source(), said once."""
        return ""

    def glance(self, frame: Frame) -> Sequence[Value]:
        """Returns variables() without running code of the program."""
        return self.variables(frame)

    def parameters(self, frame: Frame) -> Sequence[Value]:
        """Returns those variables that are parameters."""
        return [one for one in self.variables(frame) if one.kind == "parameter"]

    @abc.abstractmethod
    def evaluate(self, frame: Optional[Frame], text: str, is_pretty: bool = False) -> Value:
        """Returns what an expression gives in a frame. Its text may have several lines where that
        is wanted. Raises ExpressionError or ReliveError."""

    @abc.abstractmethod
    def source(self, frame: Frame) -> Sequence[str]:
        """Returns all lines of the file of a frame, none where they are not known."""

    def identity(self, frame: Frame) -> Hashable:
        """Returns by what `changed` knows a frame again."""
        return frame.number

    def select(self, frame: Frame) -> None:
        """Takes another frame of the same thread as the selected one."""
        return

    # ---- going on ----

    @abc.abstractmethod
    def step(
        self, how: str, frame: Optional[Frame], breakpoints: Sequence[Breakpoint], *,
        line: int = 0, backwards: bool = False,
    ) -> Optional[Stop]:  # fmt: skip
        """Goes on. Returns where it stopped; None where the prompt has to end, since the program
        runs now, and will open it again."""

    def repeat(self, how: str, times: int) -> None:
        """Goes the same way so many times more, where step() has returned None."""
        return

    @abc.abstractmethod
    def resolve(self, wanted: Breakpoint, frame: Optional[Frame]) -> Optional[str]:
        """Finds what a breakpoint means, and completes it. Returns None where the prompt keeps it.
        Otherwise the place does, and the text is shown. Raises ReliveError."""

    def show_breakpoints(self, kind: str) -> bool:
        """Shows the breakpoints that the place keeps, of a kind or all. Returns whether it keeps
        them."""
        return False

    def lines_with_breakpoints(self, frame: Frame, kept: Sequence[Breakpoint]) -> Set[int]:
        """Returns lines of a frame's file. `kept` are the breakpoints of the prompt."""
        return {one.line for one in kept if one.line and one.file == frame.file}

    # ---- names, for completion ----

    def functions(self) -> Sequence[str]:
        """Returns names of functions."""
        return ()

    def files(self) -> Sequence[str]:
        """Returns base names of files."""
        return ()

    # ---- what only some places can do ----

    def goto(self, position: str) -> Stop:
        """Goes to a position."""
        raise unsupported("goto")

    def thread_number(self, text: str) -> int:
        """Returns the thread that is written so: 2, or T2."""
        number = text.lstrip("Tt")
        if not number.isdecimal() or len(number) > 9:
            raise ReliveError("ERR_USAGE", f"{text!r} is no number")
        return int(number)

    def select_thread(self, number: int) -> Stop:
        """Selects a thread. The position stays."""
        raise unsupported("thread")

    def threads(self) -> Sequence[Row]:
        """Returns the threads that live."""
        raise unsupported("threads")

    def tasks(self) -> Sequence[Row]:
        """Returns the tasks that live."""
        raise unsupported("tasks")

    def facts(self) -> Sequence[Tuple[str, str]]:
        """Returns (what, text) about the position."""
        return [("position", self.here().position)]

    def about(self) -> Sequence[Tuple[str, str]]:
        """Returns (what, text) about what the place is in."""
        raise unsupported("info")

    def history(self, frame: Frame, name: str) -> Sequence[Row]:
        """Returns each value that a variable of a frame had."""
        raise unsupported("history")

    def origin(self, frame: Frame, name: str) -> Sequence[Row]:
        """Returns where the value of a variable came from, hop by hop."""
        raise unsupported("origin")

    def calls(self, function: str, where: Optional[str], limit: int) -> Tuple[Sequence[Row], str]:
        """Returns calls of a function, and a line about all of them."""
        raise unsupported("calls")

    def show_recording(self, name: str, text: str) -> None:
        """Opens the recording of the program at this position, and runs a command there. An empty
        name opens its prompt alone."""
        raise unsupported("back")

    def trace(self, function: str) -> Sequence[str]:
        """Has each call of a function shown while the program runs; "off" ends all of it. Returns
        what is shown now."""
        raise unsupported("trace")

    def output(self, limit: int) -> Sequence[Row]:
        """Returns what the program wrote up to here."""
        raise unsupported("out")

    def differences(self, a: str, b: str) -> Sequence[Row]:
        """Returns where two calls part."""
        raise unsupported("diff")

    def values_at(self, position: str) -> Mapping[int, Tuple[Frame, Sequence[Value]]]:
        """Returns the frames of a position's thread, with their variables, by number."""
        raise unsupported("diff")


class ExpressionError(ReliveError):
    """An expression that is none: the `place` in `expression`, counted in characters."""

    def __init__(self, expression: str, place: int, why: str) -> None:
        super().__init__("ERR_USAGE", why)
        self.expression, self.place = expression, place


def unsupported(command: str) -> ReliveError:
    """Returns the error for a command that a place does not have."""
    return ReliveError("ERR_UNSUPPORTED", f"there is no `{command}` here")

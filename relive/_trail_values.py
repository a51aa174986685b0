"""What is known of values on the way to an origin: events, bindings, what a path leads to."""

from __future__ import annotations

import abc
import ast
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from relive import _core
from relive import _statements as statements
from relive._arguments import UNKNOWN
from relive._facts import is_library
from relive.origins import CERTAIN, ONLY_ONE, Holder, Hop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

    Value = Optional[Mapping[str, Any]]

MOST_EVENTS = 20_000_000  # of one search
MOST_CALLS = 64  # that one line made, and are looked at
MOST_CANDIDATES = 10
MOST_SHARED = 40  # places that bind a shared variable, and are looked at
CLASS_BODY = 16  # flag of the code of a module or class
_NATIVE = 8
READS_INPUT = {
    "input", "read", "readline", "readlines", "recv", "recv_into", "read_text", "read_bytes",
    "getenv", "open", "urlopen", "accept", "getpass",
}  # fmt: skip
INPUTS = ("sys.argv", "os.environ", "sys.stdin")
ADDS = {"append", "add", "appendleft", "insert", "setdefault", "put", "put_nowait"}
COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"}
SHARED_OBJECTS = {("tuple", 0), ("frozenset", 0)}  # of which Python has one each


class Event:
    """An event of the recording, as C gives it."""

    __slots__ = ("_json", "_read", "code", "frame", "kind", "line", "seq", "thread")

    def __init__(self, row: Tuple[int, int, str, int, int, int, bytes]) -> None:
        self.thread, self.seq, self.kind, self.frame, self.code, self.line, self._json = row
        self._read: Optional[Mapping[str, Any]] = None

    @property
    def row(self) -> Mapping[str, Any]:
        """The event as `relive dump` has it."""
        read = self._read
        if read is None:
            read = self._read = _core.read_json(self._json)
        return read

    @property
    def position(self) -> str:
        return f"T{self.thread}@{self.seq}"

    def value_of(self, name: str) -> Value:
        """Returns what the event gives a name; its result for ''."""
        row = self.row
        if self.kind == "call":
            found: Value = row.get("args", {}).get(name)
            return found
        return row.get("value")


def event_of(row: Any) -> Optional[Event]:
    return Event(row) if row is not None else None


class At:
    """A moment in a frame: what has happened up to an event."""

    def __init__(self, frame: int, code: int, thread: int, seq: int) -> None:
        self.frame, self.code, self.thread, self.seq = frame, code, thread, seq


class Ended(Exception):
    """The trail has ended."""

    def __init__(
        self, end: str, reason: str, operands: Sequence[Holder] = (), advice: str = ""
    ) -> None:
        self.end, self.reason, self.operands, self.advice = end, reason, operands, advice


class Bound:
    """What bound a name, as C has found it."""

    def __init__(
        self,
        event: Any,
        line: Any,
        change: Any,
        is_by_line: int,
        is_unseen: int,
        after: Tuple[int, int],
    ) -> None:
        self.event = event if isinstance(event, Event) else Event(event)
        self.line, self.change = event_of(line), event_of(change)
        self.is_by_line, self.is_unseen = bool(is_by_line), bool(is_unseen)
        self.after = after
        self.others: Tuple[Holder, ...] = ()  # that held an equal value

    @classmethod
    def of_call(cls, event: Event) -> Bound:
        """Returns the binding of a parameter by a call."""
        return cls(event, None, None, 0, 0, (0, 0))

    @property
    def newest(self) -> Event:
        """The event that shows the object as it was last."""
        return self.change or self.event

    def change_fields(self) -> Dict[str, Any]:
        """Returns the fields of a hop about the last change inside the object."""
        if self.change is None:
            return {}
        return {"changed_at": self.change.position, "changed_line": self.change.line or None}


class Given:
    """What a caller gave a parameter, and where: `node` is the expression in its line."""

    def __init__(
        self, at: Optional[At], line: Optional[Event],
        statement: Optional[statements.Statement] = None,
    ) -> None:  # fmt: skip
        self.at, self.line, self.statement = at, line, statement
        self.how: str = UNKNOWN
        self.node: Optional[ast.expr] = None
        self.call: Optional[ast.Call] = None


class Place:
    """Since when a part of an object has its value. `event` is the first one that shows it, and
    `line` is the one before it. `before` shows another value."""

    def __init__(
        self, owner: ast.expr, identity: int, path: str, event: Event, line: Optional[Event],
        before: Optional[Event], value: Value,
    ) -> None:  # fmt: skip
        self.owner, self.identity, self.path = owner, identity, path
        self.event, self.line, self.before, self.value = event, line, before, value


class TrailValues(abc.ABC):
    """One search. `follow` says which operand of each computation to go on with."""

    def __init__(self, recording: Recording, follow: Sequence[str], limit: int) -> None:
        self._recording, self._reader = recording, recording.reader
        self._follow, self._limit = list(follow), limit
        self._hops: List[Hop] = []
        self._code_of: Dict[str, int] = {}  # frames of hops
        self._notes: List[str] = []
        self._bindings: Dict[Tuple[str, int, int, int], Optional[Bound]] = {}
        self._births: Dict[Tuple[str, int, int, int], int] = {}
        self._codes = {row[0]: row for row in recording.codes()}
        self._files: Dict[str, statements.Statements] = {}

    # ---- what the source says ----

    def _statements(self, code: int) -> statements.Statements:
        file = self._codes[code][3]
        if file not in self._files:
            lines = self._recording.source_lines(file, 1, 1 << 31)
            self._files[file] = statements.Statements(lines)
        return self._files[file]

    def statement(self, code: int, line: int) -> Optional[statements.Statement]:
        found = self._statements(code).at(line) if line else None
        return found if found is not None and found.nodes else None

    def _source(self, code: int, line: Optional[int]) -> Optional[str]:
        if not line:
            return None
        found = self._recording.source_lines(self._codes[code][3], line, line)
        return found[0].strip() if found else None

    # ---- values ----

    def has_lines(self, code: int) -> bool:
        """Returns whether a line of a function was recorded. Libraries are not searched: theirs
        are recorded only where a rule names them."""
        meta = self._recording.header["meta"]
        if meta.get("highest_level", meta.get("level")) != "lines":
            return False
        if is_library(self._recording, self._codes[code][3]):
            return False
        return any(True for _ in self._recording.select(["line"], codes=[code]))

    def bound(self, name: str, at: At) -> Optional[Bound]:
        """Returns what bound a name in a frame, or in its module."""
        key = name, at.frame, at.thread, at.seq
        if key not in self._bindings:
            self._bindings[key] = self._find_bound(name, at)
        return self._bindings[key]

    def _find_bound(self, name: str, at: At) -> Optional[Bound]:
        row = self._codes[at.code]
        if name in row[7] or row[5] & CLASS_BODY:
            first, last = self._statements(at.code).block(row[4])
            if row[2] == "<module>":
                first, last = 1, 1 << 31
            found = self._search(name, at, at.frame, [at.code], first, last)
            if found is not None and not self._is_cell(found, name, row):
                return found
            enclosing = self._find_shared(name, at, found)
            if enclosing is not None:
                return enclosing
            if found is not None or not row[5] & CLASS_BODY:
                return found
        if row[2].rpartition(".")[2] in COMPREHENSIONS:
            around = self._around(at)
            found = self.bound(name, around) if around is not None else None
            if found is not None:
                return found
        module = [
            code for code, other in self._codes.items()
            if other[3] == row[3] and (other[2] == "<module>" or not other[5] & _NATIVE)
        ]  # fmt: skip
        return self._search(name, at, 0, module, 1, 0)

    def _around(self, at: At) -> Optional[At]:
        """Returns the moment of the call in the frame that a comprehension is in."""
        _, _, row = self._reader.origin_calls(
            at.thread, at.seq, at.frame, 1, 1 << 31, 1 << 16, MOST_EVENTS
        )
        begin = event_of(row)
        if begin is None or begin.kind != "call":
            return None
        frame, code, line = self._reader.origin_caller(begin.thread, begin.seq)
        last = event_of(line)
        code = code or (last.code if last else 0)
        if not frame or code not in self._codes:
            return None
        return At(frame, code, begin.thread, max(0, begin.seq - 1))

    def _is_cell(self, found: Bound, name: str, row: Any) -> bool:
        """Returns whether a function only reads a name that the one around it has bound."""
        return (
            found.event.kind == "write"
            and not found.is_by_line
            and "<locals>" in row[2]
            and (name not in row[7][: row[6]])
        )

    def _find_shared(self, name: str, at: At, seen: Optional[Bound]) -> Optional[Bound]:
        """Returns what bound a variable of a function around this one. Each call of that function
        has one of its own. So the value that was `seen` here must be what it was bound to. An equal
        value in another call makes the answer one of several."""
        codes = self._sharing_codes(self._codes[at.code], name)
        value = seen.newest.value_of(name) if seen is not None else None
        found: List[Bound] = []
        place = at
        for _ in range(MOST_SHARED if codes else 0):
            row = self._reader.origin_bound(
                place.thread, place.seq, 0, name, codes, [], MOST_EVENTS, True
            )
            if row[0] is None:
                break
            bound = Bound(*row)
            event = bound.event
            is_same = value is None or self.match(value, bound.newest.value_of(name))
            if is_same and all(event.frame != other.event.frame for other in found):
                found.append(bound)
                if value is None or value.get("id") or len(found) == MOST_CANDIDATES:
                    break
            if event.seq == 0:
                break
            place = At(event.frame, event.code, event.thread, event.seq - 1)
        if found:
            found[0].others = tuple(
                Holder(name, one.event.value_of(name), one.event.position) for one in found[1:]
            )
        return found[0] if found else None

    def _sharing_codes(self, row: Any, name: str) -> List[int]:
        """Returns the functions that can bind a variable of a function around this one. These are
        that function, and those inside it that declare the name nonlocal."""
        parts = row[2].split(".<locals>.")
        owner = ""
        for count in range(len(parts) - 1, 0, -1):
            around = ".<locals>.".join(parts[:count])
            same = [one for one in self._codes.values() if one[2:4] == (around, row[3])]
            if any(name in one[7] and not one[5] & CLASS_BODY for one in same):
                owner = around
                if any(name in one[7][: one[6]] or self._binds(one, name) for one in same):
                    break
        return [
            code
            for code, one in self._codes.items()
            if owner and one[3] == row[3] and name in one[7]
            and (
                owner == one[2]
                or (one[2].startswith(f"{owner}.<locals>.") and self._is_nonlocal(one, name))
            )
        ]  # fmt: skip

    def _binds(self, row: Any, name: str) -> bool:
        first, last = self._statements(row[0]).block(row[4])
        lines = self._statements(row[0]).lines_that_bind(name, first, last)
        return bool(lines) and not self._is_nonlocal(row, name)

    def _is_nonlocal(self, row: Any, name: str) -> bool:
        first, last = self._statements(row[0]).block(row[4])
        lines = self._recording.source_lines(row[3], first, last)
        word = re.compile(rf"^\s*nonlocal\b.*\b{re.escape(name)}\b")
        return any(word.search(line) for line in lines)

    def _search(
        self, name: str, at: At, frame: int, codes: List[int], first: int, last: int
    ) -> Optional[Bound]:
        lines: List[Tuple[int, int]] = []
        if codes and last >= first:
            lines = self._statements(codes[0]).lines_that_bind(name, first, last)
        found = self._reader.origin_bound(
            at.thread, at.seq, frame, name, codes, lines, MOST_EVENTS, False
        )
        return Bound(*found) if found[0] is not None else None

    def value_at(self, node: ast.expr, at: At) -> Value:
        """Returns the value of a path, None where it was not recorded."""
        if isinstance(node, ast.Name):
            bound = self.bound(node.id, at)
            return bound.newest.value_of(node.id) if bound is not None else None
        if not isinstance(node, (ast.Attribute, ast.Subscript)):
            return None
        place = self.locate(node, at)
        return place.value if place is not None else None

    def locate(self, node: ast.expr, at: At) -> Optional[Place]:
        """Returns where a path has its value from: the nearest object on the way that shows it."""
        path = ""
        owner: ast.expr = node
        while isinstance(owner, (ast.Attribute, ast.Subscript)):
            part = self.step_of(owner, at)
            if part is None:
                return None
            path, owner = part + path, owner.value
            held = self.value_at(owner, at)
            if held is None or not held.get("id"):
                continue
            event, line, before = self.changed(at, held["id"], path, self.birth_of(owner, at))
            if event is not None:
                value = self.shown(event, held["id"], path)
                return Place(owner, held["id"], path, event, line, before, value)
        return None

    @abc.abstractmethod
    def birth_of(self, node: ast.expr, at: At) -> int:
        """Returns since when an object can exist, in nanoseconds; 0 where that is not known."""

    def step_of(self, node: ast.expr, at: At) -> Optional[str]:
        """Returns '.price' or '[0]', None where the key is not known."""
        if isinstance(node, ast.Attribute):
            return f".{node.attr}"
        key = self.key(statements.index_of(node), at) if isinstance(node, ast.Subscript) else None
        return f"[{key}]" if key is not None else None

    def changed(
        self, at: At, identity: int, step: str, since: int = 0
    ) -> Tuple[Optional[Event], Optional[Event], Optional[Event]]:
        """Returns the event since which a part of an object has its value, the line before it, and
        the event that shows another value."""
        event, line, before = self._reader.origin_changed(
            at.thread, at.seq, identity, f"x{step}", MOST_EVENTS, since
        )
        return event_of(event), event_of(line), event_of(before)

    def shown(self, event: Event, identity: int, step: str) -> Value:
        """Returns a part of the object in an event; identity 0 means its result."""
        name = self.argument_with(event, identity) if identity else ""
        if identity and event.kind == "write":
            name = event.row.get("name", "")
        read = self._reader.origin_value(event.thread, event.seq, name, f"x{step}")
        return _core.read_json(read) if read is not None else None

    def argument_with(self, event: Event, identity: int) -> str:
        """Returns the parameter that is the object, '' where there is none."""
        for name, one in event.row.get("args", {}).items():
            if one.get("id") == identity:
                return str(name)
        return ""

    def qualname(self, code: int) -> str:
        """Returns the name of a function in its module."""
        return str(self._codes[code][2]) if code in self._codes else "?"

    def callee_name(self, event: Event) -> str:
        """Returns the last part of the name of the function of an event."""
        return self.qualname(event.code).rpartition(".")[2]

    def key(self, node: ast.expr, at: At) -> Optional[str]:
        """Returns the key of an item, as an expression has it."""
        constant = statements.constant_of(node)
        if constant is not None or not statements.is_path(node):
            return constant
        value = self.value_at(node, at)
        if value is None or value["cut"] or value["redacted"]:
            return None
        return str(value["r"]) if value["t"] in ("int", "str", "float", "bool", "bytes") else None

    def match(self, wanted: Value, found: Value) -> str:
        """Returns how sure it is that two values are one: '' where they are not."""
        if wanted is None or found is None:
            return ""
        if wanted.get("id") or found.get("id"):
            if wanted.get("id") != found.get("id") or wanted["t"] != found["t"]:
                return ""
            return ONLY_ONE if (wanted["t"], wanted.get("len")) in SHARED_OBJECTS else CERTAIN
        same = (wanted["t"], wanted["r"], wanted.get("len")) == (
            found["t"], found["r"], found.get("len"),
        )  # fmt: skip
        return ONLY_ONE if same else ""

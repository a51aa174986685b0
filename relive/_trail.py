"""The search for the origin of a value: which step follows which.

    variable --bound--> a line that binds it:  alias, call, attribute, item, literal, computation
        ^                   |        |  |
        |    what the alias |        |  '--> since when the object has it (origin_changed in C)
        '-------------------'        '--> the frame that was called, at its return
    parameter --argument--> the expression of the caller

Each step is one search back in C (src/query/origin_steps.h); here is only what the source says."""

from __future__ import annotations

import ast
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from relive import _statements as statements
from relive import _trail_objects, origins
from relive._arguments import CREATED, DEFAULT, EXPRESSION, argument_of
from relive._trail_values import (
    CLASS_BODY,
    INPUTS,
    MOST_CALLS,
    MOST_CANDIDATES,
    MOST_EVENTS,
    READS_INPUT,
    At,
    Bound,
    Ended,
    Event,
    Given,
    TrailValues,
    event_of,
)  # fmt: skip
from relive._variables import frame_number, frame_text
from relive.errors import ReliveError
from relive.origins import CERTAIN, ONE_OF, ONLY_ONE, Holder, Hop, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive._trail_values import Value
    from relive.positions import Place


class Trail(TrailValues):
    """One search, with the hops that were found."""

    def trace(self, name: str, place: Place) -> Origin:
        """Returns the origin of a name, or of `ret`, right after an event."""
        start, node = self._start(name, place)
        at = At(start.frame, start.code, start.thread, start.seq)
        value: Value = None
        try:
            if name == "ret" and start.kind in ("return", "yield"):
                value = start.value_of("")
                self.follow_return(start, value)
            value = self.value_at(node, at)
            if value is None:
                self._unknown(node, at, name)
            self._follow_expression(node, at, value)
        except Ended as end:
            return Origin(
                name, start.position, value, tuple(self._number(self._hops)), end.end, end.reason,
                tuple(end.operands), end.advice, tuple(self._notes),
            )  # fmt: skip
        except RecursionError:
            return Origin(
                name, start.position, value, tuple(self._number(self._hops)), origins.LIMIT,
                f"{len(self._hops)} hops are shown", (), "", tuple(self._notes),
            )  # fmt: skip
        raise AssertionError("a trail ends with Ended")

    # ---- hops ----

    def _start(self, name: str, place: Place) -> Tuple[Event, ast.expr]:
        """Returns the event that the position means for this name, and the name as an expression.
        At the begin of a call only its parameters are bound; other names are taken at its end."""
        seq = self._reader.origin_nearest(place.thread, place.seq)
        start = event_of(self._reader.origin_event(place.thread, seq)) if seq is not None else None
        if seq is not None and seq != place.seq:
            self._notes.append(f"T{place.thread}@{place.seq} is in no function: {name} is taken at"
                               f" T{place.thread}@{seq}")  # fmt: skip
        if start is None or not start.frame or start.code not in self._codes:
            raise ReliveError("ERR_NOT_FOUND", f"T{place.thread}@{place.seq} is in no frame")
        node = statements.parse_path(name)
        if node is None:
            raise ReliveError(
                "ERR_USAGE",
                f"{name!r} is no name with attributes and items, such as order.items[0].price",
            )
        row = self._codes[start.code]
        base = statements.base_of(node)
        is_inside = base in row[7][row[6] :] or base == "ret" or row[5] & CLASS_BODY
        if start.kind == "call" and is_inside and base not in row[7][: row[6]]:
            last = self._reader.origin_end(start.thread, start.seq, start.frame)
            end = event_of(self._reader.origin_event(start.thread, last)) if last else None
            if end is not None:
                self._notes.append(f"{base} is taken at the end of the call, {end.position}")
                return end, node
        return start, node

    def hop(
        self, how: str, name: str, value: Value, event: Event, code: int, line: Optional[int],
        confidence: str, **more: Any,
    ) -> None:  # fmt: skip
        if len(self._hops) >= self._limit:
            raise Ended(origins.LIMIT, f"{self._limit} hops are shown (--limit)")
        row = self._codes[code]
        if event.frame:
            self._code_of[frame_text(event.frame)] = code
        self._hops.append(Hop(
            how=how, name=name, value=value, position=event.position,
            frame=frame_text(event.frame) if event.frame else None,
            call=None, func=f"{row[1]}:{row[2]}", file=row[3], line=line or None,
            source=self._source(code, line), confidence=confidence, **more,
        ))  # fmt: skip

    def _number(self, hops: List[Hop]) -> List[Hop]:
        """Returns the hops with the numbers of their calls."""
        from dataclasses import replace

        wanted: Dict[str, Tuple[str, List[int]]] = {}
        for hop in hops:
            qualname = hop.func.partition(":")[2]
            if hop.frame and qualname != "<module>":
                function = self._codes[self._code_of[hop.frame]][1:4]  # hop.file is the line's
                same = [code for code, row in self._codes.items() if row[1:4] == function]
                wanted[hop.frame] = (qualname.rpartition(".<locals>.")[2], same)
        frames = list(wanted)
        functions = {tuple(codes): codes for _, codes in wanted.values()}
        numbers = self._reader.call_numbers(
            list(functions.values()),
            self._reader.frame_begins([frame_number(frame) for frame in frames]),
        ) if frames else []  # fmt: skip
        calls = {
            frame: f"{wanted[frame][0]}#{number}"
            for frame, number in zip(frames, numbers)
            if number
        }
        return [replace(hop, call=calls.get(hop.frame or "")) for hop in hops]

    def _unknown(self, node: ast.expr, at: At, name: str) -> NoReturn:
        row = self._codes[at.code]
        base = statements.base_of(node)
        known = list(row[7])
        if base not in known and not row[5] & CLASS_BODY and self.bound(base, at) is None:
            from relive.config import nearest

            raise ReliveError(
                "ERR_NOT_FOUND",
                f"{row[1]}:{row[2]} has no {base}{nearest(base, known)}",
            )
        raise Ended(
            origins.LOST, f"no value of {name} was recorded there", (), self._advice(at.code)
        )

    def _advice(self, code: int) -> str:
        """Returns how to see more of a function, "" where its lines are recorded."""
        row = self._codes.get(code)
        if not row:
            return "record with --level lines"
        if self.has_lines(code):
            return ""
        name = row[1] if row[2] == "<module>" else f"{row[1]}.{row[2]}"
        return f"record with --lines {name}"

    # ---- a name ----

    def _follow_expression(self, node: ast.expr, at: At, value: Value) -> NoReturn:
        """Follows a name or a path."""
        if isinstance(node, ast.Name):
            self._follow_name(node.id, at, value)
        _trail_objects.follow_path(self, node, at, value)

    def _follow_name(self, name: str, at: At, value: Value) -> NoReturn:
        bound = self.bound(name, at)
        if bound is None:
            self.lose(f"nothing that was recorded has bound {name}", at.code)
        holds = bound.newest.value_of(name)
        sure = self.match(value, holds) or self.match(value, bound.event.value_of(name))
        if not sure:
            self.lose(f"{name} held another value there", at.code)
        if bound.event.kind == "call" and not bound.is_unseen:
            self._follow_argument(bound, name, value, sure)
        self._follow_write(bound, name, value, sure)

    def _follow_write(self, bound: Bound, name: str, value: Value, sure: str) -> NoReturn:
        """Follows what a line has bound."""
        event, line = bound.event, bound.line
        shown = line if bound.is_unseen and line is not None else event
        number = line.line if line is not None else None
        code = line.code if line is not None else event.code
        sure = ONE_OF if bound.others and sure == ONLY_ONE else sure
        candidates = bound.others if sure == ONE_OF else ()
        self.hop("bound", name, value, shown, code, number, sure, candidates=candidates,
                 **bound.change_fields())  # fmt: skip
        if line is None:
            self.lose("the line that bound it was not recorded", code)
        statement = self.statement(code, line.line)
        bindings = statement.bindings(name) if statement is not None else []
        at = At(line.frame, code, line.thread, line.seq)
        until = bound.after if bound.is_unseen else (shown.thread, shown.seq)
        if statement is None or len(bindings) != 1:
            nodes: List[ast.AST] = list(statement.nodes) if statement is not None else []
            self.compute(
                nodes,
                at,
                until,
                statement,
                "the line binds it in more than one way"
                if bindings
                else "the source does not say how the line binds it",
            )
        binding = bindings[0]
        assert statement is not None
        if binding.value is None:
            ends = {
                statements.IMPORTED: (origins.IMPORT, f"{name} is imported there"),
                statements.DEFINED: (origins.LITERAL, f"{name} is defined there"),
                statements.CAUGHT: (origins.CALL, f"{name} is the exception that was caught there"),
                statements.DELETED: (origins.COMPUTATION, f"{name} is deleted there"),
            }  # fmt: skip
            raise Ended(*ends[binding.how])
        if binding.how == statements.IS:
            self.follow_value(binding.value, at, value, until, statement)
        if binding.how == statements.ITERATES:
            _trail_objects.follow_loop(self, binding, at, value, until, statement)
        if binding.how == statements.UNPACKED:
            _trail_objects.follow_part(
                self, binding.value, binding.path, at, value, until, statement
            )
        if binding.how == statements.CALL_OF_WITH and not binding.path:
            self._follow_with(binding.value, at, value, until, statement)
        self.compute([binding.value], at, until, statement)

    def _follow_argument(self, bound: Bound, name: str, value: Value, sure: str) -> NoReturn:
        """Follows a parameter to the expression that the caller gave."""
        event = bound.event
        given = self.given(event, name, value)
        line = given.line
        self.hop(
            "argument", name, value, event, event.code, None, sure, **bound.change_fields()
        )  # fmt: skip
        if given.at is not None and line is not None:
            self.move_hop(given.at.code, line.line)
        if given.at is None:
            raise Ended(origins.START, "nothing that was recorded called it")
        if line is None:
            self._follow_without_lines(given.at, value)
        if given.how == DEFAULT and given.node is not None:
            raise Ended(
                origins.DEFAULT, f"the default of {name}: {self._default_text(event.code, given)}"
            )
        if given.how == CREATED:
            self.compute(
                [given.call] if given.call else [], given.at, None, given.statement,
                "the object is created there", origins.CREATED,
            )  # fmt: skip
        if given.node is None:
            nodes: List[ast.AST] = list(given.statement.nodes) if given.statement else []
            self.compute(nodes, given.at, None, given.statement,
                          "the source does not say which expression it is")  # fmt: skip
        self.follow_value(
            given.node, given.at, value, (event.thread, event.seq), given.statement
        )  # fmt: skip

    def _default_text(self, code: int, given: Given) -> str:
        head = self._statements(code).at(self._codes[code][4])
        return ast.get_source_segment(head.text, given.node) or "?" if head and given.node else "?"

    def move_hop(self, code: int, line: int) -> None:
        """Gives the last hop the line of the caller."""
        from dataclasses import replace

        self._hops[-1] = replace(
            self._hops[-1], file=self._codes[code][3], line=line, source=self._source(code, line)
        )

    def weaken(self, sure: str, candidates: Sequence[Holder]) -> None:
        """Notes that the last hop is one of several."""
        from dataclasses import replace

        if self._hops:
            self._hops[-1] = replace(self._hops[-1], confidence=sure, candidates=tuple(candidates))

    def given(self, event: Event, name: str, value: Value) -> Given:
        """Returns what the caller of a frame gave a parameter."""
        frame, code, row = self._reader.origin_caller(event.thread, event.seq)
        line = event_of(row)
        if not frame:
            return Given(None, None)
        code = code or (line.code if line else 0)
        if line is None or code not in self._codes:
            return Given(At(frame, code, event.thread, max(0, event.seq - 1)), None)
        at = At(frame, code, line.thread, line.seq)
        statement = self.statement(code, line.line)
        callee = self._codes[event.code]
        qualname = callee[2]
        found = Given(at, line, statement)
        if statement is None:
            return found
        last = qualname.rpartition(".")[2]
        names = [qualname.split(".")[-2]] if last == "__init__" and "." in qualname else [last]
        calls = [one for each in {*names, last} for one in statement.calls(each)]
        if last == "__call__" and not calls:
            calls = self._calls_of_instance(event, callee, statement, at)
        is_named = bool(calls)
        if not calls:
            calls = [
                one for node in statement.nodes for one in ast.walk(node)
                if isinstance(one, ast.Call)
            ]  # fmt: skip
        head = self._statements(event.code).head(callee[4])
        rows = []
        for call in calls:
            how, node = argument_of(call, name, list(callee[7][: callee[6]]), head, qualname)
            rows.append((how, node, call))
        if len(rows) > 1 or not is_named:
            rows = [
                row for row in rows
                if row[0] == EXPRESSION and row[1] is not None
                and self.match(value, self.operand_value(
                    row[1], at, (event.thread, event.seq), statement))
            ]  # fmt: skip
        if len(rows) == 1:
            found.how, found.node, found.call = rows[0]
        return found

    def _calls_of_instance(
        self, event: Event, callee: Any, statement: statements.Statement, at: At
    ) -> List[ast.Call]:
        """Returns the calls of a statement that can be of this instance. The only one there is; of
        several, those of a name or path that is this object."""
        calls = [
            one for node in statement.nodes for one in ast.walk(node) if isinstance(one, ast.Call)
        ]  # fmt: skip
        own = event.value_of(callee[7][0]) if callee[6] else None
        return [
            one for one in calls
            if len(calls) == 1 or (own is not None and statements.is_path(one.func)
                                   and self.match(own, self.value_at(one.func, at)) == CERTAIN)
        ]  # fmt: skip

    # ---- objects ----

    def birth_of(self, node: ast.expr, at: At) -> int:
        """Returns since when the object of a name can exist: since the line that made it. An older
        object may have had its address."""
        key = ast.dump(node), at.frame, at.thread, at.seq
        if key not in self._births:
            self._births[key] = 0  # where the way leads back to this place
            self._births[key] = self._find_birth(node, at, None, None)
        return self._births[key]

    def _find_birth(
        self, node: ast.expr, at: At, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> int:  # fmt: skip
        if isinstance(node, ast.Name):
            bound = self.bound(node.id, at)
            return self._birth_of_bound(bound, node.id) if bound is not None else 0
        if statements.makes_object(node) and until is not None:
            return self._time(at)
        if isinstance(node, ast.Call) and until is not None:
            made, _ = self.calls(until[0], until[1], at.frame, statement)
            wanted = statements.last_name(node.func)
            for end, _ in made:
                if self.qualname(end.code).endswith(f"{wanted}.__init__"):
                    return self._time(at)
                if self.callee_name(end) == wanted and end.kind == "return":
                    return self._birth_of_result(end)
        return 0

    def _time(self, at: At) -> int:
        event = event_of(self._reader.origin_event(at.thread, at.seq))
        return int(event.row["t"]) if event is not None else 0

    def _birth_of_bound(self, bound: Bound, name: str) -> int:
        event, line = bound.event, bound.line
        if event.kind == "call" and not bound.is_unseen:
            given = self.given(event, name, event.value_of(name))
            if given.at is None or given.node is None:
                return 0
            until = (event.thread, event.seq)
            return self._find_birth(given.node, given.at, until, given.statement)
        statement = self.statement(line.code, line.line) if line is not None else None
        bindings = statement.bindings(name) if statement is not None else []
        if line is None or len(bindings) != 1 or bindings[0].how != statements.IS:
            return 0
        value = bindings[0].value
        until = bound.after if bound.is_unseen else (event.thread, event.seq)
        at = At(line.frame, line.code, line.thread, line.seq)
        return self._find_birth(value, at, until, statement) if value is not None else 0

    def _birth_of_result(self, end: Event) -> int:
        _, line = self.calls(end.thread, end.seq, end.frame, None)
        statement = self.statement(end.code, line.line) if line and line.kind == "line" else None
        node = statements.returned(statement, end.kind, self.qualname(end.code))
        if line is None or node is None:
            return 0
        at = At(end.frame, end.code, line.thread, line.seq)
        return self._find_birth(node, at, (end.thread, end.seq), statement)

    # ---- an expression ----

    def follow_value(
        self, node: ast.expr, at: At, value: Value, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> NoReturn:  # fmt: skip
        """Follows the value of an expression that was evaluated between `at` and `until`."""
        while isinstance(node, (ast.Await, ast.NamedExpr)):
            node = node.value
        if statements.is_literal(node):
            raise Ended(origins.LITERAL, f"written in the source: {self.text(node, statement)}")
        if isinstance(node, ast.Name):
            self._follow_name(node.id, at, value)
        if statements.is_path(node):
            _trail_objects.follow_path(self, node, at, value, until, statement)
        if isinstance(node, ast.Call):
            self._follow_call(node, at, value, until, statement)
        if isinstance(node, ast.Lambda):
            raise Ended(origins.LITERAL, "a function that is made there")
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else list(node.values)
            chosen = [
                one for one in choices
                if self.match(value, self.operand_value(one, at, until, statement))
            ]  # fmt: skip
            if len(chosen) == 1 and not statements.is_literal(chosen[0]):
                self.follow_value(chosen[0], at, value, until, statement)
        self.compute([node], at, until, statement)

    def text(self, node: ast.AST, statement: Optional[statements.Statement]) -> str:
        return statement.source_of(node) if statement is not None else "?"

    def operand_value(
        self, node: ast.expr, at: At, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> Value:  # fmt: skip
        """Returns the value of a part of a line, None where it is not known."""
        if statements.is_path(node):
            return self.value_at(node, at)
        if isinstance(node, ast.Constant) and not isinstance(node.value, (bytes, complex)):
            kind = type(node.value).__name__
            text = repr(node.value)
            found: Dict[str, Any] = {"t": kind, "r": text, "cut": False, "redacted": False}
            if isinstance(node.value, str):
                found["len"] = len(node.value)
            return found
        if isinstance(node, ast.Call):
            called = self.called(node, at, until, statement)
            if len(called) == 1:
                return called[0][0].value_of("")
        return None

    def compute(
        self, nodes: Sequence[ast.AST], at: At, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement], reason: str = "", end: str = origins.COMPUTATION,
    ) -> NoReturn:  # fmt: skip
        """Ends the trail at what a line reads, or follows the chosen part of it."""
        parts = [one for node in nodes for one in statements.operands_of(node)]
        named: Dict[str, ast.expr] = {}
        for part in parts:
            named.setdefault(self.text(part, statement), part)
        for text, part in list(named.items()):  # what C code was given is read, too
            if isinstance(part, ast.Call) and not self.called(part, at, until, statement):
                for inner in statements.operands_of(part):
                    named.setdefault(self.text(inner, statement), inner)
                del named[text]
        holders = [
            Holder(text, self.operand_value(part, at, until, statement))
            for text, part in named.items()
        ]
        if self._follow and named:
            chosen = self._choose(list(named))
            value = holders[list(named).index(chosen)].value
            self.follow_value(named[chosen], at, value, until, statement)
        raise Ended(end, reason or "it is computed there", holders)

    def _choose(self, names: List[str]) -> str:
        """Returns the operand that the user wants to go on with."""
        wanted = self._follow.pop(0)
        if wanted.isdecimal() and 0 < int(wanted) <= len(names):
            return names[int(wanted) - 1]
        found = [name for name in names if name == wanted] or [
            name for name in names if name.partition("(")[0] == wanted
        ]
        if not found:
            known = ", ".join(f"{place}: {name}" for place, name in enumerate(names, 1))
            raise ReliveError("ERR_USAGE", f"--follow {wanted!r}: the line reads {known}")
        return found[0]

    def lose(self, reason: str, code: int) -> NoReturn:
        raise Ended(origins.LOST, reason, (), self._advice(code))

    # ---- calls ----

    def calls(
        self, thread: int, seq: int, frame: int, statement: Optional[statements.Statement]
    ) -> Tuple[List[Tuple[Event, Optional[Event]]], Optional[Event]]:
        """Returns what a frame called before an event since its line began, and that line."""
        first, last = 0, 0
        if statement is not None and statement.first != statement.last:
            first, last = statement.first, statement.last
        rows, has_more, line = self._reader.origin_calls(
            thread, max(0, seq - 1), frame, first, last, MOST_CALLS, MOST_EVENTS
        )
        if has_more:
            self._notes.append(f"only the last {MOST_CALLS} calls before T{thread}@{seq} are seen")
        return [(Event(end), event_of(begin)) for end, begin in rows], event_of(line)

    def called(
        self, call: ast.Call, at: At, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> List[Tuple[Event, Optional[Event]]]:  # fmt: skip
        """Returns the calls that may be those of a call in the source, the last one first."""
        if until is None:
            return []
        wanted = statements.last_name(call.func)
        made, _ = self.calls(until[0], until[1], at.frame, statement)
        found = [one for one in made if self.callee_name(one[0]) == wanted]
        if not found and statement is not None:  # a comprehension runs its line again and again
            made = self._calls_of_lines(until[0], until[1], at.frame, statement)
            found = [one for one in made if self.callee_name(one[0]) == wanted]
        return found

    def _calls_of_lines(
        self, thread: int, seq: int, frame: int, statement: statements.Statement
    ) -> List[Tuple[Event, Optional[Event]]]:
        """Returns what all lines of a statement called, comprehensions with frames of their own
        included."""
        rows, _, _ = self._reader.origin_calls(
            thread, max(0, seq - 1), frame, statement.first, statement.last, MOST_CALLS, MOST_EVENTS
        )
        found = [(Event(end), event_of(begin)) for end, begin in rows]
        for end, _ in list(found):
            if self.callee_name(end) in ("<listcomp>", "<dictcomp>", "<setcomp>"):
                found += self._calls_of_lines(end.thread, end.seq, end.frame, statement)
        return found

    def _follow_call(
        self, call: ast.Call, at: At, value: Value, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> NoReturn:  # fmt: skip
        """Follows the result of a call into the frame that returned it."""
        named = self.called(call, at, until, statement)
        same = [one for one in named if self.match(value, one[0].value_of(""))]
        if until is not None and not named:
            made, _ = self.calls(until[0], until[1], at.frame, statement)
            self._follow_creation(call, made, at, value, until, statement)
            same = [one for one in made[:1] if self.match(value, one[0].value_of(""))]
        if same:
            sure = self.match(value, same[0][0].value_of(""))
            others = tuple(
                Holder(self.callee(one[0]), one[0].value_of(""), one[0].position)
                for one in same[1:MOST_CANDIDATES]
            )
            if others and sure != CERTAIN:
                sure = ONE_OF
            self.follow_return(same[0][0], value, sure, others if sure == ONE_OF else ())
        text = self.text(call.func, statement)
        is_input = statements.last_name(call.func) in READS_INPUT or text.startswith(INPUTS)
        self.compute(
            [call], at, until, statement,
            f"the result of {text}(): it is written in C or was not recorded",
            origins.INPUT if is_input else origins.CALL,
        )  # fmt: skip

    def callee(self, event: Event) -> str:
        return str(self._codes[event.code][2]) + "()" if event.code in self._codes else "?"

    def _follow_creation(
        self, call: ast.Call, made: List[Tuple[Event, Optional[Event]]], at: At, value: Value,
        until: Tuple[int, int], statement: Optional[statements.Statement],
    ) -> None:  # fmt: skip
        """Ends the trail where the call has created the object."""
        wanted = f"{statements.last_name(call.func)}.__init__"
        for end, _ in made:
            if end.code in self._codes and self._codes[end.code][2].endswith(wanted):
                self.compute([call], at, until, statement, "the object is created there",
                              origins.CREATED)  # fmt: skip
        del value

    def follow_return(
        self, event: Event, value: Value, sure: str = "", candidates: Tuple[Holder, ...] = ()
    ) -> NoReturn:  # fmt: skip
        """Follows what a frame returned or yielded."""
        _, line = self.calls(event.thread, event.seq, event.frame, None)
        number = line.line if line is not None and line.kind == "line" else None
        how = "yielded" if event.kind == "yield" else "result"
        self.hop(
            how, self.callee(event), value, event, event.code, number,
            sure or self.match(value, value) or ONLY_ONE, candidates=candidates,
        )  # fmt: skip
        at = At(event.frame, event.code, event.thread, max(0, event.seq - 1))
        if line is None or number is None:
            self._follow_without_lines(at, value)
        statement = self.statement(event.code, number)
        at = At(event.frame, event.code, line.thread, line.seq)
        until = (event.thread, event.seq)
        node = statements.returned(statement, event.kind, self.qualname(event.code))
        if node is not None:
            self.follow_value(node, at, value, until, statement)
        if value is not None and value["t"] == "NoneType" and event.kind == "return":
            raise Ended(origins.LITERAL, f"{self.callee(event)} ends there without a value")
        nodes: List[ast.AST] = list(statement.nodes) if statement is not None else []
        self.compute(nodes, at, until, statement)

    def _follow_with(
        self, node: ast.expr, at: At, value: Value, until: Optional[Tuple[int, int]],
        statement: Optional[statements.Statement],
    ) -> NoReturn:  # fmt: skip
        """Follows what __enter__ returned."""
        made = self.calls(until[0], until[1], at.frame, statement)[0] if until else []
        for end, _ in made:
            is_enter = end.code in self._codes and self._codes[end.code][2].endswith("enter__")
            if is_enter and self.match(value, end.value_of("")):
                self.follow_return(end, value, self.match(value, end.value_of("")))
        self.follow_value(node, at, value, until, statement)

    def _follow_without_lines(self, at: At, value: Value) -> NoReturn:
        """Follows a value in a frame whose lines were not recorded: to what it was called with, and
        what it called."""
        made, begin = self.calls(at.thread, at.seq + 1, at.frame, None)
        found: List[Tuple[Holder, Event, str]] = []
        if begin is not None and begin.kind == "call":
            whole = event_of(self._reader.origin_event(begin.thread, begin.seq))
            for name, one in (whole.row.get("args", {}) if whole else {}).items():
                if whole is not None and self.match(value, one):
                    found.append((Holder(name, one, whole.position), whole, name))
        for end, _ in made:
            if self.match(value, end.value_of("")):
                holder = Holder(self.callee(end), end.value_of(""), end.position)
                found.append((holder, end, ""))
        names = [holder.name for holder, _, _ in found]
        if len(found) > 1 and self._follow:
            chosen = self._choose(names)
            found = [found[names.index(chosen)]]
        elif len(found) > 1:
            raise Ended(
                origins.LOST, f"{len(found)} earlier holders have an equal value",
                [row[0] for row in found[:MOST_CANDIDATES]], self._advice(at.code),
            )  # fmt: skip
        if not found:
            self.lose("the lines of that function were not recorded", at.code)
        holder, event, name = found[0]
        if name:
            self._follow_argument(Bound.of_call(event), name, holder.value, ONLY_ONE)
        self.follow_return(event, holder.value, ONLY_ONE)

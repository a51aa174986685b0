"""Steps of a trail that lead into objects: attributes, items, what is unpacked or looped over."""

from __future__ import annotations

import ast
from typing import List, NoReturn, Optional, Sequence, Tuple

from relive import _statements as statements
from relive import origins
from relive._trail_values import ADDS, INPUTS, At, Ended, Event
from relive.origins import CERTAIN, ONE_OF, ONLY_ONE, Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive._statements import Statement
    from relive._trail import Trail
    from relive._trail_values import Place, Value

    Until = Optional[Tuple[int, int]]

_MOST_ITEMS = 64
_SAME_ITEMS = {"sorted", "reversed", "list", "tuple", "set", "iter", "frozenset"}


def follow_path(
    trail: Trail, node: ast.expr, at: At, value: Value, until: Until = None,
    statement: Optional[Statement] = None,
) -> NoReturn:  # fmt: skip
    """Follows an attribute or item to what put its value into the object."""
    assert isinstance(node, (ast.Attribute, ast.Subscript))
    text = path_text(node)
    if text.startswith(INPUTS):
        raise Ended(origins.INPUT, f"{text} comes from outside of the program")
    if isinstance(node, ast.Attribute):
        follow_property(trail, node, at, value, until, statement)
    place = trail.locate(node, at)
    if place is None:
        trail.lose(f"the object of {text} was not recorded with that part", at.code)
    event, line = place.event, place.line
    sure = trail.match(value, place.value) if value is not None else ONLY_ONE
    if not sure:
        trail.lose(f"{text} held another value there", at.code)
    is_held = _is_held_since(trail, place.owner, at, event)
    sure = sure if is_held or sure != CERTAIN else ONLY_ONE
    how = "attribute" if isinstance(node, ast.Attribute) else "item"
    trail.hop(how, text, place.value, event, event.code, line.line if line else None, sure)
    _follow_source(trail, node, place, at)


def _is_held_since(trail: Trail, node: ast.expr, at: At, event: Event) -> bool:
    """Returns whether a name has held the object from an event on: only then is it one object."""
    bound = trail.bound(node.id, at) if isinstance(node, ast.Name) else None
    if bound is None or bound.is_unseen:
        return False
    return bound.event.thread == event.thread and bound.event.seq <= event.seq


def path_text(node: ast.expr) -> str:
    """Returns 'order.items[0]' of a path."""
    if isinstance(node, ast.Attribute):
        return f"{path_text(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        index = statements.index_of(node)
        constant = statements.constant_of(index)
        return f"{path_text(node.value)}[{path_text(index) if constant is None else constant}]"
    return node.id if isinstance(node, ast.Name) else "?"


def follow_property(
    trail: Trail, node: ast.Attribute, at: At, value: Value, until: Until,
    statement: Optional[Statement],
) -> None:  # fmt: skip
    """Follows the result of a getter that the line has called for an attribute."""
    made = trail.calls(until[0], until[1], at.frame, statement)[0] if until else []
    for end, _ in made:
        sure = trail.match(value, end.value_of(""))
        if trail.callee_name(end) == node.attr and sure and end.kind == "return":
            trail.follow_return(end, value, sure)


def _follow_source(trail: Trail, node: ast.expr, place: Place, at: At) -> NoReturn:
    """Goes on from the event that first showed the value in its object."""
    event, line, value = place.event, place.line, place.value
    steps = steps_from(node, place.owner)
    if event.kind == "write":
        if line is None:
            trail.lose("the line that wrote it was not recorded", event.code)
        _follow_line(trail, node, steps, event, line, value, at)
    if event.kind in ("return", "yield"):
        _, row = trail.calls(event.thread, event.seq, event.frame, None)
        if row is None or row.kind != "line":
            trail.lose("the lines of that function were not recorded", event.code)
        trail.move_hop(event.code, row.line)
        statement = trail.statement(event.code, row.line)
        made = statements.returned(statement, event.kind, trail.qualname(event.code))
        inner = At(event.frame, event.code, row.thread, row.seq)
        project(trail, made, steps, inner, value, (event.thread, event.seq), statement, at,
                place.before)  # fmt: skip
    name = trail.argument_with(event, place.identity)
    given = trail.given(event, name, event.value_of(name))
    if given.at is None:
        raise Ended(origins.START, f"nothing that was recorded called {trail.callee(event)}")
    if given.line is None or given.node is None:
        trail.lose("nothing that was recorded shows who put it there", given.at.code)
    trail.move_hop(given.at.code, given.line.line)
    until = (event.thread, event.seq)
    project(trail, given.node, steps, given.at, value, until, given.statement, at, place.before)


def _follow_line(
    trail: Trail, node: ast.expr, steps: Sequence[ast.expr], event: Event, line: Event,
    value: Value, reader_at: At,
) -> NoReturn:  # fmt: skip
    """Goes on from a line behind which the object had the value."""
    statement = trail.statement(line.code, line.line)
    at = At(line.frame, line.code, line.thread, line.seq)
    until = (event.thread, event.seq)
    nodes: List[ast.AST] = list(statement.nodes) if statement is not None else []
    if statement is None:
        trail.compute(nodes, at, until, statement, "its source is not known")

    def matches(target: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return isinstance(target, ast.Attribute) and target.attr == node.attr
        if not isinstance(target, ast.Subscript) or not isinstance(node, ast.Subscript):
            return False
        mine = trail.key(statements.index_of(node), reader_at)
        return mine is not None and trail.key(statements.index_of(target), at) == mine

    found = statement.assignments(matches)
    if len(found) == 1 and found[0].value is not None:
        if found[0].how == statements.IS:
            trail.follow_value(found[0].value, at, value, until, statement)
        if found[0].how == statements.UNPACKED:
            follow_part(trail, found[0].value, found[0].path, at, value, until, statement)
        trail.compute([found[0].value], at, until, statement)
    if not found:
        name = event.row.get("name", "")
        bound = statement.bindings(name)
        if len(bound) == 1 and bound[0].how == statements.IS:
            project(trail, bound[0].value, steps, at, value, until, statement, reader_at)
        if len(bound) == 1 and bound[0].how == statements.ITERATES:
            held = event.value_of(name)
            items = items_of_loop(trail, bound[0], at, held)[2]
            if len(items) == 1:
                path = _with_steps(items[0], steps)
                follow_path(trail, path, at, value, until, statement)
        _follow_added(trail, nodes, at, value, until, statement)
    trail.compute(nodes, at, until, statement, "it changed by what the line does")


def _follow_added(
    trail: Trail, nodes: Sequence[ast.AST], at: At, value: Value, until: Until,
    statement: Optional[Statement],
) -> None:  # fmt: skip
    """Follows `x` of rows.append(x)."""
    adds = [
        one for top in nodes for one in ast.walk(top)
        if isinstance(one, ast.Call) and statements.last_name(one.func) in ADDS and one.args
    ]  # fmt: skip
    if len(adds) == 1:
        given = adds[0].args[-1]
        known = trail.operand_value(given, at, until, statement)
        if known is None or trail.match(value, known):
            trail.follow_value(given, at, value, until, statement)


def steps_from(node: ast.expr, owner: Optional[ast.expr]) -> List[ast.expr]:
    """Returns the attributes and items of a path behind its owner, the first one first; of the
    whole path where there is no owner."""
    found: List[ast.expr] = []
    while node is not owner and isinstance(node, (ast.Attribute, ast.Subscript)):
        found.insert(0, node)
        node = node.value
    return found


def _with_steps(node: ast.expr, steps: Sequence[ast.expr]) -> ast.expr:
    """Returns the path of an expression and more steps."""
    for step in steps:
        if isinstance(step, ast.Attribute):
            node = ast.Attribute(node, step.attr, ast.Load())
        else:
            assert isinstance(step, ast.Subscript)
            node = statements.item_of(node, statements.index_of(step))
    return node


def project(
    trail: Trail, made: Optional[ast.expr], steps: Sequence[ast.expr], at: At, value: Value,
    until: Until, statement: Optional[Statement], reader_at: At, before: Optional[Event] = None,
) -> NoReturn:  # fmt: skip
    """Follows a part of what an expression makes: the value of a key in {...}, of an item in [...],
    of an attribute in Order(price=...)."""
    nodes: List[ast.AST] = [made] if made is not None else []
    if made is not None and statements.is_path(made):
        since = f"after {before.position}" if before is not None else "before"
        trail.lose(f"it was put into the object {since}, by a change that no event shows", at.code)
    rest = list(steps)
    while rest and made is not None:
        inner = _choose_part(trail, made, rest[0], at, reader_at)
        if inner is None:
            break
        made = inner
        del rest[0]
    if made is not None and not rest:
        trail.follow_value(made, at, value, until, statement)
    if made is not None and statements.is_path(made):
        follow_path(trail, _with_steps(made, rest), at, value, until, statement)
    trail.compute(nodes, at, until, statement, "the object is made there", origins.CREATED
                  if isinstance(made, ast.Call) else origins.COMPUTATION)  # fmt: skip


def _choose_part(
    trail: Trail, made: ast.expr, step: ast.expr, at: At, reader_at: At
) -> Optional[ast.expr]:
    """Returns the expression in `made` that one step leads to, None where none is known to."""
    if isinstance(step, ast.Attribute):
        keywords = made.keywords if isinstance(made, ast.Call) else []
        return next((one.value for one in keywords if one.arg == step.attr), None)
    assert isinstance(step, ast.Subscript)
    key = trail.key(statements.index_of(step), reader_at)
    if key is None:
        return None
    if isinstance(made, (ast.ListComp, ast.GeneratorExp)):
        return made.elt
    if isinstance(made, ast.Dict) and None not in made.keys:
        pairs = [
            item for name, item in zip(made.keys, made.values)
            if name is not None and trail.key(name, at) == key
        ]  # fmt: skip
        return pairs[-1] if pairs else None
    if isinstance(made, (ast.List, ast.Tuple)):
        whole = not any(isinstance(one, ast.Starred) for one in made.elts)
        if whole and key.lstrip("-").isdecimal() and -len(made.elts) <= int(key) < len(made.elts):
            return made.elts[int(key)]
    if isinstance(made, ast.Call) and statements.last_name(made.func) == "dict":
        return next((one.value for one in made.keywords if repr(one.arg) == key), None)
    return None


def _part_of(node: ast.expr, path: Sequence[int]) -> Optional[ast.expr]:
    """Returns the expression of node[path[0]][path[1]] ..."""
    for index in path:
        if index <= -10000:
            return None
        key = ast.Constant(index) if index >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-index))
        if isinstance(node, (ast.Tuple, ast.List)):
            if not -len(node.elts) <= index < len(node.elts):
                return None
            node = node.elts[index]
        else:
            node = statements.item_of(node, key)
    return node


def follow_part(
    trail: Trail, node: Optional[ast.expr], path: Tuple[int, ...], at: At, value: Value,
    until: Until, statement: Optional[Statement],
) -> NoReturn:  # fmt: skip
    """Follows what a line unpacks: `a, b = pair`, `a, b = f()`."""
    assert node is not None
    while isinstance(node, (ast.Await, ast.NamedExpr)):
        node = node.value
    if statements.is_path(node) and isinstance(node, ast.expr):
        owner, part = trail.value_at(node, at), _part_of(node, path)
        if owner is not None and owner["t"] in ("list", "tuple") and part is not None:
            follow_path(trail, part, at, value, until, statement)
    if isinstance(node, ast.Call):
        step = "".join(f"[{index}]" for index in path)
        for end, _ in trail.called(node, at, until, statement):
            found = trail.shown(end, 0, step)
            sure = trail.match(value, found)
            if sure and end.kind == "return":
                _follow_returned_part(trail, end, path, value, sure)
    trail.compute([node], at, until, statement)


def _follow_returned_part(
    trail: Trail, end: Event, path: Tuple[int, ...], value: Value, sure: str
) -> NoReturn:
    """Follows one item of what a frame returned."""
    _, line = trail.calls(end.thread, end.seq, end.frame, None)
    number = line.line if line is not None and line.kind == "line" else None
    trail.hop("result", trail.callee(end), value, end, end.code, number, sure)
    if line is None or number is None:
        trail.lose("the lines of that function were not recorded", end.code)
    statement = trail.statement(end.code, number)
    node = statements.returned(statement, end.kind, trail.qualname(end.code))
    at, until = At(end.frame, end.code, line.thread, line.seq), (end.thread, end.seq)
    part = _part_of(node, path) if node is not None else None
    if isinstance(node, (ast.Tuple, ast.List)) and part is not None:
        trail.follow_value(part, at, value, until, statement)
    if node is not None:
        follow_part(trail, node, path, at, value, until, statement)
    trail.compute([], at, until, statement)


def items_of_loop(
    trail: Trail, binding: statements.Binding, at: At, value: Value
) -> Tuple[ast.expr, Tuple[int, ...], List[ast.expr]]:
    """Returns what a `for` goes over, the path of the target in each of its items, and the items
    that have the value: rows[1]."""
    node, path = binding.value, binding.path
    assert node is not None
    while isinstance(node, ast.Call) and node.args:
        name = statements.last_name(node.func)
        if name == "enumerate" and path[:1] == (1,):
            node, path = node.args[0], path[1:]
        elif name == "zip" and path and 0 <= path[0] < len(node.args):
            node, path = node.args[path[0]], path[1:]
        elif name in _SAME_ITEMS and isinstance(node.func, ast.Name):
            node = node.args[0]
        else:
            break
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        node = node.value
    is_values = False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        is_values = node.func.attr == "values" or (node.func.attr == "items" and path[:1] == (1,))
        path = path[1:] if node.func.attr == "items" else path
        node = node.func.value if is_values else node
    found: List[ast.expr] = []
    for key in _keys_of(trail.value_at(node, at), is_values) if statements.is_path(node) else []:
        item = _part_of(statements.item_of(node, key), path)
        if item is not None and trail.match(value, trail.value_at(item, at)):
            found.append(item)
    return node, path, found


def follow_loop(
    trail: Trail, binding: statements.Binding, at: At, value: Value, until: Until,
    statement: Optional[Statement],
) -> NoReturn:  # fmt: skip
    """Follows what a `for` took from what it goes over."""
    node, path, found = items_of_loop(trail, binding, at, value)
    if statements.is_literal(node):
        raise Ended(origins.LITERAL, f"written in the source: {trail.text(node, statement)}")
    if not found:
        _follow_yielded(trail, node, path, at, value, until, statement)
    if len(found) > 1:
        sure = trail.match(value, trail.value_at(found[0], at))
        if sure != CERTAIN:
            holders = [Holder(path_text(one), trail.value_at(one, at)) for one in found]
            trail.weaken(ONE_OF, holders[:10])
    follow_path(trail, found[0], at, value, until, statement)


def _keys_of(container: Value, is_values: bool) -> List[ast.expr]:
    """Returns the keys of the recorded items of a container."""
    if container is None:
        return []
    if is_values:
        items = container.get("v")
        return [ast.Constant(key) for key in list(items)[:_MOST_ITEMS]] if isinstance(
            items, dict
        ) else []  # fmt: skip
    if container["t"] in ("list", "tuple"):
        return [ast.Constant(i) for i in range(min(container.get("len", 0), _MOST_ITEMS))]
    return []


def _follow_yielded(
    trail: Trail, node: ast.expr, path: Tuple[int, ...], at: At, value: Value, until: Until,
    statement: Optional[Statement],
) -> NoReturn:  # fmt: skip
    """Follows what a generator yielded to the loop."""
    made = trail.calls(until[0], until[1], at.frame, statement)[0] if until else []
    step = "".join(f"[{index}]" for index in path)
    for end, _ in made:
        if end.kind == "yield":
            sure = trail.match(value, trail.shown(end, 0, step))
            if sure and not path:
                trail.follow_return(end, value, sure)
            if sure:
                _follow_returned_part(trail, end, path, value, sure)
    trail.compute([node], at, until, statement)

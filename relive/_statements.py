"""What a line of source says about a name: `total = price(item)`, `for row in rows`, `def f(a=1)`.

A text is divided into logical lines without any parser. One of them is then parsed alone, where
this Python can; where it cannot, nothing is known of it. So the source may be of another
version."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Union

_LONGEST = 8192  # characters of a statement; longer ones are not parsed
_DEEPEST = 60  # nodes inside each other
_TOKEN = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|(?!\"{3}).)*\"{3}|'{3}(?:\\.|(?!'{3}).)*'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\\\r?\n|[([{]|[)\]}]|\n""",
    re.DOTALL,
)
# What comes before a line, and behind it, that makes a statement of the head of one.
_FRAMES = (
    ("", ""), ("", " pass"), ("try: pass\n", " pass"), ("try: pass\n", ""),
    ("if 1: pass\n", " pass"), ("if 1: pass\n", ""), ("match 1:\n ", " pass"), ("match 1:\n ", ""),
    ("", "\ndef f(): pass"),
)  # fmt: skip

ITERATES, CALL_OF_WITH, AUGMENTED, IS, UNPACKED, IMPORTED, DEFINED, CAUGHT, DELETED = (
    "loop", "with", "augmented", "is", "unpacked", "import", "definition", "caught", "del",
)  # fmt: skip

BINDS, ALWAYS, BODY = 1, 2, 3  # enum origin_line

Path = Tuple[int, ...]


@dataclass(frozen=True)
class Binding:
    """One way in which a statement binds a target. `value` is the expression that it is bound to,
    or is taken from: by `path`, the indexes of what is unpacked."""

    how: str
    value: Optional[ast.expr]
    path: Path = ()
    is_plain: bool = False
    """a statement of its own that binds whenever it ends"""


class Statement:
    """A logical line: its numbers, text and nodes. `nodes` is empty where it was not understood."""

    def __init__(self, first: int, last: int, text: str) -> None:
        self.first, self.last = first, last
        self.text, self.nodes = _parse(text)

    def bindings(self, name: str) -> List[Binding]:
        """Returns each way in which the statement binds a name."""

        def is_name(node: ast.expr) -> bool:
            return isinstance(node, ast.Name) and node.id == name

        found = [one for node in self.nodes for one in _bindings(node, is_name, True)]
        for node in self.nodes:
            found += _bindings_of_name(node, name)
        return found

    def assignments(self, matches: object) -> List[Binding]:
        """Returns each way in which the statement binds an attribute or item for which `matches`
        is true."""
        return [one for node in self.nodes for one in _bindings(node, matches, True)]

    def calls(self, name: str) -> List[ast.Call]:
        """Returns the calls of something with this last name."""
        return [
            node
            for top in self.nodes
            for node in _walk(top)
            if isinstance(node, ast.Call) and last_name(node.func) == name
        ]

    def source_of(self, node: ast.AST) -> str:
        """Returns the text of a node, on one line."""
        text = ast.get_source_segment(self.text, node) or "?"
        return " ".join(text.split())


class Statements:
    """The logical lines of a file."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._firsts = _find_firsts(lines)
        self._known: Dict[int, Statement] = {}
        self._binding: Dict[Tuple[str, int, int], List[Tuple[int, int]]] = {}

    def at(self, line: int) -> Optional[Statement]:
        """Returns the statement that a line is in."""
        place = bisect_right(self._firsts, line) - 1
        if place < 0 or line > len(self._lines):
            return None
        first = self._firsts[place]
        if first not in self._known:
            behind = self._firsts[place + 1 :]
            last = behind[0] - 1 if behind else len(self._lines)
            self._known[first] = Statement(first, last, "\n".join(self._lines[first - 1 : last]))
        return self._known[first]

    def lines_that_bind(self, name: str, first: int, last: int) -> List[Tuple[int, int]]:
        """Returns [(line, how)] of [first, last], with `how` as enum origin_line in C has it."""
        key = name, first, last
        if key not in self._binding:
            self._binding[key] = self._find_lines_that_bind(name, first, last)
        return self._binding[key]

    def _find_lines_that_bind(self, name: str, first: int, last: int) -> List[Tuple[int, int]]:
        word = re.compile(rf"\b{re.escape(name)}\b")
        found: Dict[int, int] = {}
        for line in range(first, min(last, len(self._lines)) + 1):
            if not word.search(self._lines[line - 1]):
                continue
            statement = self.at(line)
            bound = statement.bindings(name) if statement is not None else []
            if statement is None or not bound:
                continue
            how = BINDS
            if all(one.is_plain for one in bound):
                how = ALWAYS
            elif all(one.how in (ITERATES, CALL_OF_WITH) for one in bound):
                body = self.block(statement.first)[1]
                how = BODY + body if body > statement.last else BINDS
            found.update(dict.fromkeys(range(statement.first, statement.last + 1), how))
        return sorted(found.items())

    def block(self, first: int) -> Tuple[int, int]:
        """Returns the lines of the function that begins at line `first`, decorators included."""
        head = self.at(first)
        while head is not None and self._lines[head.first - 1].lstrip().startswith("@"):
            head = self.at(head.last + 1)
        if head is None:
            return first, first
        indent = _indent(self._lines[head.first - 1])
        last = head.last
        for begin in self._firsts[bisect_right(self._firsts, head.last) :]:
            text = self._lines[begin - 1]
            if text.strip() and not text.lstrip().startswith("#") and _indent(text) <= indent:
                break
            statement_last = self.at(begin)
            last = statement_last.last if statement_last else begin
        return first, last

    def head(self, first: int) -> Optional[Union[ast.FunctionDef, ast.AsyncFunctionDef]]:
        """Returns the `def` that begins at a line, or at a decorator there."""
        line = first
        while line <= len(self._lines):
            statement = self.at(line)
            if statement is None:
                return None
            for node in statement.nodes:
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name != "f":
                    return node
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if not self._lines[line - 1].lstrip().startswith("@"):
                        return node
            if not self._lines[line - 1].lstrip().startswith("@"):
                return None
            line = statement.last + 1
        return None


def _indent(text: str) -> int:
    text = text.expandtabs()
    return len(text) - len(text.lstrip())


def _find_firsts(lines: Sequence[str]) -> List[int]:
    """Returns the numbers of the lines at which a logical line begins."""
    firsts, line, depth = [], 1, 0
    if lines:
        firsts.append(1)
    for found in _TOKEN.finditer("\n".join(lines)):
        token = found.group()
        if token == "\n":
            line += 1
            if not depth and line <= len(lines):
                firsts.append(line)
        elif token in "([{":
            depth += 1
        elif token in ")]}":
            depth = max(0, depth - 1)
        else:
            line += token.count("\n")
    return firsts


def _parse(text: str) -> Tuple[str, List[ast.stmt]]:
    """Returns the text that was parsed, and its statements."""
    import warnings

    text = text.strip()
    if not text or len(text) > _LONGEST:
        return text, []
    if text.startswith("elif"):
        text = text[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for before, behind in _FRAMES:
            whole = before + text + behind
            try:
                body = ast.parse(whole).body
            except (SyntaxError, ValueError, MemoryError, RecursionError):
                continue
            return (whole, body) if _is_flat(body) else (text, [])
    return text, []


def _is_flat(body: List[ast.stmt]) -> bool:
    """Returns whether nodes are nested no deeper than what reads them may recurse."""
    level: List[ast.AST] = list(body)
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return True
    return False


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes that a line itself runs: not the bodies of lambdas."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield from _walk(child)


def last_name(node: ast.expr) -> str:
    """Returns the last part of a dotted name, '' where it is none."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _bindings(node: ast.AST, matches: object, is_plain: bool) -> Iterator[Binding]:
    """Yields the bindings of targets for which matches(node) is true."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _of_target(target, node.value, matches, IS, is_plain)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _of_target(node.target, node.value, matches, IS, is_plain)
    elif isinstance(node, ast.AugAssign):
        if matches(node.target):  # type: ignore[operator]
            yield Binding(AUGMENTED, ast.BinOp(node.target, node.op, node.value), (), is_plain)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from _of_target(node.target, node.iter, matches, ITERATES, False)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None:
                yield from _of_target(
                    item.optional_vars, item.context_expr, matches, CALL_OF_WITH, False
                )
    elif isinstance(node, ast.NamedExpr):
        yield from _of_target(node.target, node.value, matches, IS, False)
    elif isinstance(node, ast.Delete):
        if any(matches(target) for target in node.targets):  # type: ignore[operator]
            yield Binding(DELETED, None, (), is_plain)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield from _bindings(child, matches, False)


def _of_target(
    target: ast.expr, value: ast.expr, matches: object, how: str, is_plain: bool, path: Path = ()
) -> Iterator[Binding]:
    if matches(target):  # type: ignore[operator]
        yield Binding(UNPACKED if path and how == IS else how, value, path, is_plain)
    elif isinstance(target, (ast.Tuple, ast.List)):
        starred = [isinstance(one, ast.Starred) for one in target.elts]
        for place, one in enumerate(target.elts):
            if isinstance(one, ast.Starred):
                yield from _of_target(one.value, value, matches, how, is_plain, (*path, -10000))
                continue
            index = place - len(target.elts) if True in starred[:place] else place
            if (
                not path and how == IS and isinstance(value, (ast.Tuple, ast.List))
                and len(value.elts) == len(target.elts)
                and not any(isinstance(each, ast.Starred) for each in [*value.elts, *target.elts])
            ):  # fmt: skip
                yield from _of_target(one, value.elts[place], matches, how, is_plain)
            else:
                yield from _of_target(one, value, matches, how, is_plain, (*path, index))


def _bindings_of_name(node: ast.AST, name: str) -> Iterator[Binding]:
    """Yields bindings of a name that have no target."""
    for one in _walk(node):
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            for alias in one.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    yield Binding(IMPORTED, None)
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if one.name == name:
                yield Binding(DEFINED, None)
        elif isinstance(one, ast.ExceptHandler) and one.name == name:
            yield Binding(CAUGHT, None)


# ---- expressions ----


def parse_path(text: str) -> Optional[ast.expr]:
    """Returns the expression of 'order.items[0].price', None where it is something else."""
    nodes = _parse(text)[1]
    if len(nodes) != 1 or not isinstance(nodes[0], ast.Expr) or not is_path(nodes[0].value):
        return None
    return nodes[0].value


def index_of(node: ast.Subscript) -> ast.expr:
    """Returns what is between the brackets; 3.8 wraps it."""
    index: ast.AST = node.slice
    if index.__class__.__name__ == "Index":
        index = index.value  # type: ignore[attr-defined]
    return index  # type: ignore[return-value]


def base_of(node: ast.expr) -> str:
    """Returns the name that a path begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def item_of(node: ast.expr, key: ast.expr) -> ast.Subscript:
    """Returns node[key]."""
    return ast.Subscript(node, key, ast.Load())  # type: ignore[arg-type]


def is_path(node: ast.expr) -> bool:
    """Returns whether an expression is a name with attributes and items, whose keys are constants
    or names."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript):
            index = index_of(node)
            if constant_of(index) is None and not is_path(index):
                return False
        node = node.value
    return isinstance(node, ast.Name)


def constant_of(node: ast.expr) -> Optional[str]:
    """Returns the text of a number, text or such, '-1' too; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = constant_of(node.operand)
        return f"-{inner}" if inner is not None else None
    return repr(node.value) if isinstance(node, ast.Constant) else None


def is_literal(node: ast.expr) -> bool:
    """Returns whether an expression reads no name and calls nothing."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(is_literal(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(one is not None and is_literal(one) for one in [*node.keys, *node.values])
    return constant_of(node) is not None


_MAKERS = {"list", "dict", "set", "sorted", "bytearray", "deque", "copy", "deepcopy", "split"}


def makes_object(node: ast.expr) -> bool:
    """Returns whether an expression makes a new object whenever it is evaluated."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in _MAKERS
    return isinstance(node, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp))


def _targets_of(node: ast.AST) -> List[ast.expr]:
    """Returns what a statement binds and does not read."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, (ast.AnnAssign, ast.For, ast.AsyncFor, ast.NamedExpr)):
        return [node.target]
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return [node.optional_vars]
    return []


def operands_of(node: ast.AST) -> List[ast.expr]:
    """Returns the paths and calls that an expression reads, in the order of the text. What a call
    is given belongs to the call."""
    found: List[ast.expr] = []
    inner = {
        one.id
        for each in ast.walk(node)
        if isinstance(each, ast.comprehension)
        for one in ast.walk(each.target)
        if isinstance(one, ast.Name)
    }

    def visit(one: ast.AST, is_top: bool) -> None:
        if isinstance(one, ast.Lambda):
            return
        if isinstance(one, ast.Call) and not is_top:
            found.append(one)
            return
        if isinstance(one, ast.expr) and is_path(one):
            if not inner.intersection(n.id for n in ast.walk(one) if isinstance(n, ast.Name)):
                found.append(one)
            return
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            children: List[ast.AST] = [*one.args, *one.keywords]
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            children = [one.func.value, *one.args, *one.keywords]
        else:
            bound = _targets_of(one)
            children = [child for child in ast.iter_child_nodes(one) if child not in bound]
        for child in children:
            visit(child, False)

    visit(node, True)
    return found


def returned(statement: Optional[Statement], kind: str, qualname: str) -> Optional[ast.expr]:
    """Returns the expression whose value a frame returned or yielded in a line, None where the line
    does not say it."""
    if statement is None:
        return None
    found: List[ast.expr] = []
    is_lambda = qualname.endswith("<lambda>")
    for top in statement.nodes:
        for node in ast.walk(top):
            if is_lambda and isinstance(node, ast.Lambda):
                found.append(node.body)
            elif is_lambda:
                continue
            elif kind == "return" and isinstance(node, ast.Return) and node.value is not None:
                found.append(node.value)
            elif kind == "yield" and isinstance(node, ast.Yield) and node.value is not None:
                found.append(node.value)
    return found[0] if len(found) == 1 else None

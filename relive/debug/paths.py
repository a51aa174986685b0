"""Paths of data: NAME, then .ATTRIBUTE and [CONSTANT], as watches have them."""

import ast
from typing import Any, List, NoReturn, Sequence, Tuple, Union

from relive.errors import ReliveError

Step = Union[str, Tuple[Union[str, int, bytes]]]  # a name, or (the key of an item,)


def parse_path(text: str) -> Tuple[Step, ...]:
    """Returns the steps of a path: names, and (key,) for each item. Raises ReliveError for all
    else."""
    steps: List[Step] = []
    try:
        tree: Any = ast.parse(text.strip(), mode="eval")
        node = tree.body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _refuse(text)
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(node.attr)
        elif isinstance(node, ast.Subscript):
            steps.append((_constant(node.slice, text),))
        else:
            _refuse(text)
        node = node.value
    steps.append(node.id)
    return tuple(reversed(steps))


def _constant(node: ast.AST, text: str) -> Union[str, int, bytes]:
    inner: Any = getattr(node, "value", node) if type(node).__name__ == "Index" else node  # 3.8
    try:
        key = ast.literal_eval(inner)
    except (ValueError, TypeError):
        _refuse(text)
    if type(key) not in (str, int, bytes):
        _refuse(text)
    found: Union[str, int, bytes] = key
    return found


def path_text(path: Sequence[Step]) -> str:
    """Returns the text of a path."""
    parts = [step if isinstance(step, str) else f"[{step[0]!r}]" for step in path]
    return parts[0] + "".join(p if p.startswith("[") else f".{p}" for p in parts[1:])


def _refuse(text: str) -> NoReturn:
    raise ReliveError(
        "ERR_USAGE", f"{text!r} cannot be watched: wanted is NAME, .ATTRIBUTE and [CONSTANT]"
    ) from None

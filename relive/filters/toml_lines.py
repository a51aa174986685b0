"""Where in a TOML file a problem is: the parsers give tables without their lines."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Tuple


def describe_error(raw: bytes, error: Exception) -> Tuple[str, int]:
    """Returns what a parser's error says, and its line; 0 where it has none."""
    found = re.search(r"at line (\d+)", str(error))
    line = int(found.group(1)) if found else 0
    key = re.match(rb"\s*([\w.-]+)\s*=", (raw.splitlines() or [b""])[max(line, 1) - 1])
    if key is not None and "overwrite" in str(error).lower():
        return f"the key {key.group(1).decode()!r} is there twice", line
    return f"this is no TOML: {error}", line


def find_lines(raw: bytes) -> Dict[str, int]:
    """Returns {path of a table or key: its line} of a TOML file, as problems name them."""
    lines: Dict[str, int] = {}
    counts: Dict[str, int] = {}
    table = ""
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        header = re.match(r"\s*(\[\[?)\s*([\w.-]+)\s*\]", line)
        key = re.match(r"\s*([\w-]+)\s*=", line)
        if header is not None:
            parts = header.group(2).split(".")
            table = ""
            for depth, part in enumerate(parts):
                table = f"{table}.{part}" if table else part
                if depth == len(parts) - 1 and header.group(1) == "[[":
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table += f"[{counts[table]}]"
            lines.setdefault(table, number)
        elif key is not None:
            lines.setdefault(f"{table}.{key.group(1)}" if table else key.group(1), number)
    return lines


def find_line(lines: Mapping[str, int], path: str) -> int:
    """Returns the line of a path, or of the table that holds it; 0 where none is known."""
    while path and path not in lines:
        path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]*)$", "", path)
    return lines.get(path, 0)

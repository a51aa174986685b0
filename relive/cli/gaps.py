"""relive gaps: what was called and not recorded, or below a level, and the rule to add."""

from __future__ import annotations

import collections

from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Given, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Sequence, Tuple

    from relive import positions
    from relive.api import Recording


def main(words: List[str]) -> int:
    """Lists functions that filters left out, by the rule that did it."""
    args = common.file_parser(
        "gaps", "What was called and not recorded, and the rule to add.",
        Option("--all", text="each function, not only modules"),
        *paging.options(100, True),
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    page = paging.Page(args, "gaps", run[0].header["run_id"], args.all, args.json, limit=100)
    if args.json:
        page.put_schema("relive.gaps")
    found: Dict[int, List[positions.Code]] = {}
    for recording in run:
        for row in recording.skipped():
            found.setdefault(row[6], []).append(row)
    left = page.put_all(_texts(found, _read_rules(run[0]), args))
    last = "" if found else "nothing was left out\n"
    levels = _describe_level(run)
    last = f"{common.safe(levels)}\n{last}" if levels else last
    page.end("" if args.json else last, left, "line", " (--limit 0 shows all)")
    damaged = common.say_problems(run)
    common.next_command("relive filter explain MODULE:FUNCTION")
    return DAMAGED if damaged else OK if found else NOTHING


def _read_rules(recording: Recording) -> List[Tuple[str, str]]:
    """Returns (filter name, selector) by rule index of the whole chain, as far as its files
    exist."""
    import os

    from relive import _core
    from relive.errors import ReliveError
    from relive.filters.builtin import builtin
    from relive.filters.schema import Filter

    meta = recording.header["meta"]
    folders = [text for text in meta.get("libraries", "").split(os.pathsep) if text]
    rules: List[Tuple[str, str]] = []
    for entry in _core.read_json(meta.get("trace_filter", "[]")):
        try:
            if entry["name"] == "builtin-default":
                one = builtin(folders)
            elif not os.path.isfile(entry["path"]):
                return rules  # also where it names a device that never ends
            else:
                one = Filter.from_file(entry["path"])
                if one.sha256 != entry["sha256"]:
                    return rules  # it was changed since
        except ReliveError:
            return rules
        rules += [(one.name, rule["selector"]) for rule in one.rules]
    return rules


def _explain_rule(number: int, chain: Sequence[Tuple[str, str]]) -> str:
    if number == 0:
        return "an include, an exclude or sampling"
    if number == 1:
        return 'default_exec = "skip"'
    if number - 2 < len(chain):
        name, selector = chain[number - 2]
        return f"{name}, rule {selector}"
    return f"rule {number - 2} of the chain"


def _texts(
    found: Dict[int, List[positions.Code]], chain: Sequence[Tuple[str, str]], args: Given
) -> Iterator[str]:
    """Yields what each rule left out: a row each in JSON, otherwise a title and lines. The rule
    that left out least comes first: the one of the standard library has hundreds."""
    for number in sorted(found, key=lambda number: (len(found[number]), number)):
        why = _explain_rule(number, chain)
        if not args.json:
            yield from _lines(found[number], why, args)
            continue
        for row in found[number]:
            yield common.row(
                func=f"{row[1]}:{row[2]}", file=row[3], line=row[4], rule=number - 2, why=why,
                add=f"obj:literal:{row[1]}.{row[2]}",
            )  # fmt: skip


def _lines(rows: Sequence[positions.Code], why: str, args: Given) -> Iterator[str]:
    """Yields the lines of one rule, the first with its title, the last with what to add."""
    title = f"{common.counted(len(rows), 'function')} by {common.safe(why)}\n"
    if args.all:
        lines = [f"{common.name_of(row[1:3])}  {common.place({'file': row[3], 'line': row[4]})}"
                 for row in rows]  # fmt: skip
        what, add = "one", "obj:literal:MODULE.QUALNAME"
    else:
        counts = collections.Counter(row[1] for row in rows)
        lines = [
            f"{common.safe(name)}  {common.counted(n, 'function')}"
            for name, n in counts.most_common()
        ]
        what = "them" if len(counts) == 1 else "the first module"
        add = f"pkg:literal:{common.safe(counts.most_common(1)[0][0])}"
    rule = common.dim(f'  to record {what}: selector = "{add}", exec = "trace"')
    for line in lines[:-1]:
        yield f"{title}  {line}\n"
        title = ""
    yield f"{title}  {lines[-1]}\n{rule}\n"


def _describe_level(run: List[Recording]) -> str:
    meta = run[0].header["meta"]
    if common.highest_level(meta) == "lines":
        return ""
    return (
        f"lines and changed variables of nothing (level {meta.get('level', '?')}):"
        ' --lines MODULE.FUNCTION, or level = "lines" in a rule'
    )

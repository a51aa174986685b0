"""relive cover: which lines of a function or a file ran, and how often."""

from __future__ import annotations

from relive import covers
from relive.cli import DAMAGED, NOTHING, OK, common, paging, source
from relive.cli.line import ranges
from relive.cli.options import Given, Option, Parser, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List

    from relive.api import Recording


def main(words: List[str]) -> int:
    """Prints the lines of FUNC or FILE with the number of times that each ran."""
    args = Parser(
        "cover", "Which lines of a function or a file ran, and how often.",
        Word("FUNC|FILE.py", "a function: price, shop:price; or a source file: shop.py",
             key="place"),
        common.FILE,
        Option("--missing", text="only what did not run"),
        Option("--functions", text="functions with their calls, not lines"),
        *paging.options(200, True),
        common.JSON,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    with common.progress(run[0]):
        found = covers.read(run, args.place)
    page = paging.Page(
        args, "cover", run[0].header["run_id"], args.place, args.missing, args.functions,
        args.json, limit=200,
    )  # fmt: skip
    of_functions = args.functions or not found.has_lines
    if args.json:
        page.put_once(common.row(schema="relive.cover", version=1, file=found.file,
                                 has_lines=found.has_lines, has_text=found.has_text))  # fmt: skip
        rows = _json_rows(found, args, of_functions)
    elif of_functions:
        rows = _functions(found, args)
    else:
        rows = _lines(found, args, run)
    left = page.put_all(rows)
    page.end("" if args.json else common.dim(_totals(found, run, of_functions)) + "\n", left,
             "line", " (--limit 0 shows all)")  # fmt: skip
    damaged = common.say_problems(run)
    common.next_command(f"relive line FILE:LINE {run[0].path}")
    ran = found.has_lines or any(one.calls for one in found.functions)
    return DAMAGED if damaged else OK if ran else NOTHING


def _json_rows(found: covers.Cover, args: Given, of_functions: bool) -> Iterator[str]:
    if not args.functions:
        for line in found.lines:
            if not (args.missing and line.hits):
                yield common.row(row="line", **line.__dict__)
    if of_functions or not args.missing:
        for function in found.functions:
            if not (args.missing and function.calls):
                yield common.row(row="function", **function.__dict__)


def _functions(found: covers.Cover, args: Given) -> Iterator[str]:
    for one in found.functions:
        if args.missing and one.calls:
            continue
        calls = "left out" if one.is_skipped else f"x{common.count(one.calls)}"
        if not one.calls and not one.is_skipped:
            calls = common.red("not called")
        yield f"{calls:>10}  {one.line:>5}  {common.safe(one.func)}\n"


def _lines(found: covers.Cover, args: Given, run: List[Recording]) -> Iterator[str]:
    """Yields the lines of the text: how often each ran, '-' where a statement did not, '?' where
    that is not known."""
    by_line: Dict[int, covers.CoveredLine] = {one.line: one for one in found.lines}
    func = next((one.func for one in found.functions if one.calls), "")
    texts = next(filter(None, (source.lines_of(one, found.file, func) for one in run)), [])
    for number in range(found.first, found.last + 1) if texts else sorted(by_line):
        line = by_line.get(number)
        if args.missing and (line is None or line.hits):
            continue
        text = common.safe(texts[number - 1].expandtabs()) if number <= len(texts) else ""
        mark = ""
        if line is not None:
            mark = f"x{common.count(line.hits)}" if line.hits else "?"
        row = f"{number:>5} {mark:>9}  {text}".rstrip()
        if line is not None and line.state == covers.NOT_RUN:
            row = common.red(f"{number:>5} {'-':>9}  {text}".rstrip())
        yield row + "\n"


def _advice(found: covers.Cover, run: List[Recording]) -> str:
    """Returns the command that records the lines of the functions that ran."""
    ran = [one.func for one in found.functions if one.calls] or [""]
    func = ran[0] if len(ran) == 1 else f"{ran[0].partition(':')[0]}:*"
    return common.lines_advice(run, func)


def _totals(found: covers.Cover, run: List[Recording], of_functions: bool) -> str:
    """Returns 'shop.py: 12 of 15 lines ran; not 7, 9-10'."""
    name = common.file_name({"file": found.file})
    if of_functions:
        called = sum(one.calls > 0 for one in found.functions)
        text = f"{name}: {called} of {common.counted(len(found.functions), 'function')} ran"
        if not found.has_lines:
            text += f"; lines were not recorded ({_advice(found, run)})"
    else:
        ran = sum(one.hits > 0 for one in found.lines)
        text = f"{name}: {ran} of {common.counted(len(found.lines), 'line')} ran"
        for word, state in (("not", covers.NOT_RUN), ("not known of", covers.UNKNOWN)):
            numbers = [one.line for one in found.lines if one.state == state]
            text += f"; {word} {ranges(numbers)}" if numbers else ""
        text += "" if found.has_text else "; without its text, others are not known"
    lost = [one for one in run if common.has_gaps(one)]
    return text + ("; events are lost, more may have run" if lost else "")

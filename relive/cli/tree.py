"""relive tree: the call tree, repeated calls folded, with what went wrong in it."""

from __future__ import annotations

from relive.cli import DAMAGED, NOTHING, OK, bodies, common, paging
from relive.cli.bodies import Bodies
from relive.cli.options import Given, Option, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

    _Code = Tuple[str, str, str, int, int]
    _CodeOf = Callable[[int], _Code]

_SHORT = 40  # lines; a tree that has no more is shown with its shortest calls
_MOST_NAMES = 4  # of one folded line


class Node:
    """One function, called from one place."""

    __slots__ = (
        "calls", "children", "code", "depth", "exc", "line", "longest", "open", "own", "parent",
        "total", "unwinds",
    )  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        (self.code, self.parent, self.calls, self.total, self.own, self.unwinds, self.exc,
         self.line, self.depth, self.open) = row  # fmt: skip
        self.children: List[Node] = []
        self.longest = self.total
        """of its own time and that of what is below: a generator may run outside its caller"""

    def add(self, other: Node) -> None:
        """Adds the same function, called from the same place, that the recording has twice."""
        self.calls += other.calls
        self.total += other.total
        self.own += other.own
        self.unwinds += other.unwinds
        self.open += other.open
        self.depth = max(self.depth, other.depth)
        self.exc, self.line = other.exc or self.exc, other.line or self.line
        self.children += other.children


class Line:
    """A line of the folded tree: a node, or module or class bodies that are folded into one."""

    __slots__ = ("calls", "fold", "level", "longest", "names", "node", "thread", "total")

    def __init__(self, level: int, thread: _Thread, nodes: Sequence[Node], fold: str = "") -> None:
        self.level, self.thread, self.fold = level, thread, fold
        self.node = nodes[0]
        self.calls = sum(node.calls for node in nodes)
        self.total = sum(node.total for node in nodes)
        self.longest = max(self.total, *(node.longest for node in nodes))
        self.names: List[str] = []
        if fold:
            part = 0 if fold == "import" else 1
            ordered = sorted(nodes, key=lambda node: -node.total)
            codes = [thread.code_of(one.code) for one in ordered]
            self.names = list(dict.fromkeys(str(code[part]) for code in codes))


class _Thread:
    """A thread of a process, and its least time of a line that is shown."""

    def __init__(
        self, recording: Recording, row: Mapping[str, Any], code_of: _CodeOf, prefix: str
    ) -> None:
        self.recording, self.row, self.code_of, self.prefix = recording, row, code_of, prefix
        self.least = 0

    def title(self) -> str:
        """Returns 'process 7, thread 1 (main)'."""
        return f"{self.prefix}{common.thread_title(self.row)}"


def main(words: List[str]) -> int:
    """Prints the tree of each process and thread."""
    args = common.file_parser(
        "tree", "The call tree, repeated calls folded.",
        Option("--depth", metavar="N", read=whole_number, default=0, text="show this many levels"),
        Option("--func", metavar="NAME", text="only below functions whose name holds this text"),
        Option("--thread", metavar="N", read=whole_number, text="only this thread"),
        Option("--min", metavar="TIME", text="leave out what took less: 2ms, or 1% of the time that"
               f" the thread was recorded (default 0.1%, in a tree of more than {_SHORT} lines)"),
        Option("--all", text="leave nothing out; imports and class bodies with what they called"),
        *paging.options(200, True),
        Option("--calls", text="each call on its own line, with its values"),
        Option("--session", metavar="N",
               text="only what ran in this session (its number, or its id)"),
        common.FULL,
    ).parse(words)  # fmt: skip
    recordings = common.open_run(common.find_file(args.file))
    sessions = {one.path: _find_session(one, args.session) for one in recordings}
    if args.session is not None and not any(sessions.values()):
        raise ReliveError(
            "ERR_NOT_FOUND", f"no session {args.session!r} in {recordings[0].path}"
            f" (relive sessions {recordings[0].path} lists them)",
        )  # fmt: skip
    if args.thread is not None:
        _check_thread(recordings, args.thread)
    chosen = [one for one in recordings if args.session is None or sessions[one.path]]
    page = paging.Page(
        args, "tree", recordings[0].header["run_id"], args.depth, args.func, args.thread, args.min,
        args.all, args.calls, args.session, args.full, args.json, limit=200,
    )  # fmt: skip
    if args.json:
        page.put_schema("relive.tree", 2)
    show = show_calls if args.calls else show_folded
    has_rows = show(args, page, chosen, sessions, len(recordings) > 1)
    damaged = common.say_problems(recordings)
    what = "top" if args.calls else "tree --calls"
    common.next_command(f"relive {what} {recordings[0].path}")
    return DAMAGED if damaged else OK if has_rows else NOTHING


def _check_thread(recordings: List[Recording], wanted: int) -> None:
    """Raises ReliveError where there is no such thread, and names the nearest ones."""
    found = {row["thread"] for one in recordings for row in one.totals(0)["threads"]}
    if wanted not in found:
        near = sorted(sorted(found, key=lambda number: abs(number - wanted))[:5])
        raise ReliveError(
            "ERR_NOT_FOUND",
            f"there is no thread {wanted} in {recordings[0].path}"
            f" (of {len(found)} the nearest are {', '.join(map(str, near)) or 'none'})",
        )


def _find_session(recording: Recording, text: Optional[str]) -> int:
    """Returns the number of a session; 0 where this process has none of that name."""
    if text is None:
        return 0
    for event in recording.select(["session_start"]):
        if text in (str(event["session"]), event["fields"].get("id", {}).get("v")):
            return int(event["session"])
    return 0


# ---- the folded tree ----


def show_folded(
    args: Given,
    page: paging.Page,
    recordings: Sequence[Recording],
    sessions: Mapping[str, int],
    name_process: bool,
) -> bool:
    """Prints a line for each function in each place, and returns whether there is one."""
    share, least = _parse_least(args)
    lines = [
        line
        for recording in recordings
        for line in _lines_of(args, recording, sessions[recording.path], name_process, share)
    ]
    is_whole = args.min is None and len(lines) <= _SHORT
    shown = [line for line in lines if is_whole or line.longest >= max(least, line.thread.least)]
    left = page.put_all(_texts(args, shown), len(shown))
    page.end(_describe_rest(args, lines, shown, least), left, "line",
             " (--limit 0 shows all, --min and --depth show less)")  # fmt: skip
    return bool(shown)


def _parse_least(args: Given) -> Tuple[float, int]:
    """Returns the share of a thread's time, and the nanoseconds, that a line has at least."""
    if args.all:
        return 0.0, 0
    text = "0.1%" if args.min is None else args.min.strip()
    if not text.endswith("%"):
        return 0.0, common.parse_duration("--min", text)
    number = text[:-1].strip()
    if not number.replace(".", "", 1).isdecimal() or float(number) > 100:
        raise ReliveError("ERR_USAGE", f"--min {text!r} is no part such as 0.1%")
    return float(number) / 100, 0


def _lines_of(
    args: Given, recording: Recording, session: int, name_process: bool, share: float
) -> Iterator[Line]:
    """Yields the lines of a process, however short they took."""
    with common.progress(recording):
        nodes = [Node(row) for row in recording.tree(session)]
    for node in nodes:
        if node.parent >= 0:
            nodes[node.parent].children.append(node)
    codes: Dict[int, _Code] = {}

    def code_of(number: int) -> _Code:
        if number not in codes:
            codes[number] = recording.code(number)
        return codes[number]

    prefix = f"process {recording.header['pid']}, " if name_process else ""
    for row in recording.totals(session)["threads"]:
        root = nodes[row["root"]]
        if args.thread in (None, row["thread"]) and root.children:
            _join_equal(root, code_of)
            thread = _Thread(recording, row, code_of, prefix)
            thread.least = int(share * sum(node.total for node in root.children))
            yield from _lines_below(args, thread, root)


def _join_equal(root: Node, code_of: _CodeOf) -> None:
    """Joins equal functions that were called from one place, and finds the longest of each."""
    pending, order = [root], []
    while pending:
        node = pending.pop()
        order.append(node)
        first: Dict[_Code, Node] = {}
        for child in node.children:
            known = first.setdefault(code_of(child.code), child)
            if known is not child:
                known.add(child)
        node.children = list(first.values())
        pending += node.children
    for node in reversed(order):
        node.longest = max([node.total, *(child.longest for child in node.children)])


def _lines_below(args: Given, thread: _Thread, root: Node) -> Iterator[Line]:
    """Yields a line for each node below one, each after that of its caller."""
    wanted = args.func

    def lines(node: Node, level: int, inside: bool) -> List[Tuple[Line, bool]]:
        children = node.children
        folded: List[Tuple[str, List[Node]]] = []
        if inside and not args.all:
            children, folded = _fold(thread, node.children)
        found = [(Line(level, thread, nodes, fold), True) for fold, nodes in folded]
        for child in children:
            shown = inside or wanted in common.name_of(thread.code_of(child.code))
            found.append((Line(level, thread, [child]), shown))
        return found[::-1]

    pending = lines(root, 0, wanted is None)
    while pending:
        line, shown = pending.pop()
        if shown:
            yield line
        below = line.level + 1 if shown else line.level
        if not line.fold and not (shown and args.depth and below >= args.depth):
            pending += lines(line.node, below, shown)


def _fold(
    thread: _Thread, children: Sequence[Node]
) -> Tuple[List[Node], List[Tuple[str, List[Node]]]]:
    """Returns the nodes that have lines of their own; and those of imports and of class bodies.
    What has not ended, or was left by an exception, is not folded."""
    kept: List[Node] = []
    folded: Dict[str, List[Node]] = {}
    for node in children:
        module, qualname, _, _, flags = thread.code_of(node.code)
        is_program = qualname == "<module>" and module == "__main__"
        if not flags & bodies.FLAG or node.unwinds or node.open or is_program:
            kept.append(node)
        else:
            kind = "import" if qualname == "<module>" else "class body"
            folded.setdefault(kind, []).append(node)
    return kept, sorted(folded.items(), reverse=True)


def _texts(args: Given, lines: Sequence[Line]) -> Iterator[str]:
    """Yields each line as text, the first one of a thread with the name of the thread."""
    before = None
    for line in lines:
        if args.json:
            yield common.row(**_fields(line))
            continue
        text = _describe(line) + "\n"
        if line.thread is not before:
            title = f"{line.thread.title()}  ({_describe_thread(line.thread.row)})"
            text = f"{common.dim(title)}\n{text}"
        before = line.thread
        yield text


def _fields(line: Line) -> Dict[str, Any]:
    """Returns a line as JSON has it."""
    node, thread = line.node, line.thread
    code = thread.code_of(node.code)
    found = {
        "pid": thread.recording.header["pid"], "thread": thread.row["thread"],
        "thread_name": thread.row["name"], "level": line.level,
        "func": f"{code[0]}:{code[1]}", "file": code[2], "line": code[3], "calls": line.calls,
        "total_ns": line.total, "self_ns": node.own, "open": node.open, "unwinds": node.unwinds,
        "exc_type": node.exc or None, "exc_line": node.line or None, "max_depth": node.depth,
        "fold": line.fold or None, "names": line.names or None,
    }  # fmt: skip
    if line.fold:
        found.update(func=None, file=None, line=None, self_ns=line.total, max_depth=1)
    return found


def _describe(line: Line) -> str:
    """Returns '  shop:price x12  1.23 ms', or '  imports x3: json, re  20 ms'."""
    node = line.node
    if line.fold:
        names = ", ".join(common.safe(name) for name in line.names[:_MOST_NAMES])
        names += ", ..." if len(line.names) > _MOST_NAMES else ""
        several = {"import": "imports", "class body": "class bodies"}[line.fold]
        what = several if line.calls > 1 else line.fold
        text = f"{what} x{common.count(line.calls)}" if line.calls > 1 else what
        text += f": {names}"
    else:
        text = common.name_of(line.thread.code_of(node.code))
        if node.calls > 1:
            text += f" x{common.count(node.calls)}"
        if node.depth > 1:
            text += f" (recursive, {common.count(node.depth)} deep)"
    text += common.dim(f"  {common.took(line.total, node.open)}")
    if node.unwinds:
        mark = common.dim if _is_closed(node.exc) else common.red
        text += "  " + mark(_describe_error(node))
    return "  " * line.level + "  " + text


def _describe_rest(args: Given, lines: Sequence[Line], shown: Sequence[Line], least: int) -> str:
    """Returns the last line of the answer: what is left out of it, and what is folded."""
    left = len(lines) - len(shown)
    errors = sum(map(_has_error, lines)) - sum(map(_has_error, shown))
    folds = sum(bool(line.fold) for line in lines)
    limit = common.duration(least) if least else f"{'0.1%' if args.min is None else args.min}"
    if args.json:
        totals = {"lines": len(lines), "left_out": left, "least": limit if left else None,
                  "left_out_with_errors": errors, "folded": folds}  # fmt: skip
        return common.row(totals=totals)
    words = []
    if left:
        of = "" if least else " of its thread's time"
        words.append(f"{common.counted(left, 'line')} left out, each below {limit}{of}")
        if errors:
            words[0] += f" ({common.count(errors)} with an exception)"
    if folds:
        words.append("imports and class bodies folded")
    return common.dim(f"{'; '.join(words)} (--all shows everything)") + "\n" if words else ""


def _describe_thread(thread: Mapping[str, Any]) -> str:
    """Returns '12 calls, from 1.2 ms to 20.3 ms', the time in which the thread was seen."""
    first, last = common.duration(thread["first_ns"]), common.duration(thread["last_ns"])
    return f"{common.counted(thread['calls'], 'call')}, from {first} to {last}"


def _is_closed(exc_type: Optional[str]) -> bool:
    """Returns whether this is how a generator ends that nobody reads to its end: no error."""
    return exc_type == "GeneratorExit"


def _has_error(line: Line) -> bool:
    return line.node.unwinds > 0 and not _is_closed(line.node.exc)


def _describe_error(node: Node) -> str:
    if _is_closed(node.exc):
        text = "closed early"
    else:
        text = "! " + (common.safe(node.exc) if node.exc else "an exception")
    if node.line:
        text += f" at line {node.line}"
    if node.unwinds > 1 or node.calls > 1:
        text += f" ({common.count(node.unwinds)} of {common.count(node.calls)})"
    return text


# ---- single calls ----


def show_calls(
    args: Given,
    page: paging.Page,
    recordings: Sequence[Recording],
    sessions: Mapping[str, int],
    name_process: bool,
) -> bool:
    """Prints each call with its arguments, its result or exception, and its time. Returns whether
    there is one."""
    least = common.parse_duration("--min", args.min or "0")
    before = _parse_place(page.place)
    left: Optional[int] = 0
    for number, recording in enumerate(recordings):
        if before is not None and number < before[0]:
            continue
        after = before[1:] if before is not None and number == before[0] else (0, 0)
        more = _show_calls_of(args, page, number, recording, sessions[recording.path], after,
                              name_process, least)  # fmt: skip
        left = None if left is None or more is None else left + more
    if left is None:
        left = _count_calls(args, page, recordings, sessions)
    if left != 0:
        page.is_full = True
    page.end("", left, "line", " (--limit 0 shows all, --min and --depth show less)")
    return page.shown > 0


def _count_calls(
    args: Given, page: paging.Page, recordings: Sequence[Recording], sessions: Mapping[str, int]
) -> Optional[int]:
    """Returns how many calls no page has shown, where the recordings have counted them; or None."""
    if args.func is not None or args.depth or args.min is not None:
        return None
    rows = [row for one in recordings for row in one.totals(sessions[one.path])["threads"]]
    calls: int = sum(row["calls"] for row in rows if args.thread in (None, row["thread"]))
    return max(1, calls - page.shown)


def _parse_place(text: str) -> Optional[Tuple[int, int, int]]:
    """Returns the process, thread and event of the last call of the page before."""
    import re

    if not text:
        return None
    found = re.fullmatch(r"(\d{1,9}):T(\d{1,9})@(\d{1,18})", text)
    if found is None:
        raise ReliveError("ERR_USAGE", f"--cursor: {text!r} is no place of a call")
    process, thread, seq = found.groups()
    return int(process), int(thread), int(seq)


def _show_calls_of(
    args: Given,
    page: paging.Page,
    number: int,
    recording: Recording,
    session: int,
    after: Tuple[int, int],
    name_process: bool,
    least: int,
) -> Optional[int]:
    """Prints calls of one process, and returns how many are left; None where some are, which were
    not counted."""
    codes, known_bodies = None, Bodies([recording])
    if args.func is not None:
        codes = [row[0] for row in recording.codes() if args.func in f"{row[1]}:{row[2]}"]
    with common.progress(recording):
        calls, left = recording.nested_calls(
            codes=codes, thread=args.thread or 0, session=session, depth=args.depth, least=least,
            limit=0 if page.is_full else page.room, after=after, may_cut=True,
        )  # fmt: skip
    pid = recording.header["pid"]
    shown = after[0]
    for level, event, end in calls:
        position = f"T{event['thread']}@{event['seq']}"
        prefix = f"P{pid}:" if name_process else ""
        text = _call_text(args, recording, level, event, end, prefix, known_bodies)
        if shown != event["thread"] and not args.json:
            title = common.thread_title(recording.thread(event["thread"]))
            text = common.dim(f"process {pid}, {title}" if name_process else title) + f"\n{text}"
        shown = event["thread"]
        if page.is_full or not page.put(text, f"{number}:{position}"):
            left = None if left is None else left + 1
    return left


def _call_text(
    args: Given,
    recording: Recording,
    level: int,
    event: common.Event,
    end: Optional[common.Event],
    prefix: str,
    known_bodies: Bodies,
) -> str:
    position = f"{prefix}T{event['thread']}@{event['seq']}"
    is_open = end is None and not common.has_gaps(recording)
    until = recording.header["end_ns"] if is_open else end["t"] if end else None
    ns = until - event["t"] if until is not None else None
    end = end or {}
    exc = end.get("exc") or {}
    if args.json:
        return common.row(
            pid=recording.header["pid"], thread=event["thread"],
            thread_name=recording.thread(event["thread"])["name"], level=level, position=position,
            seq=event["seq"], frame=event["frame"], parent=event["parent"], func=event["func"],
            file=event["file"], line=event["line"], args=event.get("args"), value=end.get("value"),
            exc_type=end.get("exc_type"), exc=end.get("exc"), total_ns=ns, open=is_open,
        )  # fmt: skip
    name = common.safe(event["func"].partition(":")[2])
    arguments = common.arguments_text(event.get("args", {}), *common.value_widths(args))
    text = f"{common.place(event)} {known_bodies.call_text(event, name, arguments)}"
    took = common.dim(f"  {common.took(ns, is_open)}") if ns is not None else ""
    if end.get("value") and not known_bodies.kind(event):
        text += f" -> {common.value_text(end['value'], common.value_widths(args)[1])}"
    elif end.get("kind") == "unwind" and _is_closed(end.get("exc_type")):
        text += common.dim("  closed early")
    elif end.get("kind") == "unwind":
        message = f"{end.get('exc_type', 'an exception')}: {exc.get('message', '')}"
        text += "  " + common.red(f"! {common.safe(message.rstrip(': '))}")
    elif ns is None:
        text += common.dim("  (its end is not in the recording)")
    return "  " * (level + 1) + text + took + common.dim(f"  {position}") + "\n"

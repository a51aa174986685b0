"""relive tree: the call tree, repeated calls folded, with what went wrong in it."""

from __future__ import annotations

from relive.cli import DAMAGED, NOTHING, OK, common
from relive.cli.options import Given, Option, whole_number
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

    _Code = Tuple[str, str, str, int, int]


class Node:
    """One function, called from one place."""

    __slots__ = (
        "calls", "children", "code", "depth", "exc", "line", "open", "own", "parent", "total",
        "unwinds",
    )  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        (self.code, self.parent, self.calls, self.total, self.own, self.unwinds, self.exc,
         self.line, self.depth, self.open) = row  # fmt: skip
        self.children: List[Node] = []

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


def _join_equal(root: Node, code_of: Callable[[int], _Code]) -> None:
    """Joins children that are one function which was defined more than once."""
    pending = [root]
    while pending:
        node = pending.pop()
        first: Dict[Any, Node] = {}
        for child in node.children:
            known = first.setdefault(code_of(child.code), child)
            if known is not child:
                known.add(child)
        node.children = list(first.values())
        pending += node.children


def main(words: List[str]) -> int:
    """Prints the tree of each process and thread."""
    args = common.file_parser(
        "tree", "The call tree, repeated calls folded.",
        Option("--depth", metavar="N", read=whole_number, default=0, text="show this many levels"),
        Option("--func", metavar="NAME", text="only below functions whose name holds this text"),
        Option("--thread", metavar="N", read=whole_number, text="only this thread"),
        Option("--min", metavar="TIME", default="0", text="leave out what took less, e.g. 2ms"),
        Option("--limit", metavar="N", read=whole_number, default=200,
               text="show this many lines in all (0 = all; default 200)"),
        Option("--calls", text="each call on its own line, with its values"),
        Option("--session", metavar="N",
               text="only what ran in this session (its number, or its id)"),
    ).parse(words)  # fmt: skip
    least = common.parse_duration("--min", args.min)
    recordings = common.open_run(common.find_file(args.file))
    sessions = {one.path: _find_session(one, args.session) for one in recordings}
    if args.session is not None and not any(sessions.values()):
        raise ReliveError(
            "ERR_NOT_FOUND", f"no session {args.session!r} in {recordings[0].path}"
            f" (relive sessions {recordings[0].path} lists them)",
        )  # fmt: skip
    if args.thread is not None:
        _check_thread(recordings, args.thread)
    if args.json:
        common.emit(schema="relive.tree", version=1)
    printer = _Calls(args, least) if args.calls else _Printer(args, least)
    for recording in recordings:
        if args.session is None or sessions[recording.path]:
            printer.show(recording, sessions[recording.path], len(recordings) > 1)
    damaged = common.say_problems(recordings)
    if printer.hidden:
        common.say(
            f"{common.counted(printer.hidden, 'more line')} (--limit 0 shows all,"
            " --min and --depth show less)"
        )
    what = "top" if args.calls else "tree --calls"
    common.next_command(f"relive {what} {recordings[0].path}")
    return DAMAGED if damaged else OK if printer.lines else NOTHING


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


class _Printer:
    """The folded tree, a line for each function in each place."""

    def __init__(self, args: Given, least: int) -> None:
        self.args = args
        self.least = least
        self.lines = 0
        self.hidden = 0

    def show(self, recording: Recording, session: int, name_process: bool) -> None:
        """Prints the trees of a recording's threads."""
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

        for thread in recording.totals(session)["threads"]:
            if self.args.thread not in (None, thread["thread"]):
                continue
            root = nodes[thread["root"]]
            if not root.children:
                continue
            _join_equal(root, code_of)
            title = common.thread_title(thread)
            if name_process:
                title = f"process {recording.header['pid']}, {title}"
            if not self.args.json:
                print(common.dim(f"{title}  ({_describe_thread(thread)})"))
            self._show_below(recording, root, code_of, thread)

    def _show_below(
        self,
        recording: Recording,
        root: Node,
        code_of: Callable[[int], _Code],
        thread: Mapping[str, Any],
    ) -> None:
        wanted = self.args.func
        # (node, level at which it is shown, whether a function above it matches)
        pending = [(child, 0, wanted is None) for child in reversed(root.children)]
        while pending:
            node, level, inside = pending.pop()
            code = code_of(node.code)
            shown = inside or wanted in common.name_of(code)
            if shown and node.total >= self.least:
                self._show_line(recording, node, code, level, thread)
            if shown and self.args.depth and level + 1 >= self.args.depth:
                continue
            below = level + 1 if shown else level
            pending.extend((child, below, shown) for child in reversed(node.children))

    def _show_line(
        self,
        recording: Recording,
        node: Node,
        code: _Code,
        level: int,
        thread: Mapping[str, Any],
    ) -> None:
        if self.args.limit and self.lines >= self.args.limit and not self.args.json:
            self.hidden += 1
            return
        self.lines += 1
        if self.args.json:
            common.emit(
                pid=recording.header["pid"],
                thread=thread["thread"],
                thread_name=thread["name"],
                level=level,
                func=f"{code[0]}:{code[1]}",
                file=code[2],
                line=code[3],
                calls=node.calls,
                total_ns=node.total,
                self_ns=node.own,
                open=node.open,
                unwinds=node.unwinds,
                exc_type=node.exc or None,
                exc_line=node.line or None,
                max_depth=node.depth,
            )
            return
        text = "  " * level + "  " + common.name_of(code)
        if node.calls > 1:
            text += f" x{common.count(node.calls)}"
        if node.depth > 1:
            text += f" (recursive, {common.count(node.depth)} deep)"
        text += common.dim(f"  {common.took(node.total, node.open)}")
        if node.unwinds:
            text += "  " + common.red(_describe_error(node))
        print(text)


class _Calls:
    """Each call with its arguments, its result or exception, and its time."""

    def __init__(self, args: Given, least: int) -> None:
        self.args, self.least = args, least
        self.lines = self.hidden = 0

    def show(self, recording: Recording, session: int, name_process: bool) -> None:
        """Prints the calls of a recording."""
        codes = None
        if self.args.func is not None:
            codes = [row[0] for row in recording.codes() if self.args.func in f"{row[1]}:{row[2]}"]
        room = self.args.limit - self.lines if self.args.limit else None
        with common.progress(recording):
            calls, more = recording.nested_calls(
                codes=codes, thread=self.args.thread or 0, session=session,
                depth=self.args.depth, least=self.least, limit=room,
            )  # fmt: skip
        self.hidden += more
        shown = None
        for level, event, end in calls:
            if shown != event["thread"] and not self.args.json:
                title = common.thread_title(recording.thread(event["thread"]))
                if name_process:
                    title = f"process {recording.header['pid']}, {title}"
                print(common.dim(title))
            shown = event["thread"]
            prefix = f"P{recording.header['pid']}:" if name_process else ""
            self._show_line(recording, level, event, end, prefix)

    def _show_line(
        self,
        recording: Recording,
        level: int,
        event: common.Event,
        end: Optional[common.Event],
        prefix: str,
    ) -> None:
        self.lines += 1
        position = f"{prefix}T{event['thread']}@{event['seq']}"
        is_open = end is None and not common.has_gaps(recording)
        until = recording.header["end_ns"] if is_open else end["t"] if end else None
        ns = until - event["t"] if until is not None else None
        end = end or {}
        exc = end.get("exc") or {}
        if self.args.json:
            common.emit(
                pid=recording.header["pid"], thread=event["thread"],
                thread_name=recording.thread(event["thread"])["name"], level=level,
                position=position, seq=event["seq"], frame=event["frame"],
                parent=event["parent"], func=event["func"], file=event["file"], line=event["line"],
                args=event.get("args"), value=end.get("value"), exc_type=end.get("exc_type"),
                exc=end.get("exc"), total_ns=ns, open=is_open,
            )  # fmt: skip
            return
        name = common.safe(event["func"].partition(":")[2])
        text = f"{common.place(event)} {name}({common.arguments_text(event.get('args', {}))})"
        took = common.dim(f"  {common.took(ns, is_open)}") if ns is not None else ""
        if end.get("value"):
            text += f" -> {common.value_text(end['value'])}"
        elif end.get("kind") == "unwind":
            message = f"{end.get('exc_type', 'an exception')}: {exc.get('message', '')}"
            text += "  " + common.red(f"! {common.safe(message.rstrip(': '))}")
        elif ns is None:
            text += common.dim("  (its end is not in the recording)")
        print("  " * (level + 1) + text + took + common.dim(f"  {position}"))


def _describe_thread(thread: Mapping[str, Any]) -> str:
    """Returns '12 calls, from 1.2 ms to 20.3 ms', the time in which the thread was seen."""
    first, last = common.duration(thread["first_ns"]), common.duration(thread["last_ns"])
    return f"{common.counted(thread['calls'], 'call')}, from {first} to {last}"


def _describe_error(node: Node) -> str:
    text = "! " + (common.safe(node.exc) if node.exc else "an exception")
    if node.line:
        text += f" at line {node.line}"
    if node.unwinds > 1 or node.calls > 1:
        text += f" ({common.count(node.unwinds)} of {common.count(node.calls)})"
    return text

"""relive tree: the call tree, repeated calls folded, with what went wrong in it."""

from functools import lru_cache

from relive.cli import DAMAGED, NOTHING, OK, common
from relive.errors import ReliveError


class Node:
    """One function, called from one place."""

    __slots__ = (
        "calls", "children", "code", "depth", "exc", "line", "open", "own", "parent", "total",
        "unwinds",
    )  # fmt: skip

    def __init__(self, row):
        (self.code, self.parent, self.calls, self.total, self.own, self.unwinds, self.exc,
         self.line, self.depth, self.open) = row  # fmt: skip
        self.children = []

    def add(self, other):
        """The same function from the same place, which the recording has twice."""
        self.calls += other.calls
        self.total += other.total
        self.own += other.own
        self.unwinds += other.unwinds
        self.open += other.open
        self.depth = max(self.depth, other.depth)
        self.exc, self.line = other.exc or self.exc, other.line or self.line
        self.children += other.children


def _join_equal(root, code_of):
    """Children of one function become one, where it was defined more than once."""
    pending = [root]
    while pending:
        node = pending.pop()
        first = {}
        for child in node.children:
            known = first.setdefault(code_of(child.code), child)
            if known is not child:
                known.add(child)
        node.children = list(first.values())
        pending += node.children


def main(words):
    """Prints the tree of each process and thread."""
    parser = common.file_parser("tree", "The call tree, repeated calls folded.")
    parser.add_argument(
        "--depth", type=common.whole_number, default=0, help="show this many levels"
    )
    parser.add_argument("--func", help="only below functions whose name holds this text")
    parser.add_argument("--thread", type=common.whole_number, help="only this thread")
    parser.add_argument("--min", default="0", help="leave out what took less, e.g. 2ms")
    parser.add_argument(
        "--limit", type=common.whole_number, default=200,
        help="show this many lines in all (0 = all; default 200)",
    )  # fmt: skip
    parser.add_argument(
        "--calls", action="store_true", help="each call on its own line, with its values"
    )
    parser.add_argument(
        "--session", metavar="N", help="only what ran in this session (its number, or its id)"
    )
    args = parser.parse_args(words)
    least = common.parse_duration("--min", args.min)
    recordings = common.open_run(common.find_file(args.file))
    sessions = {one.path: _session(one, args.session) for one in recordings}
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


def _check_thread(recordings, wanted):
    """A ReliveError where there is no such thread; it names those that are nearest."""
    found = {row["thread"] for one in recordings for row in one.totals(0)["threads"]}
    if wanted not in found:
        near = sorted(sorted(found, key=lambda number: abs(number - wanted))[:5])
        raise ReliveError(
            "ERR_NOT_FOUND",
            f"there is no thread {wanted} in {recordings[0].path}"
            f" (of {len(found)} the nearest are {', '.join(map(str, near)) or 'none'})",
        )


def _session(recording, text):
    """The number of the session that is meant; 0 where this process has none of that name."""
    if text is None:
        return 0
    for event in recording.select(["session_start"]):
        if text in (str(event["session"]), event["fields"].get("id", {}).get("v")):
            return event["session"]
    return 0


class _Printer:
    def __init__(self, args, least):
        self.args = args
        self.least = least
        self.lines = 0
        self.hidden = 0

    def show(self, recording, session, name_process):
        with common.progress(recording):
            nodes = [Node(row) for row in recording.tree(session)]
        for node in nodes:
            if node.parent >= 0:
                nodes[node.parent].children.append(node)
        code_of = lru_cache(maxsize=None)(recording.code)
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
                print(common.dim(f"{title}  ({_counts(thread)})"))
            self._walk(recording, root, code_of, thread)

    def _walk(self, recording, root, code_of, thread):
        wanted = self.args.func
        # (node, level shown at, whether a function above it was asked for)
        pending = [(child, 0, wanted is None) for child in reversed(root.children)]
        while pending:
            node, level, inside = pending.pop()
            code = code_of(node.code)
            shown = inside or wanted in common.name_of(code)
            if shown and node.total >= self.least:
                self._line(recording, node, code, level, thread)
            if shown and self.args.depth and level + 1 >= self.args.depth:
                continue
            below = level + 1 if shown else level
            pending.extend((child, below, shown) for child in reversed(node.children))

    def _line(self, recording, node, code, level, thread):
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
            text += "  " + common.red(_went_wrong(node))
        print(text)


class _Calls:
    """Each call with its arguments, what it returned or raised, and how long it took."""

    def __init__(self, args, least):
        self.args, self.least = args, least
        self.lines = self.hidden = 0

    def show(self, recording, session, name_process):
        codes = None
        if self.args.func is not None:
            codes = [row[0] for row in recording.codes() if self.args.func in f"{row[1]}:{row[2]}"]
        room = self.args.limit - self.lines if self.args.limit else None
        with common.progress(recording):
            calls, more = recording.calls(
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
            self._line(recording, level, event, end)

    def _line(self, recording, level, event, end):
        self.lines += 1
        is_open = end is None and not common.has_gaps(recording)
        until = recording.header["end_ns"] if is_open else end["t"] if end else None
        ns = until - event["t"] if until is not None else None
        end = end or {}
        exc = end.get("exc") or {}
        if self.args.json:
            common.emit(
                pid=recording.header["pid"], thread=event["thread"],
                thread_name=recording.thread(event["thread"])["name"], level=level,
                seq=event["seq"], frame=event["frame"], parent=event["parent"],
                func=event["func"], file=event["file"], line=event["line"],
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
        print("  " * (level + 1) + text + took)


def _counts(thread):
    """'12 calls, from 1.2 ms to 20.3 ms', as long as the thread was seen."""
    first, last = common.duration(thread["first_ns"]), common.duration(thread["last_ns"])
    return f"{common.counted(thread['calls'], 'call')}, from {first} to {last}"


def _went_wrong(node):
    text = "! " + (common.safe(node.exc) if node.exc else "an exception")
    if node.line:
        text += f" at line {node.line}"
    if node.unwinds > 1 or node.calls > 1:
        text += f" ({common.count(node.unwinds)} of {common.count(node.calls)})"
    return text

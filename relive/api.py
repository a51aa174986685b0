"""A recording, open for reading: what relive.open() gives."""

from __future__ import annotations

import os
import sys

from relive import _core, _files, config
from relive._variables import frame_number
from relive._variables import frame_text as frame_text
from relive.errors import ReliveError, ask_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Iterator,
        List,
        Mapping,
        Optional,
        Sequence,
        Tuple,
        Union,
    )

    from relive import diffs
    from relive.activations import Activation
    from relive.calls import Calls
    from relive.covers import Cover
    from relive.cuts import Part
    from relive.finds import Places
    from relive.instants import State
    from relive.lives import Life
    from relive.origins import Origin
    from relive.outputs import Output
    from relive.packs import Pack
    from relive.raised import Raised
    from relive.rows import (
        Checked,
        CodeTexts,
        Function,
        FunctionTotals,
        Neighbour,
        NestedCall,
        SessionCalls,
        SkippedFunction,
        SourceFile,
        StackFrame,
        ThreadRow,
        Totals,
        TreeNode,
    )  # fmt: skip
    from relive.timelines import Entry

    _Path = Union[str, "os.PathLike[str]"]

_SKIPPED = 256  # flag of a function that a filter left out
# Methods of the C reader that an index makes faster, and those that hardly read without it.
_SKIMS_TO_A_PLACE = frozenset(("find_event", "frame_states", "lives", "state"))
_SKIMS = _SKIMS_TO_A_PLACE | {"calls", "exception_details", "exceptions", "exceptions_caught",
                              "exceptions_find", "select", "stacks_at"}  # fmt: skip


def _find_bits(kind: str, known: Mapping[str, int]) -> int:
    """Returns the bits of a kind of event. Raises ReliveError where the name is unknown."""
    if kind not in known:
        raise ReliveError(
            "ERR_USAGE",
            f"there is no kind of event {kind!r}{config.nearest(kind, known)}"
            f" (kinds: {', '.join(known)})",
        )
    return known[kind]


class _Reader:
    """The C reader, with each of its methods called through ask_core(). What is faster with an
    index calls `prepare` first, and says whether it is worth making one."""

    def __init__(self, path: str, member: int, prepare: Callable[[bool], object]) -> None:
        self.raw = self._reader = ask_core(_core.Reader, path, member)
        self._prepare = prepare

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._reader, name)
        if name in _SKIMS:
            return lambda *args, **named: self._skim(method, name in _SKIMS_TO_A_PLACE, args, named)
        return lambda *args, **named: ask_core(method, *args, **named)

    def _skim(self, method: Any, may_make: bool, args: Any, named: Any) -> Any:
        self._prepare(may_make)
        return ask_core(method, *args, **named)


class Source:
    """The text of a source file in a recording.

    `text` is None where there is none; `state` is "text" or a word for the reason, and `meaning`
    has the reason in words. `changed` says that the file was changed after the process began, so
    that the program may have read another text. `redactions` is the number of marks (<redacted>) in
    the text, `digest` the XXH3 of its UTF-8. `same_on_disk` says whether the file of that name has
    the same text now, whatever is redacted; None where it cannot be read."""

    __slots__ = (
        "changed", "digest", "file", "meaning", "redactions", "same_on_disk", "state", "text",
    )  # fmt: skip

    def __init__(
        self,
        file: str,
        state: str,
        meaning: str,
        text: Optional[str],
        changed: bool,
        redactions: int,
        digest: int,
        same_on_disk: Optional[bool],
    ) -> None:
        self.file, self.state, self.meaning, self.text = file, state, meaning, text
        self.changed, self.redactions, self.digest = changed, redactions, digest
        self.same_on_disk = same_on_disk


def _recorded_bytes(text: str) -> bytes:
    """Returns a text as recordings have it: a file's name may be no UTF-8."""
    return text.encode("utf-8", "surrogatepass")


class Recording:
    """One process's recording, open for reading. `siblings` are the other files of its run. A long
    one may get an index beside it (docs/query.md), unless `index` is false."""

    def __init__(self, path: _Path, *, index: bool = True, member: int = 0) -> None:
        self.path, self.member = os.fspath(path), member
        from relive import _facts

        self._wants_index = index and os.environ.get("RELIVE_INDEX") != "0"
        self._index: Optional[Mapping[str, Any]] = None
        self._has_looked_for_index = False
        wrapped: Any = _Reader(self.path, member, self.use_index)
        self._reader: _core.Reader = wrapped
        self.raw_reader: _core.Reader = wrapped.raw  # for methods that take several readers
        header = dict(self._reader.header())
        header["meta"], self._damaged_facts = _facts.checked(header["meta"])
        self.header: Mapping[str, Any] = header
        self._threads: Optional[Mapping[int, ThreadRow]] = None

    @property
    def reader(self) -> _core.Reader:
        """The C reader, for what has no method here; its errors are ReliveErrors."""
        return self._reader

    def use_index(self, may_make: bool = False) -> Optional[Mapping[str, Any]]:
        """Opens the index of this recording, and with `may_make` makes one where it is worth it.
        Returns its path, its bytes and how many events it covers; None where there is none."""
        if self._wants_index and self.header["events"] >= _core.INDEX_WORTHWHILE:
            from relive import _index

            if not self._has_looked_for_index:
                self._index = _index.use(self)
                self._has_looked_for_index = True
            if may_make and self.raw_reader.index_wanted(_core.INDEX_WORTHWHILE):
                self._index = _index.make(self) or self._index
                self._wants_index = False  # once is enough
        return self._index

    def totals(self, session: int = 0) -> Totals:
        """Returns threads, and events by kind. With a session's number, `calls` are those in it."""
        found: Any = self._reader.totals(session)
        totals: Totals = found
        return totals

    def threads(self) -> Mapping[int, ThreadRow]:
        """Returns every thread by its number, the main one first. A row has its name and its first
        name where they are known, its first and last nanosecond, calls and events."""
        if self._threads is None:
            self._threads = {row["thread"]: row for row in self.totals()["threads"]}
        return self._threads

    def tasks(self) -> List[Life]:
        """Returns every task of asyncio or trio, in order of its begin: who created it, how it
        ended, and where those wait that never finished."""
        from relive import lives

        return lives.read_tasks(self)

    def timeline(
        self,
        *,
        kinds: Optional[Sequence[str]] = None,
        begin: Optional[str] = None,
        end: Optional[str] = None,
        thread: int = 0,
        task: int = 0,
        where: Optional[str] = None,
        has_libraries: bool = False,
    ) -> Iterator[Entry]:
        """Yields events of all threads and tasks in order of time: begins and ends of calls of the
        program's own code, and what happens seldom. `kinds` names others, () means all. `begin` and
        `end` are positions, as for state(). `where` picks, as `relive timeline --where` does."""
        from relive import timelines

        return timelines.entries(
            self, kinds, begin, end, thread=thread, task=task, where=where,
            has_libraries=has_libraries,
        )  # fmt: skip

    def thread(self, number: int) -> ThreadRow:
        """Returns one row of threads(), without a name where the thread is not listed."""
        unknown: ThreadRow = {
            "thread": number, "name": None, "first_name": None, "is_main": False, "native_id": 0,
            "root": 0, "first_ns": 0, "last_ns": 0, "events": 0, "calls": 0, "has_ended": False,
        }  # fmt: skip
        return self.threads().get(number, unknown)

    def tree(self, session: int = 0) -> List[TreeNode]:
        """Returns the folded call tree, a parent before its children. With a session's number it
        has the calls in that session. `open` frames had not ended when the recording did, and count
        until then."""
        from relive.rows import TreeNode

        return [TreeNode(*row) for row in self._reader.tree(session)]

    def session_calls(self) -> List[SessionCalls]:
        """Returns the number of calls and errors of each session."""
        from relive.rows import SessionCalls

        return [SessionCalls(*row) for row in self._reader.sessions(self.own_codes())]

    def functions(self) -> List[FunctionTotals]:
        """Returns the sums of each function, longest self time first."""
        from relive.rows import FunctionTotals

        return [FunctionTotals(*row) for row in self._reader.functions()]

    def callers(self, codes: Sequence[int]) -> List[Neighbour]:
        """Returns who called these functions, most calls first."""
        from relive.rows import Neighbour

        return [Neighbour(*row) for row in self._reader.neighbours(codes, True)]

    def callees(self, codes: Sequence[int]) -> List[Neighbour]:
        """Returns what these functions called, most calls first."""
        from relive.rows import Neighbour

        return [Neighbour(*row) for row in self._reader.neighbours(codes, False)]

    def code(self, number: int) -> CodeTexts:
        """Returns the function of a code number."""
        from relive.rows import CodeTexts

        return CodeTexts(*self._reader.code(number))

    def source(self, file: str) -> Optional[Source]:
        """Returns the text of a source file as it was recorded. `file` is the name that code() and
        events have. None where the recording says nothing of that file."""
        folder = self.header["meta"].get("cwd", "")
        row = self._reader.source(_recorded_bytes(file), _recorded_bytes(folder))
        return None if row is None else Source(file, *row)

    def sources(self) -> List[SourceFile]:
        """Returns the source files, in the order in which they were met."""
        from relive.rows import SourceFile

        return [SourceFile(*row) for row in self._reader.sources()]

    def source_lines(self, file: str, first: int, last: int) -> List[str]:
        """Returns lines of a source file, as recorded, from the first one on; fewer where it has
        fewer."""
        return self._reader.source_lines(_recorded_bytes(file), first, last)

    def check(self) -> Checked:
        """Reads and verifies every block."""
        found: Any = dict(self._reader.check())
        found["problems"] = self._damaged_facts + found["problems"]
        result: Checked = found
        return result

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yields every event in order of time, as the dictionaries that `relive dump --json`
        prints."""
        for piece in self.lines():
            for line in piece.splitlines():
                yield _core.read_json(line)

    def lines(self) -> Iterator[bytes]:
        """Yields the dump, in pieces of whole lines (bytes)."""
        while True:
            piece = self._reader.dump()
            if piece is None:
                return
            yield piece

    def select(
        self,
        kinds: Sequence[str] = (),
        *,
        codes: Optional[Sequence[int]] = None,
        frames: Optional[Sequence[str]] = None,
        line: int = 0,
        name: Optional[str] = None,
        thread: int = 0,
        session: int = 0,
        with_callees: bool = False,
    ) -> Iterator[Mapping[str, Any]]:
        """Like events(), but only those of these kinds, codes, frames ('T1#5'), line, thread,
        session, or that write this variable. `with_callees` adds begins and ends of the calls that
        these frames make. C skips the others."""
        mask, known = 0, _core.kinds()
        for kind in kinds:
            mask |= _find_bits(kind, known)
        numbers = None
        if frames is not None:
            numbers = [frame_number(frame) for frame in frames]
        self._reader.select(mask, codes, numbers, line, name, thread, session, with_callees)
        return self.events()

    def calls(self, function: str, *, where: Optional[str] = None, number: int = 0) -> Calls:
        """Returns the calls of a function ('price', 'shop:price'), in order of their begin: iterate
        over it once. With `where` they are those for which an expression is true ('ret < 0'), as
        for `relive calls --where`. With `number` it is that call alone."""
        from relive import calls

        return calls.find_calls(self, function, where, number)

    def nested_calls(
        self,
        *,
        codes: Optional[Sequence[int]] = None,
        thread: int = 0,
        session: int = 0,
        depth: int = 0,
        least: int = 0,
        limit: Optional[int] = None,
        after: Tuple[int, int] = (0, 0),
        may_cut: bool = False,
    ) -> Tuple[Iterator[NestedCall], Optional[int]]:
        """Returns single calls, and how many more than `limit` there are.

        They come by thread, and within a thread in order of start, each directly below the nearest
        caller that is shown. `codes` keeps these functions and what they call, `depth` so many
        levels of them, `least` those that took so many nanoseconds. With `after`, thread and number
        of a call event, the answer begins behind that call. With `may_cut` it ends once its calls
        are known. Then the others may be None: there are some, which were not counted."""
        most = sys.maxsize if limit is None else limit
        more = self._reader.calls(codes, thread, session, depth, least, most, *after, may_cut)
        return self._read_calls(), more

    def _read_calls(self) -> Iterator[NestedCall]:
        from relive.rows import NestedCall

        read = _core.read_json
        piece = self._reader.calls_piece()
        while piece:
            for level, start, end in piece:
                yield NestedCall(level, read(start), None if end is None else read(end))
            piece = self._reader.calls_piece()

    def diff(
        self,
        other: Recording,
        *,
        thread: int = 1,
        other_thread: int = 0,
        calls: Optional[Tuple[str, str]] = None,
        limit: int = 20,
    ) -> diffs.Comparison:
        """Compares a thread with one of another recording, step by step, and returns where they
        part. `other_thread` is the same number where it is left out. With `calls`, such as
        ("price#3", "price#4"), one call of each is compared. Addresses and times are not.

        `limit` bounds the differences that are kept: so many in functions of the program's own, and
        so many in libraries."""
        from relive import diffs, positions

        threads, seqs = (thread, other_thread or thread), None
        if calls is not None:
            a, b = positions.find([self], calls[0]), positions.find([other], calls[1])
            threads, seqs = (a.thread, b.thread), (a.seq, b.seq)
        return diffs.compare(self, other, threads, seqs, limit)

    def event(self, thread: int, number: int) -> Optional[Mapping[str, Any]]:
        """Returns one event as a dictionary, or None where it is lost."""
        line = self._reader.event(thread, number)
        return None if line is None else _core.read_json(line)

    def progress(self) -> Tuple[int, int]:
        """Returns how many blocks of events the current question has read, and how many there are.
        Another thread may call it."""
        return self._reader.progress()

    def stacks_at(self, positions: Sequence[Tuple[int, int]]) -> List[List[StackFrame]]:
        """Returns the frames that were open at each (thread, number of an event), innermost last.
        The line is known for a frame that has called the next one, where an exception has come up
        since; otherwise it is 0."""
        from relive.rows import StackFrame

        return [
            [StackFrame(frame_text(frame), code, line) for frame, code, line in stack or ()]
            for stack in self._reader.stacks_at(positions)
        ]

    def state(self, position: str, *, thread: int = 0) -> State:
        """Returns what is open right after the event that a position names: threads, tasks, frames
        and their variables. With a thread's number only its frames are read. Positions are
        'T1@48213', 'price#118', 'shop.py:40#3', 'exc:last', '42%', '+3ms', 'start' and 'end'."""
        from relive import instants

        return instants.state_at(self, position, thread)

    def find(
        self,
        value: object,
        *,
        contains: bool = False,
        pattern: bool = False,
        writers: bool = False,
    ) -> Places:
        """Returns every place where a value is, in order of time: iterate over it once.

        A value is None, a bool, number, text or bytes, or a list or tuple of these. With `contains`
        it is a text that others contain; with `pattern` a pattern to search in texts. `writers`
        leaves all but the writes of variables, attributes and items away."""
        from relive import finds

        return finds.Places(self, finds.expression_of(value, contains, pattern), writers)

    def origin(
        self, name: str, position: str, *, follow: Sequence[str] = (), limit: int = 50
    ) -> Origin:
        """Returns where a value came from: that of a name right after the event of a position.

        A name is 'total', 'order.items[0].price', or 'ret' for what the call returns. The way ends
        at a line that computes. `follow` has a name for each such line, to go on with: 'qty', or
        '2' for the second one that the line reads."""
        from relive import _trail, positions

        place = positions.find([self], position)
        return _trail.Trail(self, follow, limit).trace(name, place)

    def out(self) -> Iterator[Output]:
        """Yields what the program wrote to stdout and stderr, in order of time, each write with its
        position and function. It is recorded with --output alone."""
        from relive import outputs

        return outputs.read(self)

    def frame(self, call: str) -> Activation:
        """Returns one call whole: what each line of it did. `call` is a position in it, such as
        'price#118' or 'exc:1', or the name of a frame: 'T1#5'."""
        from relive import activations

        recording, frame, _ = activations.find([self], call)
        found = activations.read(recording, frame)
        if found is None:
            raise ReliveError("ERR_NOT_FOUND", f"nothing of frame {frame} was recorded")
        return found

    def exceptions(self, type: Optional[str] = None, *, all: bool = False) -> Iterator[Raised]:
        """Yields exceptions as `relive exc` lists them, the most urgent first. `type` keeps those
        of one type; with `all` also those that end loops, or stayed inside libraries."""
        from relive import raised

        return raised.read(self, type, all)

    def cover(self, target: str) -> Cover:
        """Returns which lines ran of a function ('price', 'shop:price') or a file ('shop.py'), and
        how often."""
        from relive import covers

        return covers.read([self], target)

    def cut(
        self, path: _Path, first: str = "start", last: str = "end", *, force: bool = False
    ) -> Part:
        """Writes the events from one position to another, both included, as a recording of its own.
        With `force` it replaces a recording of that name."""
        from relive import cuts

        return cuts.write([self], os.fspath(path), first, last, force=force)

    def codes(self) -> List[Function]:
        """Returns every function that was seen, in the order in which they were met."""
        from relive.rows import Function

        return [Function(*row) for row in sorted(self._reader.codes()) if not row[5] & _SKIPPED]

    def own_codes(self) -> List[int]:
        """Returns the numbers of the functions that are in no library. Code that has no file is
        where the other code of its module is. Where an installed command has no own code but the
        script that calls it, these are the functions of its libraries."""
        text: str = self.header["meta"].get("libraries", "")
        libraries = ("<frozen", *filter(None, text.split(os.pathsep)))
        rows = self.codes()
        theirs = {row[1] for row in rows if row[3].startswith(libraries)}
        theirs -= {row[1] for row in rows if not row[3].startswith(("<", *libraries))}
        own = [
            row
            for row in rows
            if not (row[1] in theirs if row[3][:1] == "<" else row[3].startswith(libraries))
        ]
        from relive._facts import is_launcher

        if all(is_launcher(f"{row[1]}:{row[2]}", row[3]) for row in own):
            own = [row for row in rows if not row[3].startswith("<frozen")]
        return [row[0] for row in own]

    def skipped(self) -> List[SkippedFunction]:
        """Returns the functions that were met and not recorded, each with the reason."""
        from relive.rows import SkippedFunction

        return [SkippedFunction(*row) for row in sorted(self._reader.codes()) if row[5] & _SKIPPED]

    def problems(self) -> List[str]:
        """Returns what was found wrong with the file so far."""
        found: List[str] = self._reader.header()["problems"]
        return self._damaged_facts + found

    def siblings(self) -> List[str]:
        """Returns the paths of the other files of this run, in order of their start. The other
        recordings of a pack are in the same file: others() names either."""
        found = []
        if self.member or self.header["members"]:
            return []
        for path in _files.list_children(self.path):
            try:
                header = _core.Reader(path).header()
            except _core.Error:
                continue
            if header["run_id"] == self.header["run_id"]:
                found.append((header["start_mono_ns"], path))
        return [path for _, path in sorted(found)]

    def others(self) -> Iterator[Tuple[str, int]]:
        """Yields where the other recordings of this run are: (path, number in a pack or 0)."""
        if not self.member:
            yield from ((path, 0) for path in self.siblings())
            yield from ((self.path, number + 1) for number in range(self.header["members"]))

    def pack(
        self,
        path: _Path,
        *,
        redact: Sequence[str] = (),
        trace_filter: Sequence[str] = (),
        values: bool = True,
        sources: bool = True,
        argv: bool = True,
        machine: bool = True,
        paths: bool = True,
        force: bool = False,
    ) -> Pack:
        """Writes the whole run, with its children, as one file that may be passed on. Secrets are
        searched for once more, by the built-in rules and these. What is False is left out."""
        from relive import packs

        run = [self, *(Recording(file, member=number) for file, number in self.others())]
        return packs.write(
            run, os.fspath(path), redact=redact, trace_filter=trace_filter, values=values,
            sources=sources, argv=argv, machine=machine, paths=paths, force=force,
        )  # fmt: skip

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


def open(path: _Path, *, index: bool = True) -> Recording:
    """Opens a recording for reading; it may still be written, be cut or be damaged. With
    index=False no index is read or made beside it."""
    return Recording(path, index=index)

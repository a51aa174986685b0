"""relive exc: exceptions, from where they were raised to where they were caught."""

from __future__ import annotations

import sys

from relive._variables import Variable, frame_text
from relive.cli import DAMAGED, NOTHING, OK, common, paging, source
from relive.cli.bodies import Bodies
from relive.cli.options import Given, Option, ordinal
from relive.errors import ReliveError
from relive.stories import Exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

    from relive.api import Recording
    from relive.stories import Place, Row, Story

# Of a module's names those that its statements define say nothing of how it came to an exception.
_DEFINITIONS = ("<class '", "<function ", "<module ", "<built-in ", "<bound method ")
_LISTED = 30  # lines of the list before the exception that is shown whole
_MOST_CAUSES = 3  # of one exception that are shown whole


def main(words: List[str]) -> int:
    """Lists exceptions and shows one of them whole."""
    args = common.file_parser(
        "exc", "Exceptions: where raised, through which frames, where caught.",
        Option("--all", text="also those that end loops and generators, and those that stayed"
               " inside libraries"),
        Option("--type", metavar="TYPE", text="only this type"),
        Option("--nth", metavar="N", read=_parse_number,
               text="show this one of the list whole: 3 or exc:3; last, the one that began last"),
        *paging.options(_LISTED, True),
        Option("--full", text="each frame of libraries on its own line, and whole values"),
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    found = Exceptions(run, args.type, args.all)
    if found.count and (args.nth or 0) > found.count:
        raise ReliveError(
            "ERR_NOT_FOUND", f"there is no exception {args.nth}: relive exc lists {found.count}"
        )
    damaged = common.say_problems(run)
    answer = DAMAGED if damaged else OK if found.count else NOTHING
    if args.json:
        page = paging.Page(args, "exc", run[0].header["run_id"], args.all, args.type, args.nth)
        page.put_schema("relive.exc")
        page.put_all(json_rows(found, args.nth), found.count)
        page.end()
        return answer
    page = paging.Page(
        args, "exc text", run[0].header["run_id"], args.all, args.type, args.nth, args.full,
        limit=_LISTED,
    )  # fmt: skip
    answered = _Answer(found, args, page)
    left = page.put_mixed(answered.rows()) + answered.unread
    last = "" if found.count else f"no exception of the program was recorded{seen_how(run)}\n"
    if found.hidden:
        others = common.counted(found.hidden, "other exception")
        text = f"{others} that only ended a loop or stayed inside libraries (--all)"
        last += f"{common.dim(text)}\n"
    page.end(last, left, "line", " of the list")
    say_next(found, answered.other, args)
    return answer


def _parse_number(text: str) -> int:
    """Reads 3, exc:3, last or exc:last; 0 means the last one."""
    text = text[4:] if text.startswith("exc:") else text
    return 0 if text == "last" else ordinal(text)


def _number_of(found: Exceptions, nth: int) -> int:
    """Returns the number of the exception that --nth means."""
    if nth:
        return nth
    newest = found.newest(found.run)
    return newest[1].number if newest is not None else 1


def json_rows(found: Exceptions, nth: Optional[int]) -> Iterator[str]:
    """Yields a row for each exception in the order of the list, with --nth for that one alone."""
    import heapq

    wanted = None if nth is None else _number_of(found, nth)
    rows = [_rows_of(found, recording) for recording in range(len(found.run))]
    return (text for number, text in heapq.merge(*rows) if wanted in (None, number))


def _rows_of(found: Exceptions, recording: int) -> Iterator[Tuple[int, str]]:
    """Yields (number, row) of the exceptions of one process."""
    for story in found.stories(recording):
        yield story.number, row(found.run[recording], story, found.run)


class _Answer:
    """The list, and one exception whole: that of --nth comes first, another one behind the first
    lines of the list. `other` is the number of one that reads differently; `unread` is how many
    lines of the list follow those that rows() yields."""

    def __init__(self, found: Exceptions, args: Given, page: paging.Page) -> None:
        self._found, self._args = found, args
        self.other: Optional[int] = None
        self.unread = 0
        room = page.room
        self._most = 0 if room is None else max(_LISTED, page.skip + room + 1)

    def rows(self) -> Iterator[Tuple[str, bool]]:
        """Yields the texts, each with whether it is a line of the list."""
        found, nth = self._found, self._args.nth
        if not found.count:
            return
        wanted = 1 if nth is None else _number_of(found, nth)
        number = max(1, min(found.count, wanted))
        rows, self.unread, place = found.rows(self._most, number)
        urgent = found.most_urgent(rows[:_LISTED]) if nth is None else None
        if urgent is not None and not urgent.first <= number < urgent.end:
            _, _, place = found.rows(1, urgent.first)
        texts, whole = tell_whole(found, place, self._args.full)
        begin, others = rows[:_LISTED], rows[_LISTED:]
        known = sorted(begin, key=lambda row: row.is_exit)
        unlike = (row.first for row in known if whole.isdisjoint(range(row.first, row.end)))
        self.other = next(unlike, None)
        if nth is not None:
            texts = [texts[0][1:], *texts[1:], "\n"]
            begin, others = [], rows
        yield from ((_list_line(row), True) for row in begin)
        yield from ((text, False) for text in texts)
        yield from ((_list_line(row), True) for row in others)


def seen_how(run: List[Recording]) -> str:
    """Returns what an empty answer does not show."""
    if all(common.sees_handled(recording.header["meta"]) for recording in run):
        return ""
    return (
        "; those that were raised and caught inside one frame are not visible at this level"
        " (--level lines shows them)"
    )


def say_next(found: Exceptions, other: Optional[int], args: Given) -> None:
    """Suggests another exception that reads differently, also where a program reads the answer."""
    path = common.short_path(found.run[0].path)
    command = f"relive tree --calls {path}"
    if other is not None:
        words = ["relive exc --nth", str(other)]
        words += ["--all"] if args.all else []
        words += ["--type", args.type] if args.type else []
        command = " ".join([*words, path])
    sys.stderr.write(f"next: {common.safe(common.typed(command))}\n")


def _list_line(row: Row) -> str:
    """Returns the line of an exception, and of its equal neighbours."""
    count = row.end - row.first
    line = f"{row.first:>4}  {row.text}" + (f"  x{common.count(count)}" if count > 1 else "")
    return f"{common.red(line) if row.is_alarming else line}\n"


def title_of(exc: Mapping[str, Any]) -> str:
    """Returns type and message, as a traceback ends."""
    message = common.safe(exc["message"])
    return common.safe(exc["type"]) + (f": {message}" if message else "")


def _title_listed(exc: Mapping[str, Any], number: int) -> str:
    """Returns 'exception 2, KeyError: 1', by the number in the list; 0 where it is not listed."""
    return (f"exception {number}, " if number else "") + title_of(exc)


def chain(exc: Mapping[str, Any]) -> List[Tuple[str, Mapping[str, Any]]]:
    """Returns [(word, exception)] of cause and context, as far as Python shows them."""
    found = []
    for word, other in (("because of", exc.get("cause")), ("while handling", exc.get("context"))):
        if other and "type" in other:
            if word == "while handling" and (exc.get("cause") or exc.get("suppress_context")):
                continue
            found += [(word, other), *chain(other)]
    return found


def tell_whole(found: Exceptions, place: Place, is_full: bool) -> Tuple[List[str], Set[int]]:
    """Returns an exception with its frames, after those that caused it, in pieces of whole lines;
    and the numbers of all."""
    recording, story = place[0], found.story(place)
    others = chain(story.exc)
    known = found.others_of(recording, story, [other for _, other in others])
    relations, causes = [], []
    for word, other in others:
        index = known.get((other["type"], other.get("id", 0)))
        number = found.number(recording, index) if index is not None else 0
        relations.append(f"  {word} {_title_listed(other, number)}")
        if number and index is not None:
            causes.append((number, found.story((recording, index))))
    reason = found.reason(place)
    if reason is not None and reason[1] not in known.values():
        number, other_story = found.number(*reason), found.story(reason)
        relations.append(f"  after the call had caught {_title_listed(other_story.exc, number)}")
        causes.append((number, other_story))
    frames = [row[0] for row in story.lines()]
    texts = []
    for number, cause in reversed(causes[:_MOST_CAUSES]):
        texts.append(f"\n{_title_listed(cause.exc, number)}\n")
        texts += _tell_frames(found, recording, cause, is_full, frames)
    texts.append("\n" + "\n".join([title_of(story.exc), *relations]) + "\n")
    texts += _tell_frames(found, recording, story, is_full)
    return texts, {story.number, *(number for number, _ in causes[:_MOST_CAUSES])}


def _tell_frames(
    found: Exceptions, number: int, story: Story, is_full: bool, below: Sequence[str] = ()
) -> Iterator[str]:
    """Yields the frames of an exception with their variables, outermost first, and its end. Frames
    that are shown `below` as well are left out, except the one that both have last."""
    recording = found.run[number]
    where = common.position(story.first, found.run)
    if len(recording.threads()) > 1:
        where += f" in {common.thread_title(recording.thread(story.first['thread']))}"
    yield common.dim(f"at {where}, innermost frame last") + "\n"
    rows = story.lines()
    known = sum(1 for _ in _take_equal([row[0] for row in rows], below)) - 1
    if known > 0:
        yield common.dim(f"  ... {common.counted(known, 'frame')}, as below") + "\n"
        rows = rows[known:]
    frames = [activation(recording, story, code) for _, code, _ in rows]
    variables = variables_of(recording, story, [row[0] for row in rows])
    known_bodies = Bodies([recording])
    folded = {} if is_full else _fold_libraries(recording, frames)
    position = 0
    while position < len(rows):
        if position in folded:
            until = folded[position]
            yield common.dim(_describe_folded(frames[position:until])) + "\n"
            position = until
            continue
        frame, _, line = rows[position]
        what = frames[position]
        text = source.line_of(recording, what["file"], line, what["func"])
        most = 1 << 62 if is_full else 0
        lines = _frame_lines(what, line, variables.get(frame, ()), most, text, known_bodies)
        yield "".join(f"{one}\n" for one in lines)
        position += 1
    yield (common.red(story.fate) if story.is_alarming else story.fate) + "\n"


def _take_equal(some: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    """Yields what two sequences begin with."""
    for one, other in zip(some, others):
        if one != other:
            return
        yield one


def _fold_libraries(recording: Recording, frames: Sequence[Mapping[str, Any]]) -> Dict[int, int]:
    """Returns {begin: end} of runs of frames of libraries. The innermost frame is in none, and
    there are none where every frame is of a library. Of an installed command, the package that its
    script calls is no library."""
    are_library = [common.is_library(recording, what["file"]) for what in frames]
    found: Dict[int, int] = {}
    if all(are_library):
        return found
    if not any(common.is_own(recording, what) for what in frames) and not are_library[0]:
        packages = [what["func"].partition(":")[0].partition(".")[0] for what in frames]
        are_library = [False, *(package != packages[1] for package in packages[1:])]
    begin = None
    for position, is_library in enumerate([*are_library[:-1], False]):
        if is_library and begin is None:
            begin = position
        elif not is_library and begin is not None:
            if position - begin > 1:
                found[begin] = position
            begin = None
    return found


def _describe_folded(frames: Sequence[Mapping[str, Any]]) -> str:
    """Returns '  ... 12 frames of pluggy, _pytest (--full shows them)'."""
    packages = dict.fromkeys(what["func"].partition(":")[0].partition(".")[0] for what in frames)
    names = ", ".join(common.safe(name) for name in list(packages)[:4])
    names += ", ..." if len(packages) > 4 else ""
    return f"  ... {len(frames)} frames of {names} (--full shows them)"


def _frame_lines(
    what: Mapping[str, Any],
    line: Optional[int],
    variables: Sequence[Variable],
    most: int,
    text_of_line: Optional[str],
    bodies: Bodies,
) -> Iterator[str]:
    """Yields the lines of a frame: its arguments at the call, the text of its line, and its
    variables where they differ. `most` bounds a text, 0 = as usual."""
    at_call = [(one.name, one.at_call or one.value) for one in variables if one.is_parameter]
    own = {name: value for name, value in at_call if value is not None}
    at = common.place(what, line) if line else f"{common.file_name(what)}:?"
    unknown = "" if line else "  (the recording does not say at which line)"
    text = common.arguments_text(own, most or 160, most=most or 80)
    yield f"  {at}  {bodies.call_text(what, common.safe(what['func']), text)}{unknown}"
    if text_of_line:
        yield common.dim(f"    > {source.shown(text_of_line)}")
    is_module = what["func"].endswith(":<module>")
    for one in variables:
        if one.value is None or not one.is_shown:
            continue
        is_definition = is_module and one.value["r"].startswith(_DEFINITIONS)
        is_as_called = one.name in own and own[one.name]["r"] == one.value["r"]
        if not is_as_called and not is_definition:
            mark = f"  {common.UNSEEN}" if one.is_doubtful else ""
            value = common.value_text(one.value, most or 120)
            yield f"      {common.safe(one.name)} = {value}{mark}"


def activation(recording: Recording, story: Story, code: int) -> Mapping[str, Any]:
    """Returns the function of a frame."""
    if code == 0:  # of the exception's own event, or not known after a gap
        first: Mapping[str, Any] = story.first
        return first
    module, qualname, file, line, _ = recording.code(code)
    return {"func": f"{module}:{qualname}", "file": file, "line": line}


def variables_of(
    recording: Recording, story: Story, frames: Sequence[str]
) -> Dict[str, List[Variable]]:
    """Returns {frame: variables} right after the first event of the exception."""
    first = story.first
    state = recording.reader.state(first["thread"], first["seq"])
    rows = [] if state is None else state[3]
    return {
        frame_text(row[0]): [Variable(one) for one in row[7]]
        for row in rows
        if frame_text(row[0]) in frames
    }


def row(recording: Recording, story: Story, run: List[Recording]) -> str:
    """Returns an exception as a JSON object."""
    frames = []
    for frame, code, line in story.lines():
        what = activation(recording, story, code)
        text = source.line_of(recording, what["file"], line, what["func"])
        frames.append(
            {"frame": frame, "func": what["func"], "file": what["file"], "line": line,
             "source": text}
        )  # fmt: skip
    first = story.first
    return common.row(
        number=story.number, position=common.position(first, run), thread=first["thread"],
        thread_name=recording.thread(first["thread"])["name"], type=story.exc["type"],
        message=story.exc["message"], func=first["func"], file=first["file"],
        line=first.get("exc_line"), cause=story.exc.get("cause"), context=story.exc.get("context"),
        fate=story.fate, uncaught=story.is_alarming,
        control_flow=story.outcome.is_control_flow(), frames=frames,
    )  # fmt: skip

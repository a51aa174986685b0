"""IPython and Jupyter: `%load_ext relive`, then `%%relive` on a cell.

    cell with %%relive --> IPython runs it as any cell, between two events of its own
    pre_run_cell  -> a recording begins, in a temporary folder or here (--keep)
    post_run_cell -> it ends; below the cell's own output comes what went wrong, and the time

IPython runs the cell by itself: `await`, the last expression, Out[] and tracebacks stay as they
are. So the header is taken off the cell's text (`_Magics.strip`), and `pre_run_cell` reads it from
the text as it was typed. Only where `%%relive` is not the first line of a cell, or `%relive` is
part of one, the magic runs the code itself.

Code of IPython, of the kernel and of threads that other cells have started is left out."""

from __future__ import annotations

import html
import linecache
import os
import re
import shlex
import shutil
import sys
import threading
from dataclasses import dataclass

from relive import _core, _facts, _run, config, recorder
from relive._terminal import safe
from relive.api import open as open_recording
from relive.cli.common import counted, duration, losses_text, short_path
from relive.cli.options import Given, Option, Parser
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

    from relive.api import Recording
    from relive.raised import Raised, RaisedFrame

# What runs a cell. A cell that imports one of these by itself can include it (--include).
_MACHINERY = (
    "IPython", "comm", "dateutil.tz", "debugpy", "decorator", "ipykernel", "jedi",
    "jupyter_client", "jupyter_core", "matplotlib_inline", "parso", "prompt_toolkit", "relive",
    "tornado", "traitlets", "zmq",
)  # fmt: skip
_MOST_EXCEPTIONS, _MOST_FUNCTIONS = 5, 8

_OPTIONS = (
    Option("--level", choices=config.LEVELS, text="how much is recorded (default: values)"),
    Option("--keep", text="keep the recording in the current folder"),
    Option("-o", "--output", metavar="FILE", text="keep it under this name"),
    Option("--force", text="replace a recording of that name"),
    Option("--include", metavar="NAME", many=True, text="record only this module or function"),
    Option("--exclude", metavar="NAME", many=True, text="leave it out"),
)
_PARSER = Parser(
    "%%relive", "Records this cell, and shows below it what went wrong and where the time went.",
    *_OPTIONS,
)  # fmt: skip
_PARSER.prog = "%%relive"
_OPTION = re.compile(r"\s*(--?[A-Za-z][\w-]*)(?:=(\S+))?(?=\s|$)")
_VALUE = re.compile(r"\s+(\"[^\"]*\"|'[^']*'|\S+)")
_HEADER = re.compile(r"(\s*)%(%?)relive(?=\s|$)([^\n]*)(\n|$)")


@dataclass(frozen=True)
class HotFunction:
    """A function by the time that was its own."""

    func: str
    place: str
    calls: int
    self_ns: int
    total_ns: int


@dataclass(frozen=True)
class Failure:
    """An exception of a cell, at the innermost frame that is in no library."""

    number: int
    """`%relive_exc --nth 2` shows exc:2"""
    title: str
    place: str
    source: str
    fate: str


@dataclass(frozen=True)
class CellAnswer:
    """What a recorded cell shows: text in a terminal, a table in a notebook."""

    failures: Tuple[Failure, ...]
    more_failures: int
    functions: Tuple[HotFunction, ...]
    events: int
    lost: str
    path: str
    is_kept: bool

    def _last_line(self) -> str:
        lost = f", lost: {self.lost}" if self.lost else ""
        where = f"  {short_path(self.path)}" if self.is_kept else ""
        command = "%relive_exc" if self.failures else "%relive_ask tree"
        return f"relive: {counted(self.events, 'event')}{lost}{where}    next: {command}"

    def __repr__(self) -> str:
        lines = []
        for one in self.failures:
            lines += [f"exc:{one.number}  {safe(one.title)}", f"    {safe(one.place)}"]
            lines[-1] += f"  {safe(one.source)}" if one.source else ""
            lines.append(f"    {safe(one.fate)}")
        if self.more_failures:
            lines.append(f"... {self.more_failures:,} more (%relive_exc)")
        if self.functions:
            lines.append(f"{'calls':>10} {'self':>10} {'total':>10}  function")
        for row in self.functions:
            times = f"{duration(row.self_ns):>10} {duration(row.total_ns):>10}"
            lines.append(f"{row.calls:>10,} {times}  {safe(row.func)}  {safe(row.place)}")
        return "\n".join([*lines, safe(self._last_line())])

    def _repr_html_(self) -> str:
        rows = []
        if self.failures:
            rows.append(_html_row("th", "", "exception", "place", "how it ended"))
        for one in self.failures:
            place = f"{one.place}  {one.source}"
            rows.append(_html_row("td", f"exc:{one.number}", one.title, place, one.fate))
        if self.more_failures:
            rows.append(_html_row("td", "", f"{self.more_failures:,} more (%relive_exc)", "", ""))
        first = f"<table>{''.join(rows)}</table>" if rows else ""
        rows = [_html_row("th", "calls", "self", "total", "function", "place")]
        for row in self.functions:
            texts = (f"{row.calls:,}", duration(row.self_ns), duration(row.total_ns))
            rows.append(_html_row("td", *texts, row.func, row.place))
        second = f"<table>{''.join(rows)}</table>" if self.functions else ""
        return f"{first}{second}<small>{html.escape(safe(self._last_line()))}</small>"


def _html_row(tag: str, *texts: str) -> str:
    cells = "".join(
        f'<{tag} style="text-align:left">{html.escape(safe(text))}</{tag}>' for text in texts
    )
    return f"<tr>{cells}</tr>"


class _Seen:
    """`with _Seen():` the code of a cell runs, and is recorded."""

    def __enter__(self) -> None:
        _core.suppress(False)

    def __exit__(self, *exc_info: object) -> None:
        _core.suppress(True)


class _Magics:
    """The magics of one shell, and the recording of the cell that runs."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._shell_run_code = shell.run_code
        self._shell_show_traceback = shell.showtraceback
        self._folder = ""
        self._given: Any = None  # the options of the cell that is recorded
        self._path = ""
        self._last = ""

    # ---- a whole cell: between two events of IPython ----

    def strip(self, lines: List[str]) -> List[str]:
        """Takes the header off a cell that has one, and keeps its lines where they are. A header
        that does not parse stays, and the magic below reports it."""
        head = _split_header("".join(lines))
        if head is None or _parse_quietly(head[0]) is None:
            return lines
        return head[1].splitlines(keepends=True)

    def before(self, info: Any) -> None:
        """Begins the recording of a cell with a header."""
        head = _split_header(info.raw_cell or "")
        given = _parse_quietly(head[0]) if head is not None else None
        if given is not None:
            self._report(self._begin, given)

    def after(self, _result: Any = None) -> None:
        """Ends it, and shows the answer."""
        if self._given is not None:
            self._report(self._end)

    def _report(self, step: Callable[..., None], *arguments: Any) -> None:
        """Runs a step. The cell runs whatever becomes of it, so an error is a line on stderr."""
        try:
            step(*arguments)
        except ReliveError as error:
            sys.stderr.write(f"relive: {safe(str(error))}\n")

    def _begin(self, given: Any) -> None:
        if recorder.is_recording():
            raise ReliveError("ERR_BUSY", "a recording is on already, and has this cell in it")
        path = self._choose_path(given)
        settings: Dict[str, Any] = {
            "exclude": [*(f"{name}.*" for name in _MACHINERY), *(given.exclude or ())],
            "trace_filter": _other_threads(),
            "force": bool(given.force) or not (given.keep or given.output),
        }
        if given.include:
            settings["include"] = given.include
        if given.level:
            settings["level"] = given.level
        recorder.start(path, **settings)
        _core.suppress(True)
        self._given, self._path = given, path
        self._shell.run_code = self._run_code
        self._shell.showtraceback = self._show_traceback

    async def _run_code(self, *args: Any, **kwargs: Any) -> Any:
        """Stands for the shell's own method while a cell is recorded: what IPython does before and
        after it is not of the cell."""
        with _Seen():
            return await self._shell_run_code(*args, **kwargs)

    def _show_traceback(self, *args: Any, **kwargs: Any) -> Any:
        with _run.quiet:
            return self._shell_show_traceback(*args, **kwargs)

    def _end(self) -> None:
        given, self._given = self._given, None
        del self._shell.run_code, self._shell.showtraceback
        _core.suppress(False)
        if not recorder.is_recording():
            raise ReliveError("ERR_NOT_RECORDING", "the cell has ended its recording by itself")
        recorder.stop()
        self._last = self._path
        with open_recording(self._path) as recording:
            answer = _read_answer(recording, self._shell, bool(given.keep or given.output))
        self._show(answer)

    def _choose_path(self, given: Any) -> str:
        if given.output:
            return os.path.abspath(str(given.output))
        if given.keep:
            return os.path.abspath(recorder.default_path())
        if not os.path.isdir(self._folder):
            import atexit
            import tempfile

            self._folder = tempfile.mkdtemp(prefix="relive-cells-")
            atexit.register(_remove_folder, self._folder, os.getpid())
        return os.path.join(self._folder, "cell.relive")

    def _show(self, answer: CellAnswer) -> None:
        from IPython.display import display  # type: ignore[import-not-found]

        display(answer)

    # ---- the magics themselves ----

    def cell(self, line: str, code: str) -> None:
        """%%relive [--level LEVEL] [--keep] [-o FILE] [--include NAME] [--exclude NAME]: records a
        cell."""  # where IPython calls it: below another magic, or with a wrong header
        given = self._parse(shlex.split(line))
        if given is not None:
            self._run(given, code, is_expression=False)

    def line(self, line: str) -> Any:
        """%relive [options] CODE: records one expression or statement, and returns its value."""
        words, code = _split_options(line)
        given = self._parse(words)
        if given is None:
            return None
        if not code.strip():
            self._refuse("there is no code to record: %relive f(1)")
        return self._run(given, code, is_expression=True)

    def exc(self, line: str) -> None:
        """%relive_exc: the exceptions of the last recorded cell, as `relive exc` shows them."""
        self.ask(f"exc {line}")

    def ask(self, line: str) -> None:
        """%relive_ask VERB [options]: any verb, about the last recorded cell."""
        import contextlib
        import io

        from relive import cli

        words = shlex.split(line)
        if not self._last or not os.path.exists(self._last):
            self._refuse("no cell was recorded yet: put %%relive on the first line of one")
        elif not words:
            self._refuse("a verb is wanted, such as %relive_ask tree --calls")
        else:
            written = io.StringIO()
            with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
                with contextlib.suppress(SystemExit):
                    cli.main([*words, self._last])
            text = written.getvalue().replace(f" {short_path(self._last)}", "")
            text = re.sub(r"(?m)^next: relive ", "next: %relive_ask ", text)
            sys.stdout.write(_name_cells(self._shell, text))

    def _run(self, given: Any, code: str, is_expression: bool) -> Any:
        """Runs code in the user's namespace while it is recorded, and shows the answer below it."""
        shell = self._shell
        typed = shell.history_manager.input_hist_parsed  # the last one is the cell that runs
        name = shell.compile.cache(code, max(len(typed) - 1, 0))
        try:
            run: Any = compile(code, name, "eval")
        except SyntaxError:
            run = shell.compile(shell.transform_cell(code), name, "exec")
        self._report(self._begin, given)
        try:
            with _Seen():
                value = eval(run, shell.user_global_ns, shell.user_ns)
        finally:
            self.after()
        return value if is_expression else None

    def _parse(self, words: List[str]) -> Any:
        try:
            return _PARSER.parse(words)
        except ReliveError as error:
            self._refuse(str(error))
        except SystemExit:  # after --help
            return None

    def _refuse(self, text: str) -> None:
        from IPython.core.error import UsageError  # type: ignore[import-not-found]

        raise UsageError(f"relive: {safe(text)}")


def _split_options(text: str) -> Tuple[List[str], str]:
    """Divides '--level lines f(1)' into the words of options and the code behind them."""
    words: List[str] = []
    at = 0
    while True:
        found = _OPTION.match(text, at)
        if found is None:
            return words, text[at:].lstrip()
        name, value = found.group(1), found.group(2)
        option = next((one for one in _OPTIONS if name in one.names), None)
        if option is None and not name.startswith("--") and name != "-h":
            return words, text[at:].lstrip()  # -x + 1
        words.append(found.group().strip())
        at = found.end()
        if option is not None and option.metavar and value is None:
            following = _VALUE.match(text, at)
            if following is not None:
                words.append(following.group(1).strip("\"'"))
                at = following.end()


def _split_header(text: str) -> Optional[Tuple[List[str], str]]:
    """Divides a cell that is recorded into the words of its header and its code. An empty line
    replaces the header. Returns None for any other cell."""
    found = _HEADER.match(text)
    if found is None:
        return None
    words, code = _split_options(found.group(3))
    rest = text[found.end() :]
    blank = "\n" * found.group(1).count("\n")
    if found.group(2):
        return (words, f"{blank}\n{rest}") if not code else None
    return (words, f"{blank}{code}\n") if code and not rest.strip() else None


def _parse_quietly(words: List[str]) -> Optional[Given]:
    """Returns the options of a header; None where they are wrong, or ask for help."""
    if any(word in ("-h", "--help") for word in words):
        return None
    try:
        return _PARSER.parse(words)
    except ReliveError:
        return None


def _other_threads() -> List[Mapping[str, Any]]:
    """Returns a filter that leaves out the threads which other cells have started. Those of the
    kernel run its own code alone."""
    own = threading.current_thread()
    names = {one.name for one in threading.enumerate() if one is not own and one.name != own.name}
    if not names:
        return []
    rules = [
        {"selector": f"thread:literal:{name}", "exec": "skip"}
        for name in sorted(names)
        if name and len(name) <= 500 and name.isprintable()
    ]
    scope = {"default_exec": "inherit", "default_value_action": "inherit", "rules": rules}
    return [{"meta": {"name": "other cells", "version": 2}, "scope": scope}] if rules else []


# ---- what a cell's recording shows ----


def _read_answer(recording: Recording, shell: Any, is_kept: bool) -> CellAnswer:
    found = list(recording.exceptions())
    failures = [_make_failure(recording, shell, one) for one in found[:_MOST_EXCEPTIONS]]
    header = recording.header
    losses = {reason: count for reason, count in header["losses"].items() if reason != "filter"}
    return CellAnswer(
        tuple(failures), len(found) - len(failures), _sum_functions(recording, shell),
        header["events"], losses_text(losses), recording.path, is_kept,
    )  # fmt: skip


def _sum_functions(recording: Recording, shell: Any) -> Tuple[HotFunction, ...]:
    """Returns the functions with the most time of their own. IPython compiles each statement of a
    cell for itself; here they are one."""
    rows: Dict[Tuple[str, str], List[int]] = {}
    for number, *counts in recording.functions():
        module, name, file, line = recording.code(number)[:4]
        cell = _cell_number(shell, file) if name == "<module>" else 0
        key = (f"{module}:{name}", _place(shell, file, line))
        key = ("the cell", f"In[{cell}]") if cell else key
        rows[key] = [sum(pair) for pair in zip(rows.get(key, [0] * 3), counts)]
    found = [
        HotFunction(func, place, calls, own, total)
        for (func, place), (calls, total, own) in rows.items()
    ]
    found.sort(key=lambda row: (-row.self_ns, row.func))
    return tuple(found[:_MOST_FUNCTIONS])


def _make_failure(recording: Recording, shell: Any, one: Raised) -> Failure:
    own = [frame for frame in one.frames if not _facts.is_library(recording, frame.file)]
    frames: List[RaisedFrame] = own or list(one.frames)
    title = f"{one.type}: {one.message}" if one.message else one.type
    if not frames:
        return Failure(one.number, title, "", "", one.fate)
    frame = frames[-1]
    line = frame.line or 0
    source = frame.source or linecache.getline(frame.file, line).strip()
    fate = _name_cells(shell, one.fate)
    return Failure(one.number, title, _place(shell, frame.file, line), source, fate)


def _cells(shell: Any) -> Mapping[str, int]:
    """Returns {name of a cell's code: number of the cell}, as far as IPython keeps it."""
    return getattr(shell.compile, "_filename_map", None) or {}


def _cell_number(shell: Any, file: str) -> int:
    return _cells(shell).get(file, 0)


def _place(shell: Any, file: str, line: int) -> str:
    """Returns 'In[3]:2' for code of a cell, 'shop.py:40' for other code."""
    number = _cell_number(shell, file)
    if number:
        return f"In[{number}]:{line}"
    return f"{short_path(file)}:{line}" if file else ""


def _name_cells(shell: Any, text: str) -> str:
    """Returns an answer in which the names of cells' code are those that the notebook shows."""
    for file, number in _cells(shell).items():
        text = text.replace(file, f"In[{number}]").replace(os.path.basename(file), f"In[{number}]")
    return text


def _remove_folder(folder: str, pid: int) -> None:
    """Removes the temporary folder at exit, in the process that made it alone."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


_NAMES = (("cell", "relive"), ("line", "relive"), ("line", "relive_exc"), ("line", "relive_ask"))


_loaded: Dict[int, _Magics] = {}  # by the identity of the shell; a process has one


def load(shell: Any) -> None:
    """Registers the magics in a shell of IPython; once, however often it is called."""
    if id(shell) in _loaded:
        return
    magics = _loaded[id(shell)] = _Magics(shell)
    for (kind, name), function in zip(_NAMES, (magics.cell, magics.line, magics.exc, magics.ask)):
        shell.register_magic_function(function, kind, name)
    shell.input_transformers_cleanup.insert(0, magics.strip)
    shell.events.register("pre_run_cell", magics.before)
    shell.events.register("post_run_cell", magics.after)


def unload(shell: Any) -> None:
    """Takes the magics and what they hang on away."""
    magics = _loaded.pop(id(shell), None)
    if magics is None:
        return
    shell.input_transformers_cleanup.remove(magics.strip)
    shell.events.unregister("pre_run_cell", magics.before)
    shell.events.unregister("post_run_cell", magics.after)
    for kind, name in _NAMES:
        shell.magics_manager.magics[kind].pop(name, None)

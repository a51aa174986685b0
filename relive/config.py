"""Every setting of Relive in one table, and the ways in which it can be set.

Order of precedence: API > command line > RELIVE_* environment > [tool.relive] in pyproject.toml >
default. Each way refuses an unknown key and names the nearest one. Every error names the source of
the value, what is wrong with it and what is allowed."""

from __future__ import annotations

import os

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Dict,
        Iterable,
        Iterator,
        List,
        Mapping,
        NoReturn,
        Optional,
        Sequence,
        Tuple,
    )

_SUFFIXES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


class Setting:
    """One row of the table."""

    __slots__ = ("choices", "default", "env", "help", "high", "key", "kind", "low", "option")

    def __init__(
        self,
        key: str,
        kind: str,
        default: Any,
        option: str,
        env: Tuple[str, ...],
        text: str,
        choices: Tuple[str, ...] = (),
        low: int = 0,
        high: int = 0,
    ) -> None:
        self.key = key
        # path, choice, flag, size, integer, part, texts, filters; the last two add up over doors
        self.kind = kind
        self.default = default
        self.option = option
        self.env = env
        self.help = text
        self.choices = choices
        self.low = low
        self.high = high

    def allowed(self) -> str:
        """Returns in words what is allowed."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "flag":
            return "true or false"
        if self.kind == "size":
            return f"a size such as 8M, from {show_size(self.low)} to {show_size(self.high)}"
        if self.kind == "integer":
            return f"a whole number from {self.low} to {self.high}"
        if self.kind == "part":
            return "a number from 0 to 1"
        if self.kind == "texts":
            return "a text, or a list of texts"
        if self.kind == "filters":
            return "a path (a::b for several), a dict, a relive.filters.Filter, or a list of these"
        return "a path"

    def parse(self, value: Any) -> Any:
        """Returns the value in its type. Raises ValueError where it has none."""
        if self.kind == "flag":
            return _parse_flag(value)
        if self.kind == "part":
            return _parse_part(value)
        if self.kind == "texts":
            return _parse_texts(value)
        if self.kind == "filters":
            return _parse_filters(value)
        if self.kind == "choice":
            if isinstance(value, str) and value.lower() in self.choices:
                return value.lower()
        elif self.kind in ("size", "integer"):
            number = _parse_size(value) if self.kind == "size" else _parse_integer(value)
            if self.low <= number <= self.high or number == self.default:
                return number
        elif isinstance(value, (str, os.PathLike)) and os.fspath(value):
            text = os.fspath(value)
            if isinstance(text, str) and "\0" not in text:
                return text
        raise ValueError


def _parse_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("1", "true", "yes", "on"):
        return True
    if isinstance(value, str) and value.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError


def _parse_part(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _parse_texts(value: Any) -> List[Any]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(
        isinstance(text, str) and text and "\0" not in text for text in texts
    ):
        raise ValueError
    return list(texts)


def _parse_filters(value: Any) -> List[Any]:
    """Returns every filter that is named, as {"path": ...} or {"tables": ..., "path": ...}."""
    if isinstance(value, (list, tuple)):
        return [one for part in value for one in _parse_filters(part)]
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        parts = [part.strip() for part in text.split("::")] if isinstance(text, str) else []
        parts = [part for part in parts if part]
        if not parts:
            raise ValueError
        return [{"path": os.path.abspath(os.path.expanduser(part))} for part in parts]
    if isinstance(value, dict):
        if set(value) <= {"path", "tables", "sha256"} and "path" in value:
            return [value]
        return [{"tables": value, "path": "<dict>"}]
    tables = getattr(value, "tables", None)
    if not isinstance(tables, dict):
        raise ValueError
    return [{"tables": tables, "path": value.path}]


def _parse_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lstrip("-").isascii():
        return int(value)
    raise ValueError


def _parse_size(value: Any) -> int:
    if isinstance(value, str):
        text = value.strip().upper()
        if text.endswith("B"):
            text = text[:-1].rstrip("I")
        digits = text.rstrip("KMG")
        suffix = text[len(digits) :]
        if not digits.isascii() or not digits.isdigit() or suffix not in _SUFFIXES:
            raise ValueError
        return int(digits[:20]) * _SUFFIXES[suffix]
    return _parse_integer(value)


def parse_duration(text: str) -> int:
    """Returns nanoseconds: '2ms' -> 2000000. Raises ValueError for what is no duration."""
    digits = text.rstrip("nums")
    number, unit = digits.rstrip(), text[len(digits) :]
    whole, dot, part = number.partition(".")
    if unit not in _NANOSECONDS or not whole.isdecimal() or (dot and not part.isdecimal()):
        raise ValueError
    return int(float(number) * _NANOSECONDS[unit])


def show_size(size: int) -> str:
    """Returns 8388608 as '8M'."""
    for suffix in ("G", "M", "K"):
        if size and size % _SUFFIXES[suffix] == 0:
            return f"{size // _SUFFIXES[suffix]}{suffix}"
    return str(size)


LEVELS = ("calls", "values", "lines")
# As in enum filter_gate (src/filter).
GATES = ("exclude", "include", "exclude_re", "include_re", "exclude_files", "folder")
# The filters of a project, of which the nearest file counts.
FILTER_FILES = (
    os.path.join(".relive", "trace-filter.toml"),
    os.path.join(".codetracer", "trace-filter.toml"),
)
BACKENDS = ("auto", "monitoring", "evalhook", "setprofile", "settrace")

TABLE = (
    Setting(
        "output", "path", None, "-o", ("RELIVE_OUTPUT",),
        "the file to write (default: PROGRAM-DATE-TIME.relive here)",
    ),
    Setting(
        "enabled", "flag", True, "--disabled", ("RELIVE_ENABLED", "BREADCRUMB_ENABLED"),
        "run the program without recording it",
    ),
    Setting(
        "backend", "choice", "auto", "--backend", ("RELIVE_BACKEND",),
        "the mechanism that sees events (default: the cheapest that works)", BACKENDS,
    ),
    Setting(
        "level", "choice", "values", "--level", ("RELIVE_LEVEL",),
        "how much is recorded: calls; values: arguments and results too (default); lines: each"
        " line and changed variable too", LEVELS,
    ),
    Setting(
        "max_depth", "integer", 3, "--max-depth", ("RELIVE_MAX_DEPTH",),
        "of values: containers inside containers (default 3)", (), 0, 16,
    ),
    Setting(
        "max_items", "integer", 10, "--max-items", ("RELIVE_MAX_ITEMS",),
        "of values: items of one container (default 10)", (), 0, 1000,
    ),
    Setting(
        "max_str", "integer", 256, "--max-str", ("RELIVE_MAX_STR", "HANDIT_MAX_STR"),
        "of values: bytes of one text, bytes object or int (default 256)", (), 0, 4096,
    ),
    Setting(
        "globals", "flag", False, "--globals", ("RELIVE_GLOBALS",),
        "at level lines: also names of modules that functions change",
    ),
    Setting(
        "stdio", "flag", False, "--output", ("RELIVE_STDIO",),
        "what the program writes to stdout and stderr as events",
    ),
    Setting(
        "native_output", "flag", False, "--native-output", ("RELIVE_NATIVE_OUTPUT",),
        "the same, and what C code in the process writes there by itself (Linux)",
    ),
    Setting(
        "sources", "flag", True, "--no-source", ("RELIVE_SOURCES",),
        "do not store the texts of the source files of what is recorded",
    ),
    Setting(
        "budget", "integer", 0, "--budget", ("RELIVE_BUDGET",),
        "keep the recorder's cost below this many percent: the functions that cost most are taken"
        " down a level, which `relive info` lists (default: no limit)", (), 1, 1000,
    ),
    Setting(
        "gc", "flag", False, "--gc", ("RELIVE_GC",),
        "garbage collections as events (adds an entry to gc.callbacks)",
    ),
    Setting(
        "c_calls", "flag", False, "--c-calls", ("RELIVE_C_CALLS",),
        "also record calls of functions written in C",
    ),
    Setting(
        "buffer", "size", 8 << 20, "--buffer", ("RELIVE_BUFFER",),
        "memory between the program and the writer (default 8M)", (), 64 << 10, 1 << 30,
    ),
    Setting(
        "overflow", "choice", "wait", "--overflow", ("RELIVE_OVERFLOW",),
        "when the writer falls behind: wait, or drop and count", ("wait", "drop"),
    ),
    Setting(
        "ring", "size", 0, "--ring", ("RELIVE_RING",),
        "keep only the newest events, in this much space", (), 64 << 10, 1 << 30,
    ),
    Setting(
        "dump_on", "texts", [], "--dump-on", ("RELIVE_DUMP_ON",),
        "copy what is recorded so far, beside the recording, on: exception (one that nothing"
        " catches), signal:USR2 (may be given several times)",
    ),
    Setting(
        "children", "flag", True, "--no-children", ("RELIVE_CHILDREN",),
        "do not record child processes",
    ),
    Setting(
        "children_exclude", "texts", [], "--children-exclude", ("RELIVE_CHILDREN_EXCLUDE",),
        "do not record child processes whose script, module or interpreter has such a name:"
        " worker.py, 'joblib.*' (may be given several times)",
    ),
    Setting(
        "trace_filter", "filters", [], "--trace-filter",
        ("RELIVE_TRACE_FILTER", "CODETRACER_TRACE_FILTER"),
        "a filter file (may be given several times; a::b joins)",
    ),
    Setting(
        "auto_filter", "flag", True, "--no-auto-filter", ("RELIVE_AUTO_FILTER",),
        "do not look for the project's own .relive/trace-filter.toml",
    ),
    Setting(
        "include", "texts", [], "--include", ("RELIVE_INCLUDE_NAMES",),
        "record only these: app, app.*, app.views.index (may be given several times)",
    ),
    Setting(
        "exclude", "texts", [], "--exclude", ("RELIVE_EXCLUDE_NAMES",),
        "do not record these, whatever is included",
    ),
    Setting(
        "include_re", "texts", [], "--include-re", ("RELIVE_INCLUDE", "HANDIT_INCLUDE"),
        "record only functions whose module::name this regular expression finds",
    ),
    Setting(
        "exclude_re", "texts", [], "--exclude-re", ("RELIVE_EXCLUDE", "HANDIT_EXCLUDE"),
        "do not record functions whose module::name this regular expression finds",
    ),
    Setting(
        "exclude_files", "texts", [], "--exclude-files",
        ("RELIVE_EXCLUDE_FILES", "HANDIT_EXCLUDE_FILES", "HANDIT_EXCLUDE_FILE_RE"),
        "do not record code of files whose path this regular expression finds",
    ),
    Setting(
        "capture_only_cwd", "flag", False, "--capture-only-cwd",
        ("RELIVE_CAPTURE_ONLY_CWD", "HANDIT_CAPTURE_ONLY_CWD"),
        "record only code below the current folder (unless something is included)",
    ),
    Setting(
        "lines", "texts", [], "--lines", ("RELIVE_LINES",),
        "level lines for these: app, app.*, app.views.index",
    ),
    Setting(
        "activate", "path", None, "--activate", ("RELIVE_ACTIVATE",),
        "record from a file's first entry on, or only during calls of a function: FILE, or"
        " MODULE:FUNCTION",
    ),
    Setting(
        "redact", "texts", [], "--redact", ("RELIVE_REDACT", "HANDIT_REDACT"),
        "never write values whose name or text this regular expression finds",
    ),
    Setting(
        "allow", "texts", [], "--allow", ("RELIVE_ALLOW",),
        "write values under this name, though it is that of a secret; secrets with a known form"
        " stay hidden (may be given several times)",
    ),
    Setting(
        "max_locals", "integer", 900, "--max-locals", ("RELIVE_MAX_LOCALS", "HANDIT_MAX_LOCALS"),
        "of one function: so many parameters and variables (default 900)", (), 0, 900,
    ),
    Setting(
        "sample_rate", "part", 1.0, "--sample-rate",
        ("RELIVE_SAMPLE_RATE", "HANDIT_SAMPLE_RATE", "BREADCRUMB_SAMPLE_RATE"),
        "record this part of the functions, the same ones in every run (default 1)",
    ),
    Setting(
        "builtin_filter", "flag", True, "--no-builtin-filter", ("RELIVE_BUILTIN_FILTER",),
        "record the standard library too (secrets stay out)",
    ),
    Setting(
        "force", "flag", False, "--force", ("RELIVE_FORCE",),
        "replace the file given with -o",
    ),
    Setting(
        "tool_id", "integer", -1, "--tool-id", ("RELIVE_TOOL_ID",),
        "the sys.monitoring tool id to use (default: 4, else 3, else 5)", (), 3, 5,
    ),
)  # fmt: skip

BY_KEY = {setting.key: setting for setting in TABLE}
# Variables of ours that are no settings.
_OTHER_VARIABLES = {
    "RELIVE_RUN", "RELIVE_RECORD", "RELIVE_PYTHONPATH", "RELIVE_NO_WARNINGS", "RELIVE_CONTROL",
}  # fmt: skip


class Config:
    """All settings of one recording. Immutable; `with_(key=value)` returns a changed copy."""

    __slots__ = ("_sources", "_values")

    output: Optional[str]
    enabled: bool
    backend: str
    level: str
    max_depth: int
    max_items: int
    max_str: int
    globals: bool
    stdio: bool
    native_output: bool
    sources: bool
    budget: int
    gc: bool
    c_calls: bool
    buffer: int
    overflow: str
    ring: int
    dump_on: List[str]
    children: bool
    children_exclude: List[str]
    trace_filter: List[Dict[str, Any]]
    auto_filter: bool
    include: List[str]
    exclude: List[str]
    include_re: List[str]
    exclude_re: List[str]
    exclude_files: List[str]
    capture_only_cwd: bool
    lines: List[str]
    activate: Optional[str]
    redact: List[str]
    allow: List[str]
    max_locals: int
    sample_rate: float
    builtin_filter: bool
    force: bool
    tool_id: int

    def __init__(self, **values: Any) -> None:
        self._fill({}, {}, values, "argument")

    def _fill(
        self,
        base: Mapping[str, Any],
        sources: Mapping[str, str],
        values: Mapping[str, Any],
        source: str,
    ) -> None:
        merged = dict(base)
        named = dict(sources)
        for key, value in values.items():
            parsed = check(key, value, source)
            if isinstance(parsed, list):
                parsed = merged.get(key, []) + parsed
            merged[key] = parsed
            named[key] = source
        for setting in TABLE:
            merged.setdefault(setting.key, setting.default)
            named.setdefault(setting.key, "default")
        object.__setattr__(self, "_values", merged)
        object.__setattr__(self, "_sources", named)

    def with_(self, source: str = "argument", /, **values: Any) -> Config:
        """Returns a copy with these values in place of its own."""
        config = Config.__new__(Config)
        config._fill(self._values, self._sources, values, source)
        return config

    def source(self, key: str) -> str:
        """Returns where the value of a key came from."""
        found: str = self._sources[key]
        return found

    def as_dict(self) -> Dict[str, Any]:
        """Returns every key and its value."""
        return dict(self._values)

    def __getattr__(self, key: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError("a Config does not change; use with_()")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(repr(self._values[setting.key]) for setting in TABLE))

    def __repr__(self) -> str:
        changed = (
            f"{setting.key}={self._values[setting.key]!r}"
            for setting in TABLE
            if self._values[setting.key] != setting.default
        )
        return f"Config({', '.join(changed)})"


def spare_folder() -> Optional[str]:
    """Returns the folder for temporary files, or None where none can be written. It searches as
    tempfile does, whose import would be felt at each start."""
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for folder in filter(None, [*named, "/tmp", "/var/tmp", "/usr/tmp"]):
        if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            return os.path.abspath(folder)
    return None


def nearest(word: str, words: Iterable[str]) -> str:
    """Returns '; did you mean X?' where some word is near, else ''."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(words), 1, 0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def check(key: str, value: Any, source: str) -> Any:
    """Returns the parsed value of a key. Raises ReliveError with source, key, trouble and
    choices."""
    setting = BY_KEY.get(key)
    if setting is None:
        raise ReliveError(
            "ERR_CONFIG",
            f"{source}: there is no setting {key!r}{nearest(key, BY_KEY)}"
            f" (settings: {', '.join(BY_KEY)})",
        )
    if value is None and setting.default is None:
        return None
    try:
        parsed = setting.parse(value)
        if key == "children_exclude":
            _check_child_patterns(parsed, source)
        return parsed
    except (ValueError, OverflowError):
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise ReliveError(
            "ERR_CONFIG", f"{source}: {key} = {shown} is not {setting.allowed()}"
        ) from None


def _check_child_patterns(texts: List[str], source: str) -> None:
    """Raises ReliveError for the first one that is no glob."""
    from relive import _core

    for text in texts:
        try:
            _core.check_child_pattern(text)
        except (_core.Error, UnicodeEncodeError) as error:
            trouble = error.args[1] if isinstance(error, _core.Error) else "it is no text in UTF-8"
            raise ReliveError(
                "ERR_CONFIG", f"{source}: children_exclude = {text[:80]!r}: {trouble}"
            ) from None


def from_environment(environ: Mapping[str, str]) -> Dict[str, Tuple[Any, str]]:
    """Returns {key: (value, source)} of the RELIVE_* variables. An unknown one is refused."""
    known = {name: setting.key for setting in TABLE for name in setting.env}
    for name in sorted(environ):
        if name.startswith("RELIVE_") and name not in known and name not in _OTHER_VARIABLES:
            raise ReliveError(
                "ERR_CONFIG",
                f"environment: there is no variable {name}{nearest(name, known)}",
            )
    found = {}
    for setting in TABLE:
        for name in setting.env:  # the first one wins over its aliases
            if name in environ:
                value: Any = environ[name]
                if name.startswith("HANDIT_"):
                    from relive import handit

                    value = handit.read(setting, name, value, GATES)
                if value not in ("", None) or setting.kind != "texts":
                    found[setting.key] = (value, f"environment {name}")
                break
    if any(name.startswith("HANDIT_") and name in known for name in environ):
        from relive import handit

        found.setdefault("exclude_re", (handit.EXCLUDE, "default of HANDIT_EXCLUDE"))
    return found


def upwards(folder: str) -> Iterator[str]:
    """Yields the folder and all above it."""
    folder = os.path.abspath(folder)
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def find_upwards(folder: str, names: Sequence[str]) -> Optional[str]:
    """Returns the first file of one of these names, from `folder` upwards."""
    for here in upwards(folder):
        for name in names:
            if os.path.isfile(os.path.join(here, name)):
                return os.path.join(here, name)
    return None


def toml_module(path: str) -> Any:
    """Returns the module that reads TOML here. Raises ReliveError where there is none."""
    from importlib import import_module

    for name in ("tomllib", "tomli"):
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise ReliveError(
        "ERR_CONFIG", f"{path}: reading it needs the package tomli (pip install tomli)"
    )


def from_pyproject(path: str) -> Dict[str, Tuple[Any, str]]:
    """Returns {key: (value, source)} of [tool.relive]."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise ReliveError("ERR_CONFIG", f"{path}: {error.strerror}") from None
    if b"relive" not in raw:
        return {}
    toml = toml_module(path)
    try:
        table = toml.loads(raw.decode("utf-8"))
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReliveError("ERR_CONFIG", f"{path}: {error}") from None
    tool = table.get("tool", {})
    section = tool.get("relive", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        raise ReliveError("ERR_CONFIG", f"{path}: tool.relive is not a table")
    return {
        key.replace("-", "_"): (value, f"{path} [tool.relive]") for key, value in section.items()
    }


def load(
    arguments: Optional[Mapping[str, Any]] = None,
    options: Optional[Mapping[str, Any]] = None,
    environ: Optional[Mapping[str, str]] = None,
    folder: Optional[str] = None,
) -> Config:
    """Combines all sources, each checked, the stronger one last.

    `arguments` come from the API, `options` from the command line, `environ` defaults to the
    process's own. pyproject.toml is searched from `folder` (default: here) upwards."""
    config = Config()
    path = find_upwards(folder if folder is not None else os.getcwd(), ["pyproject.toml"])
    doors = [from_pyproject(path) if path is not None else {}]
    doors.append(from_environment(os.environ if environ is None else environ))
    for door in doors:
        for key, (value, source) in door.items():
            config = config.with_(source, **{key: value})
    for key, value in (options or {}).items():
        setting = BY_KEY.get(key)
        config = config.with_(f"option {setting.option if setting else key}", **{key: value})
    return config.with_("argument", **(arguments or {}))

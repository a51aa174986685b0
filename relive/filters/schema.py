"""One filter file: what it may hold, and all that is wrong with it at once."""

from __future__ import annotations

import os

from relive import _core
from relive.config import nearest, parse_duration, toml_module, upwards
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence

EXEC = {"inherit": 0, "trace": 1, "skip": 2}
ACTION = {"inherit": 0, "allow": 1, "redact": 2, "drop": 3, "deny": 2}
LEVEL = {None: 0, "calls": 1, "values": 2, "lines": 3}
SCOPE_KINDS = ("pkg", "file", "obj")
MOMENT_KINDS = ("thread", "task")
NEW_SCOPE_KINDS = (*SCOPE_KINDS, *MOMENT_KINDS)
VALUE_KINDS = ("local", "global", "arg", "ret", "attr")
NEW_VALUE_KINDS = (*VALUE_KINDS, "key", "value")
STREAMS = ("stdout", "stderr", "stdin", "files")
LARGEST = 4 << 20
NEWEST = 2
_NO_LIMITS = {"max_str": -1, "max_items": -1, "max_depth": -1, "max_locals": -1}
_HIGHEST = {"max_str": 4096, "max_items": 1000, "max_depth": 16, "max_locals": 900}


class Problem:
    """One thing that is wrong: where, and what."""

    def __init__(self, path: str, text: str, line: int = 0) -> None:
        self.path, self.text, self.line = path, text, line

    def show(self, file: str) -> str:
        """Returns file:line: table.path: what is wrong."""
        place = f"{file}:{self.line}" if self.line else file
        return f"{place}: {self.path}: {self.text}" if self.path else f"{place}: {self.text}"


class FilterError(ReliveError):
    """Filter files that cannot be used; `problems` has each."""

    def __init__(self, code: str, file: str, problems: List[Problem]) -> None:
        self.file, self.problems = file, problems
        super().__init__(code, "\n".join(problem.show(file) for problem in problems))


class Filter:
    """One file of a chain, checked. `rules` are dicts with what C gets."""

    def __init__(self, name: str, version: int, path: str) -> None:
        self.name, self.version, self.path = name, version, path
        self.sha256 = ""
        self.root = ""
        self.exec, self.value, self.level = "inherit", "inherit", None
        self.rules: List[Dict[str, Any]] = []
        self.io: Optional[Dict[str, Any]] = None
        self.description = ""
        self.labels: List[str] = []
        self.is_builtin, self.packages = False, "trace"
        self.tables: Dict[str, Any] = {}

    @classmethod
    def from_file(cls, path: str) -> "Filter":
        """Reads and checks a file. A FilterError has all that is wrong with it."""
        import hashlib

        raw = _read_file(path)
        made = cls.from_toml(raw, path)
        made.sha256 = hashlib.sha256(raw).hexdigest()
        return made

    @classmethod
    def from_toml(cls, raw: bytes, path: str) -> "Filter":
        """Reads and checks bytes; `path` is where its file selectors count from."""
        try:
            return cls.from_dict(_parse_toml(raw, path), path)
        except FilterError as error:
            from relive.filters import toml_lines

            lines = toml_lines.find_lines(raw)
            for problem in error.problems:
                problem.line = problem.line or toml_lines.find_line(lines, problem.path)
            raise FilterError(error.code, error.file, error.problems) from None

    @classmethod
    def from_dict(cls, tables: Dict[str, Any], path: str = "<dict>") -> "Filter":
        """Checks the tables of a file."""
        reading = _Reading(tables, path)
        made = reading.filter()
        made.tables = tables
        if reading.problems:
            code = "ERR_INVALID_POLICY_VALUE"
            if reading.is_too_new:
                code = "ERR_UNSUPPORTED_SCHEMA_VERSION"
            raise FilterError(code, path, reading.problems)
        return made


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST + 1)
    except IsADirectoryError:
        raise FilterError("ERR_IO", path, [Problem("", "this is a folder, not a file")]) from None
    except OSError as error:
        raise FilterError("ERR_IO", path, [Problem("", error.strerror or str(error))]) from None
    if len(raw) > LARGEST:
        text = f"the file is longer than {LARGEST >> 20} MiB"
        raise FilterError("ERR_INVALID_POLICY_VALUE", path, [Problem("", text)])
    return raw


def _parse_toml(raw: bytes, path: str) -> Dict[str, Any]:
    toml = toml_module(path)
    try:
        tables: Dict[str, Any] = toml.loads(raw.decode("utf-8"))
        return tables
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem("", "the file is not UTF-8", line)
    except (toml.TOMLDecodeError, RecursionError) as error:
        from relive.filters import toml_lines

        text, line = toml_lines.describe_error(raw, error)
        problem = Problem("", text, line)
    raise FilterError("ERR_INVALID_POLICY_VALUE", path, [problem])


def root_of(path: str) -> str:
    """Returns where file selectors of a filter count from: the folder that holds its .relive or
    .codetracer folder, else its own."""
    folder = os.path.dirname(os.path.abspath(path))
    for here in upwards(folder):
        if os.path.basename(here) in (".codetracer", ".relive"):
            return os.path.dirname(here)
    return folder


class _Reading:
    """Walks the tables of one file and collects problems."""

    def __init__(self, tables: Mapping[str, Any], path: str) -> None:
        self.tables, self.path = tables, path
        self.problems: List[Problem] = []
        self.is_too_new = False
        self.version = 1
        self.root = root_of(path) if not path.startswith("<") else os.getcwd()

    def wrong(self, path: str, text: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(path, text))

    def table(
        self, tables: Mapping[str, Any], key: str, path: str, needed: bool = True
    ) -> Mapping[str, Any]:
        """Returns a table below, {} where it is missing or none."""
        found = tables.get(key)
        if found is None:
            if needed:
                self.wrong(path, "this table is missing")
            return {}
        if not isinstance(found, dict):
            self.wrong(path, f"a table is wanted, not {_name_kind(found)}")
            return {}
        return found

    def known(self, table: Mapping[str, Any], allowed: Sequence[str], path: str) -> None:
        """Refuses unknown keys."""
        for key in table:
            if key not in allowed:
                where = f"{path}.{key}" if path else key
                self.wrong(
                    where,
                    f"there is no such key{nearest(key, allowed)} (keys: {', '.join(allowed)})",
                )

    def word(
        self,
        table: Mapping[str, Any],
        key: str,
        path: str,
        allowed: Sequence[str],
        default: Optional[str] = None,
    ) -> Any:
        """Returns one of some words. Without a default the word is required."""
        value = table.get(key)
        if value is None:
            if default is None:
                self.wrong(f"{path}.{key}", f"this is missing: one of {', '.join(allowed)}")
            return default
        if not isinstance(value, str) or value not in allowed:
            near = nearest(value, allowed) if isinstance(value, str) else ""
            self.wrong(f"{path}.{key}", f"{value!r} is not one of {', '.join(allowed)}{near}")
            return default
        return value

    def text(self, table: Mapping[str, Any], key: str, path: str, needed: bool = False) -> str:
        """Returns a text."""
        value = table.get(key, None if needed else "")
        if not isinstance(value, str) or (needed and not value.strip()):
            what = (
                "this is missing" if value is None else f"{value!r} is no text that says anything"
            )
            if value is not None and not isinstance(value, str):
                what = f"a text is wanted, not {_name_kind(value)}"
            self.wrong(f"{path}.{key}", what)
            return ""
        return value

    def filter(self) -> Filter:
        """Returns the filter of the whole file."""
        self.known(self.tables, ("meta", "scope", "io"), "")
        meta = self.table(self.tables, "meta", "meta")
        self.known(meta, ("name", "version", "description", "labels"), "meta")
        version = meta.get("version")
        if type(version) is not int or version < 1:
            what = (
                "this is missing" if version is None else f"{version!r} is not a number from 1 on"
            )
            self.wrong("meta.version", what)
        elif version > NEWEST:
            self.is_too_new = True
            self.wrong(
                "meta.version",
                f"version {version} is newer than this Relive reads ({NEWEST}); a newer Relive may",
            )
        else:
            self.version = version
        made = Filter(self.text(meta, "name", "meta", True), self.version, self.path)
        made.root = self.root
        made.description = self.text(meta, "description", "meta")
        made.labels = self.labels(meta)
        self.scope(made)
        self.io(made)
        return made

    def labels(self, meta: Mapping[str, Any]) -> List[str]:
        """Returns the labels."""
        labels = meta.get("labels", [])
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            self.wrong("meta.labels", "a list of texts is wanted")
            return []
        return list(dict.fromkeys(labels))

    def scope(self, made: Filter) -> None:
        """Reads the table [scope]."""
        scope = self.table(self.tables, "scope", "scope")
        keys = ["default_exec", "default_value_action", "rules"]
        if self.version >= 2:
            keys.append("level")
        self.known(scope, keys, "scope")
        if scope or "scope" in self.tables:
            made.exec = self.word(scope, "default_exec", "scope", list(EXEC))
            made.value = self.word(scope, "default_value_action", "scope", list(ACTION))
        if "level" in scope and self.version >= 2:
            made.level = self.word(scope, "level", "scope", [w for w in LEVEL if w], "values")
        rules = scope.get("rules", [])
        if not isinstance(rules, list):
            self.wrong("scope.rules", f"a list of tables is wanted, not {_name_kind(rules)}")
            rules = []
        for index, rule in enumerate(rules):
            path = f"scope.rules[{index}]"
            if isinstance(rule, dict):
                made.rules.append(self.rule(rule, path))
            else:
                self.wrong(path, f"a table is wanted, not {_name_kind(rule)}")

    def rule(self, rule: Mapping[str, Any], path: str) -> Dict[str, Any]:
        """Returns one rule."""
        keys = ["selector", "exec", "value_default", "reason", "value_patterns"]
        if self.version >= 2:
            keys += ["level", "sample", "every", "min_duration", "source", *_NO_LIMITS]
        self.known(rule, keys, path)
        made: Dict[str, Any] = dict(
            _NO_LIMITS, sample=1.0, every=0, min_duration=0, level=None, source=True
        )
        kinds: Sequence[str] = NEW_SCOPE_KINDS if self.version >= 2 else SCOPE_KINDS
        made["selector"] = self.selector(rule, path, kinds)
        if self.version >= 2 and made["selector"].partition(":")[0] in MOMENT_KINDS:
            for key in rule:
                if key in keys and key not in ("selector", "exec", "reason"):
                    self.wrong(
                        f"{path}.{key}",
                        "thread: and task: rules are evaluated on every call, so they may only set"
                        " exec",
                    )
        made["exec"] = self.word(rule, "exec", path, list(EXEC), "inherit")
        made["value"] = self.word(rule, "value_default", path, list(ACTION), "inherit")
        made["reason"] = self.text(rule, "reason", path)
        if self.version >= 2:
            self.more(rule, path, made)
        made["patterns"] = []
        patterns = rule.get("value_patterns", [])
        if not isinstance(patterns, list):
            self.wrong(f"{path}.value_patterns", "a list of tables is wanted")
            patterns = []
        for index, pattern in enumerate(patterns):
            where = f"{path}.value_patterns[{index}]"
            if not isinstance(pattern, dict):
                self.wrong(where, f"a table is wanted, not {_name_kind(pattern)}")
                continue
            self.known(pattern, ("selector", "action", "reason"), where)
            kinds = NEW_VALUE_KINDS if self.version >= 2 else VALUE_KINDS
            selector = self.selector(pattern, where, kinds)
            allowed = [word for word in ACTION if word != "inherit"]
            action = self.word(pattern, "action", where, allowed)
            self.text(pattern, "reason", where)
            made["patterns"].append((selector, action))
        return made

    def more(self, rule: Mapping[str, Any], path: str, made: Dict[str, Any]) -> None:
        """Reads what version 2 adds to a rule."""
        if "level" in rule:
            made["level"] = self.word(rule, "level", path, [w for w in LEVEL if w], "values")
        sample = rule.get("sample", 1.0)
        if isinstance(sample, bool) or not isinstance(sample, (int, float)) or not 0 <= sample <= 1:
            self.wrong(f"{path}.sample", f"{sample!r} is not a number from 0 to 1")
        else:
            made["sample"] = float(sample)
        every = rule.get("every", 0)
        if type(every) is not int or ("every" in rule and not 1 <= every < 1 << 31):
            self.wrong(f"{path}.every", f"{every!r} is not a whole number from 1 on")
        else:
            made["every"] = every
        if "source" in rule:
            made["source"] = self.source(rule["source"], f"{path}.source", made["selector"])
        if "min_duration" in rule:
            made["min_duration"] = self.duration(rule["min_duration"], f"{path}.min_duration")
        for key, highest in _HIGHEST.items():
            value = rule.get(key, -1)
            if type(value) is not int or (key in rule and not 0 <= value <= highest):
                self.wrong(f"{path}.{key}", f"{value!r} is not a whole number from 0 to {highest}")
            else:
                made[key] = value

    def source(self, value: object, path: str, selector: str) -> bool:
        """Returns whether texts of source files are stored."""
        if not isinstance(value, bool):
            self.wrong(path, f"{value!r} is not true or false")
        elif selector.partition(":")[0] not in ("pkg", "file"):
            self.wrong(path, "a text is stored whole or not: only a pkg: or file: rule decides")
        return value is not False

    def duration(self, value: object, path: str) -> int:
        """Returns nanoseconds."""
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            self.wrong(path, f"{value!r} is no duration such as '2ms' or '0.5s'")
            return 0

    def selector(self, table: Mapping[str, Any], path: str, kinds: Sequence[str]) -> str:
        """Returns the text of a selector, once C has compiled it."""
        text = self.text(table, "selector", path, True)
        if text:
            problem = refused(text, "pkg" in kinds, self.version, self.root)
            if problem:
                self.wrong(f"{path}.selector", f"{text!r}: {problem}{_suggest_kind(text, kinds)}")
        return text

    def io(self, made: Filter) -> None:
        """Reads the table [io]."""
        if "io" not in self.tables:
            return
        io = self.table(self.tables, "io", "io")
        self.known(io, ("capture", "streams", "modes"), "io")
        capture = io.get("capture", False)
        if not isinstance(capture, bool):
            self.wrong("io.capture", f"{capture!r} is not true or false")
        streams = io.get("streams", [])
        if not isinstance(streams, list) or not all(stream in STREAMS for stream in streams):
            self.wrong("io.streams", f"{streams!r} is not a list of {', '.join(STREAMS)}")
        elif capture is True and not streams:
            self.wrong("io.streams", f"with capture = true, name some of {', '.join(STREAMS)}")
        if io.get("modes", []) != []:
            self.wrong("io.modes", "this is reserved and must be empty")
        made.io = {"capture": capture, "streams": streams}


def refused(text: str, is_scope: bool, version: int, root: str) -> Optional[str]:
    """Returns why C refuses a selector, or None."""
    probe = _core.Filter()
    # inherit everywhere: only the selector is looked at
    probe.add_file(version, False, root, root, 0, 0, 0)
    try:
        if is_scope:
            probe.add_rule(text, 0, 0, 0, 1.0, 0, 0, -1, -1, -1, -1)
        else:
            probe.add_rule("pkg:literal:x", 0, 0, 0, 1.0, 0, 0, -1, -1, -1, -1)
            probe.add_pattern(text, 1)
    except _core.Error as error:
        return str(error.args[1])
    except UnicodeEncodeError:
        return "it holds half a character (a lone surrogate)"
    return None


def _suggest_kind(text: str, kinds: Sequence[str]) -> str:
    kind = text.partition(":")[0]
    return nearest(kind, kinds) if kind not in kinds else ""


def _name_kind(value: object) -> str:
    """Returns what a value is, in TOML's words."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "something else")

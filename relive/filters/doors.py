"""From settings to a chain: the filters of the command line, the environment, pyproject.toml and
the API."""

from __future__ import annotations

import os

from relive.filters.builtin import builtin, project_file
from relive.filters.chain import Chain
from relive.filters.schema import Filter, FilterError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple


def resolved(settings: Mapping[str, Any], folder: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Returns the settings with the project's file in its place, and the recipe of their filters.
    Every file is read and checked, for a process that is about to become the program."""
    settings = dict(settings, trace_filter=_list_files(settings, folder), auto_filter=False)
    return settings, chain(settings, []).recipe(settings["level"])


def _find_program_folder() -> str:
    """Returns the folder of the running program's script, else the current folder."""
    import sys

    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()


def _list_files(settings: Mapping[str, Any], folder: str) -> List[Dict[str, Any]]:
    found = project_file(folder) if settings["auto_filter"] else None
    first = [{"path": found}] if found is not None else []
    return first + list(settings["trace_filter"])


def my_code(settings: Mapping[str, Any], folders: List[str]) -> Chain:
    """Returns the chain that decides which code is the user's, for a debugger's steps. Code that
    rules skip is not, nor are installed packages unless a rule names them. Sampling does not
    apply."""
    return _make_chain(dict(settings, sample_rate=1.0), [builtin(folders, packages="skip")])


def chain(settings: Mapping[str, Any], folders: List[str]) -> Chain:
    """Returns the chain of a recording. `folders` are those of the standard library and
    packages."""
    return _make_chain(settings, [builtin(folders)] if settings["builtin_filter"] else [])


def chain_of_folders(
    settings: Mapping[str, Any],
    libraries: List[str],
    folders: List[str],
    rules: List[Dict[str, str]],
    packages: str,
) -> Chain:
    """Returns the chain of a recording of code below these folders alone. `libraries` are those of
    the standard library and packages; `packages` is the exec of the latter. `rules` come before
    those of the project's file, which is looked for from the first folder upwards."""
    filters = [builtin(libraries, packages=packages)]
    if rules:
        scope = {"default_exec": "inherit", "default_value_action": "inherit", "rules": rules}
        tables = {"meta": {"name": "included", "version": 2}, "scope": scope}
        filters.append(Filter.from_dict(tables, "<included>"))
    return _make_chain(settings, filters, folders)


def _make_chain(
    settings: Mapping[str, Any], filters: List[Filter], folders: Sequence[str] = ()
) -> Chain:
    for entry in _list_files(settings, folders[0] if folders else _find_program_folder()):
        if "tables" in entry:
            filters.append(Filter.from_dict(entry["tables"], entry["path"]))
        else:
            filters.append(Filter.from_file(entry["path"]))
    _check_inherit(filters)
    own = _make_own_rules(settings)
    if own is not None:
        filters.append(own)
    gates = _list_gates(settings) + [("folder", folder) for folder in folders]
    return Chain(filters, gates, settings["sample_rate"])


def _check_inherit(filters: List[Filter]) -> None:
    """Raises FilterError where `inherit` has nothing before it."""
    for key, name in (("exec", "default_exec"), ("value", "default_value_action")):
        if filters and getattr(filters[0], key) == "inherit":
            raise FilterError(
                "ERR_INVALID_POLICY_VALUE", filters[0].path,
                [Problem(f"scope.{name}", "there is no earlier filter to inherit from")],
            )  # fmt: skip


def _escape(text: str) -> str:
    import re  # --allow alone needs it

    return re.escape(text)


def _list_gates(settings: Mapping[str, Any]) -> List[Tuple[str, str]]:
    gates: List[Tuple[str, str]] = []
    for key in ("exclude", "include", "exclude_re", "include_re", "exclude_files"):
        gates += [(key, text) for text in settings[key]]
    if settings["capture_only_cwd"]:
        gates.append(("folder", os.path.realpath(os.getcwd())))
    return gates


def _make_own_rules(settings: Mapping[str, Any]) -> Optional[Filter]:
    """Returns --lines, --allow, --redact and --max-locals as a filter of their own after all
    others."""
    said = settings["lines"] or settings["allow"] or settings["redact"]
    if not said and settings["max_locals"] == 900:
        return None
    rules: List[Dict[str, Any]] = []
    for text in settings["lines"]:
        for kind in ("pkg", "obj"):
            rules.append({"selector": f"{kind}:{text}", "level": "lines"})
        if text.endswith(".*"):
            rules.append({"selector": f"pkg:literal:{text[:-2]}", "level": "lines"})
    everything: Dict[str, Any] = {"selector": "pkg:**"}
    if settings["max_locals"] != 900:
        everything["max_locals"] = settings["max_locals"]
    everything["value_patterns"] = [
        {"selector": f"{kind}:literal:{text}", "action": "allow"}
        for text in settings["allow"]
        for kind in ("local", "global", "arg", "attr", "key")
    ]
    everything["value_patterns"] += [
        {"selector": f"ret:regex:(^|[.]){_escape(text)}$", "action": "allow"}
        for text in settings["allow"]
    ]
    everything["value_patterns"] += [
        {"selector": f"{kind}:regex:{text}", "action": "redact"}
        for text in settings["redact"]
        for kind in ("local", "global", "arg", "attr", "key", "value")
    ]
    rules.append(everything)
    return Filter.from_dict(
        {
            "meta": {"name": "options", "version": 2},
            "scope": {
                "default_exec": "inherit",
                "default_value_action": "inherit",
                "rules": rules,
            },
        },
        "<options>",
    )

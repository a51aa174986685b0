"""The filter that is always first: the standard library and the machinery of asyncio are not
recorded.

Secrets are not rules: C knows their names and forms (src/filter/secrets.c) and applies them below
every chain."""

from __future__ import annotations

from relive import _core, config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional

    from relive.filters.schema import Filter

NAME, PATH = "builtin-default", "<inline:builtin-default>"


def project_file(folder: str) -> Optional[str]:
    """Returns the nearest project file from a folder upwards; of two in one folder, Relive's
    own."""
    return config.find_upwards(folder, config.FILTER_FILES)


def is_alone(settings: Mapping[str, Any], folder: str) -> bool:
    """Returns whether these settings have no other filter."""
    own = ("trace_filter", "lines", "allow", "redact", "capture_only_cwd", *config.GATES[:-1])
    return (
        settings["builtin_filter"]
        and settings["max_locals"] == 900
        and not any(settings[key] for key in own)
        and not (settings["auto_filter"] and project_file(folder))
    )


def recipe(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the recipe of this filter alone, as Chain.recipe() makes it. It needs none of the
    modules that read filters, whose imports were a tenth of what a recorded start costs."""
    version, _ = _core.builtin_rules([], "trace")
    summary = {"name": NAME, "version": version, "path": PATH, "sha256": ""}
    return {
        "entries": [("builtin", "trace"), ("set_sample", (settings["sample_rate"],))],
        "text": _core.json_text([summary]),
        "highest": settings["level"],
    }


def builtin(folders: List[str], packages: str = "trace") -> Filter:
    """Returns the filter. `folders` are those of the standard library here; `packages` is the exec
    of installed packages."""
    from relive.filters.schema import Filter

    version, rules = _core.builtin_rules(folders, packages)
    made = Filter(NAME, version, PATH)
    made.is_builtin, made.packages = True, packages
    made.exec, made.value = "trace", "allow"
    empty: Dict[str, Any] = {
        "value": "inherit", "level": None, "sample": 1.0, "every": 0, "min_duration": 0,
        "max_str": -1, "max_items": -1, "max_depth": -1, "max_locals": -1, "patterns": [],
        "reason": "", "source": True,
    }  # fmt: skip
    for selector, what in rules:
        made.rules.append(dict(empty, selector=selector, exec=what))
    return made

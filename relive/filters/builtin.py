"""What always comes first: the standard library and the machinery of asyncio are not recorded.

Secrets are not rules: their names and forms are known to C (src/filter/secrets.c) and lie under
every chain."""

import os

from relive.filters.schema import Filter

# Below the standard library; site-packages are somebody's program again.
_MODULES = (
    "asyncio", "selectors", "concurrent", "importlib", "threading", "multiprocessing", "builtins",
    "_distutils_hack", "_frozen_importlib", "_frozen_importlib_external", "zipimport", "runpy",
)  # fmt: skip


def builtin(folders, packages="trace"):
    """The filter; `folders` are those of the standard library here; `packages` is what becomes of
    installed ones."""
    made = Filter("builtin-default", 2, "<inline:builtin-default>")
    made.is_builtin = True
    made.exec, made.value = "trace", "allow"
    empty = {"value": "inherit", "level": None, "sample": 1.0, "every": 0, "min_duration": 0,
             "max_str": -1, "max_items": -1, "max_depth": -1, "max_locals": -1, "patterns": [],
             "reason": ""}  # fmt: skip

    def rule(selector, what):
        made.rules.append(dict(empty, selector=selector, exec=what))

    # A whole path too, since this filter's root is nothing.
    rule(r"file:regex:(^|/)lib(64)?/python\d+\.\d+/", "skip")
    for folder in folders:
        text = "".join("\\" + c if not (c.isalnum() or c in "/_") else c for c in folder)
        if len(text) <= 500:
            rule(f"file:regex:^{text.strip(os.sep)}/", "skip")
    rule("file:regex:(^|/)(site|dist)-packages/", packages)
    rule("file:regex:(^|/)_virtualenv\\.py$", "skip")
    rule("file:regex:^<frozen ", "skip")
    rule("pkg:namedtuple_*", "skip")
    for name in _MODULES:
        rule(f"pkg:literal:{name}", "skip")
        rule(f"pkg:{name}.*", "skip")
    return made

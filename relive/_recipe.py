"""Filters as a process that starts receives them: a list of plain words, from which C's filter is
built without a module of the standard library. relive.filters writes such lists.

An entry is (name of a method of _core.Filter, its arguments), or ("builtin", what becomes of
installed packages): that one depends on the interpreter that runs."""

import os

from relive import _core

# Below the standard library; site-packages are somebody's program again.
_MODULES = (
    "asyncio", "selectors", "concurrent", "importlib", "threading", "multiprocessing", "builtins",
    "_distutils_hack", "_frozen_importlib", "_frozen_importlib_external", "zipimport", "runpy",
)  # fmt: skip
BUILTIN_VERSION = 2
EXEC = {"inherit": 0, "trace": 1, "skip": 2}
_ALLOW = 1
_NO_LIMITS = (1.0, 0, 0, -1, -1, -1, -1)


class Recipe:
    """The filters of a recording, as its process builds them."""

    def __init__(self, words, folders):
        self._words = words
        self.core = _core.Filter()
        for name, arguments in words["entries"]:
            add(self.core, name, arguments, folders)

    def text(self):
        """What the recording's header says of the filters."""
        return self._words["text"]

    def highest(self, level):
        """The highest level that any function may have."""
        return self._words["highest"]


def builtin_rules(folders, packages):
    """[(selector, exec)] of the built-in filter; `folders` are those of the standard library."""
    # A whole path too, since this filter's root is nothing.
    rules = [(r"file:regex:(^|/)lib(64)?/python\d+\.\d+/", "skip")]
    for folder in folders:
        text = "".join("\\" + c if not (c.isalnum() or c in "/_") else c for c in folder)
        if len(text) <= 500:
            rules.append((f"file:regex:^{text.strip(os.sep)}/", "skip"))
    rules += [
        ("file:regex:(^|/)(site|dist)-packages/", packages),
        ("file:regex:(^|/)_virtualenv\\.py$", "skip"),
        ("file:regex:^<frozen ", "skip"),
        ("pkg:namedtuple_*", "skip"),
    ]
    for name in _MODULES:
        rules += [(f"pkg:literal:{name}", "skip"), (f"pkg:{name}.*", "skip")]
    return rules


def add(core, name, arguments, folders):
    """Adds one entry to a _core.Filter."""
    if name != "builtin":
        getattr(core, name)(*arguments)
        return
    core.add_file(BUILTIN_VERSION, True, "", "", EXEC["trace"], _ALLOW, 0)
    for selector, what in builtin_rules(folders, arguments):
        core.add_rule(selector, EXEC[what], 0, 0, *_NO_LIMITS)

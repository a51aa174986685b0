"""The project's own interpreter, where `relive` runs from another environment.

    uvx, pipx, a venv of tools --> relive --> VIRTUAL_ENV, CONDA_PREFIX, .venv --> the program

`python -m relive` runs the program with that very Python, and so does a `relive` whose environment
is the active one, or one inside the project's folder. The order is that of uv."""

from __future__ import annotations

import os
import sys

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Optional, Sequence

NAMES = ("python", "python3")
VERSIONS = tuple(f"3.{minor}" for minor in range(8, 16))


def find_interpreter(folder: str) -> Optional[str]:
    """Returns the path of the interpreter for programs in this folder; None: the one at hand."""
    if os.path.basename(sys.argv[0]) == "__main__.py":
        return None
    active = os.environ.get("VIRTUAL_ENV", "")
    if not _python_of(active) and os.environ.get("CONDA_DEFAULT_ENV", "base") != "base":
        active = os.environ.get("CONDA_PREFIX", "")
    python = _python_of(active)
    if python is not None:
        return None if _is_own(active) else python
    for top in _find_tops(folder):
        own = os.path.realpath(sys.prefix)
        if os.path.commonpath([os.path.realpath(top), own]) == os.path.realpath(top):
            return None
        return _python_of(os.path.join(top, ".venv"))
    return None


def _is_own(environment: str) -> bool:
    return os.path.realpath(environment) == os.path.realpath(sys.prefix)


def _python_of(environment: str) -> Optional[str]:
    """Returns the interpreter of an environment, or None where there is none."""
    for name in NAMES if environment else ():
        path = os.path.join(os.path.abspath(environment), "bin", name)
        if os.access(path, os.X_OK):
            return path
    return None


def _find_tops(folder: str) -> Iterator[str]:
    """Yields the folders with a .venv: at the program and above it, then where we are.

    One that belongs to another user is passed over: its interpreter would run as us."""
    for start in (folder, os.getcwd()):
        here, above = os.path.abspath(start), ""
        while here != above:
            mark = os.path.join(here, ".venv", "pyvenv.cfg")
            try:
                is_trusted = os.stat(mark).st_uid in (0, os.getuid())
            except OSError:
                is_trusted = False
            if is_trusted and _python_of(os.path.dirname(mark)):
                yield here
            here, above = os.path.dirname(here), here


def find_command(name: str, before: Sequence[str] = ()) -> Optional[str]:
    """Returns the path of a command, as shutil.which() does: in the folders `before`, then on PATH.
    That module would be felt at each start."""
    is_path = os.path.dirname(name) != ""
    folders = [""] if is_path else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders if is_path else [*before, *folders]:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


# ---- how this Relive is typed ----


def own_command() -> str:
    """Returns the words by which the user's shell reaches this very Relive."""
    found, own = find_command("relive"), sys.argv[0]
    if launcher():
        return launcher()
    # `python -m relive` has a module's path there.
    if os.path.basename(own) == "__main__.py" or not os.access(own, os.X_OK):
        return "relive"
    is_elsewhere = found is None or os.path.realpath(found) != os.path.realpath(own)
    return _quoted(own) if is_elsewhere else "relive"


def _quoted(path: str) -> str:
    """Returns a path as a shell takes it. shlex would be felt at each start."""
    if all(letter.isalnum() or letter in "/._-+" for letter in path):
        return path
    from shlex import quote

    return quote(path)


def launcher() -> str:
    """Returns `uvx relive` and the like where such a command made this environment for one run, or
    '' elsewhere. No `relive` remains on PATH after it, though there is one during the run."""
    is_of_one_run = any(part.startswith("archive-v") for part in __file__.split(os.sep))
    if "UV_RUN_RECURSION_DEPTH" in os.environ:
        if is_of_one_run:
            return "uv run --with relive relive"
        return "uv run relive" if _is_own(os.environ.get("VIRTUAL_ENV", "")) else ""
    if is_of_one_run and _find_uvx():
        return f"{_find_uvx()} relive"
    return "pipx run relive" if _is_from_pipx() and ".cache" in sys.prefix.split(os.sep) else ""


# ---- what to type where no build fits ----


class Found:
    """What an interpreter reports: its kind and version, the version of Relive that it loads, and
    whether it begins recordings by itself."""

    def __init__(self, text: str) -> None:
        rows = [row.split() for row in text.splitlines()]
        said = {row[0]: row[1:] for row in rows if row}
        self.name, self.version = said.get("is", ["python", "?"])[:2]
        self.relive = said["core"][0] if "core" in said else None
        self.has_boot, self.has_pip = "boot" in said, "pip" in said


def suggest_line(python: str, found: Found) -> str:
    """Returns the command that will record the same program with this interpreter."""
    from shlex import quote

    words = " ".join(["relive", *map(quote, sys.argv[1:])])
    python = quote(python)
    if _is_from_pipx():
        return f"pipx run --python {python} {words}"
    uvx = _find_uvx()
    if uvx and (_is_from_uv() or not found.has_pip):
        return f"{uvx} --python {python} {words}"
    begin = "" if found.has_pip else f"{python} -m ensurepip && "
    return f"{begin}{python} -m pip install relive && {python} -m {words}"


def _is_from_pipx() -> bool:
    """Returns whether pipx made this environment: it may be one for a single run."""
    return os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")) or (
        "pipx" in sys.prefix.split(os.sep)
    )


def _is_from_uv() -> bool:
    """Returns whether uv made this environment."""
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            return any(row.startswith("uv = ") for row in file)
    except (OSError, ValueError):
        return False


def _find_uvx() -> str:
    """Returns the words that run uvx, or '' where uv is not at hand."""
    from shlex import quote

    if find_command("uvx"):
        return "uvx"
    uv = os.environ.get("UV", "")
    return f"{quote(uv)} tool run" if os.access(uv, os.X_OK) else ""


def refuse(python: str, found: Found) -> ReliveError:
    """Returns the error for an interpreter that no build fits, with the line that will work."""
    from relive._unloaded import FREE_THREADED

    text = f"{python} is {'Python' if found.name == 'cpython' else found.name} {found.version}"
    number = found.version.rstrip("td")
    if found.name != "cpython":
        return ReliveError("ERR_UNSUPPORTED", f"{text}, and Relive records CPython alone")
    if number not in VERSIONS:
        known = f"{VERSIONS[0]} to {VERSIONS[-1]}"
        return ReliveError("ERR_UNSUPPORTED", f"{text}, and Relive records {known}")
    if "t" in found.version:
        return ReliveError("ERR_UNSUPPORTED", f"{text}, which is free-threaded. {FREE_THREADED}")
    error = ReliveError("ERR_TARGET", f"{text}, and no Relive is built for it there or here")
    error.command = suggest_line(python, found)
    return error

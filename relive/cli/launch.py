"""Which interpreter runs a TARGET, and how that interpreter comes to record itself."""

from __future__ import annotations

import os
import sys

from relive import _core, _run, config
from relive._version import __version__
from relive.cli import project
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, NoReturn, Optional, Set

# Interpreter options whose value is the next word.
_FLAGS_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


class Program:
    """A resolved TARGET: the interpreter, its words, and a name for the file."""

    def __init__(self, interpreter: str, words: List[str], name: str) -> None:
        self.interpreter = interpreter
        self.words = words
        words = "".join(c if c.isalnum() or c in "_.-" else " " for c in name).split()
        self.name = "_".join(words)[:64] or "python"

    def flags(self) -> List[str]:
        """Returns the interpreter options before the program, with their values."""
        found = []
        i = 0
        while i < len(self.words) and self.words[i].startswith("-") and self.words[i] != "-":
            word = self.words[i]
            if word in ("-m", "-c"):
                break
            found.append(word)
            if word in _FLAGS_WITH_VALUE and i + 1 < len(self.words):
                i += 1
                found.append(self.words[i])
            i += 1
        return found

    def folder(self) -> str:
        """Returns the folder of the program's own files: its script's folder, else the current
        one."""
        rest = self.words[len(self.flags()) :]
        if rest and not rest[0].startswith("-") and os.path.isfile(rest[0]):
            return os.path.dirname(os.path.abspath(rest[0]))
        return os.getcwd()

    def letters(self) -> Set[str]:
        """Returns all one-letter options that are on."""
        return {
            letter
            for word in self.flags()
            if word[1:].isalpha() and word[:2] not in ("-W", "-X")
            for letter in word[1:]
        }


def resolve(target: List[str]) -> Program:
    """Returns what `target` means. Raises ReliveError where nothing can run."""
    first = target[0]
    python = _find_python(os.path.dirname(first) if os.path.isfile(first) else "")
    if first in ("-m", "-c"):
        if len(target) < 2:
            raise ReliveError("ERR_USAGE", f"{first} needs a word after it")
        name = target[1] if first == "-m" else "command"
        return Program(python, target, name.rpartition(".")[2])
    if first == "-":
        return Program(python, target, "stdin")
    # What the project has installed comes before what is beside Relive.
    before = [] if python == sys.executable else [os.path.dirname(python)]
    if _is_interpreter(first):
        path = project.find_command(first, before)
        if path is not None:
            return _make_from_interpreter(path, target[1:])
    if os.path.exists(first):
        return _make_from_file(first, target, python)
    path = project.find_command(first, before)
    if path is None:
        raise ReliveError(
            "ERR_TARGET",
            f"{first}: there is no such file, and no such command on PATH{_suggest_name(first)}",
        )
    return _make_from_command(path, target[1:])


def _find_python(folder: str) -> str:
    """Returns the interpreter of programs in this folder: that of the project, or this one."""
    if os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return sys.executable
    return project.find_interpreter(folder or os.getcwd()) or sys.executable


def _is_interpreter(command: str) -> bool:
    """Returns whether a command is named as interpreters are: python3.8, pypy3, python3.13t."""
    name = os.path.basename(command)
    for stem in ("python", "pypy"):
        if name.startswith(stem):
            letters = name[len(stem) :].lstrip("0123456789.")
            return not letters or (letters.isascii() and letters.isalpha() and letters.islower())
    return False


def _suggest_name(word: str) -> str:
    """Returns a hint at the nearest file beside it, or command; '' where none is near."""
    folder, name = os.path.split(word)
    found = config.nearest(name, _list_names(folder or "."))
    if not found and not folder:
        folders = os.environ.get("PATH", "").split(os.pathsep)
        found = config.nearest(name, {one for path in folders for one in _list_names(path or ".")})
    return found


def _list_names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _make_from_interpreter(path: str, words: List[str]) -> Program:
    program = Program(path, words, "python")
    rest = words[len(program.flags()) :]
    if rest and rest[0] == "-m" and len(rest) > 1:
        program.name = rest[1].rpartition(".")[2]
    elif rest and not rest[0].startswith("-"):
        program.name = _take_stem(rest[0])
    return program


def _take_stem(path: str) -> str:
    name = os.path.basename(os.path.normpath(path))
    return os.path.splitext(name)[0] or name


def _make_from_file(path: str, target: List[str], python: str) -> Program:
    if os.path.isdir(path):
        if not os.path.isfile(os.path.join(path, "__main__.py")):
            raise ReliveError("ERR_TARGET", f"{path} is a folder without a __main__.py")
        return Program(python, target, _take_stem(path))
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ReliveError("ERR_TARGET", f"{path}: {error.strerror}") from None
    if start == b"\x7fELF":
        raise ReliveError(
            "ERR_TARGET",
            f"{path} is a compiled program, not a Python program (one that PyInstaller has frozen"
            " with relive inside records itself: RELIVE_RECORD=FILE)",
        )
    if start.startswith(b"#!") and not path.endswith((".py", ".pyw")):
        return _make_from_command(path, target[1:])
    return Program(python, target, _take_stem(path))


def _make_from_command(path: str, words: List[str]) -> Program:
    """Returns an installed command: a script whose first line names its interpreter."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096).decode("utf-8", "replace")
    except OSError as error:
        raise ReliveError("ERR_TARGET", f"{path}: {error.strerror}") from None
    interpreter = _read_shebang(head, path)
    if interpreter is None:
        raise ReliveError(
            "ERR_TARGET",
            f"{path} is not a Python program (its first line names no Python interpreter)",
        )
    found = project.find_command(interpreter)
    if found is None:
        raise ReliveError("ERR_TARGET", f"{path} wants {interpreter}, which is not there")
    return Program(found, [path, *words], _take_stem(path))


def _read_shebang(head: str, path: str) -> Optional[str]:
    if not head.startswith("#!"):
        return None
    words = head[2:].split("\n", 1)[0].split()
    if not words:
        return None
    if os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    if words and _is_interpreter(words[0]):
        return words[0]
    import re

    # Installers write a shell line first where the path is too long for the kernel. That of uv
    # names the interpreter beside the command, so that an environment may be moved.
    beside = re.search(
        r"""^'''exec' "\$\(dirname -- "\$\(realpath -- "\$0"\)"\)"/'([^'/\n]+)' "\$0" "\$@"$""",
        head, re.M,
    )  # fmt: skip
    if beside:
        return os.path.join(os.path.dirname(os.path.realpath(path)), beside.group(1))
    match = re.search(r"""^'''exec' "?([^"\n]+?)"? "\$0" "\$@"$""", head, re.M)
    return match.group(1) if match else None


_PROBE = _run.BOOT_PROBE + "\n".join(
    (
        "if boot:",
        "    print('boot')",
        "sys.path.append({root!r})",
        "version = '%d.%d' % sys.version_info[:2] + getattr(sys, 'abiflags', '')",
        "print('is', sys.implementation.name, version)",
        "try:",
        "    import relive._core",
        "    from relive._version import __version__",
        "    print('core', __version__)",
        "except ImportError:",
        "    try:",
        "        import pip",
        "        print('pip')",
        "    except ImportError:",
        "        pass",
    )
)


def _is_this_interpreter(program: Program) -> bool:
    same = os.path.realpath(program.interpreter) == os.path.realpath(sys.executable)
    return same and os.path.dirname(os.path.abspath(program.interpreter)) == os.path.dirname(
        os.path.abspath(sys.executable)
    )


def _ask(program: Program) -> project.Found:
    """Returns what that interpreter reports. Raises ReliveError where it can load no Relive."""
    import subprocess

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    try:
        done = subprocess.run(
            [program.interpreter, *program.flags(), "-c", _PROBE.format(root=root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            env=environ,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReliveError("ERR_TARGET", f"{program.interpreter}: {error}") from None
    found = project.Found(done.stdout.decode("utf-8", "replace"))
    if found.relive is None:
        raise project.refuse(program.interpreter, found)
    return found


def become(program: Program, variables: Mapping[str, str]) -> NoReturn:
    """Becomes the program, with these variables for the boot module in its environment."""
    letters = program.letters()
    if "S" in letters:
        raise ReliveError(
            "ERR_TARGET",
            "with -S the interpreter does not run site, through which Relive begins;"
            " use relive.start() or relive.set_trace() inside the program",
        )
    words, environ = [program.interpreter, *program.words], dict(os.environ)
    if _is_this_interpreter(program):
        has_boot = _run.boot_is_installed()
    else:
        found = _ask(program)
        has_boot = found.has_boot
        if found.relive != __version__:  # what one version begins, another does not understand
            words, variables = [program.interpreter, "-m", "relive", *sys.argv[1:]], {}
            has_boot = True
    if not has_boot:
        if letters & {"I", "E"}:
            raise ReliveError(
                "ERR_TARGET",
                "this Relive is not installed with its .pth file (an editable install, or another"
                " environment). -I and -E exclude the other way. Install it with"
                f" {program.interpreter} -m pip install relive",
            )
        _run.add_fallback(environ)
    saved = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ, **variables)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # None: the shell closed it
            stream.flush()
    try:
        os.execv(program.interpreter, words)
    except OSError as error:
        os.environ.clear()
        os.environ.update(saved)
        raise ReliveError("ERR_TARGET", f"{program.interpreter}: {error.strerror}") from None


def start(
    program: Program,
    path: str,
    settings: Mapping[str, Any],
    recipe: Mapping[str, Any],
    spare: Optional[str] = None,
) -> NoReturn:
    """Becomes the program and records into `path` what the recipe's filters let through. The folder
    `spare` is used where there is no space."""
    run = {
        "id": os.urandom(16).hex(),
        "path": path,
        "spare": spare,
        "state": "start",
        "pid": os.getpid(),
        "report": project.own_command(),
        "forced": settings["force"],
        "config": dict(settings, force=False),
        "filter": recipe,
    }
    become(program, {_run.VARIABLE: _core.run_text(run)} if settings["enabled"] else {})

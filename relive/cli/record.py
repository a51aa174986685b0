"""relive record [options] TARGET: run a program as it would run by itself, and record it.

The program is not started by us but by its own interpreter, which begins the recording while it
starts (src/cpython/module/boot.c). So sys.argv, sys.path, __main__, tracebacks, signals and the
exit status are what they are without Relive.
"""

import os

from relive import _files, _run, config
from relive.errors import ReliveError, advise

_EPILOG = """TARGET is one of
  script.py [args]           -m module [args]        -c code [args]
  - (standard input)         pytest -x (an installed command)
  ./venv/bin/python -X dev app.py (another interpreter, with its flags)

The exit status is the program's; 125 when it was not started.
"""
_METAVARS = {
    "path": "FILE", "size": "SIZE", "integer": "N", "part": "PART", "texts": "PATTERN",
    "filters": "FILE", "allow": "NAME",
}  # fmt: skip


def parser():
    """The options, from the table of settings."""
    import argparse

    from relive.cli.common import Parser

    made = Parser(
        "record",
        "Run a program and record what it does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="relive record [options] TARGET",
    )
    add_settings(made)
    return made


def add_settings(made, leave_out=()):
    """An option for each row of the table."""
    for setting in config.TABLE:
        if setting.key in leave_out:
            continue
        if setting.kind == "flag":
            made.add_argument(
                setting.option,
                dest=setting.key,
                action="store_const",
                const=not setting.default,
                default=None,
                help=setting.help,
            )
        else:
            made.add_argument(
                setting.option,
                dest=setting.key,
                metavar=_METAVARS.get(setting.key)
                or _METAVARS.get(setting.kind)
                or "|".join(setting.choices),
                action="append" if setting.kind in ("texts", "filters") else "store",
                default=None,
                help=setting.help,
            )


def split(words, made):
    """(our options, TARGET): ours end at the first word that is not one of them."""
    takes_value = made.options()
    i = 0
    while i < len(words):
        word = words[i]
        if word == "--":
            return words[:i], words[i + 1 :]
        if word in ("-m", "-c", "-") or not word.startswith("-"):
            break
        name = word.split("=", 1)[0]
        if name not in takes_value and word[:2] in takes_value and not word.startswith("--"):
            name = word  # -oFILE
        elif name in takes_value and takes_value[name] and "=" not in word:
            i += 1
        i += 1
    return words[:i], words[i:]


def main(words):
    """Replaces this process by the program; returns only where that is refused."""
    from relive.cli import launch
    from relive.filters import doors

    made = parser()
    ours, target = split(words, made)
    chosen = {key: value for key, value in vars(made.parse_args(ours)).items() if value is not None}
    if not target:
        raise ReliveError(
            "ERR_USAGE", "no TARGET: what shall be run? For example: relive record app.py"
        )
    settings = dict(config.load(options=chosen).as_dict())
    program = launch.resolve(target)
    settings, recipe = doors.resolved(settings, program.folder())
    spare = None
    try:
        if settings["output"] is None:
            path, spare = _choose_path(program), config.spare_folder()
        else:
            path = os.path.abspath(settings["output"])
            _files.prepare(path, settings["force"])
    except ReliveError as error:
        advise(error, _run.BY_OPTION, settings["force"])
        if error.code != "ERR_BUSY":
            raise
        _run.complain(f"not recorded: {error}")
        launch.become(program, {})
        return 125
    launch.start(program, path, settings, recipe, spare)
    return 125


def _choose_path(program):
    """A free name here, or in the folder for temporary files where nothing can be written here."""
    import time

    folder = os.getcwd()
    if not os.access(folder, os.W_OK) and config.spare_folder() is not None:
        folder = config.spare_folder()
        _run.complain(f"{os.getcwd()} cannot be written; recording into {folder}")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for n in range(1, 1000):
        more = "" if n == 1 else f"-{n}"
        path = os.path.join(folder, f"{program.name}-{stamp}{more}.relive")
        if not os.path.lexists(path):
            return path
    raise ReliveError("ERR_FILE_EXISTS", f"{path} and all names like it are taken")

"""relive record [options] TARGET: run a program as it would run by itself, and record it.

The program is not started by us but by its own interpreter, which begins the recording while it
starts (src/cpython/module/boot.c). So sys.argv, sys.path, __main__, tracebacks, signals and the
exit status are what they are without Relive.
"""

from __future__ import annotations

import os

from relive import _files, _run, config
from relive.cli.options import Option, Parser
from relive.errors import ReliveError, advise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Collection, Dict, List

    from relive.cli.launch import Program

_EPILOG = """TARGET is one of
  script.py [args]           -m module [args]        -c code [args]
  - (standard input)         pytest -x (an installed command)
  ./venv/bin/python -X dev app.py (another interpreter, with its flags)

The exit status is the program's; 125 when it was not started.
"""
# The options in groups: title, an example, keys of settings. Each setting is in one of them.
GROUPS = (
    ("the file", "relive record -o run.relive --force app.py",
     ("output", "force", "children", "children_exclude", "enabled")),
    ("how much of each call", "relive record --level lines --max-str 1000 app.py",
     ("level", "lines", "max_depth", "max_items", "max_str", "max_locals", "globals", "c_calls")),
    ("which code", 'relive record --include "shop.*" --exclude shop.vendored app.py',
     ("include", "exclude", "include_re", "exclude_re", "exclude_files", "capture_only_cwd",
      "activate", "sample_rate")),
    ("filter files", "relive record --trace-filter review.toml app.py",
     ("trace_filter", "auto_filter", "builtin_filter")),
    ("secrets", 'relive record --redact "^email$" --allow token_count app.py',
     ("redact", "allow", "sources")),
    ("more than calls", "relive record --output --gc app.py",
     ("stdio", "native_output", "gc")),
    ("a flight recorder", "relive record --ring 64M --dump-on exception app.py",
     ("ring", "dump_on")),
    ("cost", "relive record --budget 20 app.py",
     ("budget", "buffer", "overflow", "backend", "tool_id")),
)  # fmt: skip
_METAVARS = {
    "path": "FILE", "size": "SIZE", "integer": "N", "part": "PART", "texts": "PATTERN",
    "filters": "FILE", "allow": "NAME",
}  # fmt: skip


def parser() -> Parser:
    """Returns the parser of the options, made from the table of settings."""
    made = Parser(
        "record", "Run a program and record what it does.", has_target=True, epilog=_EPILOG
    )
    add_settings(made, with_examples=True)
    return made


def add_settings(
    made: Parser, leave_out: Collection[str] = (), with_examples: bool = False
) -> None:
    """Adds an option for each row of the table, in groups."""
    for title, example, keys in GROUPS:
        shown = [_make_option(config.BY_KEY[key]) for key in keys if key not in leave_out]
        if shown:
            made.add_group(title, example if with_examples else "", shown)


def _make_option(setting: config.Setting) -> Option:
    name, key, text = setting.option, setting.key, setting.help
    if setting.kind == "flag":
        return Option(name, key=key, text=text, const=not setting.default)
    metavar = _METAVARS.get(key) or _METAVARS.get(setting.kind) or "|".join(setting.choices)
    is_many = setting.kind in ("texts", "filters")
    return Option(name, key=key, text=text, metavar=metavar, many=is_many)


def main(words: List[str]) -> int:
    """Replaces this process by the program. Returns only where that is refused, or where tests of
    unittest have run."""
    from relive.cli import launch
    from relive.filters import builtin

    given = vars(parser().parse(words))
    target = given.pop("target")
    if not target:
        raise ReliveError(
            "ERR_USAGE", "no TARGET: what shall be run? For example: relive record app.py"
        )
    chosen = {key: value for key, value in given.items() if value is not None}
    settings: Dict[str, Any] = config.load(options=chosen).as_dict()
    if target[:2] == ["-m", "unittest"] and settings["output"] is None:
        from relive.testing import names, unittest_runner

        _run.complain("each test that fails has its own recording; -o FILE records the whole run")
        return unittest_runner.main(target[2:], chosen, names.FOLDER, False)
    program = launch.resolve(target)
    if builtin.is_alone(settings, program.folder()):
        settings["auto_filter"], recipe = False, builtin.recipe(settings)
    else:
        from relive.filters import doors

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
    launch.start(program, path, settings, recipe, spare)


def _choose_path(program: Program) -> str:
    """Returns a free name here, or in the folder for temporary files where this one cannot be
    written."""
    import time

    folder, spare = os.getcwd(), config.spare_folder()
    if not os.access(folder, os.W_OK) and spare is not None:
        folder = spare
        _run.complain(f"{os.getcwd()} cannot be written; recording into {folder}")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    stem = os.path.join(folder, f"{program.name}-{stamp}")
    for n in range(1, 1000):
        path = f"{stem}.relive" if n == 1 else f"{stem}-{n}.relive"
        if not os.path.lexists(path):
            return path
    raise ReliveError("ERR_FILE_EXISTS", f"{stem}.relive and all names like it are taken")

"""relive replay: a prompt with pdb's commands, forwards and backwards through a recording."""

from __future__ import annotations

from relive.cli import OK, USAGE, common
from relive.cli.options import Option, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

_EPILOG = """Commands come from the terminal, a pipe, or -c.

  relive replay out.relive -c 'goto exc:last; w; locals'
  relive replay out.relive -c 'goto price#3; watch total; c; p total'

s n r c until go forwards as in pdb; rs rn rf rc go backwards. `help` lists all commands.
"""


def main(words: List[str]) -> int:
    """Opens the prompt, or runs the commands that were given."""
    args = Parser(
        "replay", "Step through a recording with pdb's commands, in both directions.",
        common.FILE,
        Option("-c", "--command", key="commands", many=True, default=[], metavar="COMMANDS",
               text="run these commands, separated by `;`, and end; may be given several times"),
        Option("--commands", key="start_file", metavar="FILE",
               text="run the commands of this file first, one a line"),
        Option("--at", key="position", metavar="POSITION",
               text="begin there (default: the first step of the program)"),
        epilog=_EPILOG,
    ).parse(words)  # fmt: skip
    run = common.open_run(common.find_file(args.file))
    from relive.prompt import console
    from relive.prompt.commands import Commands
    from relive.prompt.display import Screen
    from relive.prompt.recorded import RecordedPlace

    place = RecordedPlace(run)
    if args.position:
        place.goto(args.position)
    commands = Commands(place, Screen())
    if not place.has_lines:
        level = common.highest_level(place.recording.header["meta"])
        common.say(f"recorded at level {level}: steps are calls and returns, not lines")
    if args.start_file is not None:
        console.run_script(commands, list(console.read_file(args.start_file)))
    if args.commands:
        console.run_script(commands, args.commands)
    else:
        commands.show_stop()
        console.interact(commands)
    is_script = bool(args.commands) or not console.is_terminal()
    return USAGE if commands.has_failed and is_script else OK

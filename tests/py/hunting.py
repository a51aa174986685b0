"""Bug hunts: a program of tests/bughunt, the question of its user, the commands that answer it.

The end of a program says it, a line for each:

    # question: why the second request of /start sends X-User=ann
    # record: --level lines                 options of `relive record`
    # $ relive tree --calls                 a command; `...` stands for any text in what follows
    #   send(headers={...}) -> 5 ...{call}  a piece of a line that its output has. {call} is a word
    # $ relive frame {call}                 that a later command uses: positions of calls differ
"""

import contextlib
import io
import os
import re
import statistics
import sys

from conftest import TESTS, relive

from relive import cli

PROGRAMS = sorted((TESTS / "bughunt").glob("*.py"))
BY_DEFAULT = "as by default"
SAID = re.compile(r"# (question|record): (.+)")
COMMAND, PIECE, MORE = "# $ relive ", "#   ", "#   "


class Hunt:
    """What one program says about its bug."""

    def __init__(self, path):
        self.path, self.name = path, path.name
        self.said, self.steps = {}, []  # of the steps: (command, pieces of its output)
        lines = path.read_text(encoding="utf-8").splitlines()
        self.is_of_a_package = lines[1].startswith("# From a fix of ")
        last = ""
        for line in lines:
            found = SAID.fullmatch(line)
            if found:
                last = found.group(1)
                self.said[last] = found.group(2)
            elif line.startswith(COMMAND):
                self.steps.append((line[len(COMMAND) :], []))
            elif self.steps and line.startswith(PIECE):
                self.steps[-1][1].append(line[len(PIECE) :])
            elif last and line.startswith(MORE):
                self.said[last] += " " + line[len(MORE) :]

    def record(self, folder):
        """Records the program, and returns what its user has seen."""
        (folder / self.name).write_bytes(self.path.read_bytes())
        options = self.said["record"].split() if self.said["record"] != BY_DEFAULT else []
        done = relive("record", "-o", "hunt.relive", *options, self.name, cwd=folder)
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        return "\n".join([self.said["question"], self.name, printed])

    def hunt(self, folder):
        """Yields (command, what was seen before, its pieces, its output)."""
        seen = self.record(folder)
        found = {}
        for command, pieces in self.steps:
            words = re.sub(
                r"\{(\w+)\}", lambda name: found.get(name.group(1), name.group()), command
            )
            output = ask(words, folder)
            yield words, seen, pieces, output
            seen += output
            for piece in pieces:
                match = match_of(output, piece)
                found.update(match.groupdict() if match else {})


def ask(command, folder):
    """Returns what a command of relive prints, with its standard error."""
    printed = io.StringIO()
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            cli.main(command.split())
    finally:
        os.chdir(before)
    return printed.getvalue()


def unseen_words(command, seen):
    """Returns the names and numbers of a command that nothing has shown before."""
    words = [word for word in command.split()[1:] if not word.startswith("-")]
    words = [re.sub("#1$", "", word) for word in words]  # each function has a first call
    known = set(re.findall(r"\w+", seen))
    return [name for word in words for name in re.findall(r"\w+", word) if name not in known]


def match_of(output, piece):
    """Returns the match of a piece in a line of the output, None where no line has it."""
    pattern = ".*".join(re.escape(part) for part in piece.split("..."))
    return re.search(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", pattern), output)


def measure(folder):
    """Returns [(hunt, commands, bytes)] of all hunts."""
    rows = []
    for hunt in map(Hunt, PROGRAMS):
        place = folder / hunt.path.stem
        place.mkdir()
        outputs = [output for _, _, _, output in hunt.hunt(place)]
        rows.append((hunt, len(outputs), sum(len(output.encode()) for output in outputs)))
    return rows


def summary(rows):
    """Returns the lines of a table of what the hunts cost."""
    commands, sizes = [row[1] for row in rows], [row[2] for row in rows]
    of_packages = sum(row[0].is_of_a_package for row in rows)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return [
        "| of the bug hunts, on " + version + " | median | most |",
        "| --- | --- | --- |",
        f"| commands after `relive record` | {statistics.median(commands):g} | {max(commands)} |",
        f"| bytes of their output | {statistics.median(sizes):,.0f} | {max(sizes):,} |",
        "",
        f"{len(rows)} programs, {of_packages} of them cut down from fixes of packages of PyPI.",
    ]

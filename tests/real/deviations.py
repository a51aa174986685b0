"""Where a recording is known to differ from what its oracle says, or a recorded run from another.

Checked both ways: what happens and is not in here fails, and so does an entry that no longer
happens. Each entry names the point of an issue that mends it, or the page that explains it."""

import re
import sys


class Deviation:
    """`texts` is a pattern of the differences that it explains, in the programs named (None: all)."""

    def __init__(self, point, why, texts, programs=None, since=(3, 8), before=(4, 0)):
        self.point = point
        self.why = why
        self.texts = re.compile(texts)
        self.programs = programs
        self.is_here = since <= sys.version_info[:2] < before

    def concerns(self, program):
        return self.is_here and (self.programs is None or program in self.programs)


KNOWN = [
    Deviation(
        "docs/architecture.md",
        "what records a process is in its modules",
        r"module only of the recorded run: (relive(\.\w+)?|_relive_boot)$",
    ),
    Deviation(
        "docs/compat.md",
        "a frame evaluator does not see the end of frames that ran before it, so also of those in"
        " which a process was forked",
        r"line: unwind \(.*\) at None, ",
        {"gunicorn"},
        before=(3, 12),
    ),
]  # fmt: skip


def explained(differences, program):
    """(differences that no entry explains, entries that explain nothing here)."""
    used, left = set(), []
    for text in differences:
        matching = [d for d in KNOWN if d.concerns(program) and d.texts.match(text)]
        used.update(matching[:1])
        if not matching:
            left.append(text)
    return left, [d for d in KNOWN if d.concerns(program) and d not in used]

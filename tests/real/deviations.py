"""Where a recording is known to differ from what its oracle says, or a recorded run from another.

Checked both ways: what happens and is not in here fails, and so does an entry that no longer
happens. Each entry names the point of an issue that mends it, or the page that explains it."""

import re
import sys


class Deviation:
    """`texts` is a pattern of the differences that it explains, in the programs named (None: all).
    One that happens `sometimes` depends on the moment; it need not happen."""

    def __init__(
        self, point, why, texts, programs=None, since=(3, 8), before=(4, 0), sometimes=False
    ):  # fmt: skip
        self.point = point
        self.why = why
        self.texts = re.compile(texts)
        self.programs = programs
        self.sometimes = sometimes
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
    Deviation(
        "tests/real/watch",
        "the oracle ends before the last threads of a process do",
        r"recorded only: raise ContextTerminated at \d+ in zmq.sugar:device#",
        {"nbconvert"},
        sometimes=True,
    ),
    Deviation(
        "tests/real/watch",
        "the oracle does not see a signal's handler that runs inside its own function",
        r"recorded only: .*\bhandle_exit\b",
        {"uvicorn"},
        sometimes=True,
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
    must = [d for d in KNOWN if d.concerns(program) and not d.sometimes]
    return left, [d for d in must if d not in used]

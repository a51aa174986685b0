"""Writes the manual page relive.1, made from the parsers: python tools/manual.py OUT

It runs while the wheel is built, before the C module is there. So the modules of the verbs are
imported with an empty module in its place; none of them uses it before a command runs."""

import os
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class _Any(dict):
    """What the C module gives to a module that is being imported."""

    def __missing__(self, key):
        return ""

    def __call__(self, *words):
        return self


class _Absent(types.ModuleType):
    """The C module, as far as imports look at it."""

    class Error(Exception):
        """What `except` clauses name."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Any()


def escape(text):
    """Returns a text as troff shows it."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text


def list_options(parser):
    """Yields the lines for the options of a verb."""
    for option in parser.options():
        yield ".TP"
        names = ", ".join(f"\\fB{escape(name)}\\fR" for name in option.names)
        yield f"{names} \\fI{escape(option.metavar)}\\fR" if option.metavar else names
        yield escape(option.text)


def list_verb(verb, parser):
    """Yields the lines for one verb."""
    words = ["TARGET"] if parser.has_target else [word.usage() for word in parser.words()]
    yield f".SS {escape(verb)}"
    yield f"\\fBrelive {escape(verb)}\\fR [options] {escape(' '.join(words))}"
    yield ".PP"
    yield escape(parser.about)
    for word in parser.words():
        yield ".TP"
        yield f"\\fI{escape(word.metavar)}\\fR"
        yield escape(word.text)
    yield from list_options(parser)
    example = examples().get(verb)
    if example:
        yield ".PP"
        yield f"Example: \\fB{escape(example)}\\fR"


def examples():
    """Returns {verb: a command}."""
    from relive.cli.examples import EXAMPLES

    return EXAMPLES


def page():
    """Returns the whole manual page."""
    sys.path.insert(0, ROOT)
    sys.modules["relive._core"] = _Absent("relive._core")
    from relive.cli import GROUPS, parsers

    lines = [
        '.\\" made by tools/manual.py',
        '.TH RELIVE 1 "2026-11-30" "Relive" "User Commands"',
        ".SH NAME",
        "relive \\- flight recorder and time\\-travel debugger for CPython",
        ".SH SYNOPSIS",
        "\\fBrelive\\fR \\fIVERB\\fR [options] [\\fIFILE\\fR]",
        ".SH DESCRIPTION",
        "Relive records what a Python program does and answers questions about it.",
        "FILE is the newest recording in this folder when left out.",
        "\\fBrelive\\fR \\fIFILE\\fR is \\fBrelive summary\\fR \\fIFILE\\fR.",
    ]
    found = parsers.read_all()
    for title, verbs in GROUPS:
        lines.append(f".SH {escape(title.upper())}")
        for verb in found:
            if verb.partition(" ")[0] in verbs:
                lines += list_verb(verb, found[verb])
    lines += [
        ".SH EXIT STATUS",
        "0: there is an answer. 1: nothing was found. 2: the command line is wrong.",
        "3: a recording is damaged or was not closed.",
        "\\fBrecord\\fR and \\fBdebug\\fR end as the program does; 125: it was not started.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(page())

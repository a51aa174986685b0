"""The options of the verbs: each line is read as argparse would read it with the same options."""

import argparse
import importlib
import random

import pytest

from relive import cli
from relive.cli import options
from relive.errors import ReliveError

# Words of command lines: good, odd, and wrong.
WORDS = [
    "a.relive", "7", "-7", "-0.5", "-", "", " ", "-x y", "two words", "--json", "--json=",
    "--nth", "--nth=3", "--nth=", "--nth=x", "--type", "--type=KeyError", "--type=-x", "--ty",
    "--types", "-n", "-n3", "-n=3", "-n-3", "-q", "--no", "--tag", "--tag=a=b", "--sort",
    "--sort=self", "--sort=size", "-nx", "--=", "--nth 3", "---", "--tag=", "-nn",
]  # fmt: skip


class Silent(argparse.ArgumentParser):
    """argparse, with exceptions in place of exits."""

    def error(self, message):
        raise ValueError(message)


def as_argparse(parser):
    """The same options and words, read by argparse."""
    made = Silent(allow_abbrev=False, add_help=False)
    for word in parser.words():
        how = {(1, 1): None, (0, 1): "?", (0, 0): "*", (1, 0): "+"}[word.least, word.most]
        made.add_argument(word.key, nargs=how, type=word.read, default=word.default)
    for one in parser.options():
        if one.key in ("help", "color"):
            continue
        if not one.metavar:
            made.add_argument(
                *one.names, dest=one.key, action="store_const", const=one.const, default=one.default
            )
        else:
            made.add_argument(
                *one.names, dest=one.key, type=one.read, default=one.default,
                action="append" if one.many else "store", choices=one.choices or None,
            )  # fmt: skip
    return made


def both(parser, line):
    """What argparse and ours make of a line; an error is None."""
    try:
        theirs = vars(as_argparse(parser).parse_args(line))
    except ValueError:
        theirs = None
    try:
        ours = vars(parser.parse(line))
    except ReliveError as error:
        assert error.code == "ERR_USAGE" and str(error).endswith(f" ({parser.prog} --help)")
        ours = None
    return theirs, ours


def some_parser(*words):
    return options.Parser(
        "some", "Some verb.", *words,
        options.Option("--json", text="as JSON"),
        options.Option("--nth", metavar="N", read=options.integer, text="this one"),
        options.Option("--type", metavar="TYPE", many=True, text="of this type"),
        options.Option("-n", "--limit", metavar="N", read=options.whole_number, default=9,
                       text="so many"),
        options.Option("--tag", metavar="TAG", default="none", text="with this tag"),
        options.Option("--no", key="yes", const=False, default=True, text="not so"),
        options.Option("--sort", choices=("self", "total"), default="self", text="the order"),
    )  # fmt: skip


NOTHING_ELSE = ()
FILE = (options.Word("FILE", "a file", least=0),)
TWO = (options.Word("PLACE", "where"), options.Word("FILE", "a file", least=0))
FILES = (options.Word("FILE", "files", key="files", least=0, most=0),)
SOME = (options.Word("FILE", "files", key="files", most=0),)


@pytest.mark.parametrize("words", [NOTHING_ELSE, FILE, TWO, FILES, SOME])
def test_each_short_line_is_read_as_argparse_reads_it(words):
    parser = some_parser(*words)
    lines = [[], *([one] for one in WORDS), *([a, b] for a in WORDS for b in WORDS)]
    chance = random.Random(5)
    lines += [chance.choices(WORDS, k=chance.randrange(3, 6)) for _ in range(1500)]
    compared = 0
    for line in lines:
        theirs, ours = both(parser, line)
        if theirs is None and ours is not None:
            # Words that an option separates: argparse may take only the first ones.
            assert any(one.startswith("-") and one != "-" for one in line[:-1]), line
            continue
        assert ours == theirs, line
        compared += ours is not None
    assert compared > 100


@pytest.mark.parametrize(
    ("line", "files", "tag"),
    [
        (["--", "--json"], ["--json"], "none"),
        (["a", "--", "--", "-x"], ["a", "--", "-x"], "none"),
        (["--tag", "x", "--"], [], "x"),
        (["--tag=--", "a"], ["a"], "--"),
        (["--tag", "--", "x"], None, None),
    ],
)
def test_after_two_dashes_nothing_is_an_option(line, files, tag):
    if files is None:
        with pytest.raises(ReliveError, match="--tag needs a value: --tag TAG"):
            some_parser(*FILES).parse(line)
    else:
        given = some_parser(*FILES).parse(line)
        assert (given.files, given.tag, given.json) == (files, tag, None)


# Lines of `relive record`: the line, what is given, TARGET.
TARGETS = [
    ("app.py", {}, "app.py"),
    ("-c pass -o x", {}, "-c pass -o x"),
    ("-m pytest --level lines", {}, "-m pytest --level lines"),
    ("- a", {}, "- a"),
    ("--level lines -o run.relive app.py --level calls",
     {"level": "lines", "output": "run.relive"}, "app.py --level calls"),
    ("-orun.relive app.py", {"output": "run.relive"}, "app.py"),
    ("-o=run.relive app.py", {"output": "run.relive"}, "app.py"),
    ("-o- app.py", {"output": "-"}, "app.py"),
    ("-o - app.py", {"output": "-"}, "app.py"),
    ("-o -5 app.py", {"output": "-5"}, "app.py"),
    ("--level=lines --level calls app.py", {"level": "calls"}, "app.py"),
    ("--level= app.py", {"level": ""}, "app.py"),
    ("--include a --exclude b --include=c app.py", {"include": ["a", "c"], "exclude": ["b"]},
     "app.py"),
    ("--include --level app.py", None, "--include needs a value: --include PATTERN"),
    ("--include -m pytest", None, "--include needs a value"),
    ("--include -- app.py", None, "--include needs a value"),
    ("--force --no-children --disabled --gc -- --app",
     {"force": True, "children": False, "enabled": False, "gc": True}, "--app"),
    ("-- -o x", {}, "-o x"),
    ("--", {}, ""),
    ("", {}, ""),
    ("-o x", {"output": "x"}, ""),
    ("-o", None, "-o needs a value: -o FILE"),
    ("--leve lines app.py", None, "no option --leve; did you mean '--level'? (relive record --h"),
    ("--level=lines --outputs=5 app.py", None, "no option --outputs; did you mean '--output'?"),
    ("--force=yes app.py", None, "--force takes no value, and 'yes' was given"),
    ("-mjson app.py", None, "no option -mjson"),
    ("-5 app.py", None, "no option -5"),
    ("-x app.py", None, "no option -x"),
    ("--ring 5 -x app.py", None, "no option -x"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "given", "target"), TARGETS)
def test_options_end_where_target_begins(line, given, target):
    from relive.cli import record

    if given is None:
        with pytest.raises(ReliveError) as caught:
            record.parser().parse(line.split())
        assert target in str(caught.value)
        return
    found = vars(record.parser().parse(line.split()))
    assert found.pop("target") == target.split()
    assert {key: value for key, value in found.items() if value is not None} == given


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("a b c", "more words than wanted: c (relive some --help)"),
        ("", "missing: PLACE"),
        ("a --nth x", "--nth 'x' is no whole number"),
        ("a -n -1", "-n '-1' is no number from 0 to 999999999"),
        ("a --sort totals", "--sort 'totals': wanted is one of self, total; did you mean 'total'?"),
        ("a --sort", "--sort needs a value: --sort self|total"),
        ("a --jso", "there is no option --jso; did you mean '--json'?"),
    ],
)
def test_what_is_wrong_is_named(line, text):
    with pytest.raises(ReliveError) as caught:
        some_parser(*TWO).parse(line.split())
    assert caught.value.code == "ERR_USAGE" and text in str(caught.value)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("calls f --first --last", "--first and --last do not go together"),
        ("calls f --nth=2 --last", "--last and --nth do not go together"),
        ("calls f --count --first", "--first and --count do not go together"),
        ("calls f --group n --count", "--count and --group do not go together"),
        ("calls f --nth 0", "--nth '0' is no number from 1"),
        ("exc --nth exc:0", "--nth 'exc:0' is no number from 1"),
        ("find 1 --first --count", "--first and --count do not go together"),
        ("attach 1 --status --snapshot a", "--status and --snapshot do not go together"),
        ("attach 1 --snapshot a -o b", "--snapshot and -o do not go together"),
        ("attach 1 --for 1s --status", "--status and --for do not go together"),
    ],
)
def test_what_contradicts_is_refused(line, text, capsys):
    assert cli.main(line.split()) == cli.USAGE
    assert text in capsys.readouterr().err


def test_a_list_of_values_is_not_shared_between_lines():
    parser = options.Parser(
        "some",
        "Some verb.",
        options.Option("-b", key="breaks", metavar="B", many=True, default=[], text="b"),
    )
    assert [parser.parse(line).breaks for line in (["-b1", "-b", "2"], [], ["-b3"])] == [
        ["1", "2"], [], ["3"]]  # fmt: skip


@pytest.mark.parametrize(("columns", "width"), [("60", 58), ("100", 98), ("1", 40), ("no", 78)])
def test_the_help_fits_the_terminal(columns, width, monkeypatch):
    from relive.cli import record

    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(options.sys, "stdout", None)  # no terminal to ask
    options_text = record.parser().format_help().partition("TARGET is one of")[0]
    lines = options_text.splitlines()
    assert lines[0] == "usage: relive record [options] TARGET"
    rows = [line for line in lines if line.startswith(("  -", " " * 24))]
    assert width - 10 < max(map(len, rows)) <= width or width == 40
    assert sum("--max-depth N" in line for line in rows) == 1


def test_each_option_has_a_text_and_a_name_of_its_own(monkeypatch):
    """Of all verbs, as their own modules define them."""
    parsers = []

    def parse(parser, line):
        parsers.append(parser)
        raise SystemExit(0)

    monkeypatch.setattr(options.Parser, "parse", parse)
    lines = [*([verb] for verb in cli.VERBS if verb != "filter"),
             *(["filter", verb] for verb in ("check", "explain", "init"))]  # fmt: skip
    for verb, *words in lines:
        with pytest.raises(SystemExit):
            importlib.import_module(f"relive.cli.{verb}").main(words)
    assert len(parsers) == len(lines) > 15
    for parser in parsers:
        names = [name for one in parser.options() for name in one.names]
        assert len(names) == len(set(names)) and all(one.text for one in parser.options())
        # An option and its opposite set one thing.
        keys = [
            (one.key, getattr(one, "const", None)) for one in [*parser.words(), *parser.options()]
        ]
        assert len(keys) == len(set(keys)) and all(key.isidentifier() for key, _ in keys)

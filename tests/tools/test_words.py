"""tools/words.py on small made-up files: what it reads of each language, and what it finds."""

import subprocess

import pytest
import words

LIST = words.read_words(
    "# comment\n\n\\bgrue\\b   say who reports it  relive/old/* docs/x.md\n\\bblick\\b  again  -\n"
)
LONG = "One " + "word " * 25 + "end."


def find(path, source, columns=False):
    found = [f"{f.line}: {f.text}" for f in words.find_all(path, source, LIST)]
    return [text for text in found if columns == ("columns" in text)]


def prose(path, source):
    texts = words.reader_of(path)(path, source)
    return [
        (text.kind, [line.strip() for _, line in text.lines if line])
        for text in texts
        if text.lines
    ]


def test_comments_of_c_are_read_without_their_stars():
    source = "/* One\n * two. */\nint a; // three\n/** Four. */\n"
    assert prose("src/a.c", source) == [
        ("comment", ["One", "two."]),
        ("comment", ["three"]),
        ("comment", ["Four."]),
    ]


def test_a_string_of_c_is_no_comment_and_a_comment_no_string():
    assert prose("tests/c/a.c", 'char *a = "/* not grue */"; char b = \'"\'; /* "x */\n') == [
        ("comment", ['"x'])
    ]


def test_messages_are_the_texts_of_several_words():
    source = (
        '#include "not a text of words"\n'
        'fail("the file is",\n  "x", "grue by %s" PRIu64\n " again and again");\n'
    )
    assert prose("src/a.c", source) == [
        ("message", ["the file is"]),
        ("message", ["grue by %s again and again"]),
    ]
    assert prose("tests/c/a.c", source) == []


def test_comments_docstrings_and_messages_of_python_are_read():
    source = (
        '#!/usr/bin/env python\n"""Says what."""\n\n# One\n# two.\n\n'
        'def f():\n    """Returns\n\n    this."""\n    a = 1  # three\n'
        '    raise ValueError(f"this {a} was grue twice")\n'
    )
    assert prose("relive/a.py", source) == [
        ("comment", ["One", "two."]),
        ("comment", ["three"]),
        ("comment", ["Says what."]),
        ("comment", ["Returns", "this."]),
        ("message", ["this % was grue twice"]),
    ]
    assert ("message", ["this % was grue twice"]) not in prose("tests/py/a.py", source)


def test_markdown_is_read_without_code_in_paragraphs_items_and_cells():
    source = (
        "# Head\n\nOne `grue`\ntwo.\n\n- three\n  four\n1. five\n\n    grue\n\n```c\ngrue\n```\n\n"
        "| a | grue b |\n> six\n"
    )
    lines = [lines for _, lines in prose("docs/a.md", source)]
    assert lines == [
        ["Head"], ["One `grue`", "two."], ["three", "four"], ["five"], ["a"], ["grue b"], ["six"],
    ]  # fmt: skip
    assert find("docs/a.md", source) == ['16: "grue": say who reports it']


def test_comments_of_shell_and_make_are_read():
    assert prose("a.sh", "#!/bin/sh\n# one\n# two\nx=1 # three\n") == [
        ("comment", ["one", "two"]),
        ("comment", ["three"]),
    ]
    assert prose("Makefile", "test: ## all tests\n") == [("comment", ["all tests"])]


def test_a_word_is_found_with_its_line_also_across_lines():
    assert find("src/a.h", "\n/* This is\n * Grue blick.\n */\n") == [
        '3: "Grue": say who reports it',
        '3: "blick": again',
    ]
    twice = words.read_words("is grue  no  -\n")
    (finding,) = words.find_all("src/a.h", "/* This is\n * grue. */\n", twice)
    assert finding.line == 1


def test_a_word_is_allowed_where_the_list_says_so():
    assert find("relive/old/a.py", "# grue\n") == []
    assert find("relive/new/a.py", "# grue\n") == ['1: "grue": say who reports it']


def test_names_and_code_are_no_words():
    assert find("src/a.c", "/* grue_names.h and `grue` and grue(). */\n") == [
        '1: "grue": say who reports it'
    ]


def test_a_sentence_of_more_than_25_words_is_found():
    assert find("src/a.c", f"/* Short. {LONG} Short. */\n") == [
        "1: a sentence of 27 words: One word word word word word word word ..."
    ]
    assert find("docs/a.md", LONG.replace("word ", "", 2) + "\n") == []


@pytest.mark.parametrize(
    "between", [".\n\n", ".\n- ", ". Then ", "? `Then` ", ".\n\n```\ncode\n```\n"]
)
def test_a_sentence_ends(between):
    half = "word " * 19 + "end"
    assert find("docs/a.md", half + between + half + ".\n") == []


@pytest.mark.parametrize("between", [", e.g. ", " of 3.8 ", "; then ", ": ", " of f.c: "])
def test_a_sentence_goes_on(between):
    half = "word " * 14 + "end"
    assert len(find("docs/a.md", half + between + half + ".\n")) == 1


def test_drawings_have_no_sentences():
    row = " *     OPEN --- " + "word " * 14 + "--> CLOSED\n"
    assert find("src/a.h", "/* The gate:\n *\n" + row * 3 + " */\n") == []


def test_long_lines_are_found_where_they_can_be_broken():
    long = "x " * 60
    assert find("a.sh", long + "\n", columns=True) == ["1: a line of 120 columns"]
    for path, line in (
        ("docs/a.md", f"| {long}|"),
        ("docs/a.md", "y" * 120),
        ("docs/a.md", f"```\n{long}\n```"),
        ("docs/a.md", "See https://" + long),
    ):
        assert find(path, line + "\n", columns=True) == []


@pytest.fixture
def repository(tree, monkeypatch):
    def make(left):
        root = tree(
            {
                words.WORDS: "\\bgrue\\b  no  -\n",
                words.LEFT: "# The allowance.\n" + left,
                "src/a/one.c": "/* grue */\n/* grue */\nint x;\n",
                "src/b.c": "/* grue */\n",
            }
        )
        subprocess.run(["git", "init", "-q", root], check=True)
        return root

    return make


@pytest.mark.parametrize(
    "left, status",
    [
        ("2 src/a/one.c\n1 src/b.c\n", 0),
        ("3 src/\n", 0),
        ("9 src/a/\n1 src/b.c\n", 0),
        ("2 src/\n", 1),
        ("1 src/a/one.c\n9 src/\n", 1),
        ("2 src/a/one.c\n", 1),
    ],
)
def test_a_file_may_have_as_many_findings_as_are_allowed(repository, monkeypatch, left, status):
    monkeypatch.setattr(words, "SHARE", (0, 100))
    assert words.check(repository(left)) == status


def test_the_allowance_only_shrinks(repository):
    root = repository("5 src/a/\n0 src/b.c\n7 gone.c\n")
    words.shrink(root)
    assert words.read(root, words.LEFT) == "# The allowance.\n    2 src/a/\n"


def test_the_share_of_comments_counts_lines_that_hold_one(repository):
    assert words.shares(repository("")) == {"src/a": [2, 3], "src": [1, 1]}


def test_a_room_has_neither_too_few_comments_nor_too_many(repository, monkeypatch, capsys):
    root = repository("3 src/\n")
    monkeypatch.setattr(words, "SHARE", (67, 90))
    monkeypatch.setattr(words, "OWN_SHARE", {"src": 100})
    assert words.check(root) == 0
    monkeypatch.setattr(words, "SHARE", (68, 90))
    monkeypatch.setattr(words, "OWN_SHARE", {"src": 99})
    assert words.check(root) == 1
    out = capsys.readouterr().out
    assert "src/a: 67 % of the lines hold a comment; 68 to 90 % may" in out
    assert "src: 100 % of the lines hold a comment; 68 to 99 % may" in out

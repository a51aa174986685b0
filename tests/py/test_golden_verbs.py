"""What each verb prints about tests/golden/good/verbs-1.relive, as text and as JSON, byte for byte.

Its program is tests/golden/verbs/shop.py. `python tests/py/test_golden_verbs.py` writes what the
verbs print now: read the difference before you commit it."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import TESTS
from test_pages import ask

from relive import cli

GOLDEN = TESTS / "golden" / "verbs"
FILE = "verbs-1.relive"
# Words of each verb, FILE at its place.
QUESTIONS = {
    "callees": [["order", FILE]],
    "callers": [["total", FILE]],
    "calls": [["total", FILE, "--where", "rate < 1"], ["total", FILE, "--group", "rate"]],
    "check": [[FILE]],
    "cover": [["total", FILE], ["shop.py", FILE, "--missing"], ["shop.py", FILE, "--functions"]],
    "cut": [[FILE, "--from", "order#2", "--to", "T1@150", "-o", "part.relive", "--force"]],
    "diff": [[FILE, "order#1", "order#2"]],
    "dump": [[FILE, "--limit", "12"]],
    "exc": [[FILE]],
    "find": [["'milk'", FILE, "--limit", "5"]],
    "frame": [["order#3", FILE]],
    "gaps": [[FILE, "--limit", "5"]],
    "history": [["total", "found", FILE]],
    "info": [[FILE]],
    "line": [["shop.py:20", FILE]],
    "origin": [["rate@total#3", FILE]],
    "out": [[FILE]],
    "schema": [["out"]],
    "sessions": [[FILE]],
    "state": [["exc:1", FILE]],
    "summary": [[FILE]],
    "tasks": [[FILE]],
    "threads": [[FILE]],
    "timeline": [[FILE, "--limit", "20"]],
    "top": [[FILE]],
    "tree": [[FILE], [FILE, "--all", "--limit", "8"], [FILE, "--calls", "--limit", "8"]],
    "why": [[FILE]],
}


def answers(verb, folder):
    """The commands of a verb, and what they print."""
    shutil.copy(TESTS / "golden" / "good" / FILE, folder)
    text = ""
    for words in QUESTIONS[verb]:
        for form in ([], ["--json"]):
            status, output, _ = ask(verb, *words, *form)
            text += f"$ relive {' '.join([verb, *words, *form])}\n{output}[{status}]\n"
    if verb == "cut":  # another zstd has other sizes
        text = re.sub(r'"bytes":\d+|, \d+ kB', "", text)
    text = re.sub(r"\^[^\s\",]*python3[^\s\",]*", "RULE", text)
    text = re.sub(r"/[^\"\s:]*/lib(64)?/python3\.12/", "LIB/", text)
    return re.sub('"kernel":"[^"]*"', '"kernel":""', text).replace(f"{folder}{os.sep}", "")


@pytest.mark.parametrize("verb", sorted(QUESTIONS))
def test_a_verb_prints_what_it_printed(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    expected = (GOLDEN / f"{verb}.txt").read_text(encoding="utf-8")
    assert answers(verb, tmp_path.resolve()) == expected


def test_each_verb_that_reads_a_recording_is_asked():
    others = {"record", "debug", "attach", "detach", "filter", "doctor", "replay"}
    others |= {"ls", "rm", "unittest"}
    others |= {"pack", "completion"}
    assert set(cli.VERBS) - others == set(QUESTIONS)


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        for name in QUESTIONS:
            found = answers(name, Path(made).resolve())
            (GOLDEN / f"{name}.txt").write_text(found, encoding="utf-8")
    sys.exit(0)

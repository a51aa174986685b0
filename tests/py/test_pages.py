"""Pages of an answer: joined, they are the answer without a limit, byte for byte."""

import contextlib
import io
import json
import re
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, relive, two_versions

import relive as api
from relive import cli

pytestmark = two_versions
PROGRAM = """
import threading
import helpers, other

def leaf(n, text):
    total = n
    for i in range(n):
        total += i
    return total

def steps(n):
    for i in range(n):
        yield leaf(i, "x" * 300)

def fails(n):
    raise KeyError(n)

def turns():
    pairs = [steps(3), steps(3)]
    for one in pairs * 2:
        next(one)
    for n in range(4):
        try:
            fails(n)
        except KeyError:
            print("failed", n)

threads = [threading.Thread(target=turns, name=f"worker-{n}") for n in range(2)]
for thread in threads:
    thread.start()
    thread.join()
turns()
"""
HELPERS = """
def made(): return 1
class Shop:
    price = made()
    class Inner:
        name = "inner"
class Other:
    pass
made()
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "app.py").write_text(PROGRAM)
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "other.py").write_text("import helpers\nvalue = helpers.made()\n")
    words = ["record", "--level", "lines", "--output", "-o", "out.relive", "app.py"]
    done = relive(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out.relive"


def ask(*words):
    """(exit status, output, errors) of a verb, in this process."""
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = cli.main([str(word) for word in words])
    output.flush()
    return status, output.buffer.getvalue().decode(), errors.getvalue()


QUESTIONS = [
    ["tree"], ["tree", "--all"], ["tree", "--calls"], ["tree", "--calls", "--func", "leaf"],
    ["top"], ["callers", "leaf"], ["callees", "turns"], ["line", "app.py:8"],
    ["history", "leaf", "total"], ["frame", "leaf#last"], ["state", "leaf#2"], ["sessions"],
    ["gaps"], ["out"], ["cover", "app.py"], ["cover", "leaf", "--functions"],
    ["exc", "--all"], ["exc", "--all", "--nth", "4"], ["dump"], ["calls", "leaf"],
]  # fmt: skip


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_joined_pages_are_the_whole_answer(out, words):
    for form in ([], ["--json"]) if "--json" not in words else ([],):
        question = [*words, *form, out]
        status, whole, said = ask(*question, "--limit", "0")
        assert whole and status in (0, 1), said
        for bounds in (["--limit", "3"], ["--max-bytes", "700", "--limit", "0"]):
            joined, cursor, pages = "", [], 0
            while cursor is not None:
                _, page, said = ask(*question, *bounds, *cursor)
                assert not bounds[0] == "--limit" or page.count("\n") < 200
                joined += page
                pages += 1
                found = re.search(r"--cursor (\S+)", said)
                cursor = ["--cursor", found.group(1)] if found else None
                assert pages < 10000
            assert joined == whole, (question, bounds)


def test_a_cursor_of_another_question_is_refused(out):
    _, _, said = ask("tree", "--calls", "--limit", "2", out)
    cursor = re.search(r"--cursor (\S+)", said).group(1)
    for words in (["tree"], ["tree", "--calls", "--func", "leaf"], ["top"]):
        status, text, said = ask(*words, "--cursor", cursor, out)
        assert status == 2 and "of another question" in said and not text
    status, _, said = ask("tree", "--calls", "--limit", "2", "--cursor", f"{cursor}x", out)
    assert status == 2 and "no place of a call" in said
    rows, question, _ = cursor.split(".")
    status, _, said = ask("tree", "--calls", "--cursor", f"{rows}.{question}.0:T1@99999", out)
    assert status == 2 and "no call T1@99999" in said


GROWING = """
import sys
def leaf(n):
    return n
for n in range(20): leaf(n)
print("half", flush=True)
sys.stdin.readline()
for n in range(20): leaf(n)
"""


def test_a_page_goes_on_in_a_file_that_has_grown(tmp_path):
    (tmp_path / "app.py").write_text(GROWING)
    words = [sys.executable, "-m", "relive", "record", "--level", "lines", "-o", "r.relive"]
    with subprocess.Popen(
        [*words, "app.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=clean_environ(),
    ) as running:  # fmt: skip
        assert running.stdout.readline() == b"half\n"
        path = tmp_path / "r.relive"
        until = time.monotonic() + 60  # the writer thread stores the source a moment later
        while time.monotonic() < until:
            with api.open(path) as recording:
                if recording.source(str(tmp_path / "app.py")) is not None:
                    break
            time.sleep(0.05)
        firsts = {}
        for words in (["tree", "--calls", "--func", "leaf"], ["line", "app.py:4"],
                      ["history", "leaf", "n"], ["calls", "leaf"]):  # fmt: skip
            _, page, said = ask(*words, "--json", "--limit", "15", path)
            firsts[tuple(words)] = page, re.search(r"--cursor (\S+)", said).group(1)
        running.communicate(b"\n", timeout=60)
    for words, (page, cursor) in firsts.items():
        _, rest, _ = ask(*words, "--json", "--limit", "0", "--cursor", cursor, path)
        _, whole, _ = ask(*words, "--json", "--limit", "0", path)
        # The clocks of an open file are compared again, so times may move by nanoseconds.
        joined, whole = (re.sub(r'("t"|_ns"):\d+', r"\1:0", text) for text in (page + rest, whole))
        assert joined == whole and rest.count("\n") >= 25


def tree_of(path, *options):
    rows = [json.loads(row) for row in ask("tree", "--json", *options, path)[1].splitlines()]
    return rows[1:-1], rows[-1]["totals"]


def test_imports_and_class_bodies_are_one_line_each_with_their_sums(out):
    """The sums are those of a plain reading of all events."""
    rows, totals = tree_of(out)
    folds = [row for row in rows if row["fold"]]
    assert [(row["fold"], sorted(row["names"])) for row in folds] == [
        ("import", ["helpers", "other"])
    ]
    begun, took = {}, 0
    for event in api.open(out).events():
        if event["kind"] == "call" and event["func"] in ("helpers:<module>", "other:<module>"):
            begun[event["frame"]] = event["t"]
        elif event["kind"] == "return" and event["frame"] in begun:
            took += event["t"] - begun[event["frame"]]
    assert abs(folds[0]["total_ns"] - took) <= 4 and folds[0]["calls"] == 2
    names = {row["func"] for row in rows}
    assert not names & {"helpers:made", "helpers:Shop"} and totals["folded"] == 1
    whole, _ = tree_of(out, "--all")
    assert {"helpers:made", "helpers:Shop", "helpers:Shop.Inner", "helpers:<module>"} <= {
        row["func"] for row in whole
    }
    below, _ = tree_of(out, "--func", "helpers:<module>")
    assert below[1]["fold"] == "class body"
    text = ask("tree", out)[1]
    assert "    imports x2: " in text
    assert text.endswith("imports and class bodies folded (--all shows everything)\n")


def test_what_is_too_short_is_left_out_and_counted(out):
    whole, _ = tree_of(out, "--all", "--limit", "0")
    least = sorted(row["total_ns"] for row in whole)[len(whole) // 2]
    rows, totals = tree_of(out, "--all")
    assert len(rows) == len(whole) and totals["left_out"] == 0
    rows, totals = tree_of(out, "--min", f"{least}ns")
    unfolded, _ = tree_of(out, "--min", "0")
    assert totals["left_out"] == len(unfolded) - len(rows) > 0
    assert {row["func"] for row in unfolded if row["total_ns"] >= least} <= {
        row["func"] for row in rows
    }
    text = ask("tree", "--min", "50%", out)[1]
    assert re.search(r"\d+ lines left out, each below 50% of its thread's time", text)


def test_an_import_that_failed_has_a_line_of_its_own(tmp_path):
    (tmp_path / "broken.py").write_text("def f(): return 1 // 0\nf()\n")
    (tmp_path / "app.py").write_text("try:\n    import broken\nexcept ZeroDivisionError: pass\n")
    assert relive("record", "-o", "r.relive", "app.py", cwd=tmp_path).returncode == 0
    rows, _ = tree_of(tmp_path / "r.relive")
    assert ["broken:<module>", "broken:f"] == [row["func"] for row in rows][1:]
    assert rows[-1]["exc_type"] == "ZeroDivisionError"

"""`out`, `cover` and `schema`."""

import json
import runpy
import sys

import pytest
from conftest import PROGRAMS, TESTS, relive
from test_pages import ask

import relive as api
from relive import covers, schemas

WRITES = """
import sys, threading
def show(n):
    print("number", n)
    sys.stdout.write("a part")
    sys.stdout.write(" of a line\\n")
    print("x" * 9000)
    print("to stderr", file=sys.stderr)
def other():
    show(2)
show(1)
thread = threading.Thread(target=other)
thread.start()
thread.join()
print("no end", end="")
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    (folder / "app.py").write_text(WRITES)
    done = relive("record", "--level", "lines", "--output", "-o", "r.relive", "app.py", cwd=folder)
    assert done.returncode == 0
    return done, folder / "r.relive"


def test_what_was_written_has_its_place(written):
    done, path = written
    rows = list(api.open(path).out())
    for stream, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        joined = "".join(row.text for row in rows if row.stream == stream)
        assert joined == text.decode()[: len(joined)] and joined
    first = next(row for row in rows if row.text == "number 1\n")
    assert (first.func, first.line, first.writes) == ("__main__:show", 4, 4)
    with api.open(path) as recording:
        for row in rows:
            state = recording.state(row.position)
            event = state.event
            assert event["kind"] == "output" and row.text.startswith(event["text"])
            frame = next(one for one in state.threads[row.thread - 1].frames
                         if one.name == row.frame)  # fmt: skip
            assert (frame.func, frame.line) == (row.func, row.line)
    assert {row.thread for row in rows} == {1, 2} and rows[-1].text == "no end"
    assert [row.text for row in rows if row.text.startswith("a part")] == ["a part"] * 2


def test_out_prints_a_row_for_each_write(written):
    _, path = written
    status, text, _ = ask("out", path)
    assert status == 0 and "app.py:4 show             number 1\n" in text
    assert [row.partition("stderr: ")[2] for row in text.splitlines() if "stderr: " in row] == [
        "to stderr"
    ] * 2
    assert ask("out", "--text", "nothing like it", path)[0] == 1
    assert ask("out", "--stream", "stderr", path)[1].count("\n") == 2


def test_out_says_where_output_was_not_recorded(tmp_path):
    (tmp_path / "app.py").write_text("print(1)\n")
    for options, text in (([], "output was not recorded"), (["--output"], "1\n")):
        words = ["record", "--force", *options, "-o", "r.relive", "app.py"]
        assert relive(*words, cwd=tmp_path).returncode == 0
        assert text in ask("out", tmp_path / "r.relive")[1]


COVERED = ["closures", "comprehensions", "exceptions_finally", "classes", "generator_send"]


@pytest.mark.parametrize("name", COVERED)
def test_lines_ran_as_often_as_a_trace_function_sees(name, tmp_path):
    program = next(one for one in PROGRAMS if one.stem == name)
    words = ["record", "--level", "lines", "-o", tmp_path / "r.relive", program]
    assert relive(*words, cwd=tmp_path).returncode == 0
    found = api.open(tmp_path / "r.relive").cover(str(program))
    hits = {}

    def trace(frame, event, arg):
        if frame.f_code.co_filename != str(program):
            return None
        if event == "line":
            hits[frame.f_lineno] = hits.get(frame.f_lineno, 0) + 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit:
        pass
    finally:
        sys.settrace(before)
    assert {line.line: line.hits for line in found.lines if line.hits} == hits


NOT_ALL = '''\
"""Text."""
import sys


def first(n):
    """Text."""
    if n:
        return [i
                for i in range(n)]
    else:
        print("never",
              n)
    def inner():
        return 3


@staticmethod
def never(a):
    global x
    x = a
    return x


class Shop:
    price = 3

    def unused(self):
        return self.price


first(2)
'''


def test_statements_that_did_not_run_are_named(tmp_path):
    (tmp_path / "app.py").write_text(NOT_ALL)
    path = tmp_path / "r.relive"
    assert relive("record", "--level", "lines", "-o", path, "app.py", cwd=tmp_path).returncode == 0
    found = api.open(path).cover("app.py")
    assert [one.line for one in found.lines if one.state == covers.NOT_RUN] == [
        11, 13, 14, 20, 21, 28]  # fmt: skip
    names = {one.func: one.calls for one in found.functions}
    assert names["__main__:first"] == 1 and names["never"] == names["unused"] == 0
    status, text, _ = ask("cover", "first", path)
    assert status == 0 and "app.py: 3 of 6 lines ran; not 11, 13-14" in text
    assert '   11         -          print("never",' in text
    rows = ask("cover", "app.py", "--missing", path)[1].splitlines()
    assert [int(row.split()[0]) for row in rows[:-1]] == [11, 13, 14, 20, 21, 28]


def test_without_lines_functions_are_counted(tmp_path):
    (tmp_path / "app.py").write_text(NOT_ALL)
    path = tmp_path / "r.relive"
    assert relive("record", "-o", path, "app.py", cwd=tmp_path).returncode == 0
    text = ask("cover", "app.py", path)[1]
    assert "        x1      5  __main__:first\n" in text and "not called     27  unused" in text
    assert "lines were not recorded" in text


# ---- schemas ----


def problem(value, schema):
    """What is wrong with a value, by the parts of JSON Schema that the schemas use; or None."""
    import re

    if "const" in schema and value != schema["const"]:
        return f"{value!r} is not {schema['const']!r}"
    if "anyOf" in schema:
        found = [problem(value, one) for one in schema["anyOf"]]
        return None if None in found else f"{value!r}: {found}"
    kinds = {
        "string": str, "integer": int, "boolean": bool, "object": dict, "array": list,
        "null": type(None),
    }  # fmt: skip
    kind = schema.get("type")
    if kind and (
        not isinstance(value, kinds[kind]) or (kind == "integer" and isinstance(value, bool))
    ):
        return f"{value!r} is no {kind}"
    if value < schema["minimum"] if "minimum" in schema else False:
        return f"{value} is too small"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{value!r} does not match"
    for name in schema.get("required", ()):
        if name not in value:
            return f"{name} is missing"
    if schema.get("additionalProperties") is False and set(value) - set(schema["properties"]):
        return f"more than wanted: {set(value) - set(schema['properties'])}"
    for name, inner in schema.get("properties", {}).items():
        found = problem(value[name], inner) if name in value else None
        if found:
            return f"{name}: {found}"
    for one in value if "items" in schema else ():
        found = problem(one, schema["items"])
        if found:
            return found
    return None


GOLDEN = TESTS / "golden" / "good" / "lines-1.relive"
ASKED = {
    "callers": ["leaf"], "callees": ["turns"], "calls": ["leaf"], "line": ["app.py:8"],
    "history": ["leaf", "total"], "frame": ["leaf#2"], "state": ["end"], "cover": ["app.py"],
    "exc": ["--all"], "origin": ["total@leaf#3"],
    "find": ["3"],
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    from test_pages import HELPERS, PROGRAM

    folder = tmp_path_factory.mktemp("schemas")
    (folder / "app.py").write_text(PROGRAM)
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "other.py").write_text("import helpers\n")
    words = ["record", "--level", "lines", "--output", "-o", "out.relive", "app.py"]
    assert relive(*words, cwd=folder).returncode == 0
    return folder / "out.relive"


@pytest.mark.parametrize("verb", sorted(schemas.SCHEMAS))
def test_the_rows_of_a_verb_fit_its_schema(verb, pages, tmp_path):
    head, *kinds = [json.loads(row)["fields"] for row in ask("schema", verb)[1].splitlines()[1:]]
    words = [[verb, *ASKED.get(verb, []), pages]]
    if verb == "diff":
        words = [[verb, pages, GOLDEN, "--all"], [verb, pages, "leaf#2", "leaf#3"]]
    elif verb == "cut":
        words = [[verb, pages, "-o", tmp_path / "part.relive"]]
    elif verb == "pack":
        words = [[verb, pages, "-o", tmp_path / "pack.relive"]]
    elif verb in ("ls", "rm"):
        (tmp_path / "pages.relive").write_bytes(pages.read_bytes())
        words = [[verb, tmp_path] if verb == "ls" else [verb, tmp_path / "pages.relive", "--yes"]]
    elif verb == "tree":
        words += [[verb, "--calls", pages], [verb, "--all", pages]]
    elif verb == "calls":
        words += [[verb, "fails", pages], [verb, "leaf", "--group", "n", pages]]
    for one in words:
        _, text, said = ask(*one, "--json")
        rows = [json.loads(row) for row in text.splitlines()]
        assert problem(rows[0], head) is None and len(rows) > (verb not in ("gaps", "sessions"))
        for row in rows[1:]:
            found = [problem(row, kind) for kind in kinds]
            assert None in found, (row, found, said)


def test_each_verb_that_answers_in_rows_has_a_schema():
    from relive import cli

    others = {"record", "debug", "attach", "detach", "filter", "dump", "doctor", "schema"}
    others |= {"unittest"}
    assert set(cli.VERBS) - others - {"replay", "completion"} == set(schemas.SCHEMAS)
    status, text, _ = ask("schema")
    assert status == 0 and len(text.splitlines()) == len(schemas.SCHEMAS)
    assert ask("schema", "tre")[0] == 2

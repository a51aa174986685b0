"""tools/matrix: arguments, which tests run, and how results are counted. Nothing is built here."""

import os

import chance
import environments
import lint
import pytest
import suites
from environments import Failed
from suites import Counts


def load_main(name="matrix_main"):
    """tools/matrix/__main__.py as a module."""
    from importlib.util import module_from_spec, spec_from_file_location

    folder = os.path.dirname(suites.__file__)
    spec = spec_from_file_location(name, os.path.join(folder, "__main__.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_arguments_of_the_makefile_are_understood():
    main = load_main()
    args = main.parse(["test", "--only", "3.12 3.8", "-k", "values"])
    assert (args.command, args.only, args.k) == ("test", ["3.12", "3.8"], "values")
    args = main.parse(["test", "--only", "", "-k", ""])
    assert (args.only, args.k) == ([], "")
    assert main.parse(["test", "--only", "3.8,3.9"]).only == ["3.8", "3.9"]
    assert main.parse(["fuzz", "--seconds", "5"]).seconds == 5


@pytest.mark.parametrize("words", [["test", "--only", "3.7"], ["tests"], []])
def test_wrong_arguments_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        load_main().parse(words)
    assert ended.value.code == 2
    assert "3.8 3.9" in capsys.readouterr().err or words[1:] == []


def test_every_command_of_the_makefile_exists():
    with open(os.path.join(environments.ROOT, "Makefile"), encoding="utf-8") as file:
        used = {line.split()[1] for line in file if line.startswith("\t@$(MATRIX) ")}
    assert used == set(load_main().COMMANDS)


def test_a_step_that_fails_ends_the_command(monkeypatch, capsys):
    def fail(args):
        raise Failed("no compiler")

    main = load_main()
    monkeypatch.setitem(main.COMMANDS, "demo", fail)
    assert main.main(["demo"]) == 1
    assert capsys.readouterr().out == "failed: no compiler\n"


@pytest.mark.parametrize(
    "keyword, is_whole, words",
    [
        ("", True, ["py"]),
        ("values", True, ["py/test_values.py"]),
        ("values lines", True, ["py/test_values.py", "py/test_lines.py"]),
        ("no_such_file", True, ["py", "-k", "no_such_file"]),
        ("values or lines", True, ["py", "-k", "values or lines"]),
    ],
)
def test_a_keyword_names_files_or_tests(keyword, is_whole, words):
    assert suites.select(keyword, is_whole) == words


def test_other_versions_run_a_part():
    names = suites.select("", False)
    assert {"py/test_smoke.py", "py/test_record.py", "py/test_debug_life.py"} <= set(names)
    assert "py/test_values.py" not in names and len(set(names)) == len(names)
    assert all(suites.test_files(word) for word in suites.NARROW)


def test_counts_add_up():
    assert str(Counts(1, 2, 3) + Counts(4)) == "5 passed, 2 failed, 3 skipped"


def test_the_last_run_of_meson_counts():
    log = (
        "Ok:                 7\nFail:               1\n...\nOk:   12\nExpected Fail: 0\nFail:   0\n"
    )
    assert suites.count_of_meson(log) == Counts(12, 0)


@pytest.mark.parametrize(
    "log, counts",
    [
        ("...\n17 passed in 0.31s\n", Counts(17)),
        ("2 failed, 3 passed, 1 error in 1s", Counts(3, 3)),
        ("ERROR: file not found", Counts(0, 1)),
        ("", Counts(0, 1)),
    ],
)
def test_the_closing_line_of_pytest_counts(log, counts):
    assert suites.count_of_pytest(log) == counts


REPORT = """<testsuites><testsuite tests="6" failures="1" errors="1" skipped="2">
<testcase classname="py.test_backends" name="test_a[monitoring]"/>
<testcase classname="py.test_backends" name="test_b[monitoring-1]"><failure/></testcase>
<testcase classname="py.test_backends" name="test_a[settrace]"/>
<testcase classname="py.test_values" name="test_a[settrace]"/>
<testcase classname="py.test_x" name="c"><skipped message="no wheel"/></testcase>
<testcase classname="py.test_x" name="d"><skipped message="no wheel"/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted_with_its_reasons_to_skip(tmp_path):
    path = tmp_path / "3.12.xml"
    path.write_text(REPORT)
    assert suites.count_of_report(str(path)) == (Counts(2, 2, 2), ["    skipped: no wheel"])
    assert suites.count_of_report(str(tmp_path / "none.xml")) == (Counts(), [])


def test_backends_are_compared_by_the_tests_that_all_of_them_run(tmp_path, monkeypatch):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "3.12.xml").write_text(REPORT)
    monkeypatch.setattr(suites, "BUILD", str(tmp_path))
    assert list(suites.parity(["3.12", "3.8"])) == [
        "callbacks, the same tests on each backend: 3.12: monitoring 1 of 2, settrace 1 of 1"
    ]


def test_each_interpreter_is_counted_also_where_a_step_fails(monkeypatch, capsys):
    def python(version, path, is_whole, jobs, is_full, keyword, is_short):
        if version == "3.9":
            raise Failed("no compiler")
        return Counts(10, 0, 1), "" if is_whole else "a text"

    monkeypatch.setattr(suites, "python", python)
    total = suites.on_each({"3.8": "a", "3.9": "b", "3.10": "c"}, ["3.8"], False, "")
    assert total == Counts(20, 1, 2)
    out = capsys.readouterr().out
    assert "3.8 (all): 10 passed, 0 failed, 1 skipped [" in out
    assert "3.9 (part): 0 passed, 1 failed, 0 skipped [" in out
    assert "no compiler" in out and "a text" in out


def test_what_no_version_changes_runs_on_two(monkeypatch, capsys):
    short = {}

    def python(version, path, is_whole, jobs, is_full, keyword, is_short):
        short[version] = is_short
        return Counts(1), ""

    monkeypatch.setattr(suites, "python", python)
    three = {"3.8": "a", "3.11": "b", "3.12": "c"}
    suites.on_each(three, list(three), False, "")
    assert short == {"3.8": False, "3.11": True, "3.12": False}
    for chosen, is_full, keyword in (
        ({"3.11": "b"}, False, ""), ({"3.11": "b", "3.12": "c"}, False, ""), (three, True, ""),
        (three, False, "pack"),
    ):  # fmt: skip
        suites.on_each(chosen, list(chosen), is_full, keyword)
        assert not any(short[version] for version in chosen)


def test_a_suite_that_cannot_run_is_one_failure(capsys):
    def fail():
        raise Failed("no meson")

    assert suites.attempt("C tests", fail) == Counts(0, 1)
    assert suites.attempt("tools", lambda: Counts(5)) == Counts(5)
    assert capsys.readouterr().out == "C tests: no meson\ntools: 5 passed, 0 failed\n"


def test_a_command_that_fails_shows_the_end_of_its_log(tmp_path):
    log = str(tmp_path / "log" / "x.txt")
    environments.run(["sh", "-c", "echo first"], log)
    with pytest.raises(Failed, match=r"failed \(3\).*\n\$ sh -c echo first\nfirst\n"):
        environments.run(["sh", "-c", "echo second; exit 3"], log)
    with open(log) as file:
        assert file.read().endswith("second\n")
    with pytest.raises(Failed, match=r"failed \(no end within 0.1 s\)"):
        environments.run(["sleep", "60"], log, timeout=0.1)


def test_our_variables_do_not_reach_what_is_run(monkeypatch):
    monkeypatch.setenv("RELIVE_OUTPUT", "x")
    monkeypatch.setenv("PYTHONPATH", "x")
    env = environments.environ(MORE="1")
    assert "RELIVE_OUTPUT" not in env and "PYTHONPATH" not in env and env["MORE"] == "1"


def test_all_tests_run_on_versions_that_are_named(monkeypatch):
    asked = []
    monkeypatch.setattr(suites, "test", lambda *words, **named: asked.append((words, named)))
    main = load_main()
    for words in (["full", "--only", "3.15", "-k", "values"], ["full"], ["test", "--only", "3.15"]):
        main.COMMANDS[words[0]](main.parse(words))
    every = environments.VERSIONS
    assert asked == [
        ((["3.15"], ["3.15"], True, "values"), {}),
        ((every, every, True, ""), {}),
        ((["3.15"], ["3.15"]), {"keyword": ""}),
    ]


def test_an_interpreter_of_another_version_is_not_taken(tmp_path):
    python = tmp_path / "python3.8"
    python.write_text("#!/bin/sh\necho 3.9 True\n")
    python.chmod(0o755)
    assert environments.can_build(str(python), "3.9")
    assert not environments.can_build(str(python), "3.8")
    assert not environments.can_build(str(tmp_path / "none"), "3.8")


def test_the_digest_changes_with_any_source(tree, monkeypatch):
    root = tree(dict.fromkeys(("meson.build", "meson.options", "pyproject.toml", "src/a/b.c"), ""))
    monkeypatch.setattr(environments, "ROOT", root)
    before = environments.source_digest()
    assert environments.source_digest() == before
    tree({"src/a/b.c": "int x;"})
    changed = environments.source_digest()
    tree({"relive/new.py": ""})
    assert len({before, changed, environments.source_digest()}) == 3


def test_lint_says_each_check_and_fails_with_any(monkeypatch, capsys):
    commands = {"good": ["sh", "-c", "echo all fine"], "bad": ["sh", "-c", "echo a.c:1; exit 1"]}
    monkeypatch.setattr(lint, "checks", lambda: commands)
    assert lint.check() == 1
    out = capsys.readouterr().out.splitlines()
    assert "a.c:1" in out and out[-1] == "lint: see above: bad"
    assert any(line.startswith("good: ok") for line in out)
    commands.pop("bad")
    assert lint.check() == 0
    assert capsys.readouterr().out.endswith("lint: clean\n")


def reports_of(tmp_path, cases):
    """Writes a report of 3.12 with these test cases; returns it by version, beside one of 3.8."""
    path = tmp_path / "3.12.xml"
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    return {"3.8": str(tmp_path / "none.xml"), "3.12": str(path)}


TWO_FAILED = """
<testcase classname="tests.py.test_values" name="test_good"/>
<testcase classname="tests.py.test_values.TestMore" name="test_bad[a.b]"><failure message="assert 1
 == 2"/></testcase>
<testcase classname="tests.py.test_lines" name="test_worse"><error/></testcase>"""
BAD, WORSE = (
    "tests/py/test_values.py::TestMore::test_bad[a.b]",
    "tests/py/test_lines.py::test_worse",
)


def test_failed_tests_have_their_names_near_the_end(tmp_path):
    assert list(chance.lines(reports_of(tmp_path, TWO_FAILED), {("3.12", WORSE)})) == [
        f"failed on 3.12: {BAD}",
        "    assert 1 == 2",
        f"failed on 3.12, passed 3 times alone: {WORSE}",
        "    no message",
    ]


def test_what_failed_by_chance_passes_each_time_alone(tmp_path):
    reports, ran = reports_of(tmp_path, TWO_FAILED), []

    def run(version, name):
        ran.append(name)
        return name == WORSE or ran.count(BAD) < 3

    assert chance.passes_alone(reports, run) == {("3.12", WORSE)}
    assert (ran.count(BAD), ran.count(WORSE)) == (3, 3)


@pytest.mark.parametrize(
    "more",
    [
        TWO_FAILED,  # four failures: too many
        """<testcase classname="tests.py.test_lines" name="test_crash">
        <failure message="worker 'gw0' crashed while running 'test_crash'"/></testcase>""",
    ],
)
def test_many_failures_and_crashes_are_no_chance(tmp_path, more):
    reports = reports_of(tmp_path, TWO_FAILED + more)
    assert chance.passes_alone(reports, lambda version, name: 1 / 0) == set()

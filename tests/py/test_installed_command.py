"""An installed command has a script of three lines, and all that matters is in its libraries.

The library is iniconfig, which comes with pytest; the script is like those that pip writes."""

import re
import shlex

import pytest
from conftest import relive

from relive import api

SCRIPT = """\
import sys
from iniconfig import IniConfig
sys.exit(IniConfig(sys.argv[1])["main"]["name"])
"""
TEXT = "[main]\nname = one\nname = two\n"  # a name twice is an error


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a recording of the command at level lines, which an exception ended."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "read-ini").write_text(SCRIPT, encoding="utf-8")
    (folder / "bad.ini").write_text(TEXT, encoding="utf-8")
    done = record(folder, "--level", "lines", "-o", "bad.relive")
    assert done.returncode == 1 and b"ParseError" in done.stderr
    return folder


def record(folder, *options):
    return relive("record", *options, "read-ini", "bad.ini", cwd=folder)


def ask(folder, *words):
    done = relive(*words, cwd=folder)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout.decode()


def read_failure(folder):
    """The frames of the exception that ended the program, outermost first."""
    with api.open(folder / "bad.relive") as recording:
        return next(one for one in recording.exceptions() if one.type.endswith("ParseError")).frames


def test_the_frames_of_the_package_that_the_script_calls_are_shown(folder):
    text = ask(folder, "exc", "bad.relive")
    frames = read_failure(folder)
    assert len(frames) > 1 and "frames of" not in text
    for frame in frames:
        assert re.search(rf"\S+:{frame.line}  {re.escape(frame.func)}", text), (frame, text)


def test_the_last_events_are_those_before_the_exception(folder):
    text = ask(folder, "why", "bad.relive").partition("last events before it\n")[2]
    numbers = [int(number) for number in re.findall(r"^ +T1@(\d+) ", text, re.M)]
    with api.open(folder / "bad.relive") as recording:
        last = next(
            event for event in recording.select(["raise", "unwind"])
            if event["exc_type"].endswith("ParseError")
        )["seq"]  # fmt: skip
    assert len(numbers) == 8 and numbers[-1] == last and numbers[0] >= last - 16


def test_the_timeline_has_the_calls_of_the_package(folder):
    text = ask(folder, "timeline", "bad.relive", "--limit", "0")
    assert "IniConfig.__init__#1" in text


def test_what_the_package_catches_is_listed(tmp_path):
    script = SCRIPT.partition("sys.exit")[0] + "IniConfig(sys.argv[1]).get('main', 'b')\n"
    for name, more in ("read-ini", ""), ("own", "def own(): pass\nown()\n"):
        (tmp_path / name).write_text(script + more, encoding="utf-8")
        (tmp_path / "good.ini").write_text("[main]\na = 1\n", encoding="utf-8")
        words = ["--lines", "iniconfig", "-o", f"{name}.relive"]
        done = relive("record", *words, name, "good.ini", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "caught in iniconfig:IniConfig.get" in ask(tmp_path, "exc", "read-ini.relive")
    assert "no exception of the program" in ask(tmp_path, "exc", "own.relive")


def test_a_program_with_code_of_its_own_keeps_libraries_out(tmp_path):
    source = f"def load(): return __import__('iniconfig').IniConfig('x', {TEXT!r})\nload()\n"
    (tmp_path / "read-ini").write_text(source, encoding="utf-8")
    assert relive("record", "-o", "o.relive", "read-ini", cwd=tmp_path).returncode == 1
    text = ask(tmp_path, "timeline", "o.relive", "--limit", "0")
    assert "load#1" in text and "IniConfig" not in text


def test_lines_that_were_not_recorded_are_no_lines_that_did_not_run(folder):
    frame = read_failure(folder)[-1]
    place = f"{frame.file.rpartition('/')[2]}:{frame.line}"
    text = ask(folder, "line", f"{frame.file}:{frame.line}", "bad.relive")
    assert "never ran" not in text and f"whether {frame.file}:{frame.line} ran is not known" in text
    assert place in ask(folder, "exc", "bad.relive")


def test_the_advice_records_the_lines(folder):
    """At level lines, `--level lines` is no advice. What each verb says works as it is."""
    frame = read_failure(folder)[-1]
    for verb, target in (
        ("cover", frame.func), ("frame", f"{frame.func}#1"), ("why", None),
        ("line", f"{frame.file}:{frame.line}"),
    ):  # fmt: skip
        text = ask(folder, verb, *([target] if target else []), "bad.relive")
        advice = re.search(r"relive (record --lines [^\s)]+)", text)
        assert advice and "--level" not in text, (verb, text)
        words = shlex.split(advice[1])[1:]
        assert record(folder, *words, "-o", "again.relive", "--force").returncode == 1
        found = ask(folder, "line", f"{frame.file}:{frame.line}", "again.relive")
        assert "T1@" in found, (verb, advice[1], found)


def test_one_call_is_counted_as_one(folder):
    text = ask(folder, "replay", "bad.relive", "-c", "calls IniConfig.__init__")
    assert text.endswith("\n1 call\n")


def test_two_programs_are_named_in_a_diff(folder):
    (folder / "other.py").write_text("print(1)\n", encoding="utf-8")
    assert relive("record", "-o", "other.relive", "other.py", cwd=folder).returncode == 0
    text = ask(folder, "diff", "bad.relive", "other.relive")
    assert "these are two programs: read-ini and other.py" in text
    assert "two programs" not in ask(folder, "diff", "bad.relive", "bad.relive")


def test_a_file_without_its_end_is_no_killed_program(folder):
    data = (folder / "bad.relive").read_bytes()
    (folder / "cut.relive").write_bytes(data[: len(data) * 2 // 3])
    for verb in ("summary", "why"):
        text = ask(folder, verb, "cut.relive")
        assert re.search(r"\bended\b", text) and "killed" not in text, text
        assert "the file has no end" in text and "nothing lost" not in text
    assert "nothing lost" not in ask(folder, "info", "cut.relive")
    assert "nothing lost" in ask(folder, "summary", "bad.relive")


def test_a_rule_for_one_of_several_modules_says_so(folder):
    for part in re.split(r"(?m)^(?=\d)", ask(folder, "gaps", "bad.relive", "--limit", "0"))[1:]:
        modules = len(re.findall(r"^  \S+  [\d,]+ functions?$", part, re.M))
        assert ("  to record them: " in part) == (modules == 1), part

"""File names are shown like recorded text: a name with a newline or an escape code commands no
terminal, whoever prints it."""

import os
import sys

import pytest
from conftest import relive, run

NAME = "a\nb\x1b[31mc\u202e\udcff"
SHOWN = rb"a\nb\x1b[31mc\u202e\udcff"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / NAME
    made.mkdir()
    (made / "prog.py").write_text(
        "print('ran')\n" + "def f(): pass\n" + "for i in range(600): f()\n"
    )
    (made / "bad.toml").write_text("[meta\n")
    return made


def is_shown(done):
    found = done.stdout + done.stderr
    assert SHOWN in found, found
    assert b"\x1b" not in found and os.fsencode(NAME) not in found


def test_the_closing_line_and_refusals_of_record(folder):
    there = folder.parent
    is_shown(relive("record", "-o", folder / "o.relive", folder / "prog.py", cwd=there))
    is_shown(relive("record", "-o", folder / "o.relive", folder / "prog.py", cwd=there))
    is_shown(relive("record", folder / "nosuch.py", cwd=there))


def test_the_line_of_a_program_that_is_not_recorded(folder):
    for variables in (
        {"RELIVE_RECORD": str(folder / "no" / "o.relive")},
        {"RELIVE_RECORD": "x.relive", "RELIVE_TRACE_FILTER": str(folder / "bad.toml")},
    ):
        is_shown(run(sys.executable, folder / "prog.py", env=variables, cwd=folder.parent))


@pytest.mark.parametrize("name", ["bad.toml", "nosuch.toml"])
def test_filter_check(folder, name):
    is_shown(relive("filter", "check", folder / name))


def test_filter_init(folder):
    is_shown(relive("filter", "init", folder))


def test_attach_that_records_for_some_time(folder, monkeypatch, capsys):
    from relive.cli import attach
    from relive.control import remote

    path = str(folder / "o.relive")
    status = {"path": path, "run": path, "recording": False, "pid": 1, "python": "3"}
    monkeypatch.setattr(remote, "ask", lambda pid, request: status)
    attach.main(["1", "--for", "1ms"])
    out, err = capsys.readouterr()
    assert NAME not in out + err and SHOWN.decode() in err and SHOWN.decode() in out


def test_the_closing_line_counts_as_the_verbs_do(folder):
    done = relive("record", "-o", "o.relive", "prog.py", cwd=folder)
    assert b"relive: 1,204 events, " in done.stderr


@pytest.mark.parametrize("verb", [["state", "f#600"], ["frame", "f#600"], ["line", "prog.py:2"]])
def test_what_shows_source_lines(folder, verb):
    relive("record", "--level", "lines", "-o", "o.relive", folder / "prog.py", cwd=folder)
    done = relive(*verb, "o.relive", cwd=folder)
    source = b"for i in range(600)" if verb[0] == "state" else b"def f(): pass"
    assert done.returncode == 0 and source in done.stdout
    found = done.stdout + done.stderr
    assert b"\x1b" not in found and os.fsencode(NAME) not in found

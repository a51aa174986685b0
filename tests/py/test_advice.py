"""A recording that exists already is not replaced, and each door says how to replace it.

That is an option, a variable, an argument, or not at all."""

import os
import sys

import pytest
from conftest import relive, run

BY_ARGUMENT = """\
import relive, relive.control
try:
    {call}
except relive.ReliveError as error:
    print(error.code, error)
"""


@pytest.fixture
def taken(tmp_path):
    (tmp_path / "prog.py").write_text("print('ran')\n")
    relive("record", "-o", "out.relive", "prog.py", cwd=tmp_path, check=True)
    return tmp_path / "out.relive"


def test_the_command_names_its_option(taken):
    done = relive("record", "-o", "out.relive", "prog.py", cwd=taken.parent)
    assert done.stderr.endswith(
        b"out.relive exists already (--force replaces it) [ERR_FILE_EXISTS]\n"
    ), done.stderr


def test_the_variable_names_the_other_variable(taken):
    done = run(sys.executable, "prog.py", cwd=taken.parent, env={"RELIVE_RECORD": "out.relive"})
    assert done.stdout == b"ran\n"
    assert b"exists already (RELIVE_FORCE=1 replaces it)" in done.stderr
    more = {"RELIVE_RECORD": "out.relive", "RELIVE_FORCE": "1"}
    assert run(sys.executable, "prog.py", cwd=taken.parent, env=more).stderr.count(b"exists") == 0


@pytest.mark.parametrize(
    "call",
    [
        "relive.start('out.relive')",
        "relive.record('out.relive').__enter__()",
        "relive.control.start('out.relive')",
        "relive.record('out.relive')(print)()",
        "relive.start('other.relive'); relive.snapshot('out.relive')",
    ],
)
def test_a_call_names_its_argument(taken, call):
    (taken.parent / "prog.py").write_text(BY_ARGUMENT.format(call=call))
    done = run(sys.executable, "prog.py", cwd=taken.parent, check=True)
    assert done.stdout.startswith(b"ERR_FILE_EXISTS "), done.stdout
    assert done.stdout.endswith(b"out.relive exists already (force=True replaces it)\n")


def test_a_request_from_outside_is_for_another_name(taken, tmp_path):
    from relive.control import recording

    for request in ({"do": "start", "path": str(taken)}, {"do": "start", "path": os.devnull}):
        answer = recording.handle(request)
        assert answer["code"] == "ERR_FILE_EXISTS" and answer["message"].endswith(
            " exists already (another name is wanted)"
        )


def test_recordings_without_a_name_never_meet(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import relive\nfor _ in range(3):\n    relive.start()\n    relive.stop()\n"
    )
    run(sys.executable, "prog.py", cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("relive-*.relive"))) == 3

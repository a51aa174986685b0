"""A disk that is full when a program starts keeps nobody from running it."""

import os
import sys

import pytest
from conftest import run

PROGRAM = "import subprocess, sys\nprint('ran')\nsys.exit(7)\n"
DOORS = {
    "record": "exec {python} -m relive record -o out.relive prog.py",
    "record without a name": "exec {python} -m relive record prog.py",
    "RELIVE_RECORD": "RELIVE_RECORD=$PWD/out.relive exec {python} prog.py",
}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_the_program_runs_and_one_line_says_why_it_is_not_recorded(door, tmp_path):
    (tmp_path / "prog.py").write_text(PROGRAM)
    command = "ulimit -f 8; " + DOORS[door].format(python=sys.executable)
    done = run("sh", "-c", command, cwd=tmp_path)
    assert done.stdout == b"ran\n" and done.returncode == 7, done.stderr
    assert done.stderr.startswith(b"relive: not recorded: cannot reserve space"), done.stderr
    assert b"no space left" in done.stderr and done.stderr.count(b"\n") == 1
    assert os.listdir(tmp_path) == ["prog.py"]

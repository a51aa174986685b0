"""A disk that is full when a program starts keeps nobody from running it."""

import contextlib
import os
import sys

import pytest
from conftest import relive, run

PROGRAM = "import subprocess, sys\nprint('ran')\nsys.exit(7)\n"
DOORS = {
    "record": "exec {python} -m relive record -o out.relive prog.py",
    "record without a name": "exec {python} -m relive record prog.py",
    "RELIVE_RECORD": "RELIVE_RECORD=$PWD/out.relive exec {python} prog.py",
}


@pytest.mark.parametrize("blocks", [8, 0])  # 0: no folder for temporary files can be used either
@pytest.mark.parametrize("door", sorted(DOORS))
def test_the_program_runs_and_one_line_says_why_it_is_not_recorded(door, blocks, tmp_path):
    (tmp_path / "prog.py").write_text(PROGRAM)
    command = f"ulimit -f {blocks}; " + DOORS[door].format(python=sys.executable)
    done = run("sh", "-c", command, cwd=tmp_path)
    assert done.stdout == b"ran\n" and done.returncode == 7, done.stderr
    assert done.stderr.startswith(b"relive: not recorded: cannot "), done.stderr
    assert b"no space left, or a limit on the size of files" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert os.listdir(tmp_path) == ["prog.py"]


@pytest.fixture(params=["full", "read-only"])
def full(request, tmp_path):
    """A folder on a disk with no space left, or that cannot be written; where none can be mounted,
    the reason is the skip's."""
    folder = tmp_path / "full"
    folder.mkdir()
    done = run("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)
    if done.returncode != 0:
        pytest.skip("no tmpfs can be mounted: " + done.stderr.decode().strip())
    try:
        (folder / "prog.py").write_text(PROGRAM)
        with open(folder / "rest", "wb", 0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        if request.param == "read-only":
            run("mount", "-o", "remount,ro", folder, check=True)
        yield folder
    finally:
        run("umount", "-l", folder, check=True)


@pytest.mark.parametrize("door", ["record without a name", "RELIVE_RECORD"])
def test_where_another_folder_can_be_written_the_recording_is_there(door, full, tmp_path):
    spare = tmp_path / "spare"
    spare.mkdir()
    command = DOORS[door].format(python=sys.executable)
    done = run("sh", "-c", command, cwd=full, env={"TMPDIR": str(spare)})
    assert done.stdout == b"ran\n" and done.returncode == 7, done.stderr
    (path,) = spare.glob("*.relive")
    assert f"; recording into {spare}".encode() in done.stderr.splitlines()[0], done.stderr
    assert relive("check", path).returncode == 0
    assert sorted(os.listdir(full)) == ["prog.py", "rest"]


@pytest.mark.parametrize("full", ["read-only"], indirect=True)
def test_where_no_folder_can_be_written_the_program_runs(full):
    command = "ulimit -f 0; " + DOORS["record without a name"].format(python=sys.executable)
    done = run("sh", "-c", command, cwd=full)
    assert done.stdout == b"ran\n" and done.returncode == 7, done.stderr
    assert b"relive: not recorded: " in done.stderr, done.stderr

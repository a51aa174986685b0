"""`ls` and `rm`: which files of a folder are recordings, and which of them go."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
from conftest import TESTS, clean_environ, relive
from test_out_cover import problem

from relive import schemas

GOOD = TESTS / "golden" / "good" / "verbs-1.relive"
FORKS = """
import multiprocessing, sys
def work(n): return n + 1
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, range(8)))
    raise KeyError("over")
"""


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """A folder with a run of several processes, which an exception has ended."""
    folder = tmp_path_factory.mktemp("family")
    (folder / "pool.py").write_text(FORKS)
    done = relive("record", "-o", "pool.relive", "pool.py", cwd=folder)
    assert done.returncode == 1, done.stderr
    return folder


def copy(folder, to):
    for path in folder.glob("pool*.relive"):
        shutil.copy2(path, to / path.name)
    return sorted(path.name for path in to.glob("*.relive"))


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def make_old(path, days):
    then = time.time() - days * 86400 - 60
    os.utime(path, (then, then))


def test_ls_folds_children_with_their_parent(family):
    files = list(family.glob("*.relive"))
    done = relive("ls", "--json", cwd=family)
    first, run_row, totals = rows(done)
    assert done.returncode == 0 and first == {"schema": "relive.ls", "version": 1}
    assert run_row["file"] == "pool.relive" and run_row["children"] == len(files) - 1 >= 2
    assert run_row["size"] == sum(path.stat().st_size for path in files)
    assert (run_row["ended"], run_row["exc_type"]) == ("exception", "KeyError")
    assert run_row["argv"][1:] == ["pool.py"] and totals["totals"]["runs"] == 1
    for row in rows(done)[1:]:
        assert None in [problem(row, kind) for _, kind in schemas.rows_of("ls")[1:]], row
    text = relive("ls", cwd=family).stdout.decode()
    assert "pool.relive  KeyError  pool.py  (and" in text and "1 run" in text


def test_ls_sorts_and_answers_in_pages(tmp_path):
    for number, days in enumerate((3, 1, 2)):
        shutil.copy(GOOD, tmp_path / f"run-{number}.relive")
        make_old(tmp_path / f"run-{number}.relive", days)
    names = [row["file"] for row in rows(relive("ls", "--json", cwd=tmp_path))[1:-1]]
    assert names == ["run-1.relive", "run-2.relive", "run-0.relive"]
    by_name = rows(relive("ls", "--json", "--sort", "name", "--limit", "2", cwd=tmp_path))
    assert [row["file"] for row in by_name[1:]] == ["run-0.relive", "run-1.relive"]
    done = relive("ls", "--limit", "1", cwd=tmp_path)
    assert b"  1 d" in done.stdout and b"2 more runs" in done.stderr
    cursor = done.stderr.decode().split("--cursor ")[1].strip()
    assert b"run-2" in relive("ls", "--limit", "1", "--cursor", cursor, cwd=tmp_path).stdout


def test_ls_of_a_hostile_folder(tmp_path):
    shutil.copy(GOOD, tmp_path / "bad\x1b[2J\nname.relive")
    os.mkfifo(tmp_path / "pipe.relive")
    os.symlink(GOOD, tmp_path / "link.relive")
    os.symlink("nowhere", tmp_path / "dangling.relive")
    (tmp_path / "text.relive").write_text("no recording")
    (tmp_path / "folder.relive").mkdir()
    (tmp_path / "cut.relive").write_bytes(GOOD.read_bytes()[:160])
    done = relive("ls", cwd=tmp_path, timeout=20)
    assert done.returncode == 3 and b"\x1b" not in done.stdout + done.stderr
    assert b"bad\\x1b[2J\\nname.relive" in done.stdout and b"cut.relive" in done.stdout
    for name in (b"pipe", b"link", b"dangling", b"text"):
        assert name in done.stderr and name + b".relive  " not in done.stdout
    assert relive("ls", tmp_path / "folder.relive").stdout == (
        b"there is no recording in this folder\n"
    )
    near = relive("ls", "folder.reliv", cwd=tmp_path)
    assert near.returncode == 2 and b"did you mean 'folder.relive'" in near.stderr


def test_rm_asks_and_never_without_a_terminal(family, tmp_path):
    names = copy(family, tmp_path)
    done = relive("rm", "pool.relive", cwd=tmp_path, stdin=b"y\n")
    assert done.returncode == 2 and b"give --yes" in done.stderr
    assert b"pool.relive" in done.stdout and sorted(os.listdir(tmp_path)) == names
    done = relive("rm", "--yes", "--json", "pool.relive", cwd=tmp_path)
    assert done.returncode == 0 and os.listdir(tmp_path) == []
    _, row, totals = rows(done)
    assert row["removed"] and row["files"] == len(names) and totals["totals"]["removed"] == 1
    for one in (row, totals):
        assert None in [problem(one, kind) for _, kind in schemas.rows_of("rm")[1:]], one


def test_rm_on_a_terminal_takes_yes_and_nothing_else(tmp_path):
    for answer, is_there in ((b"\n", True), (b"no\n", True), (b"y\n", False)):
        shutil.copy(GOOD, tmp_path / "one.relive")
        master, slave = os.openpty()
        try:
            os.write(master, answer)
            done = run_on(slave, "rm", "one.relive", cwd=tmp_path)
        finally:
            os.close(master)
            os.close(slave)
        assert (tmp_path / "one.relive").exists() is is_there, done.stderr
        assert b"remove 1 run, " in done.stderr and done.returncode == (1 if is_there else 0)


def run_on(slave, *words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "relive", *words], cwd=cwd, stdin=slave, env=clean_environ(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip


def test_rm_takes_what_is_old(family, tmp_path):
    names = copy(family, tmp_path)
    for name in names:
        make_old(tmp_path / name, 9)
    shutil.copy(GOOD, tmp_path / "old.relive")
    shutil.copy(GOOD, tmp_path / "new.relive")
    (tmp_path / "old.relive-index").write_bytes(b"RLB1\x40\x00 an index")
    (tmp_path / "new.relive-index").write_bytes(b"RLB1\x40\x00 an index")
    make_old(tmp_path / "old.relive", 8)
    os.utime(tmp_path / names[-1])  # a child goes on, so the run is young
    done = relive("rm", "--older", "7d", "--yes", cwd=tmp_path)
    assert done.returncode == 0 and b"removed: 1 run" in done.stdout
    left = sorted(os.listdir(tmp_path))
    assert left == sorted([*names, "new.relive", "new.relive-index"])
    assert relive("rm", "--older", "7d", "--yes", cwd=tmp_path).returncode == 1
    assert b"no age such as 7d" in relive("rm", "--older", "7y", cwd=tmp_path).stderr
    assert relive("rm", cwd=tmp_path).returncode == 2


def test_rm_removes_nothing_that_is_no_recording(tmp_path):
    shutil.copy(GOOD, tmp_path / "kept.relive")
    os.symlink("kept.relive", tmp_path / "link.relive")
    os.mkfifo(tmp_path / "pipe.relive")
    (tmp_path / "text.relive").write_text("no recording\n" * 20)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.relive"))
    names = sorted(os.listdir(tmp_path))
    for name in ("link.relive", "pipe.relive", "text.relive", "s.relive", "gone.relive"):
        done = relive("rm", "--yes", name, cwd=tmp_path, timeout=20)
        assert done.returncode in (2, 3) and name.encode() in done.stderr, done
    assert b"did you mean 'kept.relive'" in relive("rm", "kep.relive", cwd=tmp_path).stderr
    for name in names:
        if not os.path.islink(tmp_path / name):
            make_old(tmp_path / name, 9)
    (tmp_path / "kept.relive-index").write_text("not an index")
    done = relive("rm", "--older", "1d", "--yes", cwd=tmp_path, timeout=20)
    assert done.returncode == 0
    left = {*names, "kept.relive-index"} - {"kept.relive"}
    assert set(os.listdir(tmp_path)) == left


def test_rm_leaves_a_run_that_is_written(family, tmp_path):
    names = copy(family, tmp_path)
    with open(tmp_path / names[0], "rb") as child:  # sorted: a child's name comes first
        assert names[0] != "pool.relive"
        fcntl.flock(child, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = relive("rm", "--yes", "pool.relive", cwd=tmp_path)
    assert done.returncode == 3 and b"is being written" in done.stderr
    assert sorted(os.listdir(tmp_path)) == names


def test_rm_of_a_child_leaves_its_parent(family, tmp_path):
    names = copy(family, tmp_path)
    assert relive("rm", "--yes", names[0], cwd=tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path)) == names[1:]


def test_a_folder_that_cannot_be_read(tmp_path):
    (tmp_path / "file").write_text("")
    for verb in (["ls"], ["rm", "--older", "1d"]):
        for name in ("file", "gone"):
            done = relive(*verb, tmp_path / name)
            assert done.returncode == 2 and b"Traceback" not in done.stderr

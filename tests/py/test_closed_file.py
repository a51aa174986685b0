"""A recording that was closed: one size everywhere, no holes, and whole while somebody reads it."""

import json
import os
import subprocess
import sys

import pytest
from conftest import clean_environ, relive, two_versions

pytestmark = two_versions
format_reader = pytest.importorskip(
    "format_reader", reason="zstandard or xxhash has no wheel for this version"
)

SMALL = "def f(): return 1\nf()\n"
LARGE = "def f(n): return n\nfor i in range(300000): f(i)\n"
CHILDREN = """\
import os
def f(n): return n
for i in range(3):
    child = os.fork()
    if child == 0:
        for k in range(20000): f(k)
        os._exit(0)
    os.waitpid(child, 0)
f(1)
"""


def size_text(path):
    from relive.cli.common import size

    return size(os.path.getsize(path))


@pytest.mark.parametrize("source", [SMALL, LARGE, CHILDREN])
@pytest.mark.parametrize("level", ["calls", "lines"])
def test_every_verb_says_the_size_that_the_folder_shows(tmp_path, source, level):
    (tmp_path / "prog.py").write_text(source)
    done = relive("record", "--level", level, "-o", "o.relive", "prog.py", cwd=tmp_path)
    files = sorted(tmp_path.glob("o*.relive"))
    info = relive("info", "o.relive", cwd=tmp_path).stdout.decode()
    check = relive("check", "o.relive", cwd=tmp_path)
    assert f" {size_text(tmp_path / 'o.relive')}, " in done.stderr.decode()
    assert len(files) == (4 if source is CHILDREN else 1) and check.returncode == 0
    for path in files:
        assert f"{path.name}  {size_text(path)}, complete" in info
        assert f" {size_text(path)}\n" in check.stdout.decode()
        status = path.stat()
        assert status.st_blocks * 512 >= status.st_size


def test_a_small_recording_is_small(tmp_path):
    (tmp_path / "prog.py").write_text(SMALL)
    relive("record", "-o", "o.relive", "prog.py", cwd=tmp_path)
    assert os.path.getsize(tmp_path / "o.relive") < 12000


def test_the_format_page_reads_a_file_whose_blocks_have_moved(tmp_path):
    (tmp_path / "prog.py").write_text(LARGE.replace("300000", "20000"))
    relive("record", "-o", "o.relive", "prog.py", cwd=tmp_path)
    told = relive("dump", "o.relive", cwd=tmp_path).stdout.decode().splitlines()
    known = [event for event in map(json.loads, told) if "kind" in event]
    assert [e["seq"] for e in format_reader.events(tmp_path / "o.relive")] == [
        e["seq"] for e in known
    ]
    assert len(known) > 40000


def test_who_reads_a_recording_when_it_is_closed_reads_on(tmp_path):
    """Opened while the program runs, read after it has ended and its blocks have moved."""
    import relive as api

    (tmp_path / "prog.py").write_text(LARGE + "print('ready', flush=True)\ninput()\nf('last')\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "o.relive", "prog.py"],
        cwd=tmp_path, env=clean_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == b"ready\n"
        recording = api.open(tmp_path / "o.relive")
        assert not recording.header["is_complete"]
        process.communicate(b"\n")
        calls = sum(1 for event in recording.select(["call"]) if event["func"] == "__main__:f")
        assert calls >= 300000
        assert not recording.problems()
    finally:
        process.kill()
        process.communicate()


def test_a_hard_link_and_a_folder_that_is_read_only_change_nothing(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import os, sys\n" + LARGE + "os.link('o.relive', 'other.relive')\nos.chmod('.', 0o500)\n"
    )
    try:
        relive("record", "-o", "o.relive", "prog.py", cwd=tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert os.path.samefile(tmp_path / "o.relive", tmp_path / "other.relive")
    assert relive("check", "other.relive", cwd=tmp_path).returncode == 0
    status = (tmp_path / "o.relive").stat()
    assert status.st_mode & 0o777 == 0o600 and status.st_blocks * 512 >= status.st_size

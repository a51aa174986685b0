"""Recording onto real file systems: whole, killed, and full. Needs root, loop devices and the mkfs
programs (apt-get install btrfs-progs xfsprogs bindfs); prints why where one cannot be had.
FUSE stands for every file system that is not known to map safely, network ones among them."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import run, two_versions

import relive

pytestmark = two_versions
PROGRAM = """\
import os, sys, time
def f(): pass
def fill():
    data = os.urandom(1 << 20)
    try:
        with open("hog", "wb") as file:
            while True:
                file.write(data)
                file.flush()
    except OSError:
        print("full")
for _ in range(100000): f()
if sys.argv[1] == "full":
    time.sleep(1)  # the writer empties its queue; what is queued when the disk is full is lost
    fill()
for _ in range(1000000): f()
if sys.argv[1] == "kill": os.kill(os.getpid(), 9)
print("end")
"""
DISKS = {"ext4": "mkfs.ext4", "xfs": "mkfs.xfs", "btrfs": "mkfs.btrfs"}
MAPPED = {"ext4", "xfs", "tmpfs", "overlay"}


def mounts(kind, tmp_path, folder):
    """The mount commands of a kind, in order; the last one's target is the folder to work in."""
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=100m", "none"]
    if kind == "tmpfs":
        return [[*tmpfs, folder]]
    below = tmp_path / "below"
    below.mkdir()
    if kind == "overlay":
        where = f"lowerdir={below}/low,upperdir={below}/up,workdir={below}/work"
        make = ["mkdir", below / "low", below / "up", below / "work"]
        return [[*tmpfs, below], make, ["mount", "-t", "overlay", "-o", where, "none", folder]]
    if kind == "fuse":
        return [[*tmpfs, below], ["bindfs", below, folder]]
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(320 << 20)
    return [[DISKS[kind], "-q", image], ["mount", "-o", "loop", image, folder]]


@pytest.fixture(params=[*DISKS, "tmpfs", "overlay", "fuse"])
def disk(request, tmp_path):
    kind, folder = request.param, tmp_path / "disk"
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    program = DISKS.get(kind, "bindfs" if kind == "fuse" else "mount")
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    folder.mkdir()
    try:
        for words in mounts(kind, tmp_path, folder):
            if subprocess.call(words, stderr=subprocess.DEVNULL) != 0:
                pytest.skip(f"{kind} cannot be mounted here")
        yield kind, folder
    finally:
        for place in (folder, tmp_path / "below"):
            subprocess.call(["umount", "-l", place], stderr=subprocess.DEVNULL)


def test_a_real_file_system(disk):
    kind, folder = disk
    (folder / "prog.py").write_text(PROGRAM)

    def record(how):
        words = ["-m", "relive", "record", "-o", f"{how}.relive", "prog.py", how]
        done = run(sys.executable, *words, cwd=folder)
        recording = relive.open(folder / f"{how}.relive")
        assert not recording.problems()
        calls = sum(row[1] for row in recording.functions() if recording.code(row[0])[1] == "f")
        return done, recording.header, calls

    done, header, calls = record("whole")
    assert (done.stdout, done.returncode, calls) == (b"end\n", 0, 1100000)
    assert header["is_mapped"] == (kind in MAPPED) and header["is_complete"]
    done, header, calls = record("kill")
    assert done.returncode == -signal.SIGKILL and not header["is_closed"]
    assert header["is_complete"] == header["is_mapped"]
    assert calls == 1100000 if header["is_mapped"] else 100000 < calls <= 1100000
    done, header, calls = record("full")
    assert (done.stdout, done.returncode) == (b"full\nend\n", 0), done.stderr
    lost = header["losses"].get("disk_full", 0)
    # The slot in use when the disk became full is lost, and counted.
    assert calls >= 70000 and 2 * calls + lost >= 2200000 - (0 if kind in MAPPED else 70000)

"""Recording onto real file systems: whole, killed, and full. Needs root, loop devices and the mkfs
programs (apt-get install btrfs-progs xfsprogs); prints why where one cannot be had."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import dump, run

PROGRAM = """\
import os, sys
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
if sys.argv[1] == "full": fill()
for _ in range(1000000): f()
if sys.argv[1] == "kill": os.kill(os.getpid(), 9)
print("end")
"""
KINDS = {"ext4": ["mkfs.ext4", "-q"], "xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q"]}


@pytest.fixture(params=[*KINDS, "tmpfs"])
def disk(request, tmp_path):
    kind = request.param
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    if kind != "tmpfs" and shutil.which(KINDS[kind][0]) is None:
        pytest.skip(f"{KINDS[kind][0]} is not installed")
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=100m", "none", folder]
    if kind != "tmpfs":
        with open(image, "wb") as file:
            file.truncate(320 << 20)
        subprocess.run([*KINDS[kind], image], check=True, capture_output=True)
        words = ["mount", "-o", "loop", image, folder]
    if subprocess.call(words, stderr=subprocess.DEVNULL) != 0:
        pytest.skip(f"{kind} cannot be mounted here")
    try:
        yield kind, folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_real_file_system(disk):
    kind, folder = disk
    (folder / "prog.py").write_text(PROGRAM)

    def record(how):
        words = ["-m", "relive", "record", "-o", f"{how}.relive", "prog.py", how]
        done = run(sys.executable, *words, cwd=folder)
        headers, events = dump(folder / f"{how}.relive")
        calls = sum(event["kind"] == "call" and event["func"] == "__main__:f" for event in events)
        return done, headers[0], calls

    done, header, calls = record("whole")
    assert (done.stdout, done.returncode, calls) == (b"end\n", 0, 1100000)
    assert header["is_mapped"] == (kind != "btrfs") and header["is_complete"]
    done, header, calls = record("kill")
    assert done.returncode == -signal.SIGKILL and not header["is_complete"]
    assert calls == 1100000 if header["is_mapped"] else 100000 < calls <= 1100000
    done, header, calls = record("full")
    assert (done.stdout, done.returncode) == (b"full\nend\n", 0), done.stderr
    lost = header["losses"].get("disk_full", 0)
    assert calls >= 90000 and 2 * calls + lost >= 2200000 - 70000

"""Which files a recording may replace, and which names runs side by side take."""

import os
import subprocess
import sys

import pytest
from conftest import clean_environ, run
from conftest import relive as run_relive

from relive.control import recording


def by_option(name, folder):
    return run_relive("record", "--force", "-o", name, "p.py", cwd=folder)


def by_environment(name, folder):
    env = {"RELIVE_FORCE": "1", "RELIVE_RECORD": name}
    return run(sys.executable, "p.py", cwd=folder, env=env)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p.py").write_text("print(5)\n")
    return tmp_path


@pytest.mark.parametrize("door", [by_option, by_environment])
def test_force_replaces_recordings_only(folder, door):
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    wrong = ["p.py", "fifo"] + ["folder"] * (door is by_option)  # RELIVE_RECORD may name a folder
    for name in wrong:
        done = door(name, folder)
        lines = done.stderr.decode().splitlines()
        assert len(lines) == 1 and "Traceback" not in lines[0], lines
        assert name in lines[0]
    assert (folder / "p.py").read_text() == "print(5)\n"
    assert (folder / "fifo").is_fifo()
    for _ in range(2):
        done = door("r.relive", folder)
        assert done.stdout == b"5\n" and done.returncode == 0
    assert (folder / "r.relive").read_bytes().startswith(b"\x89RELIVE\n")


@pytest.mark.parametrize("door", [by_option, by_environment])
def test_force_leaves_a_recording_that_is_being_written(folder, door):
    (folder / "long.py").write_text("print('ready', flush=True)\ninput()\n")
    first = subprocess.Popen(
        [sys.executable, "-m", "relive", "record", "-o", "r.relive", "long.py"], cwd=folder,
        env=clean_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert first.stdout.readline() == b"ready\n"
        before = os.stat(folder / "r.relive").st_ino
        assert b"is being written" in door("r.relive", folder).stderr
        assert os.stat(folder / "r.relive").st_ino == before
    finally:
        first.communicate(b"\n")


def test_runs_side_by_side_all_run_and_have_files_of_their_own(folder):
    words = [sys.executable, "-m", "relive", "record", "p.py"]
    runs = [
        subprocess.Popen(words, cwd=folder, env=clean_environ(), stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in runs] == [b"5\n"] * 4
    assert len(list(folder.glob("*.relive"))) == 4


def test_of_runs_that_force_one_name_at_once_all_run(folder):
    words = [sys.executable, "-m", "relive", "record", "--force", "-o", "one.relive", "p.py"]
    runs = [
        subprocess.Popen(
            words, cwd=folder, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in runs] == [b"5\n"] * 4
    assert (folder / "one.relive").exists()


@pytest.mark.parametrize(
    "request_", [{"do": []}, {"do": {}}, {"do": "start", "path": "/a\0b"},
                 {"do": "snapshot", "path": "/a\0b"}, {"do": "start", "seconds": float("inf")},
                 {"do": "start", "seconds": 10**400}, {"do": "start", "settings": {"level": []}}],
)  # fmt: skip
def test_a_bad_request_is_answered(request_):
    answer = recording.handle(request_)
    assert not answer["ok"] and answer["code"] in ("ERR_USAGE", "ERR_CONFIG")


def test_sessions_and_instrument_are_there_after_import_relive():
    code = (
        "import sys, relive\n"
        "assert 'relive.sessions' not in sys.modules\n"
        "assert relive.sessions.mark and relive.instrument.__name__ == 'relive.instrument'\n"
    )
    assert run(sys.executable, "-c", code).returncode == 0

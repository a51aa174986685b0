"""tools/matrix/trained.py: a wheel is built, trained and built again. Nothing is compiled here."""

import os
import zipfile

import pytest
import trained
from environments import Failed


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Returns a list of the commands that would have run; a first build leaves counts."""
    commands = []

    def run(words, log, env=None):
        commands.append((words, env))
        if "-w" not in words:
            return
        out = words[words.index("-w") + 1]
        os.makedirs(out)
        with zipfile.ZipFile(os.path.join(out, "relive.whl"), "w") as file:
            file.writestr("relive/__init__.py", "")
        if "-Csetup-args=-Db_pgo=generate" in words:
            folder = next(word for word in words if word.startswith("-Cbuild-dir="))
            os.makedirs(folder.partition("=")[2])
            open(os.path.join(folder.partition("=")[2], "a.gcda"), "w").close()

    monkeypatch.setattr(trained, "run", run)
    monkeypatch.setattr(trained, "WHEELS", str(tmp_path))
    monkeypatch.setattr(trained, "environment", lambda *_: str(tmp_path / "venv"))
    monkeypatch.setattr(trained, "install_workload_tools", lambda *_: None)
    monkeypatch.setattr(trained, "installer", lambda *_: ["pip"])
    return commands


def test_a_wheel_is_built_twice_in_one_folder_with_the_training_between(ran, tmp_path):
    wheel = trained.build("3.13", "python3.13")
    assert wheel == str(tmp_path / "wheels" / "3.13" / "relive.whl")
    first, *rounds, last = ran
    assert "-Csetup-args=-Db_pgo=generate" in first[0] and "-Csetup-args=-Db_pgo=use" in last[0]
    folder = "-Cbuild-dir=" + str(tmp_path / "3.13")
    assert folder in first[0] and folder in last[0]
    assert len(rounds) == 6 * 3
    for words, env in rounds:
        assert words[1].endswith("pairs.py")
        assert os.path.isdir(os.path.join(env["PYTHONPATH"], "relive"))


def test_a_compiler_that_leaves_no_counts_is_refused(ran, monkeypatch):
    monkeypatch.setattr(trained.glob, "glob", lambda path, **_: ["x.whl"] if "whl" in path else [])
    monkeypatch.setattr(trained.shutil, "unpack_archive", lambda *_: None)
    with pytest.raises(Failed, match="no counts"):
        trained.build("3.13", "python3.13")


def test_the_same_commit_gives_the_same_words(ran):
    assert int(trained.source_date()) > 1_600_000_000
    used = " ".join(trained.settings("use", "x"))
    for word in ("-frandom-seed=", "-ffile-prefix-map=", "-Db_lto=false"):
        assert word in used


def test_each_workload_trains_each_level():
    rows = trained.training()
    assert len({(row[0], row[2]) for row in rows}) == 18
    assert all(int(row[1]) > 0 for row in rows)


def test_a_version_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(trained, "find_interpreters", lambda: ({}, {"3.9": "not on PATH"}))
    monkeypatch.setattr(trained, "default_interpreter", lambda: ("3.13", "python"))
    with pytest.raises(Failed, match=r"3\.9: not on PATH"):
        trained.wheels(["3.9"])

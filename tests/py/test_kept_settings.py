"""What RELIVE_RECORD finds in TOML files is kept in the user's cache.

The cache is only used as long as nobody else can have written it and no file has changed."""

import os
import shutil
import sys

import pytest
from conftest import run

import relive

COUNT = """\
import os
with open(os.environ["STARTS"], "a") as file:
    file.write(".")
"""


class Program:
    """One that is recorded by RELIVE_RECORD, with a cache of its own."""

    def __init__(self, folder):
        self.folder, self.cache, self.starts = folder, folder / "cache", folder / "starts"
        self.number = 0
        (folder / "count").mkdir()
        (folder / "count" / "sitecustomize.py").write_text(COUNT)
        (folder / "app.py").write_text("print('ran')\n")
        self.set_level("calls")

    def set_level(self, level):
        (self.folder / "pyproject.toml").write_text(f"[tool.relive]\nlevel = '{level}'\n")

    def start(self, warning=b"", **env):
        """(interpreters that were started, level of the recording)"""
        self.starts.write_text("")
        self.number += 1
        path = self.folder / f"{self.number}.relive"
        env.setdefault("XDG_CACHE_HOME", str(self.cache))
        env.update(
            RELIVE_RECORD=path.name,
            STARTS=str(self.starts),
            PYTHONPATH=str(self.folder / "count"),
            HOME=str(self.folder),
        )
        done = run(sys.executable, "app.py", cwd=self.folder, env=env)
        assert done.stdout == b"ran\n" and done.stderr.startswith(warning)
        assert done.stderr.count(b"\n") == (warning != b"")
        return len(self.starts.read_text()), relive.open(path).header["meta"]["level"]

    def entries(self):
        return list((self.cache / "relive").iterdir())


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


def test_a_second_start_needs_no_helper_until_something_has_changed(program):
    assert program.start() == (2, "calls")
    assert program.start() == (1, "calls")
    program.set_level("lines")
    assert program.start() == (2, "lines")
    assert program.start() == (1, "lines")
    assert program.start(RELIVE_LEVEL="values") == (2, "values")
    assert program.start(RELIVE_LEVEL="values") == (1, "values")
    assert program.start() == (1, "lines")
    (program.folder / "pyproject.toml").unlink()
    assert program.start() == (2, "values")
    program.set_level("calls")
    assert program.start() == (2, "calls")
    ids = {relive.open(path).header["run_id"] for path in program.folder.glob("*.relive")}
    assert len(ids) == program.number


def test_a_wrong_variable_is_reported_by_each_start(program):
    warning = b"relive: environment HANDIT_MAX_STR: "
    for helpers in (2, 1):  # the second start takes the settings, and the warning, from the cache
        assert program.start(warning, HANDIT_MAX_STR="many") == (helpers, "calls")


def test_a_filter_that_changes_or_comes_is_seen(program):
    rules = "[meta]\nname = 'f'\nversion = 2\n[scope]\ndefault_exec = 'trace'\n"
    rules += "default_value_action = 'allow'\n"
    mine = program.folder / "f.toml"
    mine.write_text(rules)
    assert program.start(RELIVE_TRACE_FILTER="f.toml") == (2, "calls")
    assert program.start(RELIVE_TRACE_FILTER="f.toml") == (1, "calls")
    mine.write_text(rules + "level = 'lines'\n")
    assert program.start(RELIVE_TRACE_FILTER="f.toml")[0] == 2
    assert program.start()[0] == 2
    (program.folder / ".relive").mkdir()
    (program.folder / ".relive" / "trace-filter.toml").write_text(rules)
    assert program.start()[0] == 2
    assert program.start()[0] == 1


def _link_folder(program):
    (program.cache / "relive").rename(program.folder / "elsewhere")
    (program.cache / "relive").symlink_to(program.folder / "elsewhere")


def _link_entry(program):
    (entry,) = program.entries()
    entry.rename(program.folder / "entry")
    entry.symlink_to(program.folder / "entry")


def _hard_link_entry(program):
    os.link(program.entries()[0], program.folder / "entry")


def _change_entry(program):
    (entry,) = program.entries()
    entry.write_bytes(entry.read_bytes().replace(b'"calls"', b'"lines"'))


def _entry_of_another_key(program):
    program.start(RELIVE_LEVEL="lines")
    one, other = program.entries()
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _entry_is_a_pipe(program):
    (entry,) = program.entries()
    entry.unlink()
    os.mkfifo(entry, 0o600)


def _give_away(path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 65534, 65534)


HOSTILE = {
    "a folder that is a link": _link_folder,
    "a folder that others can write": lambda program: os.chmod(program.cache / "relive", 0o777),
    "a folder that others can read": lambda program: os.chmod(program.cache / "relive", 0o755),
    "a folder of another user": lambda program: _give_away(program.cache / "relive"),
    "an entry that is a link": _link_entry,
    "an entry with two names": _hard_link_entry,
    "an entry that others can write": lambda program: os.chmod(program.entries()[0], 0o666),
    "an entry of another user": lambda program: _give_away(program.entries()[0]),
    "an entry that is a pipe": _entry_is_a_pipe,
    "an entry that was changed": _change_entry,
    "an entry of another key": _entry_of_another_key,
    "garbage": lambda program: program.entries()[0].write_bytes(bytes(range(256)) * 9),
    "nothing": lambda program: program.entries()[0].write_bytes(b""),
}


@pytest.mark.parametrize("trouble", HOSTILE)
def test_a_cache_that_somebody_else_may_have_written_is_not_believed(trouble, program):
    program.start()
    HOSTILE[trouble](program)
    assert program.start() == (2, "calls")


def test_without_a_place_for_it_the_helper_runs_each_time(program):
    for _ in range(2):
        assert program.start(XDG_CACHE_HOME="/dev/null/no") == (2, "calls")
    assert program.start(XDG_CACHE_HOME="not/absolute") == (2, "calls")
    assert program.start(XDG_CACHE_HOME="not/absolute") == (1, "calls")
    assert (program.folder / ".cache" / "relive").is_dir() and not program.cache.exists()


def test_the_cache_stays_small_and_private(program):
    program.start()
    folder = program.cache / "relive"
    assert folder.stat().st_mode & 0o777 == 0o700
    for number in range(100):
        shutil.copy(program.entries()[0], folder / f"old-{number}")
    program.start(RELIVE_LEVEL="lines")
    assert 2 <= len(program.entries()) <= 64
    assert program.start(RELIVE_LEVEL="lines")[0] == 1
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in program.entries()[-1:])

"""--children-exclude: children that have such a name are not recorded, whatever door it came by."""

import sys

import pytest
from conftest import dump, relive, run, two_versions

pytestmark = two_versions  # names are those of the command line

PROGRAM = """
import os, subprocess, sys

def start(*words):
    subprocess.check_call([sys.executable, *words])

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    start("worker.py")
    start("-u", "-X", "dev", os.path.join("jobs", "other.py"))
    start("-W", "ignore", "-m", "jobs.task")
    start("-c", "from jobs.task import run; run()")
    start("-Ec", "def in_code(): pass\\nin_code()")
    child = os.fork()
    if child == 0:
        start("worker.py")
        os._exit(0)
    os.waitpid(child, 0)
"""
# The functions that show which children were recorded; __main__ forks one that starts one.
ALL = ["in_code", "in_worker", "in_worker", "other", "run", "run"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "task.py").write_text(
        "def run(): pass\nif __name__ == '__main__': run()\n"
    )
    (tmp_path / "jobs" / "other.py").write_text("def other(): pass\nother()\n")
    (tmp_path / "worker.py").write_text("def in_worker(): pass\nin_worker()\n")
    (tmp_path / "prog.py").write_text(PROGRAM)
    return tmp_path


def called(folder):
    """(the functions of children that were called, number of files)"""
    headers, events = dump(folder / "out.relive")
    calls = [e["func"].split(":")[1] for e in events if e["kind"] == "call"]
    assert all(header["is_complete"] for header in headers)
    return sorted(name for name in calls if name in ALL), len(headers)


@pytest.mark.parametrize(
    "patterns, missing, files",
    [
        ([], [], 8),
        (["worker.py"], ["in_worker"] * 2, 6),
        (["w?rk*.py", "jobs/*.py"], ["in_worker"] * 2 + ["other"], 5),
        (["other.py"], ["other"], 7),
        (["jobs.*"], ["run", "run"], 6),  # a module that runs, and one that code begins with
        (["-c"], ["in_code", "run"], 6),
        (["task"], [], 8),  # a name matches as a whole
        (["python*"], ALL, 1),  # and the child by fork is the same program
        (["prog.py"], [], 7),
        (["**/python*"], ALL, 1),
    ],
    ids=str,
)
def test_children_of_that_name_are_not_recorded(patterns, missing, files, folder):
    options = [f"--children-exclude={text}" for text in patterns]
    done = relive("record", "-o", "out.relive", *options, "prog.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    expected = list(ALL)
    for name in missing:
        expected.remove(name)
    assert called(folder) == (expected, files)


@pytest.mark.parametrize("door", ["environment", "pyproject.toml", "RELIVE_RECORD", "API"])
def test_every_door(door, folder):
    env, words = {}, ["-m", "relive", "record", "-o", "out.relive", "prog.py"]
    if door == "pyproject.toml":
        text = '[tool.relive]\nchildren-exclude = ["worker.py", "jobs.*"]\n'
        (folder / "pyproject.toml").write_text(text)
    elif door == "API":
        settings = "children_exclude=['worker.py', '*.task']"
        start = f"import relive\nrelive.start('out.relive', {settings})\n"
        (folder / "prog.py").write_text(start + PROGRAM)
        words = ["prog.py"]
    else:
        env["RELIVE_CHILDREN_EXCLUDE"] = "jobs.*"
    if door == "RELIVE_RECORD":
        env[door] = "out.relive"
        words = ["prog.py"]
    done = run(sys.executable, *words, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    names, files = called(folder)
    with_worker = door in ("environment", "RELIVE_RECORD")
    assert names == ["in_code", *(["in_worker"] * 2 if with_worker else []), "other"]
    assert files == (6 if with_worker else 4)


def test_a_child_of_an_excluded_child_is_recorded(folder):
    (folder / "worker.py").write_text(
        "import os, subprocess, sys\n"
        "def in_worker(): subprocess.check_call([sys.executable, 'jobs/other.py'])\n"
        "in_worker()\n"
    )
    words = ["--children-exclude", "worker.py", "-c"]
    words += ["import subprocess, sys; subprocess.check_call([sys.executable, 'worker.py'])"]
    assert relive("record", "-o", "out.relive", *words, cwd=folder).returncode == 0
    headers, events = dump(folder / "out.relive")
    assert headers[1]["parent_pid"] == headers[0]["pid"] and len(headers) == 2
    assert [e["func"] for e in events if e["kind"] == "call"][-1] == "__main__:other"


@pytest.mark.parametrize("text, trouble", [("[ab", "["), ("{a,b", "{")])
def test_a_wrong_pattern_is_named_with_its_place(text, trouble, folder):
    (folder / "pyproject.toml").write_text(f'[tool.relive]\nchildren-exclude = "{text}"\n')
    done = relive("record", "prog.py", cwd=folder)
    assert done.returncode == 125
    assert b"pyproject.toml [tool.relive]: children_exclude" in done.stderr, done.stderr
    assert b"[ERR_CONFIG]" in done.stderr and text.encode() in done.stderr
    (folder / "pyproject.toml").unlink()
    done = relive("record", "--children-exclude", text, "prog.py", cwd=folder)
    assert done.returncode == 125 and b"option --children-exclude: " in done.stderr
    env = {"RELIVE_CHILDREN_EXCLUDE": text, "RELIVE_RECORD": "x.relive"}
    done = run(sys.executable, "-c", "print(1)", cwd=folder, env=env)
    assert (done.returncode, done.stdout) == (0, b"1\n")
    assert b"not recorded: environment RELIVE_CHILDREN_EXCLUDE" in done.stderr
    done = run(sys.executable, "-c", f"import relive; relive.start(children_exclude={text!r})")
    assert b"argument: children_exclude" in done.stderr

"""RELIVE_RECORD=FOLDER: each start makes a file of its own in it, named after the program."""

import re
import sys

import pytest
from conftest import relive, run, two_versions

pytestmark = two_versions

NAME = r"{}-\d{{8}}-\d{{6}}(-\d+)*\.relive"


@pytest.mark.parametrize(
    "words, stem",
    [
        (["shop.py", "7"], "shop"),
        (["-u", "-X", "dev", "a b/of shop.tar.py"], "of_shop.tar"),
        (["-m", "pkg.tool"], "pkg.tool"),
        (["-c", "pass"], "python"),
        (["-W", "ignore", ".hidden.py"], "python"),
        (["a b/-x.py"], "python"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_name_of_its_own_for_each_start(words, stem, tmp_path):
    for name in ("shop.py", "a b/of shop.tar.py", "a b/-x.py", "pkg/tool.py", ".hidden.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("def f(): pass\nf()\n")
    folder = tmp_path / "recordings"
    folder.mkdir()
    for _ in range(2):
        env = {"RELIVE_RECORD": "recordings"}
        done = run(sys.executable, *words, cwd=tmp_path, env=env)
        assert (done.returncode, done.stderr) == (0, b"")
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 2 and all(re.fullmatch(NAME.format(stem), name) for name in names), names
    for name in names:
        assert b"whole" in relive("check", folder / name).stdout


def test_children_are_beside_it(tmp_path):
    (tmp_path / "shop.py").write_text("import os\nif os.fork() == 0: os._exit(0)\nos.wait()\n")
    run(sys.executable, "shop.py", cwd=tmp_path, env={"RELIVE_RECORD": str(tmp_path)}, check=True)
    first, child = sorted(tmp_path.glob("*.relive"), key=lambda path: len(path.name))
    assert child.name.startswith(first.name[: -len("relive")])
    assert b"(and 1 child)" in relive("ls", cwd=tmp_path).stdout

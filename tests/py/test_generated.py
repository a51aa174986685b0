"""Code that a library generates (dataclasses, attrs: `<string>`) is the library's; what is
generated for a class of the program is shown with it."""

import json

import pytest
from conftest import relive

LIBRARY = """\
import dataclasses
@dataclasses.dataclass
class Part:
    name: str
def made():
    return Part("x")
exec("def generated(n): return n")
"""


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "some_library.py").write_text(LIBRARY)
    return folder


def functions(path):
    rows = relive("tree", "--json", path).stdout.splitlines()[1:]
    return [row["func"] for row in map(json.loads, rows)]


PROGRAM = """\
import dataclasses, {imported}
@dataclasses.dataclass
class Own:
    n: int
Own(1), Own(2)
"""


def test_what_the_standard_library_generates_for_itself_is_left_out_with_it(tmp_path):
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(PROGRAM.format(imported="asyncio, email, http.client, argparse, ast"))
    relive("record", "-o", path, program, cwd=tmp_path)
    found = functions(path)
    assert {name.partition(":")[0] for name in found} == {"__main__"}
    assert any("__init__" in name for name in found)


def test_what_a_library_generates_has_the_rules_of_the_librarys_file(tmp_path, library):
    program, path, rules = (tmp_path / name for name in ("prog.py", "out.relive", "rules.toml"))
    program.write_text(
        f"import sys\nfrom relive import _core\nsys.path.insert(0, {str(library)!r})\n"
        "_core.library(sys.path[0])\n"
        "import some_library\nsome_library.made()\nsome_library.generated(1)\n"
        "def own(): pass\nown()\nexec('def made(): pass')\nmade()\n"
    )
    rules.write_text(
        '[meta]\nname = "rules"\nversion = 2\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n[[scope.rules]]\n'
        'selector = "file:regex:some_library"\nexec = "skip"\n'
    )
    done = relive("record", "-o", path, "--trace-filter", rules, program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(functions(path)) == {"__main__:<module>", "__main__:own", "__main__:made"}

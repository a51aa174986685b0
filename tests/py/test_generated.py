"""Code that a library generates (dataclasses, attrs: `<string>`) is the library's; what is
generated for a class of the program is shown with it."""

import dataclasses
import json

import pytest
from conftest import relive, usable_backends

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
    rows = relive("tree", "--all", "--json", path).stdout.splitlines()[1:-1]
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


CLASSES = """\
import collections, dataclasses, typing, enum
@dataclasses.dataclass(order=True, frozen=True)
class Own:
    n: int
class Outer:
    @dataclasses.dataclass
    class Inner:
        m: int = 3
class Heir(Outer.Inner):
    pass
Point = collections.namedtuple("Point", "x y")
class Typed(typing.NamedTuple):
    x: int
class Color(enum.Flag):
    RED = 1
def main():
    Own(1) == Own(2), Own(1) < Own(2), hash(Own(1)), repr(Own(1))
    try:
        Own(1).n = 2
    except dataclasses.FrozenInstanceError:
        pass
    repr(Heir(1)), Point(1, 2), Typed(1), Color.RED
main()
"""

METHODS = {"__main__:" + name for name in (
    "Own.__init__", "Own.__eq__", "Own.__lt__", "Own.__hash__", "Own.__repr__", "Own.__setattr__",
    "Outer.Inner.__init__", "Outer.Inner.__repr__",
)}  # fmt: skip
NOT_GENERATED = {"__main__:" + name for name in (
    "<module>", "Own", "Outer", "Outer.Inner", "Heir", "Typed", "Color", "main"
)}  # fmt: skip


@pytest.fixture
def classes(tmp_path):
    program = tmp_path / "prog.py"
    program.write_text(CLASSES)
    return program


@pytest.mark.parametrize("backend", usable_backends())
def test_generated_methods_have_their_class_and_what_made_them_is_left_out(
    tmp_path, classes, backend
):
    path = tmp_path / "out.relive"
    relive("record", "--backend", backend, "-o", path, classes, check=True)
    found = functions(path)
    assert found.count("__main__:<module>") == 1
    seen = {name for name in found if "__annotate__" not in name}
    assert seen == METHODS | NOT_GENERATED


def test_without_the_builtin_filter_what_a_library_runs_of_a_text_is_the_librarys(
    tmp_path, classes
):
    path = tmp_path / "out.relive"
    relive("record", "--no-builtin-filter", "-o", path, classes, check=True)
    found = functions(path)
    assert METHODS | {"dataclasses:<module>", "dataclasses:__create_fn__"} <= set(found)
    assert {"namedtuple_Point:Point.__new__", "namedtuple_Typed:Typed.__new__"} <= set(found)
    assert found.count("__main__:<module>") == 1


def test_generated_text_of_the_program_stays_the_programs(tmp_path):
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(
        "import cProfile, threading, timeit\n"
        "space = {}\n"
        "exec('def work(): pass', space)\n"
        "thread = threading.Thread(target=space['work'])\n"
        "thread.start(), thread.join()\n"
        "exec('def plain(): return (lambda: 1)()')\n"
        "plain()\n"
        "exec('class Made:\\n def method(self): pass')\n"
        "Made().method()\n"
        "timeit.timeit('plain()', number=1, globals=globals())\n"
        "cProfile.run('def profiled(): pass\\nprofiled()')\n"
    )
    relive("record", "-o", path, program, check=True)
    found = {name.partition(":")[2] for name in functions(path)}
    assert {"work", "plain", "Made", "Made.method", "inner", "profiled"} <= found
    assert any("<lambda>" in name for name in found)


ATTRS = """\
import attr
@attr.s(auto_attribs=True)
class Plain:
    x: int
@attr.define(hash=True)
class Slots:
    x: int
def main():
    Plain(1) == Plain(2), repr(Plain(1)), hash(Slots(1))
main()
"""


def test_methods_that_attrs_makes_are_of_their_class_and_its_texts_are_its_own(tmp_path):
    pytest.importorskip("attr")
    program, path = tmp_path / "prog.py", tmp_path / "out.relive"
    program.write_text(ATTRS)
    relive("record", "-o", path, program, check=True)
    found = set(functions(path))
    own = {name for name in found if name.startswith("__main__:") and "_annotate_" not in name}
    assert own == {
        "__main__:" + name
        for name in ("<module>", "Plain", "Slots", "main", "Plain.__init__", "Plain.__eq__",
                     "Plain.__repr__", "Slots.__init__", "Slots.__hash__")
    }  # fmt: skip
    assert not {name for name in found if name.startswith("?")}
    relive("record", "--exclude", "attr", "--exclude", "attr.*", "--force", "-o", path, program)
    assert {name.partition(":")[0] for name in functions(path)} == {"__main__"}


@pytest.mark.filterwarnings("ignore::relive.errors.OverheadWarning")
def test_callbacks_name_generated_methods_as_a_recording_does(told):
    @dataclasses.dataclass
    class Own:
        n: int

    names = {event.qualified_name for event in told(Own, 1) if event.event_type == "call"}
    assert names == {Own.__qualname__ + ".__init__"}

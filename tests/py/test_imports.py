"""A recorded program finds the modules, paths and warnings of an unrecorded one: nothing is
imported for it."""

import json
import os
import sys

import pytest
from conftest import TESTS, relive, run

from relive import _core

# What it finds of ours, and the module in which Python 3.8 and 3.9 keep exit functions.
OURS = {"relive", "relive._core", "_relive_boot"}
NEEDED = {"atexit"} if sys.version_info < (3, 10) else set()

LOOK = """
import sys
def look(out=[], modules=sys.modules, sys=sys):
    warnings = modules.get("warnings") or modules.get("_warnings")
    threads = modules["_thread"]._count() if "_thread" in modules else 0
    attributes = {
        name: sorted(vars(module))
        for name, module in sorted(modules.items())
        if not name.startswith(("relive", "_relive", "__main__")) and hasattr(module, "__dict__")
    }
    return [sorted(modules), list(sys.path), repr(getattr(warnings, "filters", None)), threads,
            attributes]
first = look()
"""
FORK = """
import os
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(reader)
    found = look()
    import json
    os.write(writer, json.dumps(found).encode())
    os._exit(0)
os.close(writer)
with open(reader, "rb") as file:
    text = file.read()
os.waitpid(child, 0)
"""
AT_EXIT = """
import atexit
@atexit.register
def at_exit(look=look):
    found = look()
    import json
    print(json.dumps({"exit": found, "first": first, "fork": json.loads(text)}))
"""


def compare(plain, recorded, ours=OURS):
    """What differs, of ours apart."""
    for moment in ("first", "fork", "exit"):
        before, now = plain[moment], recorded[moment]
        more = set(now[0]) - set(before[0])
        # From 3.15 on an unrecorded process has _relive_boot too (relive.start).
        assert ours <= set(now[0]) and more - ours <= NEEDED, moment
        assert set(before[0]) <= set(now[0])
        assert now[1:4] == before[1:4], moment
        for name, attributes in before[4].items():
            assert set(now[4][name]) == set(attributes), (moment, name)


@pytest.mark.parametrize("door", ["record", "environment", "filter"])
def test_nothing_is_imported_for_a_program(door, tmp_path):
    (tmp_path / "app.py").write_text(LOOK + FORK + AT_EXIT)
    (tmp_path / "f.toml").write_text(
        "[meta]\nname = 'f'\nversion = 2\n[scope]\ndefault_exec = 'trace'\n"
        "default_value_action = 'allow'\n[[scope.rules]]\nselector = 'pkg:json.*'\nexec = 'skip'\n"
    )
    plain = run(sys.executable, "app.py", cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    out = tmp_path / "out.relive"
    if door == "environment":
        done = run(sys.executable, "app.py", cwd=tmp_path, env={"RELIVE_RECORD": str(out)})
    else:
        more = ["--trace-filter", "f.toml"] if door == "filter" else []
        done = relive("record", "-o", out, *more, "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert out.exists() and len(list(tmp_path.glob("out*.relive"))) == 2
    compare(json.loads(plain.stdout), json.loads(done.stdout))


def test_nothing_is_imported_where_the_ends_of_children_are_ignored(tmp_path):
    (tmp_path / "app.py").write_text("import sys\nprint(sorted(n for n in sys.modules))\n")
    words = ["sh", "-c", "trap '' CHLD; exec \"$0\" app.py", sys.executable]
    plain, done = (
        run(*words, cwd=tmp_path, env=env)
        for env in ({}, {"RELIVE_RECORD": "o.relive", "XDG_CACHE_HOME": str(tmp_path / "cache")})
    )
    assert done.returncode == 0 and (tmp_path / "o.relive").exists(), done.stderr
    assert set(eval(done.stdout)) - set(eval(plain.stdout)) <= OURS | NEEDED


def test_nothing_is_imported_where_an_interpreter_has_no_boot_file_either(tmp_path):
    """That one is reached through a sitecustomize of ours, which leaves no trace."""
    base = os.path.realpath(sys.executable)
    if base == sys.executable or run(base, "-c", "import _relive_boot").returncode == 0:
        pytest.skip("this interpreter's own one has the boot file, too")
    (tmp_path / "app.py").write_text(LOOK + FORK + AT_EXIT)
    plain = run(base, "app.py", cwd=tmp_path)
    done = relive("record", "-o", tmp_path / "out.relive", base, "app.py", cwd=tmp_path)
    assert (plain.returncode, done.returncode) == (0, 0), done.stderr
    compare(json.loads(plain.stdout), json.loads(done.stdout), OURS - {"_relive_boot"})


def test_a_program_cannot_lean_on_our_imports(tmp_path):
    """What fails without us, since nothing has imported it, fails with us."""
    (tmp_path / "app.py").write_text("import concurrent\nprint(concurrent.futures)\n")
    for words in ([sys.executable], [sys.executable, "-m", "relive", "record", "-o", "o.relive"]):
        done = run(*words, "app.py", cwd=tmp_path)
        assert done.returncode == 1 and b"AttributeError" in done.stderr


def test_settings_that_environment_refuses_are_named(tmp_path):
    (tmp_path / "app.py").write_text("print('ran')\n")
    env = {"RELIVE_RECORD": "o.relive", "RELIVE_LEVEL": "deep"}
    done = run(sys.executable, "app.py", cwd=tmp_path, env=env)
    assert done.stdout == b"ran\n" and done.returncode == 0
    assert b"not recorded: environment RELIVE_LEVEL: level = 'deep'" in done.stderr


def test_a_filter_that_is_long_works_in_children_too(tmp_path):
    rules = "".join(
        f"[[scope.rules]]\nselector = 'pkg:left_out_{n}'\nexec = 'skip'\n" for n in range(3000)
    )
    (tmp_path / "f.toml").write_text(
        "[meta]\nname = 'f'\nversion = 2\n[scope]\ndefault_exec = 'trace'\n"
        "default_value_action = 'allow'\n" + rules
    )
    (tmp_path / "left_out_7.py").write_text("def hidden(): pass\n")
    (tmp_path / "app.py").write_text(
        "import sys\nprint(sorted(n for n in sys.modules if 'relive' in n), flush=True)\n"
        "import os, shutil, subprocess, left_out_7\nleft_out_7.hidden()\n"
        "if len(sys.argv) == 1:\n"
        "    again = [sys.executable, 'app.py', 'again']\n"
        "    subprocess.run(again)\n"
        "    shutil.rmtree(os.environ['XDG_CACHE_HOME'])\n"
        "    subprocess.run(again)\n"
        "    if os.fork() == 0:\n"
        "        left_out_7.hidden(); print(sorted(n for n in sys.modules if 'relive' in n))\n"
        "        sys.exit()\n"
        "    os.wait()\n"
    )
    words = ["record", "-o", "o.relive", "--trace-filter", "f.toml", "app.py"]
    done = relive(*words, cwd=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [str(sorted(OURS))] * 4
    tree = relive("tree", "--all", "--json", "o.relive", cwd=tmp_path).stdout
    rows = [json.loads(line) for line in tree.splitlines()[1:-1]]
    assert len({row["pid"] for row in rows}) == 4
    assert not [row for row in rows if "hidden" in row["func"]]


@pytest.mark.parametrize(
    "value",
    ['{"path":1,"config":{}}', '{"path":"x.relive","config":[]}', '{"path":"x.relive","config":{}}',
     '{"path":"x.relive","config":{"children":true},"filter":{"entries":[["add_rule",[1]]]}}',
     '{"path":"x.relive","config":{"children":true},"filter":7}', "{", "[]"],
)  # fmt: skip
def test_a_program_runs_whatever_the_variable_holds(value, tmp_path):
    done = run(sys.executable, "-c", "print('ran')", cwd=tmp_path, env={"RELIVE_RUN": value})
    assert done.returncode == 0 and done.stdout == b"ran\n"
    lines = done.stderr.decode().splitlines()
    assert len(lines) <= 1 and all(line.startswith("relive: not recorded") for line in lines)


def test_json_goes_through_unchanged():
    values = [
        None, True, -1, 10**17, 10**18, -(10**18), 1 - 10**18, 10**19, 10**25, 10**600, 0.5, -1e-9,
        "", 'a"b\\c\n\t\x00\x7f', "\u20ac\U0001f600", "\udc80", [],
        {}, [[1, [2]], {"a": {"\ud800b": []}}], ("tuple", 1),
    ]  # fmt: skip
    for value in values:
        text = _core.json_text(value)
        assert text.isascii() and _core.read_json(text) == json.loads(text)
        assert _core.read_json(json.dumps(value, indent=1)) == json.loads(json.dumps(value))
        assert _core.read_json(text.encode()) == json.loads(text)
    assert _core.read_json('["\u20ac\\"\\\\", "\U0001f600\\ud83d\\ude00\\ud83d"]') == [
        '\u20ac"\\', "\U0001f600\U0001f600\ud83d"]  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted(TESTS.glob("golden/good/*.relive")), ids=lambda path: path.stem
)
def test_each_event_is_read_as_json_reads_it(path):
    lines = relive("dump", path).stdout.splitlines()
    assert [repr(_core.read_json(line)) for line in lines] == [
        repr(json.loads(line)) for line in lines
    ]


def test_the_deepest_value_is_read():
    deepest = "[" * 72 + "]" * 72  # twice the bound of values, and an event around them
    assert repr(_core.read_json(deepest)) == deepest


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1", '["a"', '"', '"\\', '"\\u12', '{"a"', '{"a":', "{1:2}", "nul", "[1,]", "1 2",
     "--1",
     "[" * 80 + "]" * 80, "\ud800", "[1 2]", "1-2", "-", "1.2.3", "9" * 18 + "x", '"\\x"',
     '"\\ud83d\\u12"', b'"\xff"', b"\xff", b"\0", b"[1\0]", '"\\"', '{"a":1 "b":2}', "\x00"],
)  # fmt: skip
def test_what_is_no_json_is_a_clear_error(text):
    with pytest.raises(ValueError):
        _core.read_json(text)


@pytest.mark.parametrize("value", [{1: 2}, object(), [set()], b"bytes"])
def test_what_does_not_fit_into_json_is_refused(value):
    with pytest.raises(TypeError):
        _core.json_text(value)


# What costs more than all of ours, and the modules that import it.
DEAR = {
    "argparse", "collections", "contextlib", "enum", "functools", "glob", "inspect", "json", "re",
    "shutil", "subprocess", "sysconfig", "tempfile", "threading", "typing",
}  # fmt: skip
FRONT_END = "import sys\nfrom relive.cli import main\nsys.exit(main())"


def list_imports(cwd, *words):
    """The modules that an interpreter imports until it ends, or becomes another program."""
    done = run(sys.executable, "-X", "importtime", *words, cwd=cwd)
    lines = done.stderr.decode().splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize(
    "line",
    [
        "record -o o.relive --level lines --include a.* -c pass",
        "record app.py",
        "record PYTHON -X dev app.py",
        "record --help",
        "--help",
        "tree run.relive",
        "info run.relive",
        "exc run.relive",
    ],
)
def test_the_command_line_imports_nothing_dear(line, tmp_path):
    (tmp_path / "app.py").write_text("pass\n")
    if line.endswith("run.relive"):
        assert relive("record", "-o", tmp_path / "run.relive", "-c", "1 / 0").returncode == 1
    plain = list_imports(tmp_path, "-c", "pass")
    words = [sys.executable if word == "PYTHON" else word for word in line.split()]
    found = list_imports(tmp_path, "-c", FRONT_END, *words) - plain
    assert "relive.cli" in found and found & DEAR == set()


def test_the_help_imports_what_it_prints_with_and_nothing_else(tmp_path):
    plain = list_imports(tmp_path, "-c", "pass")
    found = list_imports(tmp_path, "-c", FRONT_END, "--help") - plain
    assert found == {"relive", "relive.errors", "relive.cli", "relive.cli.options"}

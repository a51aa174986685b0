"""`relive debug` and its prompt."""

import os
import subprocess
import sys

import pytest
from conftest import clean_environ, relive, run
from debugging_terminal import Terminal

PROGRAM = """\
import sys

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

print(work(3))
print(work(int(sys.argv[1])))
"""


def prompt(tmp_path, commands, *options, args=("4",), source=PROGRAM):
    path = tmp_path / "app.py"
    path.write_text(source)
    text = "\n".join(commands) + "\n"
    return relive("debug", *options, path, *args, cwd=tmp_path, stdin=text.encode())


def test_the_prompt_stops_at_the_first_line_and_steps(tmp_path):
    done = prompt(tmp_path, ["n", "n", "s", "s", "p n", "w", "c"])
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "app.py(1)<module>()" in text and "app.py(4)work()" in text and "3\n6\n" in text
    assert "runpy" not in text and "relive" not in text.replace("(relive)", "")


def test_the_prompt_has_pdbs_breakpoints(tmp_path):
    commands = [
        "b 6, i == 2",
        "tbreak 7",
        "b work",
        "b",
        "c",
        "p i, total",
        "cl 1",
        "y",
        "c",
        "a",
        "c",
        "c",
    ]
    text = prompt(tmp_path, commands).stdout.decode()
    assert "Breakpoint 1 at" in text and "stop only if i == 2" in text
    assert text.count("app.py(4)work()") == 2 and text.count("app.py(7)work()") == 1
    assert "n = 4" in text or "n = 3" in text


def test_breakpoints_of_the_command_line(tmp_path):
    commands = ["p i", "j 7", "n", "n", "c"]
    done = prompt(tmp_path, commands, "-b", "app.py:6 if i == 1", args=("2",))
    text = done.stdout.decode()
    assert text.count("app.py(6)work()") >= 1 and "app.py(1)" not in text
    assert "(relive) 1" in text and "app.py(7)work()" in text


def test_quitting_ends_the_program_without_a_traceback(tmp_path):
    done = prompt(tmp_path, ["q"])
    assert b"Traceback" not in done.stdout + done.stderr and b"\n6" not in done.stdout


def test_who_reads_the_prompt_may_go(tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM)
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "debug", "app.py", "4"], cwd=tmp_path, env=clean_environ(),
        stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    os.close(read)
    _, errors = process.communicate(b"n\nn\nc\n", timeout=60)
    assert process.returncode == 0 and b"Traceback" not in errors and b"BrokenPipe" not in errors


def test_an_uncaught_exception_opens_the_prompt_where_it_was_raised(tmp_path):
    source = "def f(n):\n    return 1 / n\nf(0)\n"
    done = prompt(tmp_path, ["c", "p n", "c"], source=source)
    assert b"ZeroDivisionError" in done.stderr and b"app.py(2)f()" in done.stdout
    assert b"(relive) 0" in done.stdout and done.returncode == 1
    assert b"Uncaught: ZeroDivisionError" in done.stdout
    plain = prompt(tmp_path, ["c"], "--catch", "off", source=source)
    assert plain.returncode == 1 and b"Uncaught" not in plain.stdout


def test_the_prompt_catches_exceptions(tmp_path):
    source = "def f():\n    try:\n        int('x')\n    except ValueError:\n        pass\nf()\n"
    text = prompt(tmp_path, ["catch raised ValueError", "c", "w", "c"], source=source).stdout
    assert b"Raised: ValueError: invalid literal" in text and b"app.py(3)f()" in text


def test_set_trace_and_breakpoint_open_the_same_prompt(tmp_path):
    source = (
        "import relive\ndef f(n):\n    relive.set_trace()\n    m = n\n    breakpoint()\n"
        "    return m\nf(5)\n"
    )
    path = tmp_path / "own.py"
    path.write_text(source)
    done = run(
        sys.executable,
        path,
        stdin=b"p n\nc\np m\nc\n",
        env={"PYTHONBREAKPOINT": "relive.set_trace"},
    )
    assert done.returncode == 0, done.stderr
    place = b"own.py(3)f()" if sys.version_info >= (3, 13) else b"own.py(4)f()"  # at the call
    assert done.stdout.count(place) == 1 and done.stdout.count(b"(relive) 5") == 2


@pytest.mark.parametrize("commands", [["q"], ["r", "q"]])
def test_quitting_at_set_trace_ends_the_program_in_bdbs_way(tmp_path, commands):
    source = "import relive\ndef f():\n    relive.set_trace()\n    print('after')\nf()\n"
    path = tmp_path / "own.py"
    path.write_text(source)
    done = run(sys.executable, path, stdin="\n".join(commands).encode())
    assert done.returncode == 1 and done.stderr.rstrip().endswith(b"bdb.BdbQuit")
    shown = done.stdout.replace(b"(relive) ", b"\n")
    assert (b"--Return--" in shown) == (b"\nafter\n" in shown) == (len(commands) > 1)


def test_set_trace_types_commands(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("import relive\nx = 6\nrelive.set_trace(commands=['p x * 7', 'c'])\nx = 1\n")
    done = run(sys.executable, path, stdin=b"")
    assert done.returncode == 0 and b"42" in done.stdout, done.stderr


def test_the_debugged_program_is_what_it_is_alone(tmp_path):
    source = (
        "import sys, os\nprint(sys.argv, __name__, sys.path[0], sys.gettrace(), "
        "'RELIVE_DEBUG' in os.environ)\n"
    )
    path = tmp_path / "app.py"
    path.write_text(source)
    alone = run(sys.executable, path, "x", cwd=tmp_path)
    debugged = prompt(tmp_path, ["c"], args=("x",), source=source)
    assert debugged.stdout.endswith(alone.stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-b", "x.py:1", "app.py"], b"there is no file x.py"),
        (["-b", "app.py", "app.py"], b"FILE:LINE"),
        (["-b", "app.py:1 if a =", "app.py"], b"is no expression"),
        (["-b", "app.py:1, hit % 0", "app.py"], b"is no hit condition"),
        (["-b", 'app.py:1, log "{a"', "app.py"], b"is no {expression}"),
        (["--catch", "rased", "app.py"], b"did you mean 'raised'"),
        (["nothing.py"], b"no such file"),
        ([], b"no TARGET"),
        (["--brake", "a:1", "app.py"], b"did you mean '--break'"),
    ],
)
def test_mistakes_are_reported_and_the_program_is_not_started(tmp_path, words, said):
    (tmp_path / "app.py").write_text("print('started')\n")
    done = relive("debug", *words, cwd=tmp_path)
    assert done.returncode == 125 and said in done.stderr and not done.stdout


# ---- when things are not as usual ----


def test_modules_and_relative_paths_can_be_debugged(tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "__main__.py").write_text("import os\nprint('in', __name__)\n")
    done = relive("debug", "-m", "pack", cwd=tmp_path, stdin=b"n\nc\n")
    assert b"__main__.py(1)<module>()" in done.stdout and b"in __main__" in done.stdout
    done = relive(
        "debug", "-b", "pack/__main__.py:2", "pack/__main__.py", cwd=tmp_path, stdin=b"c\n"
    )
    assert b"__main__.py(2)<module>()" in done.stdout and done.returncode == 0


# ---- programs are what they are alone ----


def test_what_collects_output_does_not_get_the_prompts_text(tmp_path):
    source = (
        'def double(n):\n    """\n    >>> double(4)\n    8\n    """\n    m = n * 2\n'
        "    breakpoint()\n    return m\n\nimport contextlib, doctest, io\n"
        "print(doctest.testmod())\nout = io.StringIO()\n"
        "with contextlib.redirect_stdout(out): print('in'), double(7)\nprint([out.getvalue()])\n"
    )
    (tmp_path / "app.py").write_text(source)
    words = ["debug", "--catch", "off", "-b", "app.py:11", "app.py"]
    done = relive(*words, cwd=tmp_path, stdin=b"c\np ('m', m)\nc\np ('m', m)\nc\n")
    text = done.stdout.decode()
    assert "failed=0, attempted=1" in text and "['in\\n']" in text, text
    assert "(relive) ('m', 8)" in text and "(relive) ('m', 14)" in text, text


def test_under_pytest_the_prompt_suspends_the_capture(tmp_path):
    source = "import relive\n\ndef test_it():\n    x = 6\n    y = x * 7\n    print('caught')\n"
    (tmp_path / "test_app.py").write_text(source)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
    options = ["debug", "-b", "test_app.py:6"]
    done = relive(*options, *words, cwd=tmp_path, stdin=b"p 'seen', y\nc\n")
    text = done.stdout.decode()
    assert "test_app.py(6)test_it()" in text and "(relive) ('seen', 42)" in text, text
    assert "1 passed" in text and "\ncaught" not in text and done.returncode == 0
    source = source.replace("y = x * 7", "relive.set_trace()")
    (tmp_path / "test_app.py").write_text(source)
    done = run(sys.executable, *words, cwd=tmp_path, stdin=b"p 'mine', x\nc\n")
    assert b"('mine', 6)" in done.stdout and b"1 passed" in done.stdout, done.stdout


def test_without_catches_it_stops_at_the_first_line_too(tmp_path):
    done = prompt(tmp_path, ["p 6 * 7", "n", "c"], "--catch", "off", source="x = 1\ny = 2\n")
    text = done.stdout.decode()
    assert "app.py(1)<module>()" in text and "(relive) 42" in text and "app.py(2)" in text


def test_with_all_code_what_the_import_machinery_handles_is_not_uncaught(tmp_path):
    source = "try:\n    import nothing_here\nexcept ImportError:\n    print('none')\n"
    text = prompt(tmp_path, ["c"], "--all-code", source=source).stdout.decode()
    assert "Uncaught" not in text and "none" in text


def test_at_any_terminal_the_prompt_is_relives_and_takes_nothing_from_the_program(tmp_path):
    source = """\
import signal, sys, threading
kind = type(threading.excepthook).__name__, signal.getsignal(signal.SIGCONT)
print('kept', kind == ('builtin_function_or_method', signal.SIG_DFL))
"""
    env = {"TERM": "xterm", "NO_COLOR": "1"}
    text = Terminal(tmp_path, source, env=env).run("n", "n", "p 6 * 7", "c")
    assert "kept True" in text and "42" in text and "(Pdb)" not in text


def test_what_an_object_of_the_program_raises_does_not_end_the_stop(tmp_path):
    source = """\
class Bad:
    def __repr__(self):
        raise RuntimeError('no repr')
    def __eq__(self, other):
        raise RuntimeError('no eq')
    @property
    def __class__(self):
        raise RuntimeError('no class')
bad = Bad()
more = 1
print('end')
"""
    commands = ["b 10", "c", "display bad", "whatis bad", "display Bad()", "n", "p 6 * 7", "c"]
    done = prompt(tmp_path, commands, args=(), source=source)
    text = done.stdout.decode()
    assert b"Traceback" not in done.stderr and "RuntimeError: no repr" in text
    assert text.index("no class") < text.index("app.py(11)") < text.index("(relive) 42")


def test_pdbrc_comprehensions_and_interact(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".pdbrc").write_text("alias mine p 'from ' + 'home', a\n")
    path = tmp_path / "app.py"
    path.write_text("def f(a):\n    many = [1, 2]\n    return a\nprint(f(3))\n")
    typed = b"mine\np [a + one for one in many]\n!many[0] = a\ninteract\n"
    done = relive(
        "debug", "-b", "app.py:3", path, cwd=tmp_path, stdin=typed + b"print('many', many, a)\n",
        env={"HOME": str(home)},
    )  # fmt: skip
    text = done.stdout.decode()
    assert "('from home', 3)" in text and "[4, 5]" in text and "many [3, 2] 3" in text, text


def test_functions_that_are_not_defined_yet_have_breakpoints(tmp_path):
    source = """\
import asyncio, functools
class Shop:
    @staticmethod
    def add(a, b=2):
        return a + b
async def fetch(n: int = 1):
    return n
def plain(a, b=3):
    return a
@functools.lru_cache()
def decorated(a, b=3):
    return b
print(Shop.add(1), asyncio.run(fetch()), plain(1), decorated(1))
"""
    names = ["Shop.add", "fetch", "plain", "decorated"]
    commands = [f"b {name}" for name in (*names, "Shop", "Shop.no")] + ["c"] * 5
    done = prompt(tmp_path, commands, args=(), source=source)
    text = done.stdout.decode()
    assert text.count("Breakpoint ") == 4 and text.count("was not found") == 2, text
    places = [f"app.py({line}){name}()" for line, name in
              ((5, "add"), (7, "fetch"), (9, "plain"), (12, "decorated"))]  # fmt: skip
    assert [text.count(one) for one in places] == [1] * 4 and text.count("> /") == 5, text
    assert "(relive) 3 1 1 3" in text

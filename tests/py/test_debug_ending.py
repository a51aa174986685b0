"""`relive debug --again`: the program begins again when it has ended, as under pdb."""

import sys

import pytest
from conftest import relive
from debugging_terminal import Terminal

SOURCE = """\
import atexit, os, sys, threading
threading.Timer(0.01, print, ["thread done"]).start()
atexit.register(print, "exit handler of", os.getpid())
def f(n):
    return 10 // n
f(5)
how = sys.argv[1] if len(sys.argv) > 1 else "end"
if how == "exit":
    sys.exit("three words here")
if how == "fail":
    f(0)
"""


def debug(tmp_path, commands, *words, source=SOURCE, options=("--again",)):
    (tmp_path / "app.py").write_text(source)
    text = "\n".join(commands) + "\n"
    done = relive("debug", *options, *(words or ["app.py"]), cwd=tmp_path, stdin=text.encode())
    return done, done.stdout.decode()


def test_at_a_terminal_the_program_begins_again_with_its_breakpoints(tmp_path):
    text = Terminal(tmp_path, SOURCE, again="--again").run("b 5", "c", "c", "c", "p n", "q")
    assert text.count("The program finished and will be restarted") == 1, text
    first, second = text.split("The program finished and will be restarted")
    assert "thread done" in first and "exit handler of" in first
    assert "app.py(1)<module>()" in second and "app.py(5)f()" in second
    assert "\n5\r\n" in second


@pytest.mark.parametrize("again", ["default", "--once"])
def test_the_default_at_a_terminal_is_pdbs(tmp_path, again):
    terminal = Terminal(tmp_path, "x = 1\n", again="--color=auto" if again == "default" else again)
    text = terminal.run("c", "q") if again == "default" else terminal.run("c")
    assert ("will be restarted" in text) == (again == "default"), text
    assert terminal.process.returncode == 0


def test_without_a_terminal_it_ends_with_the_status_of_the_program(tmp_path):
    done, text = debug(tmp_path, ["c"], "app.py", "exit", options=())
    assert done.returncode == 1 and "restarted" not in text
    assert done.stderr == b"three words here\n"


def test_the_exit_status_is_shown_and_quitting_ends_it(tmp_path):
    done, text = debug(tmp_path, ["c", "p 6 * 7", "q"], "app.py", "exit")
    assert "The program exited via sys.exit(). Exit status: three words here\n" in text, text
    assert text.count("will be restarted") == 1 and "(relive) 42\n" in text
    assert done.returncode == 0 and done.stderr == b"three words here\n"


@pytest.mark.parametrize("catch", ["uncaught", "off"])
def test_a_post_mortem_shows_the_traceback_and_then_the_program_begins_again(tmp_path, catch):
    options = ["--again", "--catch", catch]
    done, text = debug(tmp_path, ["c", "p n", "c", "n", "q"], "app.py", "fail", options=options)
    assert done.stderr.count(b"ZeroDivisionError") == 1 and b"in f\n" in done.stderr
    text = text.replace("thread done\n", "")  # at any time
    assert "Running 'cont' or 'step' will restart the program\n> " in text, text
    assert "0\n(relive) " in text and "app.py(5)f()" in text
    assert "Post mortem debugger finished. The app.py will be restarted" in text
    assert text.count("exit handler of") == 1 and done.returncode == 0


def test_restart_from_a_post_mortem(tmp_path):
    done, text = debug(tmp_path, ["c", "restart end", "c", "q"], "app.py", "fail")
    assert "Restarting app.py with arguments:\n\tend\n" in text
    assert "The program finished and will be restarted" in text and done.returncode == 0


def test_a_syntax_error_is_one_post_mortem_where_pdb_has_it(tmp_path):
    done, text = debug(tmp_path, ["ll", "q"], source="x = 1\ny = = 2\n")
    assert done.stderr.count(b"SyntaxError") == 1
    if sys.version_info >= (3, 13):
        assert "app.py(2)<module>()" in text and "  2  ->\ty = = 2" in text
        assert done.returncode == 0
    else:
        assert text == "" and done.returncode == 1


def test_what_does_not_start_does_not_begin_again(tmp_path):
    done, text = debug(tmp_path, [], "-m", "no_such_module_here")
    assert done.returncode == 1 and text == ""
    assert done.stderr.count(b"No module named no_such_module_here") == 1


def test_a_child_by_fork_does_not_begin_again(tmp_path):
    source = "import os, sys\nif os.fork() == 0:\n    sys.exit(0)\nos.wait()\n"
    done, text = debug(tmp_path, ["c", "q"], source=source)
    assert text.count("will be restarted") == 1 and text.count("exited via") == 0, text
    assert done.returncode == 0


def test_hits_of_two_breakpoints_of_one_line_count_as_in_bdb(tmp_path):
    source = "for i in range(3):\n    x = i\n"
    commands = ["b 2", "b 2", "c", "c", "b", "disable 1", "c", "b", "q"]
    _, text = debug(tmp_path, commands, source=source)
    first, second = text.split("Num Type")[1:]
    assert "already hit 2 times" in first and first.count("already hit") == 1, text
    assert second.count("already hit") == 2 and "already hit 1 time\n" in second, text

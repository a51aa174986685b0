"""Child processes under `relive debug`: breakpoints are off there, and one sentence says it."""

import os
import subprocess
import sys

import pytest
from conftest import clean_environ, relive, run, two_versions
from debugging_terminal import Terminal

OFF = "breakpoints are off in child processes"

POOL = """\
import multiprocessing, pdb, relive, sys
def work(n):
    if n == 1:
        breakpoint()
    twice = n * 2
    if n == 2:
        pdb.set_trace()
    if n == 3:
        relive.set_trace()
    return twice
if __name__ == "__main__":
    with multiprocessing.get_context({kind!r}).Pool(2) as pool:
        print("results", pool.map(work, range(6), 1), flush=True)
"""
RESULTS = "results [0, 2, 4, 6, 8, 10]"


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def pool(request, tmp_path):
    source = POOL.format(kind=request.param)
    (tmp_path / "app.py").write_text(source)
    return source


def results(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@two_versions
def test_without_breakpoints_the_plain_program_has_these_results(pool, tmp_path):
    text = pool.replace("pdb.set_trace()", "pass").replace("relive.set_trace()", "pass")
    (tmp_path / "app.py").write_text(text)
    done = run(sys.executable, "app.py", cwd=tmp_path, env={"PYTHONBREAKPOINT": "0"})
    assert results(done) == RESULTS + "\n"


@two_versions
def test_a_pool_ends_where_standard_input_is_a_pipe(pool, tmp_path):
    done = relive("debug", "-b", "app.py:5", "app.py", cwd=tmp_path, stdin=b"q\n", timeout=60)
    assert results(done) == RESULTS + "\n"
    assert done.stderr.decode().count(OFF) == 1, done.stderr


@two_versions
def test_a_pool_ends_where_standard_input_is_empty(pool, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "relive", "debug", "-b", "app.py:5", "app.py"], cwd=tmp_path,
        env=clean_environ(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60,
    )  # fmt: skip
    assert results(done) == RESULTS + "\n"
    assert done.stderr.decode().count(OFF) == 1, done.stderr


@two_versions
def test_a_pool_ends_at_a_terminal(pool, tmp_path):
    text = Terminal(tmp_path, pool, "-b", "app.py:5").run()
    assert RESULTS in text and text.count(OFF) == 1, text


def test_a_fork_within_a_step_and_at_the_prompt(tmp_path):
    source = (
        "import os, signal, sys\n"
        "def child(name):\n"
        "    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "    print(name, sys.gettrace(), own, flush=True)\n"
        "    os._exit(7)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    child('stepped')\n"
        "print('status', os.waitpid(pid, 0)[1] >> 8, flush=True)\n"
        "typed = 1\n"
        "if typed == 0:\n"
        "    child('typed')\n"
        "print('status', os.waitpid(typed, 0)[1] >> 8, flush=True)\n"
    )
    (tmp_path / "app.py").write_text(source)
    typed = "n\nn\nn\nb 11\nc\n!typed = os.fork()\nc\n"
    done = relive(
        "debug", "-b", "app.py:6", "app.py", cwd=tmp_path, stdin=typed.encode(), timeout=60
    )
    text = done.stdout.decode()
    assert "stepped None True\n" in text and "typed None True\n" in text, text
    assert text.count("status 7\n") == 2 and "app.py(11)<module>()" in text, text
    assert done.stderr.decode().count(OFF) == 1, done.stderr


def test_output_that_the_program_reads_is_as_without_the_debugger(tmp_path):
    (tmp_path / "tool.py").write_text("import pdb\npdb.set_trace()\nbreakpoint()\nprint('done')\n")
    source = (
        "import os, subprocess, sys\n"
        "words = [sys.executable, 'tool.py']\n"
        "print(subprocess.check_output(words, stderr=subprocess.STDOUT))\n"
        "print('RELIVE_DEBUG' in os.environ, flush=True)\n"
        "subprocess.call(words)\n"
        "subprocess.call(words)\n"
    )
    (tmp_path / "app.py").write_text(source)
    done = relive("debug", "-b", "tool.py:4", "app.py", cwd=tmp_path, timeout=60)
    assert done.stdout == b"b'done\\n'\nFalse\ndone\ndone\n"
    assert done.stderr.decode() == f"relive debug: {OFF}\n"


def test_it_is_not_said_where_there_are_no_breakpoints(tmp_path):
    source = "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\nprint('end')\n"
    (tmp_path / "app.py").write_text(source)
    folder = tmp_path / "temporary"
    folder.mkdir()
    done = relive(
        "debug", "app.py", cwd=tmp_path, stdin=b"n\nrestart\nc\n", env={"TMPDIR": str(folder)},
        timeout=60,
    )  # fmt: skip
    assert done.stdout.endswith(b"end\n") and done.stderr == b"", done.stderr
    assert os.listdir(folder) == []

"""Child processes under `relive debug`: breakpoints are off there, and one sentence says it. With
`--children` each stops at the terminal in its turn."""

import os
import re
import signal
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
        "    os.write(1, ('%s %s %s\\n' % (name, sys.gettrace(), own)).encode())\n"
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
    text = done.stdout.decode().replace("(relive) ", "")  # which the child may be in the middle of
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
    assert done.stderr.decode() == f"relive debug: {OFF}; --children switches them on\n"


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


def test_commands_of_the_command_line_are_for_the_first_process(tmp_path):
    terminal = Terminal(
        tmp_path, CHILDREN, "-b", "app.py:3", "-b", "app.py:12", "-x", "p 'once' * 2", "-x", "c",
        "-x", "p 'once' * 3", "-x", "c", "--children",
    )  # fmt: skip
    text = terminal.run("c", "c", "p name", "c")
    assert text.count("'onceonce'") == 1 and "'onceonceonce'" not in text, text
    assert "'three'" in text
    assert len(set(STOP.findall(text))) == 3 and "ended [768, 768]" in text and "code 3" in text


def test_files_of_killed_processes_are_removed_after_a_day(tmp_path):
    (tmp_path / "app.py").write_text("print('end')\n")
    folder = tmp_path / "temporary"
    folder.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, new = folder / f"relive-debug-{gone.pid}-a", folder / f"relive-debug-{gone.pid}-b"
    lives, other = folder / f"relive-debug-{os.getpid()}-c", folder / "relive-debug-x"
    for path in (old, new, lives, other):
        path.touch()
    for path in (old, lives, other):
        os.utime(path, (1, 1))
    done = relive("debug", "app.py", cwd=tmp_path, stdin=b"c\n", env={"TMPDIR": str(folder)})
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    assert sorted(folder.iterdir()) == sorted([new, lives, other])


# ---- --children ----

STOP = re.compile(r"\[(\S+) (\d+)\] \(relive\) ")


def drive(terminal, commands, last):
    """Types the commands, each at a prompt, and then the last one until the results are there."""
    seen, answered = "", 0
    while RESULTS not in seen:
        seen += terminal.read_any()
        if len(STOP.findall(seen)) > answered:
            answered += 1
            terminal.type(commands.pop(0) if commands else last)
    seen += terminal.run()
    assert terminal.process.returncode == 0
    return seen


@two_versions
def test_each_worker_stops_with_its_name(pool, tmp_path):
    text = drive(
        Terminal(tmp_path, pool, "-b", "app.py:5", "--children"), ["p 'n is', n", "n", "c"], "c"
    )
    assert "('n is', " in text and OFF not in text and "(Pdb)" not in text, text
    found = STOP.findall(text)
    # Six times the breakpoint, and what follows set_trace() twice.
    assert len(found) >= 10 and found[0] == found[1], text  # `p` goes on with nothing
    assert all(name.endswith(("PoolWorker-1", "PoolWorker-2")) for name, _ in found), text


@two_versions
@pytest.mark.parametrize("typed", ["q", "\x04"], ids=["q", "end"])
def test_who_leaves_a_worker_has_the_plain_results(pool, tmp_path, typed):
    text = drive(Terminal(tmp_path, pool, "-b", "app.py:5", "--children"), [], typed)
    stopped = len(STOP.findall(text))
    assert 0 < stopped <= 2 and text.count("from now on; it goes on") == stopped, text


CHILDREN = """\
import os, subprocess, sys
def child(name):
    print("child", name, flush=True)
    os._exit(3)
def fork(name):
    pid = os.fork()
    if pid == 0:
        child(name)
    return pid
if sys.argv[1:]:
    child(sys.argv[1])
pids = [fork("one"), fork("two")]
print("ended", sorted(os.waitpid(pid, 0)[1] for pid in pids), flush=True)
print("code", subprocess.call([sys.executable, __file__, "three"]), flush=True)
"""


def test_the_lock_is_free_when_its_holder_is_killed(tmp_path):
    terminal = Terminal(tmp_path, CHILDREN, "-b", "app.py:3", "--children")
    text = terminal.read("(relive) ")
    os.kill(int(STOP.findall(text)[0][1]), signal.SIGKILL)
    text += terminal.run("p name", "c", "p 'it is ' + name", "c")
    assert "ended [9, 768]" in text and "'it is three'" in text and "code 3" in text, text
    assert len(set(STOP.findall(text))) == 3, text


def test_breakpoints_of_now_reach_children_and_control_c_only_the_prompt(tmp_path):
    terminal = Terminal(tmp_path, CHILDREN, "--children")
    terminal.read("(relive) ")
    terminal.type("b 3, name == 'three'")
    terminal.read("(relive) ")
    terminal.type("c")
    text = terminal.read("(relive) ")
    assert "ended [768, 768]" in text and STOP.findall(text)[0][0] == "child", text
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert "--KeyboardInterrupt--" in terminal.read("(relive) ")
    terminal.type("p __file__ == sys.argv[0]")
    text = terminal.run("c")
    assert "True" in text and "code 3" in text and "interrupted" not in text, text


LONG = "x" * 3000
LONGER = [f"app.py:3 if name == '{number}{LONG}'" for number in range(60)]  # than the environment
SET = [word for one in LONGER for word in ("-b", one)]


def test_what_is_too_long_for_the_environment_reaches_program_and_children(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    places = ["app.py:12", "app.py:3 if name == 'three'"]
    terminal = Terminal(
        tmp_path, CHILDREN, *SET, "-b", places[0], "-b", places[1], "--children",
        env={"TMPDIR": str(folder)},
    )  # fmt: skip
    fds = "import os; print('fds', len(os.listdir('/proc/self/fd')))"
    text = terminal.run(fds, "restart", fds, "c", "c", "p 'it is ' + name", "disable 62", "c")
    assert text.count("app.py(12)<module>()") == 2 and len(set(re.findall("fds \\d+", text))) == 1
    assert "'it is three'" in text and "ended [768, 768]" in text and "code 3" in text, text
    assert len(set(STOP.findall(text))) == 1 and os.listdir(folder) == []


def test_settings_that_no_file_takes_are_said(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    terminal = Terminal(
        tmp_path, CHILDREN, *SET, "-b", "app.py:12", "--children", env={"TMPDIR": str(folder)}
    )
    typed = "import os, shutil; shutil.rmtree(os.environ['TMPDIR'])"
    text = terminal.run(typed, "b 3, name == 'three'", "n", "c")
    said = "begin from now on get the breakpoints of before: "
    assert text.count(said) == 1 and "No such file" in text, text
    assert "code 3" in text and "ended [768, 768]" in text
    limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)); "
    words = ["-m", "relive", "debug", *SET, "app.py"]
    begin = limit + "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = run(sys.executable, "-c", begin, *words, cwd=tmp_path)
    assert done.returncode == 125 and b"too long for the environment, and no file" in done.stderr


def test_without_a_terminal_children_do_not_stop_which_is_said(tmp_path):
    (tmp_path / "app.py").write_text(CHILDREN)
    done = relive("debug", "--children", "-b", "app.py:3", "app.py", cwd=tmp_path, timeout=60)
    assert b"ended [768, 768]\n" in done.stdout and b"code 3\n" in done.stdout
    assert done.stderr.decode() == f"relive debug: {OFF}: --children needs a terminal\n"

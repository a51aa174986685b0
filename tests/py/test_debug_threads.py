"""Several threads at one prompt: one stop at a time, held locks, Control-C and quit."""

import os
import signal
import time

import pytest
from debugging_terminal import Terminal

FOUR = """\
import threading
gate = threading.Barrier(4)
def work(n):
    gate.wait()
    x = n * 10
    y = x + 1
    return y
threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
for one in threads: one.start()
for one in threads: one.join()
print("all" + " done")
"""


def test_four_threads_stop_at_once_and_the_prompt_serves_each(tmp_path):
    commands = []
    for _ in range(4):
        commands += ["!kept = n", "n", "p 'mine', kept == n and x == n * 10, n", "c"]
    text = Terminal(tmp_path, FOUR, "-b", "app.py:5").run(*commands)
    for n in range(1, 5):
        assert text.count(f"('mine', True, {n})") == 1, text
    assert "***" not in text and "all done" in text, text


def test_a_breakpoint_call_in_a_thread_leaves_the_prompt_of_another_alone(tmp_path):
    source = FOUR.replace("x = n * 10", "import relive; relive.set_trace()")
    commands = [word for n in range(4) for word in ("p 'at', n", "c")]
    text = Terminal(tmp_path, source.replace("y = x + 1", "y = n")).run("c", *commands)
    for n in range(1, 5):
        assert text.count(f"('at', {n})") == 1, text
    assert "***" not in text and "all done" in text, text


HELD = """\
import logging, sys, threading
{setup}
def holder():
    {hold}
def other():
    started.wait()
    {need}
    print("other" + " is through")
started = threading.Event()
threads = [threading.Thread(target=one) for one in (holder, other)]
for one in threads: one.start()
for one in threads: one.join()
print("all" + " done")
"""
LOCKS = {
    "logging": (
        "class Slow(logging.StreamHandler):\n    def emit(self, record):\n"
        "        if record.msg == 'first':\n            started.set()\n"
        "            here = 1\n            here = 2\n"
        "log = logging.getLogger(); log.addHandler(Slow()); log.setLevel(0)",
        "log.info('first')", "log.info('second')", 7,
    ),
    "import": (
        "open('slow_module.py', 'w').write('import __main__\\n__main__.started.set()\\nx = 1\\n')\n"
        "sys.path.insert(0, '')",
        "import slow_module", "import slow_module", "slow_module.py:3",
    ),
}  # fmt: skip


def held(tmp_path, name):
    setup, hold, need, place = LOCKS[name]
    (tmp_path / "slow_module.py").write_text("import __main__\n__main__.started.set()\nx = 1\n")
    place = place if isinstance(place, str) else f"app.py:{place}"
    source = HELD.format(setup=setup, hold=hold, need=need)
    return Terminal(tmp_path, source, "-b", place)


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_that_a_stopped_thread_holds_is_free_when_it_goes_on(tmp_path, name):
    text = held(tmp_path, name).run("p 6 * 7", "c")
    assert "\n42" in text and "other is through" in text and "all done" in text, text


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_quit_ends_the_process_though_a_lock_is_held(tmp_path, name):
    terminal = held(tmp_path, name)
    text = terminal.run("q")
    assert terminal.process.returncode == 0, text
    assert "is through" not in text and "Traceback" not in text, text


def test_quit_is_no_exception_in_the_program(tmp_path):
    source = (
        "import atexit\natexit.register(print, 'at' + ' exit')\n"
        "try:\n    x = 1\nexcept BaseException as error:\n    print('caught', error)\n"
        "finally:\n    print('clean' + ' up')\n"
    )
    terminal = Terminal(tmp_path, source, "-b", "app.py:4")
    text = terminal.run("q")
    assert "at exit" in text and "caught" not in text and "clean up" not in text, text
    assert terminal.process.returncode == 0


def test_quit_in_a_thread_ends_the_process_while_others_are_stopped(tmp_path):
    terminal = Terminal(tmp_path, FOUR, "-b", "app.py:5")
    text = terminal.run("n", "q")
    assert terminal.process.returncode == 0 and "all done" not in text, text


WAITS = """\
import threading, time
def work():
    x = 0
    while not over:
        x += 1
        time.sleep(0.001)
over = []
one = threading.Thread(target=work)
one.start()
print("be" + "gun")
{wait}
print("all" + " done")
"""


@pytest.mark.parametrize(
    "wait", ["one.join()", "threading.Lock().acquire() and one.join()", "time.sleep(3600)"]
)
def test_control_c_opens_the_prompt_though_the_main_thread_waits_in_c(tmp_path, wait):
    terminal = Terminal(tmp_path, WAITS.format(wait=wait), "-b", "app.py:12")
    terminal.read("begun")
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.run("p 'over', __import__('__main__').over.append(1)", "q")
    assert "Program interrupted" in text and "('over', None)" in text, text
    assert terminal.process.returncode == 0, text


def wait_until_it_waits(pid):
    """Returns when a process has slept for a while."""
    asleep, end = 0, time.monotonic() + 60
    while asleep < 10 and time.monotonic() < end:
        time.sleep(0.05)
        with open(f"/proc/{pid}/stat") as file:
            asleep = asleep + 1 if file.read().rpartition(")")[2].split()[0] == "S" else 0


def test_control_c_at_an_input_of_the_program_opens_the_prompt_behind_it(tmp_path):
    terminal = Terminal(tmp_path, "x = input('na' + 'me? ')\ny = x * 2\nprint(y)\n")
    terminal.read("(relive) ")
    terminal.type("c")
    terminal.read("name? ")
    wait_until_it_waits(terminal.process.pid)  # a signal before the read ends no read
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.read("the prompt opens behind that")
    assert "Program interrupted" in text and "Traceback" not in text, text
    terminal.type("bob")
    text = terminal.run("p x", "c")
    assert "app.py(2)<module>()" in text and "'bob'" in text and "bobbob" in text, text
    assert terminal.process.returncode == 0, text


def test_control_c_at_the_prompt_of_a_thread_leaves_the_program_alone(tmp_path):
    terminal = Terminal(tmp_path, FOUR, "-b", "app.py:5")
    terminal.read("(relive) ")
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.read("(relive) ")
    assert "--KeyboardInterrupt--" in text, text
    os.write(terminal.fd, b"p 6 * 7\n")
    text = terminal.run("c", "c", "c", "c")
    assert "42" in text and "all done" in text and terminal.process.returncode == 0, text


def test_control_c_ends_a_command_in_a_thread(tmp_path):
    terminal = Terminal(tmp_path, FOUR, "-b", "app.py:5")
    terminal.read("(relive) ")
    os.write(terminal.fd, b"print('en' + 'dless'); exec('while True: pass')\n")
    terminal.read("endless")
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.run("p 6 * 7", "q")
    assert "KeyboardInterrupt" in text and "42" in text, text


def test_control_c_opens_another_prompt_where_a_command_waits_for_ever(tmp_path):
    terminal = Terminal(tmp_path, FOUR, "-b", "app.py:5")
    terminal.read("(relive) ")
    command = b"print('en' + 'dless'); one = threading.Lock(); one.acquire(); one.acquire()\n"
    for _ in range(10):  # the signal may come before the command waits, and end it
        os.write(terminal.fd, command)
        terminal.read("endless")
        time.sleep(0.2)
        os.kill(terminal.process.pid, signal.SIGINT)
        text = terminal.read("(relive) ")
        if "*** KeyboardInterrupt" not in text:
            break
    assert "does not end" in text, text
    os.write(terminal.fd, b"q\n")
    terminal.read()
    assert terminal.process.wait(60) == 0


def test_jump_is_refused_within_a_line(tmp_path):
    source = "import time\nx = 1\nprint('be' + 'gun')\ntime.sleep(3600)\nx = 2\n"
    terminal = Terminal(tmp_path, source, "-b", "app.py:5")
    terminal.read("begun")
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.run("j 2", "q")
    assert "within a line" in text, text


def test_a_step_after_control_c(tmp_path):
    source = "over = []\nn = 0\nprint('be' + 'gun')\nwhile not over:\n    n += 1\nx = 6\ny = 7\n"
    terminal = Terminal(tmp_path, source + "print('all' + ' done')\n", "-b", "app.py:8")
    terminal.read("begun")
    os.kill(terminal.process.pid, signal.SIGINT)
    text = terminal.run("over.append(1)", "until 7", "p x * 7", "n", "c")
    assert "\n42" in text and "all done" in text and terminal.process.returncode == 0, text

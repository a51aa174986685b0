"""`relive replay`: the prompt, by script, pipe and terminal."""

import io
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, relive

import relive as api
from relive.prompt import place as places
from relive.prompt.commands import Commands, split_line
from relive.prompt.completion import Completer
from relive.prompt.display import Screen

PROGRAM = """\
import threading

LIMIT = 1


class Cart:
    def __init__(self):
        self.total = 0

    def add(self, name, price):
        self.total += price


def price(name, qty):
    base = {"tea": 3, "cake": 5}[name]
    cost = base * qty
    return cost


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def count(n):
    for i in range(n):
        yield i


def work():
    global LIMIT
    LIMIT = 2


def main(password):
    cart = Cart()
    for name, qty in [("tea", 2), ("cake", 1), ("tea", 3)]:
        cart.add(name, price(name, qty))
    print(cart.total)
    found = [i for i in count(2)]
    try:
        price("pie", 1)
    except KeyError:
        pass
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return fib(3)


main("hunter2")
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    (folder / "prog.py").write_text(PROGRAM)
    for level in ("lines", "values"):
        words = ["--globals", "--output", "--level", level, "-o", f"{level}.relive"]
        relive("record", *words, "prog.py", cwd=folder)
    return folder


def replay(folder, *commands, file="lines.relive", code=0, **how):
    words = [word for one in commands for word in ("-c", one)]
    done = relive("replay", file, *words, cwd=folder, **how)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert b"Traceback" not in done.stderr
    return done.stdout.decode()


def stops(text):
    """[(line, function)] of the places that were shown."""
    return [
        (int(line) if line != "?" else None, name)
        for line, name in re.findall(r"^> prog\.py\((\d+|\?)\)([\w.<>]+)\(\)", text, re.M)
    ]


def test_steps_go_forwards_and_backwards(recorded):
    text = replay(recorded, "b price; c; clear 1; n; n; n; rn; rn; rs; rs")
    assert [line for line, _ in stops(text)][:8] == [15, 16, 17, 17, 17, 16, 15, 37]
    assert "--Return--\n> prog.py(17)price()->6" in text
    text = replay(recorded, "goto price#3; s; rf; r; s; rn; rs")
    assert stops(text) == [(14, "price"), (15, "price"), (14, "price"), (17, "price"),
                           (11, "Cart.add"), (37, "main"), (36, "main")]  # fmt: skip
    assert text.startswith("--Call--") and "->9" in text


def test_next_stays_in_its_own_call_of_a_recursive_function(recorded):
    text = replay(recorded, "goto fib#1; s; w; n; n")
    assert stops(text) == [(20, "fib"), (21, "fib"), (21, "fib"), (21, "fib"), (47, "main")]
    assert "fib()->2" in text


def test_next_in_a_generator_stays_in_its_frame(recorded):
    text = replay(recorded, "b count; c; n; n; n; n; r")
    assert {name for _, name in stops(text)} == {"count"} and "->None" in text


def test_a_step_and_its_reverse_meet(recorded):
    text = replay(recorded, "goto price#2; s; s; when; s; rs; when; n; rn; when")
    assert len(set(re.findall(r"^position .*", text, re.M))) == 1


def test_a_watch_finds_the_last_write(recorded):
    text = replay(recorded, "goto main#1; until 38; watch cart.total; rc; rc; rc; p self.total")
    assert re.findall(r"->(self\.total = \d+)", text) == [
        "self.total = 20", "self.total = 11", "self.total = 6",
    ]  # fmt: skip
    text = replay(recorded, "goto end; goto main#1; until 38; watch name; rc; w")
    assert "--Write--" in text and "name = 'tea'" in text


DEEP = """\
class Conf:
    def __init__(self, rate):
        self.rate = rate
def change(conf, value):
    conf.rate = value
def main():
    cfg = {"a": Conf(1), "b": Conf(2)}
    rows = [[Conf(4)], {"x": Conf(6)}]
    change(cfg["a"], 3)
    mark = 1
    one = cfg["a"]
    two = rows[0][0]
    change(one, 4)
    change(cfg["b"], 8)
    change(rows[0][0], 5)
    change(rows[1]["x"], 7)
    cfg["a"] = Conf(9)
    return cfg
main()
"""


def test_a_watch_follows_an_object_deep_in_others(record, tmp_path):
    record(DEEP, "--level", "lines")
    for name, back, ahead in (
        ('cfg["a"].rate', ["3", "1"], ["4"]),
        ("rows[0][0].rate", ["4"], ["5"]),
        ('rows[1]["x"].rate', ["6"], ["7"]),
        ('cfg["a"].nope', [], []),
    ):
        place = f"goto main#1; until 10; watch {name}; "
        for step, wanted in (("rc; rc; rc", back), ("c; c; c", ahead)):
            text = replay(tmp_path, place + step, file="out.relive")
            assert re.findall(r"->\w+\.\w+ = (\S+)", text) == wanted, (name, step)
    for name, words in (
        (
            'cfg["z"].rate',
            'what cfg["z"] is here has no recorded value (Python would raise KeyError)',
        ),
        ("rows[9].rate", "(Python would raise IndexError)"),
        ("cfg[k].rate", "main() has no variable k, and no global k was recorded"),
        ('cfg["a"].rate.x', 'cfg["a"].rate is 1: an object, a list or a dictionary'),
    ):
        text = replay(tmp_path, f"goto main#1; until 10; watch {name}", file="out.relive", code=2)
        assert words in text, text


def test_a_watch_on_a_global_sees_other_threads(recorded):
    text = replay(recorded, "watch LIMIT; c; p LIMIT; c; p LIMIT; thread 1; w")
    assert "LIMIT = 1" in text and "LIMIT = 2" in text and "[thread 2]" in text
    assert stops(text)[-1][1] == "main"


def test_breakpoints_have_conditions_and_are_kept_in_a_table(recorded):
    commands = (
        "b prog.py:16 if base > 3; tbreak exc:KeyError; b 13; b 9999; c; p base; c;"
        " p exc, message; c; disable 1; b; rc; enable 1; clear; b"
    )
    text = replay(recorded, commands, code=2)
    assert "line 13 is blank" in text and "has 50 lines" in text
    assert "1  line prog.py:16  if base > 3" in text and "2  exception KeyError  (temp" in text
    assert text.count("--Exception--") == 1 and "('KeyError', 'pie')" in text
    assert "the recording ends here" in text and "(disabled, 1 hit)" in text
    assert "removed 1" in text and text.rstrip().endswith("none is set")


def test_a_breakpoint_on_a_type_stops_at_its_subclasses(tmp_path):
    (tmp_path / "prog.py").write_text(
        "class NoRoom(LookupError): pass\nclass Full(NoRoom, Exception):\n    pass\n"
        "def f(kind):\n    try:\n        raise kind(1)\n    except Exception:\n        pass\n"
        "for kind in KeyError, ValueError, NoRoom, Full, OSError:\n    f(kind)\n"
    )
    relive("record", "-o", "r.relive", "--level", "lines", "prog.py", cwd=tmp_path)
    for name, kinds in (
        ("LookupError", ["KeyError", "NoRoom", "Full"]), ("NoRoom", ["NoRoom", "Full"]),
        ("Full", ["Full"]), ("ArithmeticError", []),
    ):  # fmt: skip
        done = relive("replay", "r.relive", "-c", f"b exc:{name}; c; c; c; c", cwd=tmp_path)
        text = done.stdout.decode()
        assert re.findall(r"f\(\)->(?:__main__\.)?(\w+)", text) == kinds, text
        assert "the recording ends here" in text


def test_a_secret_is_never_shown_and_never_true(recorded):
    text = replay(recorded, "b price if password == 'hunter2'; goto main#1; p password;"
                  " p password == 'hunter2'; p 1; b main if password == 'hunter2'; goto start; c",
                  code=0)  # fmt: skip
    assert "hunter2" not in text.replace("password == 'hunter2'", "").replace('main("hunter2")', "")
    assert text.count("<redacted>") >= 2 and "a condition was not known 5 times" in text
    assert "the recording ends here" in text


def test_values_that_are_not_known_have_a_reason(recorded):
    text = replay(recorded, "goto price#4; p base; p nme; p 1 +; p name.foo; p name[99]", code=2)
    assert "<not recorded>" in text and "did you mean 'name'?\n      nme\n      ^" in text
    missing = replay(recorded, "goto price#4; p zzz.y; u; u; p zzz", code=2)
    assert "price() has no variable zzz, and no global zzz was recorded\n      zzz.y" in missing
    assert "no value of zzz was recorded here\n" in missing
    assert "      1 +\n         ^" in text and "<Python would raise IndexError>" in text


def test_origin_follows_a_value_of_the_selected_frame(recorded):
    text = replay(recorded, "goto price#2; r; origin cost; u; origin qty")
    assert "cost = 5  bound, only one, prog.py:16" in text and "reads  base = 5" in text
    assert 'literal: written in the source: [("tea", 2)' in text


def test_a_breakpoint_holds_in_each_process_of_a_run(tmp_path):
    source = "import os\n\n\ndef f(n):\n    return n\n\n\npid = os.fork()\nf(pid)\n"
    (tmp_path / "forks.py").write_text(source + "if pid:\n    os.waitpid(pid, 0)\n")
    relive("record", "--level", "lines", "-o", "o.relive", "forks.py", cwd=tmp_path)
    files = sorted(tmp_path.glob("*.relive"), key=lambda path: path.name != "o.relive")
    _, child = [api.open(path).header["pid"] for path in files]
    text = replay(tmp_path, "b f; c; when; watch n; goto start; c", file="o.relive")
    text += replay(tmp_path, f"b f; watch pid; goto P{child}:start; c; p n; c; goto P{child}:end;"
                   " rc; rc", file="o.relive")  # fmt: skip
    assert f"P{child}:T1@" in text and text.count("forks.py(5)f()") >= 4


def test_changed_marks_and_diff(recorded):
    text = replay(recorded, "goto price#1; mark a; n; n; changed; n; diff a; mark b; goto a;"
                  " diff a b; diff price#1 price#2; mark; goto b")  # fmt: skip
    assert "base = 3  (new)" in text and "  cost = 6  (new)" in text
    assert "name: 'tea', then 'cake'" in text and text.count("a is T1@") == 1


def test_frames_source_and_questions(recorded):
    commands = (
        "goto price#1; u; d; l; l; l 1, 3; ll; a; locals; history qty; calls price where ret > 5;"
        " threads; tasks; out; info; when; help; help rc"
    )
    text = replay(recorded, commands)
    assert "14  ->\tdef price(name, qty):" in text and "price#3" in text and "price#2" not in text
    assert "qty = 2" in text and "lines" in text and "Goes back to the last time" in text
    late = replay(recorded, "goto end; out")
    assert re.search(r"T1@\d+  20$", late, re.M), late


def test_a_level_without_lines_has_calls_as_steps(recorded):
    commands = "goto price#1; n; n; n; rn; rs; rs; watch cost"
    done = relive("replay", "values.relive", "-c", commands, cwd=recorded)
    assert done.returncode == 2
    text = done.stdout.decode()
    assert b"steps are calls and returns" in done.stderr
    names = [name for _, name in stops(text)]
    assert names == ["price", "price", "Cart.add", "Cart.add", "Cart.add", "price", "price"]
    assert "->6" in text and "record again with --level lines" in text


def test_mistakes_have_an_answer_and_a_status(recorded):
    for commands, words in (
        ("foo", "there is no command 'foo'"),
        ("goto nowhere", "nowhere"),
        ("b nope", "nothing of nope was recorded"),
        ("b price if (", "*** "),
        ("thread 9", "thread 9 does not run here: 1 do"),
        ("clear 7", "there is no breakpoint 7"),
        ("s x", "'x' is no number"),
        ("watch 1+1", "watch takes NAME"),
        ("goto main#1; u; u", "Oldest frame"),
    ):
        assert words in replay(recorded, commands, code=2), commands


def test_commands_come_from_a_pipe_and_a_file(recorded):
    (recorded / "start").write_text("# comment\nb price\n")
    done = relive("replay", "lines.relive", "--commands", "start", cwd=recorded,
                  stdin=b"c\n\np qty\nq\np 1\n")  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert (
        lines[-1] == "2" and "(replay)" not in done.stdout.decode() and b"\x1b" not in done.stdout
    )


def test_a_reader_that_has_gone_is_no_error(recorded):
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "relive", "replay", "lines.relive", "-c", "help;" * 50],
        cwd=recorded,
        env=clean_environ(), stdout=write, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    os.close(read)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and errors == b""


def test_recorded_text_cannot_command_the_terminal(tmp_path):
    source = "def f(x):\n    return x\nf('\\x1b[31m\\u202e' + chr(7))\n"
    (tmp_path / "bad\x1b[1m.py").write_text(source)
    relive("record", "--level", "lines", "-o", "o.relive", "bad\x1b[1m.py", cwd=tmp_path)
    done = relive("replay", "o.relive", "-c", "goto f#1; a; p x; pp x; w; l; locals; history x; n",
                  cwd=tmp_path)  # fmt: skip
    assert b"\x1b" not in done.stdout and b"\x07" not in done.stdout
    assert "\u202e" not in done.stdout.decode() and b"f" in done.stdout


class Terminal:
    """The prompt on a terminal."""

    def __init__(self, folder, *words):
        self.fd, other = pty.openpty()
        env = dict(clean_environ(), XDG_STATE_HOME=str(folder / "state"), TERM="dumb",
                   FORCE_COLOR="1")  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "relive", "replay", *words], cwd=folder, env=env,
            stdin=other, stdout=other, stderr=other, start_new_session=True,
        )  # fmt: skip
        os.close(other)

    def read(self, until):
        data, end = "", time.monotonic() + 60
        while until not in data and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                try:
                    data += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        assert until in data, data
        return data

    def type(self, text):
        os.write(self.fd, text.encode())

    def interrupt(self, until):
        """Sends Ctrl-C until something comes: Python misses one right before it waits for input."""
        for _ in range(60):
            self.process.send_signal(signal.SIGINT)
            if select.select([self.fd], [], [], 1)[0]:
                break
        return self.read(until)

    def end(self):
        self.type("q\n")
        self.process.wait(60)
        os.close(self.fd)


def test_the_prompt_on_a_terminal(recorded):
    terminal = Terminal(recorded, "lines.relive")
    try:
        terminal.read("(replay) ")
        terminal.type("goto pri\t1\n")
        assert "\x1b[" in terminal.read("(replay) ")
        terminal.type("p q\t * 2\n")
        assert "4" in terminal.read("(replay) ")
        terminal.type("n\n")
        terminal.read("(replay) ")
        terminal.type("\n")
        assert "cost" in terminal.read("(replay) ")
        terminal.interrupt("(replay) ")
    finally:
        terminal.end()
    history = recorded / "state" / "relive" / "replay_history"
    assert "goto price#1" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_ctrl_c_ends_a_search_and_keeps_the_place(tmp_path):
    source = (
        "def f(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\nf(400000)\n"
    )
    (tmp_path / "long.py").write_text(source)
    relive("record", "--level", "lines", "-o", "o.relive", "long.py", cwd=tmp_path)
    terminal = Terminal(tmp_path, "o.relive")
    try:
        terminal.read("(replay) ")
        terminal.type("b 4 if t < 0\nc\n")
        terminal.read("1  line")
        time.sleep(0.3)
        terminal.process.send_signal(signal.SIGINT)
        found = terminal.read("(replay) ")
        while "interrupted: still at" not in found and "recording ends here" not in found:
            found += terminal.read("(replay) ")
        terminal.type("when\n")
        assert "T1@" in terminal.read("thread 1")
    finally:
        terminal.end()


class Countdown(places.Place):
    """A place that is no recording: a loop that counts down, and goes forwards alone."""

    def __init__(self):
        self.left, self.is_running = 3, False

    def here(self):
        return places.Stop(f"after {3 - self.left}", 1, frame=7)

    def frames(self):
        return [places.Frame(7, "main", "count", "loop.py", 2, 1, 1)]

    def variables(self, frame):
        return [places.Value("left", str(self.left), kind="parameter")]

    def evaluate(self, frame, text, is_pretty=False):
        return places.Value(text, str(eval(text, {"left": self.left})))

    def source(self, frame):
        return ["while left:", "    left -= 1"]

    def step(self, how, frame, breakpoints, *, line=0, backwards=False):
        if how == places.CONTINUE:
            self.is_running = True
            return None
        self.left -= 1
        hit = breakpoints[0] if breakpoints else None
        return places.Stop(f"after {3 - self.left}", 1, frame=7, breakpoint=hit)

    def resolve(self, wanted, frame):
        wanted.text = f"line {wanted.line} of {wanted.file}"


def test_the_commands_need_no_recording():
    out = io.StringIO()
    commands = Commands(Countdown(), Screen(out))
    for line in ("tbreak 2", "s", "changed", "p left * 2", "left", "w", "a", "b", "rs", "help", ""):
        commands.run(line)
    text = out.getvalue()
    assert "1  line 2 of loop.py  (temporary)" in text and "> loop.py(2)count()  after 1" in text
    assert "left = 2  (was 3)" in text and "\n4\n" in text and "none is set" in text
    assert "there is no command 'rs'" in text and "goto" not in text and text.count("quit") >= 2
    commands.run("c; s")
    assert commands.place.is_running and commands.is_done and commands.place.left == 2


def test_lines_are_split_outside_quotes_and_words_are_completed():
    assert list(split_line('p \'a;b\' ;; n;; p "\\";";')) == ["p 'a;b'", "n", 'p "\\";"']
    commands = Commands(Countdown(), Screen(io.StringIO()))
    completer = Completer(commands, lambda: "s; p le", lambda: 5)
    assert completer("le", 0) == "left" and completer("le", 1) is None
    assert completer.complete("", "unt") == ["unt", "until"]

"""relive summary and why: what the page says is what happened; commands on it can be pasted."""

import json
import re
import shlex
import sys
import textwrap

import format_reader
import pytest
from conftest import relive, two_versions
from test_timeline import run_here

import relive as api

pytestmark = two_versions
PROGRAM = """import asyncio, sys, threading

class Order:
    def __init__(self, lines): self.lines = lines

def rate(kind):
    return {"cup": 20}.get(kind)

def parse(word):
    return int(word)

def read(words):
    found = []
    for word in words:
        try:
            found.append(parse(word))
        except ValueError:
            continue
    return found

def taxes(order):
    return [line["rate"] * 2 for line in order.lines]

async def wait():
    await asyncio.get_event_loop().create_future()

async def start():
    asyncio.ensure_future(wait())
    await asyncio.sleep(0)

def main():
    read(["1", "x", "y", "z"] * 6)
    order = Order([{"rate": rate("cup")}, {"rate": rate("herb")}])
    taxes(order)

main()
"""


def make(folder, text, *options, status=0, name="app.py"):
    (folder / name).write_text(text)
    done = relive("record", "-o", "run.relive", "--force", *options, name, cwd=folder)
    assert done.returncode == status, done.stderr
    return folder / "run.relive"


def rows(*words, status=0):
    ended, out, err = run_here(*words, "--json")
    assert ended == status, err
    found = [json.loads(line) for line in out.splitlines()]
    assert found[0] == {"schema": f"relive.{words[0]}", "version": 1}
    return found[1:]


def of(found, kind):
    return [row for row in found if row["row"] == kind]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    return make(tmp_path_factory.mktemp("summary"), PROGRAM, "--level", "lines", status=1)


def test_a_page_is_short_and_says_what_failed(failed):
    status, text, _ = run_here("summary", failed)
    assert status == 0 and len(text.splitlines()) <= 40 and len(text.encode()) <= 3072
    assert "by TypeError, uncaught (exit status 1)" in text
    assert re.search(r"app.py:22  __main__:taxes\(order=.*\n    > return \[line", text)
    assert re.search(
        r"ValueError of app.py:10 was caught in __main__:read at app.py:17, 18 t", text
    )
    assert "an exception left 18 of 24 calls of __main__:parse" in text
    assert run_here(str(failed))[1] == text, "relive FILE is relive summary FILE"


def test_counts_of_the_page_are_those_of_a_plain_reading(failed):
    found = rows("summary", failed)
    events = format_reader.events(str(failed))
    (run,) = of(found, "run")
    assert run["events"] == len(events) and run["threads"] == 1
    calls = {}
    for event in events:
        if event["kind"] == "call":
            calls[event["func"]] = calls.get(event["func"], 0) + 1
    spots = of(found, "hot")
    assert {row["func"]: row["calls"] for row in spots}.items() <= calls.items() and spots
    assert [row["self_ns"] for row in spots] == sorted((r["self_ns"] for r in spots), reverse=True)
    (exception,) = of(found, "exception")
    raised = next(e for e in events if f"T{e['thread']}@{e['seq']}" == exception["position"])
    assert (raised.get("exc_type") or raised["exc"]["type"]) == exception["type"] == "TypeError"


def test_each_command_of_the_page_works_as_it_is(failed, tmp_path, monkeypatch):
    monkeypatch.chdir(failed.parent)
    for verb in "summary", "why":
        commands = [row["command"] for row in of(rows(verb, "run.relive"), "next")]
        assert len(commands) >= 3
        for command in commands:
            words = shlex.split(command)
            if words[1] != "record":
                status, out, err = run_here(*words[1:])
                assert status == 0 and out, (command, err)


@pytest.mark.parametrize(
    ("text", "status", "how", "says"),
    [
        ("pass", 0, "closed", r"no exception ended it \(exit status 0\)"),
        ("import sys\nsys.exit(3)", 3, "exit", r"by sys.exit\(3\) \(exit status 3\)"),
        ("import sys\nsys.exit('no')", 1, "exit", r"a message: no \(exit status 1\)"),
        ("import sys\nsys.exit()", 0, "exit", r"\(exit status 0\)(?s:(?!exception).)*$"),
        ("import asyncio\nasync def m(): raise KeyError(1)\nasyncio.run(m())", 1, "exception",
         r"by KeyError, uncaught \(exit status 1\)"),
        ("raise KeyboardInterrupt", None, "interrupted", "interrupted"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", None, "killed",
         "killed without a last word"),
        ("import os\ndef g(): os._exit(3)\ng()", 3, "os_exit",
         r"by os._exit\(3\) in __main__:g \(exit status 3\)"),
        ("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])", 0, "exec",
         "replaced itself"),
    ],
)  # fmt: skip
def test_how_a_program_ended(text, status, how, says, tmp_path):
    (tmp_path / "app.py").write_text(f"def f(): pass\nf()\n{text}\n")
    done = relive("record", "-o", "run.relive", "--no-children", "app.py", cwd=tmp_path)
    assert status is None or done.returncode == status, done.stderr
    found = of(rows("summary", tmp_path / "run.relive"), "process")[0]
    assert found["ended"] == how
    assert how in ("killed", "exec") or found["exit_status"] in (done.returncode, 130)
    assert re.search(says, run_here("summary", tmp_path / "run.relive")[1])


def test_processes_that_ended_badly_are_named(tmp_path):
    path = make(
        tmp_path,
        "import os, signal\n"
        "def run(n):\n    pid = os.fork()\n    if not pid:\n"
        "        n == 7 and os.kill(os.getpid(), signal.SIGKILL)\n        os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "for n in range(9): run(n)\n",
    )  # fmt: skip
    text = run_here("summary", path)[1]
    assert "10 processes" in text and len(text.splitlines()) <= 40
    assert re.search(r"\n  ended     pid \d+: killed by signal 9 \(SIGKILL\)", text)
    assert re.search(
        r"\n  ended     8 processes \(pid \d+, .*\): by os\._exit\(0\) in __main__:run", text
    )


def test_tasks_and_threads_that_never_end_are_odd(tmp_path):
    path = make(
        tmp_path,
        PROGRAM.replace("\nmain()\n", "\nthreading.Thread(target=threading.Event().wait, "
                        "name='idle', daemon=True).start()\nloop = asyncio.new_event_loop()\n"
                        "asyncio.set_event_loop(loop)\nloop.run_until_complete(start())\n"
                        "import os; os._exit(0)\n"),
    )  # fmt: skip
    text = run_here("summary", path)[1]
    assert "2 tasks (1 not finished)" in text and "1 task never finished (relive tasks)" in text


def test_generators_that_nobody_reads_to_their_end_do_not_fail(tmp_path):
    text = """
def count():
    yield from range(9)
def fail(n):
    yield n
    raise ValueError(n)
for n in range(5):
    any(x == 1 for x in count())
    try:
        list(fail(n))
    except ValueError:
        pass
"""
    path = make(tmp_path, text)
    odd = run_here("summary", path)[1].partition("\nodd\n")[2]
    assert "an exception left 5 of 5 calls of __main__:fail" in odd and "count" not in odd
    tree = run_here("tree", path)[1]
    assert re.search(r"__main__:count x5  \S+ \ws  closed early at line 3 \(5 of 5\)\n", tree)
    assert re.search(r"__main__:fail x5  \S+ \ws  ! ValueError at line 6 \(5 of 5\)\n", tree)
    calls = run_here("tree", "--calls", path)[1]
    assert re.search(r"\bcount\(\)  closed early  \S+ \ws  T1@", calls)
    assert re.search(r"\bfail\(n=4\)  ! ValueError: 4  \S+ \ws  T1@", calls)


def test_an_unknown_verb_still_has_its_error(tmp_path):
    status, _, said = run_here("sumary")
    assert status == 2 and "did you mean 'summary'" in said
    status, _, said = run_here(tmp_path / "nothing.relive")
    assert status == 2 and "No such file" in said


# ---- why ----


def test_why_names_the_value(failed):
    status, text, _ = run_here("why", failed)
    assert status == 0 and '\nthe value (app.py:22)\n  line["rate"] = None\n' in text
    assert re.search(r"last events before it\n(  .*\n)*.*line = \{'rate': None\}", text)
    assert re.search(r"\nwhere line\S* came from\n.*  line.* = .*\n", text)
    if sys.version_info >= (3, 12):  # where a comprehension has no frame of its own
        assert "order = Order([" in text, "the line that made it"
    (suspect,) = of(rows("why", failed), "suspect")
    assert suspect["name"] == "line" and suspect["is_certain"]


@pytest.mark.parametrize(
    ("body", "first", "value"),
    [
        ("d = {'a': 1}\n    k = 'b'\n    return d[k]", "k", "'b'"),
        ("xs = [1, 2]\n    i = 5\n    return xs[i]", "i", "5"),
        ("n = 0\n    return 10 // n", "n", "0"),
        ("s = 'twelve'\n    other = 1\n    return int(s) + other", "s", "'twelve'"),
        ("user = None\n    return user.name", "user", "None"),
        ("total = 3\n    wanted = 4\n    assert total == wanted", "total", "3"),
        ("a = 'x'\n    b = 1\n    return (\n        a +\n        b\n    )", "a", "'x'"),
        ("rows = None\n    for row in rows:\n        print(row)", "rows", "None"),
    ],
)
def test_the_value_that_broke_a_line(body, first, value, tmp_path):
    path = make(tmp_path, f"def f():\n    {body}\nf()\n", "--level", "lines", status=1)
    suspects = of(rows("why", path), "suspect")
    assert suspects and (suspects[0]["text"], suspects[0]["value"]["r"]) == (first, value)


def test_why_follows_a_computation_that_reads_one_value(tmp_path):
    body = "    size = len(text)\n    part = size - 3\n    return 10 // part\n"
    path = make(tmp_path, f"def g(text):\n{body}g('abc')\n", "--level", "lines", status=1)
    sources = [row["source"] for row in of(rows("why", path), "hop")]
    assert sources == ["part = size - 3", "size = len(text)"]
    commands = [row["command"] for row in of(rows("why", path), "next")]
    assert commands[0].endswith("--follow 1 --follow text")


def test_why_names_the_value_that_broke_a_line_of_a_library(tmp_path):
    text = "import iniconfig\niniconfig.IniConfig('here', data=7)\n"
    page = rows("why", make(tmp_path, text, status=1))
    (suspect,) = of(page, "suspect")
    assert (suspect["name"], suspect["value"]["r"], suspect["is_certain"]) == ("data", "7", True)
    assert of(page, "hop")[0]["name"] == "data"
    (advice,) = [row["command"] for row in of(page, "next") if "relive record" in row["command"]]
    assert advice.startswith("relive record --lines __main__")


def test_why_where_nothing_ended_the_program(tmp_path):
    path = make(tmp_path, PROGRAM.replace("    taxes(order)\n", ""), "--level", "lines")
    _, text, _ = run_here("why", path)
    assert text.startswith("no exception was seen to end the program") and "ValueError" in text
    path = make(tmp_path, "def f(): return 1\nf()\n", "--level", "lines")
    status, text, _ = run_here("why", path)
    assert status == 1 and text.startswith("nothing failed") and "relive diff GOOD" in text
    shown = [row["row"] for row in rows("why", path, status=1)]
    assert shown == ["nothing", "process", "next", "next"]


def test_a_killed_process_does_not_read_as_one_that_went_well(tmp_path):
    text = "import os, signal\ndef g(): os.kill(os.getpid(), signal.SIGTERM)\ng()\n"
    path = make(tmp_path, text, status=-15)
    status, text, _ = run_here("why", path)
    assert "nothing failed" not in text and "killed by signal 15 (SIGTERM)" in text
    assert "relive state end" in text and status in (1, 3)


def test_values_that_were_hidden_are_counted(tmp_path):
    text = """
        def login(user, password): return user
        def f(x): return x
        for n in range(3): login(n, "pw")
        f(1)
    """
    path = make(tmp_path, textwrap.dedent(text))
    with api.open(path) as recording:
        calls = [event for event in recording.events() if event["kind"] == "call"]
    values = [value for event in calls for value in event.get("args", {}).values()]
    hidden = sum(value["redacted"] for value in values)
    assert hidden == 3 and len(values) == 7
    assert f"{hidden} values redacted" in run_here("summary", path)[1]


def test_why_takes_an_exception(failed):
    _, text, _ = run_here("why", "exc:2", failed)
    assert "ValueError: invalid literal" in text
    assert run_here("why", failed, "exc:last")[0] == 0
    status, _, said = run_here("why", failed, "exc:99")
    assert status == 2 and "relive exc lists" in said


def test_damaged_and_growing_files(failed, tmp_path):
    data = failed.read_bytes()
    for number, cut in enumerate((len(data) - 40, len(data) // 2, 300)):
        path = tmp_path / f"{number}.relive"
        path.write_bytes(data[:cut])
        for verb in "summary", "why", "tasks", "threads", "timeline":
            status, _, said = run_here(verb, path)
            assert status in (0, 1, 3), said


@pytest.mark.skipif(sys.version_info < (3, 9), reason="once is enough")
def test_a_recording_that_goes_on(tmp_path):
    import relive as api

    def work(n):
        return n

    with api.record(str(tmp_path / "now.relive")):
        for n in range(10):
            work(n)
        (process,) = of(rows("summary", tmp_path / "now.relive"), "process")
        assert process["ended"] == "running"
        assert run_here("timeline", tmp_path / "now.relive", "--limit", "3")[0] in (0, 1)


def test_the_reason_of_an_exit_comes_before_modules_that_need_not_be_there(tmp_path):
    text = (
        "import sys\n"
        "def check(value):\n    raise ValueError('no ' + value)\n"
        "try:\n    import nowhere\nexcept ImportError:\n    pass\n"
        "try:\n    check('luck')\nexcept ValueError:\n    sys.exit(3)\n"
    )
    out = str(make(tmp_path, text, status=3))
    assert "ValueError: no luck" in run_here(out)[1].split("most time")[0]
    whole = run_here("exc", out)[1].split("\n\n", 1)[1]
    assert whole.index("ValueError: no luck") < whole.index("SystemExit: 3")
    assert "nowhere" not in whole


CAUGHT = """import sys

def read(word):
    try:
        return int("0" + word)
    except ValueError:
        return None

def check(value):
    raise KeyError(value)

def status_of(value):
    try:
        check(value)
    except KeyError as error:
        print("no", error)
        return 3
    return 0

def through(value):
    found = status_of(value)
    print("status", found)
    return found

def main(value):
    status = 0
    read("x")
    try:
        check(value)
    except KeyError:
        status = 3
    sys.exit(status)

def unlike(value):
    status_of(value)
    return read("y")

"""


@pytest.mark.parametrize("level", ["values", "lines"])
@pytest.mark.parametrize("call", ["main('luck')", "sys.exit(through('luck'))"])
def test_an_exit_is_for_what_its_call_had_caught(call, level, tmp_path):
    out = str(make(tmp_path, CAUGHT + call, "--level", level, status=3))
    page = run_here(out)[1]
    assert "KeyError: 'luck'" in page.split("most time")[0]
    assert re.search(r"  then exception 1 at T1@\d+: SystemExit: 3", page)
    whole = run_here("why", out)[1]
    assert whole.index("KeyError: 'luck'") < whole.index("\nSystemExit: 3")
    assert re.search(r"after the call had caught exception \d, KeyError: 'luck'\n", whole)
    assert re.search(r"check  (raised|!) KeyError", whole.split("last events")[1])
    assert ", KeyError: 'luck'\n" in run_here("exc", "--nth", "1", out)[1].split("had caught")[1]


def test_an_exit_with_a_member_of_an_enumeration_has_no_message(tmp_path):
    text = "import enum, sys\nclass Code(enum.IntEnum): BAD = 3\nsys.exit(Code.BAD)\n"
    page = run_here(str(make(tmp_path, text, status=3)))[1]
    assert "by sys.exit(<Code.BAD: 3>) (exit status 3)" in page


def test_an_exit_is_not_for_what_another_call_had_caught(tmp_path):
    out = str(make(tmp_path, CAUGHT + "unlike('luck')\nsys.exit(3)", status=3))
    assert "had caught" not in run_here("exc", out)[1]
    assert "then exception" not in run_here(out)[1]


def test_an_exit_is_for_what_only_a_library_has_seen(tmp_path):
    text = (
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--number', type=int)\np.parse_args(['--number', 'x'])\n"
    )
    out = str(make(tmp_path, text, "--no-builtin-filter", status=2))
    page = run_here(out)[1]
    assert "argparse.ArgumentError: " in page and "while handling ValueError: invalid lit" in page
    assert "then exception 1 at" in page

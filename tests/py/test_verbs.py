"""The verbs on good, cut, damaged and foreign files answer or give a clear error, no traceback."""

import importlib
import json
import random
import sys

import pytest
from conftest import ROOT, TESTS, dump, relive

from relive import cli

VERBS = ["info", "tree", "top", "check", "dump"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verbs")
    out = folder / "shop.relive"
    assert relive("record", "-o", out, ROOT / "examples" / "shop.py", cwd=folder).returncode == 0
    return out


@pytest.mark.parametrize("verb", VERBS)
def test_json_lines_have_a_schema(verb, recording):
    done = relive(verb, recording, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["schema"] == f"relive.{verb}"
    assert lines[0]["version"] == (2 if verb == "tree" else 1)
    assert len(lines) > 1


def test_tree_options(recording):
    shallow = relive("tree", recording, "--depth", "1").stdout.decode()
    assert "<module>" in shallow and "main" not in shallow.replace("__main__", "")
    below = relive("tree", recording, "--func", "order").stdout.decode()
    assert "take" in below and "<module>" not in below
    assert relive("tree", recording, "--thread", "9").returncode == 2
    assert relive("tree", recording, "--min", "100s").returncode == 1
    wrong = relive("tree", recording, "--min", "soon")
    assert wrong.returncode == 2 and b"no duration" in wrong.stderr


def test_totals_add_up(recording):
    rows = [json.loads(line) for line in relive("top", recording, "--json").stdout.splitlines()][1:]
    calls = {row["func"]: row["calls"] for row in rows}
    assert calls["__main__:take"] == 5 and calls["__main__:price"] == 4
    assert all(row["self_ns"] <= row["total_ns"] for row in rows)
    by_name = {row["func"]: row for row in rows}
    assert by_name["__main__:order"]["unwinds"] == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 3, "not a Relive recording"),
        (b"hello, I am a text file" * 20, 3, "not a Relive recording"),
        (b"\x89RELIVE\n\x09\x00" + b"\0" * 200, 3, "newer Relive"),
        (b"\x89RELIVE\n\x01\x00" + b"\0" * 200, 3, "damaged"),
        (None, 2, "No such file"),
    ],
    ids=["empty", "text", "newer", "damaged header", "missing"],
)
def test_what_is_no_recording_is_said(verb, content, status, says, tmp_path):
    path = tmp_path / "x.relive"
    if content is not None:
        path.write_bytes(content)
    done = relive(verb, path)
    assert done.returncode == status
    assert says in done.stderr.decode() and b"Traceback" not in done.stderr


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_are_answered(seed, recording, tmp_path):
    data = bytearray(recording.read_bytes())
    chance = random.Random(seed)
    if seed % 2:
        data = data[: chance.randrange(130, len(data))]
    for _ in range(seed * 20):
        data[chance.randrange(128, len(data))] = chance.randrange(256)
    path = tmp_path / "x.relive"
    path.write_bytes(data)
    for verb in VERBS:
        done = relive(verb, path)
        assert done.returncode in (0, 1, 3) and b"Traceback" not in done.stderr
        if verb == "check" and data != recording.read_bytes():
            assert done.returncode in (0, 3)


def test_cut_file_says_incomplete(recording, tmp_path):
    path = tmp_path / "x.relive"
    path.write_bytes(recording.read_bytes()[:-40])
    done = relive("info", path)
    assert done.returncode == 3 and b"incomplete" in done.stdout
    whole = relive("dump", recording).stdout.splitlines()
    assert len(relive("dump", path).stdout.splitlines()) == len(whole) > 30


def test_folder_and_terminal(tmp_path, record):
    assert relive("info", tmp_path).returncode == 3
    done, _, _ = record(
        "exec(compile('def f(): pass\\nf()', '\\x1b[31mred', 'exec'), {'__name__': 'a\\x1bb'})"
    )
    tree = relive("top", tmp_path / "out.relive").stdout
    assert b"\x1b" not in tree and b"\\x1b" in tree


def test_newest_file_is_taken(recording):
    assert b"shop.relive" in relive("info", cwd=recording.parent).stdout


def test_nothing_here(tmp_path):
    done = relive("info", cwd=tmp_path)
    assert done.returncode == 2 and b"relive record app.py" in done.stderr


def test_help_and_near_words():
    assert b"relive record app.py" in relive("--help").stdout
    assert relive().returncode == 2
    done = relive("tre")
    assert done.returncode == 2 and b"did you mean 'tree'" in done.stderr
    done = relive("tree", "--dept", "2")
    assert done.returncode == 2 and b"--depth" in done.stderr
    for verb in [*VERBS, "record", "doctor"]:
        assert relive(verb, "--help").returncode == 0


def test_each_verb_of_the_help_has_a_module_with_a_help_of_its_own(capsys):
    for verb in cli.VERBS:
        try:
            status = importlib.import_module(f"relive.cli.{verb}").main(["--help"])
        except SystemExit as ended:
            status = ended.code
        assert status == 0 and f"usage: relive {verb}" in capsys.readouterr().out


def test_schema_names_every_kind():
    done = relive("dump", "--schema")
    kinds = {json.loads(line)["kind"] for line in done.stdout.splitlines()}
    assert {"call", "return", "unwind", "thread_start", "loss", "http_request"} <= kinds


@pytest.mark.parametrize(
    "path", sorted((TESTS / "golden" / "bad").glob("*.relive")), ids=lambda path: path.stem
)
@pytest.mark.parametrize("verb", VERBS)
def test_golden_bad_files(verb, path):
    done = relive(verb, path)
    assert done.returncode in (0, 1, 3) and b"Traceback" not in done.stderr
    if path.stem in ("newer", "cut-in-header"):
        assert done.returncode == 3 and done.stdout == b""


def test_exc_says_what_an_uncaught_exception_ended(tmp_path):
    program = tmp_path / "ends.py"
    program.write_text(
        "import asyncio, threading\ndef worker(n): return 1 // n\n"
        "t = threading.Thread(target=worker, args=(0,)); t.start(); t.join()\n"
        "async def inner(): raise KeyError('k')\n"
        "async def main():\n"
        "    a = asyncio.ensure_future(inner())\n    b = asyncio.ensure_future(inner())\n"
        "    try: await a\n    except KeyError: pass\n    await asyncio.sleep(0)\n"
        "asyncio.run(main())\nraise ValueError('end')\n"
    )
    out = tmp_path / "out.relive"
    assert relive("record", "-o", out, program).returncode == 1
    text = relive("exc", out).stdout.decode()
    assert "ZeroDivisionError  ends.py:2  uncaught: it ended thread 2" in text
    if sys.version_info >= (3, 12):
        assert "ended task Task-2, which was awaited" in text
        assert "ended task Task-3; no await raised it again" in text
    else:
        assert "ended task Task-2; whether that was awaited is not visible at this level" in text
    assert "ValueError  ends.py:12  uncaught: it ended the program" in text


NESTED = ["__main__:<module>", "__main__:f", "__main__:g"]


def chain(path):
    """The names of a tree that is one chain, outermost first; each must take time."""
    rows = [json.loads(row) for row in relive("tree", "--json", path).stdout.splitlines()]
    # 3.14: asyncio's generated dataclass code is recorded too (issue 17, point 1.8).
    rows = [row for row in rows if row.get("func", "").startswith("__main__:")]
    assert all(row["total_ns"] > 0 for row in rows)
    return [row["func"] for row in sorted(rows, key=lambda row: row["level"])]


def test_many_skipped_functions_between_two_events_lose_no_frame(tmp_path):
    program = tmp_path / "skip.py"
    program.write_text(
        "def g(): return 2\n"
        "def f():\n"
        "    ns = {'__name__': 'json'}\n"
        "    for i in range(2000): exec('def h%d(): pass\\nh%d()' % (i, i), ns)\n"
        "    g()\n"
        "f()\n"
    )
    out = tmp_path / "skip.relive"
    assert relive("record", "--exclude", "json", "-o", out, program).returncode == 0
    assert chain(out) == NESTED
    _, events = dump(out, False)
    calls = [event for event in events if event["kind"] == "call"]
    assert [call.get("parent") for call in calls] == [None] + [c["frame"] for c in calls[:2]]
    check = json.loads(relive("check", "--json", out).stdout.splitlines()[1])
    assert check["missing_events"] == 0


def test_default_settings_keep_the_nesting_over_a_large_import(tmp_path):
    program = tmp_path / "imports.py"
    program.write_text("def g(): pass\ndef f():\n    import asyncio, unittest.mock\n    g()\nf()\n")
    out = tmp_path / "imports.relive"
    assert relive("record", "-o", out, program).returncode == 0
    assert chain(out) == NESTED


def test_an_old_file_whose_summary_forgot_open_frames_is_read_right():
    assert chain(TESTS / "golden" / "old" / "definitions-alone-1.relive") == NESTED


TURNS = """\
import asyncio
def step(n): return n
def own(n):
    yield step(n)
    yield step(n + 1)
async def job(n):
    step(n)
    await asyncio.sleep(0)
    step(n + 10)
async def main():
    await asyncio.gather(*(job(n) for n in range(3)))
asyncio.new_event_loop().run_until_complete(main())
one, two = own(100), own(200)
for _ in range(2):
    next(one), next(two)
"""


def shown_calls(out, *options):
    """(rows of `tree --calls --json`, (indent, call) of its text)."""
    told = relive("tree", "--calls", *options, "--json", out).stdout.splitlines()
    rows = [row for row in map(json.loads, told) if "frame" in row]
    lines = relive("tree", "--calls", *options, out).stdout.decode().splitlines()[1:]
    return rows, [((len(x) - len(x.lstrip())) // 2 - 1, x.split()[1]) for x in lines]


@pytest.mark.parametrize("options", [(), ("--func", "job"), ("--func", "step"), ("--limit", "7")])
def test_calls_of_tasks_and_generators_that_take_turns_are_below_their_callers(tmp_path, options):
    program, out = tmp_path / "turns.py", tmp_path / "turns.relive"
    program.write_text(TURNS, encoding="utf-8")
    assert relive("record", "-o", out, program).returncode == 0
    calls = {e["frame"]: e for e in dump(out)[1] if e["kind"] == "call"}
    rows, text = shown_calls(out, *options)
    assert [level for level, _ in text] == [row["level"] for row in rows]
    above = []  # the frames that the row is below of
    for row in rows:
        del above[row["level"] :]
        call = calls[row["frame"]]
        assert (row["seq"], row["parent"]) == (call["seq"], call["parent"])
        assert not above or above[-1] == row["parent"]
        above.append(row["frame"])
    if not options:
        assert len(rows) == len(calls)
        names = [name.partition("(")[2] for _, name in text if name.startswith(("job", "step"))]
        assert [name.strip("n=)") for name in names] == [
            "0", "0", "10", "1", "1", "11", "2", "2", "12", "100", "101", "200", "201"]  # fmt: skip


def test_calls_stay_below_the_nearest_caller_that_is_shown(tmp_path):
    program, out = tmp_path / "slow.py", tmp_path / "slow.relive"
    program.write_text(
        "import time\ndef slow(n):\n    time.sleep(0.02)\n"
        "def own(n):\n    slow(n)\n    yield\n    slow(n + 10)\n"
        "def first(g): next(g)\na, b = own(1), own(2)\n"
        "first(a); first(b)\nlist(a), list(b)\n",
        encoding="utf-8",
    )
    assert relive("record", "-o", out, program).returncode == 0
    _, text = shown_calls(out, "--min", "15ms")
    slow = [name for _, name in text if name.startswith("slow")]
    assert slow == ["slow(n=1)", "slow(n=11)", "slow(n=2)", "slow(n=12)"]

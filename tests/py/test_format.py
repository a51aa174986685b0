"""docs/format.md is enough: a reader written from it alone decodes what Relive does."""

import re

import pytest
from conftest import PROGRAMS, TESTS, dump, relive, two_versions, usable_backends

import relive as api

pytestmark = two_versions
format_reader = pytest.importorskip(
    "format_reader", reason="zstandard or xxhash has no wheel for this version"
)
GOLDEN = sorted(
    path for kind in ("good", "old") for path in (TESTS / "golden" / kind).glob("*.relive")
)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files(path):
    _, events = dump(path, False)
    assert events and format_reader.events(path) == events


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_programs(program, tmp_path):
    out = tmp_path / "out.relive"
    relive("record", "-o", out, program)
    _, events = dump(out, False)
    assert format_reader.events(out) == events


@pytest.mark.parametrize(
    "options",
    [
        ["--ring", "64K"],
        ["--overflow", "drop", "--buffer", "64K"],
        ["--c-calls"],
        ["--level", "lines"],
        ["--gc", "--output"],
    ]
    + [["--backend", name] for name in usable_backends()],
    ids=" ".join,
)
def test_options(options, record, tmp_path):
    source = (
        "import threading\n"
        "def gen(n):\n    for i in range(n): yield i\n"
        "def f(n):\n    if n % 7 == 0: raise KeyError(n)\n    return sum(gen(3)) + len(str(n))\n"
        "def work():\n    for i in range(500):\n        try: f(i)\n        except KeyError: pass\n"
        "ts = [threading.Thread(target=work) for _ in range(2)]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join()\nwork()\n"
    )
    _, _, events = record(source, *options, siblings=False)
    assert format_reader.events(tmp_path / "out.relive") == events


def test_summary(record, tmp_path):
    record("import time\ndef f(n): return n and f(n - 1)\ndef gen():\n    yield f(3)\n    h()\n"
           "def h(): __import__('os')._exit(0)\nlist(gen())\n")  # fmt: skip
    found = format_reader.Recording(tmp_path / "out.relive")
    with api.open(tmp_path / "out.relive") as recording:
        nodes, functions = recording.tree(), recording.functions()
    for i, (node, row) in enumerate(zip(found.summary["nodes"], nodes)):
        assert (node["code"], node["parent"] - 1, node["calls"]) == row[:3]
        assert (round(node["total"] * found.slope), round(node["own"] * found.slope)) == row[3:5]
        assert (node["unwinds"], node["depth"], found.summary["open"].get(i, 0)) == (
            row[5], row[8], row[9])  # fmt: skip
    assert [found.strings.get(name) for name in found.summary["names"][0]] == ["MainThread"] * 2
    totals = found.summary["functions"]
    assert {code: round(ticks * found.slope) for code, ticks in totals.items()} == {
        row[0]: row[2] for row in functions
    }
    assert sum(found.summary["open"].values()) == sum(row[-1] for row in functions) == 3


def test_unfinished_file(record, tmp_path):
    source = "import os\ndef f(n): return n\nfor i in range(8000): f(i)\nos.kill(os.getpid(), 9)\n"
    _, headers, events = record(source)
    assert headers[0]["is_complete"] and headers[0]["state"] == "running"
    found = format_reader.events(tmp_path / "out.relive")
    assert [{**e, "t": 0} for e in found] == [{**e, "t": 0} for e in events]


@pytest.mark.parametrize(
    ("end", "expected"),
    [("", (1, 0)), ("sys.exit(300)", (1, 44)), ("os._exit(9)", (2, 9)),
     ("os.kill(os.getpid(), 15)", (3, 15)), ("os.kill(os.getpid(), 9)", (0, 0)),
     ("relive.stop()", (4, 0))],
)  # fmt: skip
def test_how_the_process_ended(end, expected, record, tmp_path):
    record(f"import os, sys, relive\ndef f(): pass\nf()\n{end}\n")
    found = format_reader.Recording(tmp_path / "out.relive")
    assert found.ending == expected and found.birth != 0
    with api.open(tmp_path / "out.relive") as recording:
        names = {0: None, 1: "exit", 2: "os._exit", 3: "signal", 4: "stopped"}
        assert recording.header["ending"]["how"] == names[expected[0]]
        assert found.end <= recording.header["size"]


def test_sessions(tmp_path):
    (tmp_path / "app.py").write_text(
        "from relive import sessions\ndef work(): pass\n"
        "with sessions.session('s', {'user': '7'}):\n    work()\n    sessions.mark('m', n=1)\n"
        "work()\n"
    )
    out = tmp_path / "out.relive"
    relive("record", "-o", out, "app.py", cwd=tmp_path)
    _, events = dump(out, False)
    assert format_reader.events(out) == events
    found = [e.get("session", 0) > 0 for e in events if e.get("func", "").endswith(":work")]
    assert found == [True, True, False, False]


def test_the_page_decodes_a_whole_file_byte_by_byte():
    """Every line of the decoded file in docs/format.md is what the file has there."""
    data = (TESTS / "golden" / "good" / "embed-1.relive").read_bytes()
    page = (TESTS.parent / "docs" / "format.md").read_text(encoding="utf-8")
    page = page.partition("## A whole file, decoded\n")[2]
    assert f"{len(data)} bytes" in page
    shown = bytearray(len(data))
    for offset, row in re.findall(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)(?:  |$)", page, re.M):
        part = bytes.fromhex(row)
        shown[int(offset, 16) : int(offset, 16) + len(part)] = part
    assert bytes(shown) == data
    found = format_reader.Recording(TESTS / "golden" / "good" / "embed-1.relive")
    payloads = {kind: payload for kind, _, payload, _ in found.blocks()}
    assert hex_of(page.partition("Decoded, its")[2], 32) == payloads[7]
    assert hex_of("75" + page.partition("\n75")[2], 31) == payloads[4][:19]


def hex_of(page, columns):
    """Returns the bytes in the first columns of the lines up to the end of the block."""
    lines = page.partition("\n```\n")[0].split("```text\n")[-1].splitlines()
    return bytes.fromhex("".join(line[:columns] for line in lines).replace(",", ""))


def test_numbers_of_values_in_golden_files():
    """The files have numbers in several chunks of two threads."""
    for name in ("again-1", "again-open-1"):
        found = format_reader.Recording(TESTS / "golden" / "good" / f"{name}.relive")
        assert found.minor == 2 and (found.footer is None) == (name == "again-open-1")
        tags = [
            {record["values"][0] for record in records if record.get("values")}
            for _, records in found.chunks.values()
        ]
        assert len(tags) == 7 and all({34, 35} <= one for one in tags)
    changed = format_reader.Recording(TESTS / "golden" / "good" / "changed-1.relive")
    assert len(changed.chunks) == 5
    for (thread, _), (_, records) in changed.chunks.items():
        tags = {record["values"][0] for record in records if record.get("values")}
        assert {34, 35, 36} <= tags or thread == 1
    minors = {format_reader.Recording(path).minor for path in GOLDEN}
    assert minors == {0, 1, 2, 4, 5, 6}


def test_a_number_that_means_nothing():
    """All readers say at which events, and show what is not damaged."""
    path = TESTS / "golden" / "bad" / "again-unknown.relive"
    plain = format_reader.Recording(path)
    assert format_reader.merged(plain) and 5 < len(plain.problems) < 60
    done = relive("check", path)
    lines = done.stdout.decode().splitlines()[1:]
    assert done.returncode == 3 and sorted(line.strip() for line in lines) == plain.problems
    with api.open(path) as recording:
        events = list(recording.events())
        problems = recording.problems()
    assert sorted(problems) == plain.problems and format_reader.events(path) == events
    damaged = [event for event in events if "<damaged>" in repr(event)]
    assert [f"thread 1, event {event['seq']}: its values are damaged" for event in damaged] == (
        sorted(problems, key=lambda text: int(text.split()[3][:-1]))
    )

"""Files that somebody has damaged, by chance or on purpose: a clear line, status 3, valid JSON."""

import functools
import json
import os
import random
import sys
from pathlib import Path

import pytest
from conftest import TESTS, relive, run, two_versions

pytest.importorskip("zstd_codec", reason="zstandard has no wheel for this version")
pytest.importorskip("xxhash", reason="xxhash has no wheel for this version")

import hostile

pytestmark = two_versions
GOOD, BAD = TESTS / "golden" / "good", sorted((TESTS / "golden" / "bad").glob("*.relive"))


def dumped(path):
    lines = relive("dump", path).stdout.splitlines()
    return [json.loads(line) for line in lines[1:]]


@pytest.mark.parametrize("seed", [1, 2])
def test_verbs_answer_changed_recordings(seed):
    files = [GOOD / f"{name}-1.relive" for name in ("shop", "names", "sessions", "again")]
    program = Path(hostile.__file__)
    done = run(sys.executable, program, "--seed", str(seed), "--count", "12", *files, timeout=300)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_verbs_answer_files_that_once_broke_them(path):
    questions = hostile.Questions(GOOD / "lines-1.relive")
    chance = random.Random(1)
    ask = functools.partial(hostile.ask_all, str(path), questions, chance)
    assert list(hostile.in_child(ask)) == []
    assert relive("check", path).returncode == 3


def test_a_value_that_fails_midway_leaves_nothing_behind():
    events = dumped(TESTS / "golden" / "bad" / "values-cut-midway.relive")
    args = [value for event in events for value in event.get("args", {}).values()]
    assert {"t": "?", "r": "<damaged>", "cut": True, "redacted": False} in args
    assert any("exc" in event and event["exc"] is None for event in events)
    writes = [event for event in dumped(TESTS / "golden" / "bad" / "writes-without-value.relive")
              if event["kind"] == "write"]  # fmt: skip
    assert writes and all("value" in event for event in writes)


def test_check_names_events_whose_values_are_damaged():
    done = relive("check", TESTS / "golden" / "bad" / "values-cut-midway.relive")
    assert b"thread 1, event 2983: its values are damaged" in done.stdout


def test_a_summary_of_another_codec_is_made_from_events():
    good = relive("tree", GOOD / "shop-1.relive")
    done = relive("tree", TESTS / "golden" / "bad" / "summary-of-newer-codec.relive")
    assert done.returncode == 3 and done.stdout == good.stdout
    assert done.stderr.count(b"the summary is damaged") == 1


def test_facts_that_have_lost_their_form_are_left_out():
    path = TESTS / "golden" / "bad" / "facts-without-form.relive"
    done = relive("info", path)
    assert done.returncode == 3
    assert b"the fact budget is damaged" in done.stderr
    assert b"the fact trace_filter is damaged" in done.stderr


def test_gaps_reads_no_device_that_a_recording_names(tmp_path):
    header, blocks = hostile.parse((GOOD / "names-1.relive").read_bytes())
    meta = next(block for block in blocks if block.kind == hostile.META)
    chain = b'[{"name":"x","version":1,"path":"/dev/zero","sha256":"0"}]'
    meta.payload[:] = meta.payload.replace(b"trace_filter", b"trace_nothing"[:12])
    meta.payload += b"\x0ctrace_filter" + hostile.encoded(len(chain)) + chain
    (tmp_path / "x.relive").write_bytes(hostile.emit(header, blocks))
    assert relive("gaps", tmp_path / "x.relive", timeout=20).returncode in (0, 1)


def test_names_that_the_encoding_of_the_output_has_not(tmp_path):
    (tmp_path / "prog.py").write_text(
        "def \u00e9t\u00e9(): pass\n\u00e9t\u00e9()\n", encoding="utf-8"
    )
    assert relive("record", "-o", "x.relive", "prog.py", cwd=tmp_path).returncode == 0
    done = relive("tree", "x.relive", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"\\xe9t\\xe9" in done.stdout


@pytest.mark.skipif(os.sep != "/", reason="such names are not possible")
@pytest.mark.parametrize("name", ["a\x1b[31m\nrelive: fine.relive", b"\xff\xfe.relive"])
def test_names_of_files_cannot_command_a_terminal(name, tmp_path):
    name = os.fsencode(name)
    bad = TESTS / "golden" / "bad" / "values-cut-midway.relive"
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
        file.write(bad.read_bytes())
    for verb in ("info", "tree", "top", "exc", "sessions", "gaps", "check", "dump"):
        done = relive(verb, os.fsdecode(name), cwd=tmp_path)
        assert done.returncode in (0, 1, 3) and b"Traceback" not in done.stderr
        for text in (done.stdout, done.stderr):
            assert b"\x1b" not in text and b"\nrelive: fine" not in text
    done = relive("info", os.fsdecode(b"no" + name), cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"\x1b" not in done.stderr


def test_check_names_a_frame_that_begins_twice(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import os\ndef f(): pass\nf(), f(), f()\nos.kill(os.getpid(), 9)\n"
    )
    relive("record", "--level", "calls", "-o", "x.relive", "prog.py", cwd=tmp_path)
    path = tmp_path / "x.relive"
    assert b"whole up to its last moment" in relive("check", path).stdout
    second, third = [event for event in dumped(path) if event["kind"] == "call"][1:3]
    data = bytearray(path.read_bytes())
    frames = [int(event["frame"].partition("#")[2]) | 1 << 40 for event in (second, third)]
    (row,) = (
        at
        for at in range(0, len(data) - 16, 16)  # ticks, kind << 26 | code, frame
        if data[at + 7] >> 2 == 1 and data[at + 8 : at + 16] == frames[1].to_bytes(8, "little")
    )
    data[row + 8 : row + 16] = frames[0].to_bytes(8, "little")
    path.write_bytes(data)
    done = relive("check", path)
    text = f"thread 1, event {third['seq']}: its frame has begun before".encode()
    assert done.returncode == 3 and text in done.stdout

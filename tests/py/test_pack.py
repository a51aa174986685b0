"""`pack`: one file of a run answers as its loose files do, and has none of what was removed."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys

import pytest
import xxhash
from conftest import clean_environ, relive, two_versions
from test_out_cover import problem

import relive as api
from relive import _core, packs, schemas

pytestmark = two_versions
PROGRAM = """
import asyncio, os, sys, threading
class Order:
    def __init__(self, items, email): self.items, self.email = items, email
def price(order, rate):
    total = 0
    for item in order.items:
        total += item * rate
    return total
def leaf(n):
    return {"n": n, "text": "x" * 40}
def work(count):
    return [leaf(n) for n in range(count)]
async def job(n):
    await asyncio.sleep(0)
    return leaf(n)
async def main():
    await asyncio.gather(*(job(n) for n in range(3)))
def fails(n):
    try:
        return 1 // n
    except ZeroDivisionError:
        print("no division", n)
        raise
def child():
    work(30)
    print("child")
threads = [threading.Thread(target=work, args=(20,), name=f"w{n}") for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for _ in range(2):
    if os.fork() == 0:
        child()
        sys.exit(3)
    os.wait()
asyncio.run(main())
order = Order([1, 2, 3], "ada@planet.example")
print(price(order, 2))
fails(0)
"""
# Of the run as a whole; FILE is in its place.
QUESTIONS = [
    ["summary"], ["why"], ["tree", "--all"], ["tree", "--calls", "--limit", "60"],
    ["calls", "leaf"],
    ["calls", "price", "--where", "rate > 1"], ["exc", "--all"], ["line", "app.py:8"],
    ["frame", "price#1"], ["history", "price", "total"], ["state", "exc:1"], ["find", "3"],
    ["origin", "total@price#1"], ["threads"], ["tasks"], ["timeline", "--limit", "80"], ["top"],
    ["cover", "price"], ["out"], ["callers", "leaf"], ["callees", "work"], ["sessions"], ["gaps"],
    ["dump"], ["diff", "leaf#1", "leaf#2"],
]  # fmt: skip


def ask(folder, *words):
    done = relive(*words, cwd=folder)
    assert b"Traceback (most recent call last)" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode()


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loose")
    (folder / "app.py").write_text(PROGRAM)
    done = relive(
        "record", "--level", "lines", "--output", "-o", "run.relive", "app.py", cwd=folder
    )
    assert done.returncode == 1, done.stderr
    assert len(list(folder.glob("run.*.relive"))) == 2
    return folder


@pytest.fixture(scope="module")
def packed(run_folder, tmp_path_factory):
    """A folder with the pack alone, under the name of the first loose file."""
    folder = tmp_path_factory.mktemp("packed")
    done = relive("pack", "run.relive", "-o", folder / "run.relive", cwd=run_folder)
    assert done.returncode == 0, done.stderr
    shutil.copy(run_folder / "app.py", folder)
    assert os.listdir(folder).count("run.relive") == 1 and len(os.listdir(folder)) == 2
    return folder


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_the_answers_are_those_of_the_loose_files(question, run_folder, packed):
    verb, *words = question
    place = 0 if verb == "diff" else len(words)
    words.insert(place, "run.relive")
    for form in [[], ["--json"]]:
        loose, pack = ask(run_folder, verb, *words, *form), ask(packed, verb, *words, *form)
        if verb == "summary":  # its first line has the size of the files
            loose, pack = ((one[0], one[1].partition("\n")[2]) for one in (loose, pack))
        loose = loose[0], re.sub(r"run\.\d+\.\d+\.relive", "run.relive", loose[1])
        assert loose == (pack[0], pack[1].replace(',"packed":"1"', "")) and loose[1]


def test_info_and_check_name_each_process(run_folder, packed):
    loose, pack = (ask(folder, "info", "run.relive", "--json") for folder in (run_folder, packed))
    for one, other in zip(loose[1].splitlines()[1:], pack[1].splitlines()[1:]):
        one, other = json.loads(one), json.loads(other)
        assert other["facts"].pop("packed") == "1"
        for key in ("file", "size", "sources"):
            del one[key], other[key]
        assert one == other
    status, text = ask(packed, "check", "run.relive")
    assert status == 0 and text.count("whole;") == 3
    size = sum(path.stat().st_size for path in run_folder.glob("*.relive"))
    assert (packed / "run.relive").stat().st_size < size


def test_replay_opens_a_pack(packed):
    done = relive("replay", "run.relive", cwd=packed, stdin=b"where\nq\n")
    assert done.returncode == 0 and b"app.py" in done.stdout, done


def test_the_api_packs_and_finds_the_others(run_folder, tmp_path):
    with api.open(run_folder / "run.relive") as loose:
        pack = loose.pack(tmp_path / "one.relive")
    assert pack.processes == 3 and pack.bytes < pack.bytes_before
    with api.open(pack.path) as recording:
        assert recording.siblings() == [] and len(list(recording.others())) == 2
        pids = {recording.header["pid"]}
        for path, member in recording.others():
            with api.Recording(path, member=member) as other:
                pids.add(other.header["pid"])
                assert list(other.others()) == [] and not other.check()["problems"]
        assert len(pids) == 3
        with pytest.raises(api.ReliveError, match="holds no recording 3"):
            api.Recording(pack.path, member=3)
    again = api.open(pack.path).pack(tmp_path / "two.relive")
    assert again.processes == 3 and again.events == pack.events
    row = {"schema": "relive.pack", "version": 1}
    assert problem(row, schemas.rows_of("pack")[0][1]) is None


SECRETS = """
import logging, os, sys
api_token = "a1b2c3d4e5f6g7"
class User:
    def __init__(self, email): self.email = email
def find(email):
    user = User(email)
    raise LookupError("nobody is " + email)
def note(x): return [x, {"who": x}, (x,)]
note("mail zoe-planted@x.example now")
note("in " + os.path.expanduser("~") + "/deep/file")
print("written to", sys.argv[1:])
find("zoe-planted@x.example")  # zoe-planted@x.example
"""
PLANTED = b"zoe-planted"


def whole(path):
    """Every text of a pack, as bytes: events, facts, definitions, sources."""
    found = b""
    first = api.open(path)
    for recording in [first, *(api.Recording(a, member=n) for a, n in first.others())]:
        found += b"".join(recording.lines()) + repr(recording.header["meta"]).encode()
        found += repr(recording.codes()).encode()
        for row in recording.sources():
            found += repr((row, getattr(recording.source(row[0]), "text", None))).encode()
    return found


@pytest.fixture(scope="module")
def secret_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "app.py").write_text(SECRETS)
    words = ["record", "--level", "lines", "--output", "--allow", "api_token", "-o", "s.relive"]
    done = relive(*words, "app.py", "--mail", "zoe-planted@x.example", cwd=folder)
    assert done.returncode == 1
    text = whole(folder / "s.relive")
    assert text.count(PLANTED) > 10 and b"a1b2c3d4e5f6g7" in text
    assert os.fsencode(folder) in text
    return folder


def test_what_a_rule_takes_out_is_gone_everywhere(secret_run, tmp_path):
    with api.open(secret_run / "s.relive") as recording:
        recording.pack(tmp_path / "p.relive", redact=["^email$"], paths=False)
    text = whole(tmp_path / "p.relive")
    assert PLANTED not in text and b"<redacted>" in text
    assert b"a1b2c3d4e5f6g7" not in text, "--allow holds for the recording alone"
    home = os.path.expanduser("~")
    assert os.fsencode(secret_run) not in text and os.fsencode(f"{home}/deep") not in text
    assert b"~/deep/file" in text
    assert b"./app.py" in text or sys.version_info < (3, 9)  # which has names of scripts as given
    done = relive("exc", tmp_path / "p.relive")
    assert b"nobody is <redacted>" in done.stdout and b"LookupError" in done.stdout
    assert relive("check", tmp_path / "p.relive").returncode == 0


def test_without_rules_only_what_the_built_in_ones_find_is_gone(secret_run, tmp_path):
    with api.open(secret_run / "s.relive") as recording:
        recording.pack(tmp_path / "p.relive")
    text = whole(tmp_path / "p.relive")
    assert text.count(PLANTED) == whole(secret_run / "s.relive").count(PLANTED)
    assert b"a1b2c3d4e5f6g7" not in text


def test_a_pack_without_values_sources_words_and_machine(secret_run, tmp_path):
    words = ["--values", "none", "--no-source", "--no-argv", "--no-machine"]
    done = relive("pack", secret_run / "s.relive", "-o", tmp_path / "p.relive", *words)
    assert done.returncode == 0, done.stderr
    text = whole(tmp_path / "p.relive")
    assert PLANTED not in text and b"deep/file" not in text
    with api.open(tmp_path / "p.relive") as recording:
        meta = recording.header["meta"]
        assert not {"argv.1", "kernel", "platform", "executable"} & set(meta)
        assert recording.sources() == [] and meta["python"]
    done = relive("calls", "find", tmp_path / "p.relive")
    assert b"email=<redacted>" in done.stdout
    assert relive("check", tmp_path / "p.relive").returncode == 0
    kinds = [[event["kind"] for event in api.open(path).events()]
             for path in (secret_run / "s.relive", tmp_path / "p.relive")]  # fmt: skip
    assert kinds[0] == kinds[1] and len(kinds[0]) > 20


def test_names_of_filters_and_patterns_that_are_wrong(secret_run, tmp_path):
    for words, what in (
        (["--redact", "("], b"missing closing parenthesis"),
        (["--trace-filter", "gone.toml"], b"gone.toml"),
        ([], b"-o issue.relive"), (["-o", secret_run / "s.relive"], b"the recording itself"),
    ):  # fmt: skip
        out = [] if not words or words[0] == "-o" else ["-o", tmp_path / "p.relive"]
        done = relive("pack", secret_run / "s.relive", *words, *out, cwd=tmp_path)
        assert done.returncode == 2 and b"Traceback" not in done.stderr, done.stderr
        assert what in done.stderr
        assert os.listdir(tmp_path) == []


def test_a_killed_run_stays_killed(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os\ndef work(n): return str(n)\nfor n in range(3000): work(n)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = relive("record", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    (tmp_path / "p").mkdir()
    assert relive("pack", "run.relive", "-o", "p/run.relive", cwd=tmp_path).returncode == 0
    loose, pack = (api.open(tmp_path / name) for name in ("run.relive", "p/run.relive"))
    for key in "is_closed", "is_complete", "state", "ending":
        assert pack.header[key] == loose.header[key]
    assert pack.header["is_complete"] and not pack.header["is_closed"]
    assert pack.header["losses"] == loose.header["losses"]
    events = [list(one.events()) for one in (loose, pack)]
    assert events[0] == events[1] and len(events[0]) > 6000
    assert ask(tmp_path / "p", "why", "run.relive") == ask(tmp_path, "why", "run.relive")


def test_a_member_of_several_pieces(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os, sys\ndef work(n, data): return n\n"
        "if os.fork() == 0:\n"
        "    for n in range(6000): work(n, os.urandom(3500))\n"
        "    sys.exit(0)\n"
        "os.wait()\n"
    )
    done = relive("record", "--max-str", "4000", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert relive("pack", "run.relive", "-o", "p.relive", cwd=tmp_path).returncode == 0
    path = tmp_path / "p.relive"
    assert path.stat().st_size > 17 << 20
    pack, loose = api.Recording(path, member=1), api.open(api.open(tmp_path / "run.relive")
                                                          .siblings()[0])  # fmt: skip
    assert pack.check()["problems"] == []
    assert b"".join(pack.lines()) == b"".join(loose.lines())
    # A piece that is damaged costs what is in it.
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    path.write_bytes(data)
    assert api.open(path).check()["problems"] and api.Recording(path, member=1).check()["problems"]
    events = sum(1 for _ in api.Recording(path, member=1).events())
    assert 6000 < events < 12010


def read_all(path):
    """Opens whatever a file holds; every error is one of ours."""
    try:
        first = api.open(path, index=False)
        places = list(first.others())
    except api.ReliveError:
        return 0
    events = 0
    for place, member in [(path, 0), *places]:
        try:
            with api.Recording(place, index=False, member=member) as recording:
                recording.check()
                recording.sources()
                events += sum(piece.count(b"\n") for piece in recording.lines())
        except api.ReliveError as error:
            assert error.code in ("ERR_DAMAGED", "ERR_NOT_A_RECORDING", "ERR_NOT_FOUND",
                                  "ERR_NEWER_FORMAT"), error  # fmt: skip
    return events


def test_damaged_and_truncated_packs(packed, tmp_path):
    data = (packed / "run.relive").read_bytes()
    draw, path = random.Random(5), tmp_path / "bad.relive"
    path.write_bytes(data)
    most = read_all(path)
    for size in [0, 100, 128, *(draw.randrange(len(data)) for _ in range(40)), len(data) - 1]:
        path.write_bytes(data[:size])
        assert read_all(path) <= most
    for _ in range(120):
        bad = bytearray(data)
        for _ in range(draw.choice((1, 4, 40))):
            bad[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(bad)
        assert read_all(path) <= most + 50
    # Without its end, the members are found block by block.
    path.write_bytes(data[:-96])
    assert len(list(api.open(path).others())) == 2 and read_all(path) == most


@pytest.mark.parametrize("at", [0, 4, 12])
@pytest.mark.parametrize("number", [0, 1, 2, 7, 1 << 31, (1 << 64) - 1])
def test_members_that_contradict_themselves(at, number, packed, tmp_path):
    """With right sums, as somebody hostile makes them."""
    data = bytearray((packed / "run.relive").read_bytes())
    place = data.index(b"RLB1\x0d\x00")
    size = 4 if at == 0 else 8
    data[place + 32 + at : place + 32 + at + size] = (number % (1 << 8 * size)).to_bytes(
        size, "little"
    )
    stored = int.from_bytes(data[place + 12 : place + 16], "little")
    data[place + 16 : place + 24] = xxhash.xxh3_64_intdigest(
        bytes(data[place + 32 : place + 32 + stored])
    ).to_bytes(8, "little")
    data[place + 28 : place + 32] = (
        xxhash.xxh3_64_intdigest(bytes(data[place : place + 28])) & 0xFFFFFFFF
    ).to_bytes(4, "little")
    path = tmp_path / "bad.relive"
    path.write_bytes(data)
    assert read_all(path) > 0


def test_an_interrupted_pack_leaves_no_file(run_folder, tmp_path):
    code = (
        "import os, signal, relive\n"
        "r = relive.open('run.relive')\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0001)\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "for n in range(400):\n"
        f"    r.pack(os.path.join({str(tmp_path)!r}, 'p.relive'), force=True)\n"
        "    os.unlink(os.path.join(" + repr(str(tmp_path)) + ", 'p.relive'))\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.001 * n + 0.0001)\n"
    )
    code = code.replace("signal.setitimer(signal.ITIMER_REAL, 0.0001)\n", "", 1)
    code = code.replace("for n", "signal.setitimer(signal.ITIMER_REAL, 0.004)\nfor n")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=run_folder, env=clean_environ(), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
    )  # fmt: skip
    assert b"KeyboardInterrupt" in done.stderr
    assert [name for name in os.listdir(tmp_path) if name != "p.relive"] == []


def test_a_rule_of_paths_changes_whole_names_alone():
    rules = packs._make_filter([], []).pack_rules([("/a/b", "."), ("/a", "~")])
    for text, wanted in (
        ("/a/b", "."), ("/a/b/c.py:3", "./c.py:3"), ("/a/bc", "~/bc"), ("/ab", "/ab"),
        ("x /a/b, /a/b/c", "x ., ./c"), ("/x/a/b", "/x/a/b"), ("", ""), ("/", "/"), ("/a", "~"),
        ("'/a/'", "'~/'"),
    ):  # fmt: skip
        assert _core.pack_text(rules, text) == wanted

"""Secrets: names and texts scored both ways, and a canary that must be found nowhere."""

import json
import os
import sys

import pytest
from conftest import TESTS, relive, run, usable_backends

from relive import _core

FOLDER = TESTS / "secrets"


def names():
    for line in (FOLDER / "names.txt").read_text().splitlines():
        label, *words = line.split()
        if label != "#":
            yield from ((label, word) for word in words)


def texts():
    return [json.loads(line) for line in (FOLDER / "texts.jsonl").read_text().splitlines()]


# What is known to be judged wrongly; docs/security.md lists them too.
MISSED_NAMES: set = set()
MISSED_TEXTS: set = set()


def test_names():
    rows = list(names())
    assert len({name for _, name in rows}) >= 200
    wrong = {name for label, name in rows if _core.is_secret_name(name) != (label == "secret")}
    assert wrong == MISSED_NAMES


def test_texts():
    rows = texts()
    assert len(rows) >= 100
    wrong = {
        text for label, text in rows if (_core.find_secret(text) is not None) != (label == "secret")
    }
    assert wrong == MISSED_TEXTS


def test_the_part_that_is_found_is_taken_out():
    for label, text in texts():
        if label == "secret":
            clean = _core.without_secrets(text)
            assert "<redacted>" in clean and _core.find_secret(clean) is None, (text, clean)


def test_hostile_texts_end():
    for text in ("eyJ" * 4000, "a://" * 4000, "4" * 9000, "DE12" * 3000, "=" * 9000, ":" * 9000,
                 "Bearer " * 2000, "-----BEGIN " * 2000, "\x00" * 5000, "\U0001f600" * 3000):  # fmt: skip
        _core.find_secret(text)
        _core.is_secret_name(text)


# A secret of a known form; put together here so that it stands in no file as one.
CANARY = "ghp_" + "c4n4ryC4N4RY" * 3
NAMED = "swordfish-canary-73"  # known by its name alone

PROGRAM = """
import collections, dataclasses, sys, os, logging
CANARY = os.environ["CANARY_TEXT"]
SECRET_NAMED = os.environ["CANARY_NAMED"]
password = SECRET_NAMED
config = {"api_key": SECRET_NAMED, "url": "https://ada:" + SECRET_NAMED + "@example.org", "x": [{"token": SECRET_NAMED}]}
@dataclasses.dataclass
class Account:
    name: str
    secret: str
class Slots:
    __slots__ = ("passwd", "other")
class Plain: pass
Pair = collections.namedtuple("Pair", "user credentials")
def argument(a, *rest, **more): return a
def by_name(password, db_passwd=None, *, api_key=None): return len(password)
def get_secret(): return SECRET_NAMED
def nested(x):
    local = x
    secret_token = SECRET_NAMED
    for cookie in [SECRET_NAMED]:
        pass
    return local
def boom(text):
    try:
        raise ValueError("cannot use " + text)
    except ValueError as error:
        raise KeyError(text) from error
def generator():
    got = yield CANARY
    yield got
def main():
    argument(CANARY); argument(1, CANARY, k=CANARY); argument({CANARY: 1, 1: CANARY})
    argument([[(CANARY,)]]); argument({CANARY}); argument(CANARY.encode()); argument(bytearray(CANARY, "ascii"))
    argument("before " + CANARY + " after"); argument(collections.deque([CANARY]))
    argument([("password", SECRET_NAMED), (b"Cookie", SECRET_NAMED.encode()), ("token", SECRET_NAMED)])
    by_name(SECRET_NAMED, SECRET_NAMED, api_key=SECRET_NAMED); get_secret(); nested(CANARY)
    argument(Account("ada", SECRET_NAMED)); argument(Pair("ada", SECRET_NAMED)); argument(config)
    slots = Slots(); slots.passwd = SECRET_NAMED; slots.other = CANARY; argument(slots)
    plain = Plain(); plain.password = SECRET_NAMED; plain.note = CANARY; plain.inner = slots; argument(plain)
    argument({"headers": {"Authorization": "Bearer " + SECRET_NAMED, "Set-Cookie": SECRET_NAMED}})
    argument("ada", "first " + CANARY, [CANARY[:5], CANARY])
    try: boom(CANARY)
    except KeyError: pass
    g = generator(); next(g); g.send(CANARY)
    class Text(str): pass
    argument(Text(CANARY)); argument(os.path.join("/tmp", CANARY)); argument(Exception(CANARY))
    import pathlib; argument(pathlib.PurePosixPath("/tmp/" + CANARY))
    print("out", CANARY); sys.stderr.write("err " + CANARY + "\\n"); sys.stdout.flush()
    global password
    password = SECRET_NAMED + "2"
    import asyncio
    async def task(): pass
    async def tasks():
        made = asyncio.ensure_future(task())
        made.set_name("job " + CANARY)
        await made
    asyncio.run(tasks())
main()
"""


@pytest.mark.parametrize("level", ["values", "lines"])
@pytest.mark.parametrize("backend", usable_backends())
def test_a_canary_is_found_in_no_byte(record, tmp_path, backend, level):
    if backend == "setprofile" and level == "lines":
        pytest.skip("setprofile does not see lines")
    options = ["--level", level, "--backend", backend, "--output"]
    options += ["--globals"] if level == "lines" else []
    environ = {"CANARY_TEXT": CANARY, "CANARY_NAMED": NAMED}
    words = ("--token", NAMED, "--password=" + NAMED, "plain", CANARY, "https://a:" + NAMED + "@b/")
    done, _, events = record(PROGRAM, *options, args=words, env=environ)
    assert done.returncode == 0, done.stderr
    assert CANARY.encode() in done.stdout  # the program itself is not changed
    out = tmp_path / "out.relive"
    told = [out.read_bytes(), json.dumps(events).encode()]
    for verb in ("info", "tree", "exc", "dump", "top"):
        told.append(relive(verb, out).stdout)
        told.append(relive(verb, "--json", out).stdout if verb != "dump" else b"")
    told.append(relive("tree", "--calls", out).stdout)
    for canary in (CANARY, NAMED):
        for text in told:
            assert canary.encode() not in text
            assert canary.encode("utf-16-le") not in text
    assert sum(b"<redacted>" in text for text in told) >= 4
    stats = next(event for event in events if event["kind"] == "filter")
    assert stats["secrets"] > 10 and stats["value_redactions"]["argument"] >= 3


def test_a_canary_in_a_killed_program(tmp_path):
    program = tmp_path / "killed.py"
    program.write_text(
        "import os\ndef f(password, text): pass\n"
        "for _ in range(3000): f(os.environ['CANARY_NAMED'], os.environ['CANARY_TEXT'])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    out = tmp_path / "out.relive"
    run(sys.executable, "-m", "relive", "record", "-o", out, program,
        env={"CANARY_TEXT": CANARY, "CANARY_NAMED": NAMED})  # fmt: skip
    raw = out.read_bytes()
    assert CANARY.encode() not in raw and NAMED.encode() not in raw
    assert len(raw) > 4096 and oct(os.stat(out).st_mode & 0o777) == "0o600"


def test_redact_takes_names_and_texts_of_ones_own(record):
    source = (
        "class C: pass\ndef f(email, note):\n    return note\n"
        "c = C(); c.mail = 'x'\nf('a@b', ['CUST-123', 'fine']); f(c, {'email': 1})\n"
    )
    _, _, events = record(source, "--redact", "mail|CUST-[0-9]+")
    calls = [e["args"] for e in events if e["kind"] == "call" and e["func"].endswith(":f")]
    assert calls[0]["email"]["r"] == "<redacted>"
    assert calls[0]["note"]["r"] == "[<redacted>, 'fine']"
    assert calls[1]["note"]["r"] == "{<redacted>: <redacted>}"  # its text has the name in it


def test_what_was_answered_of_a_text_is_answered_of_that_text_alone(tmp_path):
    """Texts that differ in one character, met again and again, under names that do so too."""
    source = (
        "def take(value, other): return value\n"
        "clean = ['ghp_' + 'a' * n for n in range(8)]\n"
        "secret = 'ghp_' + 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'\n"
        "for _ in range(3):\n"
        "    for text in clean + [secret, secret[:-1], 'x' * 40, secret]:\n"
        "        take(text, {'passwore': text, 'password': 'p', 'tokem': 1, 'api_key': 2})\n"
    )
    path, out = tmp_path / "app.py", tmp_path / "r.relive"
    path.write_text(source)
    assert relive("record", "-o", out, path).returncode == 0
    events = [json.loads(line) for line in relive("dump", out, "--json").stdout.splitlines()]
    calls = [e for e in events if e.get("kind") == "call" and e["func"].endswith(":take")]
    assert len(calls) == 36
    for n, call in enumerate(calls):
        at = n % 12
        value, other = call["args"]["value"], call["args"]["other"]
        assert value["redacted"] is (at in (8, 9, 11))
        assert "'password': <redacted>" in other["r"] and "'api_key': <redacted>" in other["r"]
        assert (
            "'tokem': 1" in other["r"]
            and "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8" not in other["r"]
        )

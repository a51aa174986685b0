"""Secrets: names and texts scored both ways, and a canary that must be found nowhere."""

import json
import os
import sys

import pytest
from conftest import TESTS, relive, run, usable_backends

from relive import _core

FOLDER = TESTS / "secrets"


def names():
    """(class, name): A, B, C as docs/security.md has them, or harmless."""
    for line in (FOLDER / "names.txt").read_text(encoding="utf-8").splitlines():
        label, *words = line.split()
        if label != "#":
            yield from ((label, word) for word in words)


def texts():
    """(text, what is left of it): the same where there is no secret in it."""
    for line in (FOLDER / "texts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row[0], row[-1]


def part(found, of):
    return f"{len(found)} of {len(of)} ({100 * len(found) / len(of):.1f} %)"


def test_names():
    rows = list(names())
    assert len({name for _, name in rows}) >= 400
    for label in ("A", "B", "C", "harmless"):
        of_class = [name for kind, name in rows if kind == label]
        right = [n for n in of_class if (_core.secret_class(n) or "harmless") == label]
        print("names of class", label, part(right, of_class))
        assert set(of_class) - set(right) == set()


def test_texts():
    rows = list(texts())
    assert len(rows) >= 250
    right = [text for text, clean in rows if _core.without_secrets(text) == clean]
    print("texts", part(right, rows))
    assert [text for text, _ in rows if text not in right] == []


def test_the_part_that_is_found_is_all_of_the_secret():
    for text, clean in texts():
        spans = _core.find_secrets(text)
        assert bool(spans) == (text != clean)
        assert all(0 <= begin < end <= len(text.encode()) for begin, end in spans)
        for begin, end in spans:
            secret = text.encode()[begin:end]
            assert len(secret) < 6 or secret not in clean.encode()


def test_values_that_names_of_classes_a_and_c_hide():
    for label, name in names():
        if label == "A":
            hidden = ("x", "correct horse", b"x", 7, 1.5, ["x"], ("x",), {"x": 1}, "", object())
            assert all(_core.is_secret(name, value) for value in hidden), name
        elif label == "C":
            assert all(_core.is_secret(name, v) for v in ("123", "482913", 482913, "123 456", 100))
            assert not any(_core.is_secret(name, v) for v in ("off", 26, 1.5, "ab", []))
        elif label == "harmless":
            assert not any(_core.is_secret(name, v) for v in ("abc123def456", 123456, ["x"]))
        assert not any(_core.is_secret(name, v) for v in (None, True, False, json, part, str))


def test_values_that_names_of_class_b_hide(capsys):
    """Tokens of 6 to 12 characters are hidden, those of Python's own tokenizer are not."""
    import tokenize

    tokens = (FOLDER / "tokens.txt").read_text().split()
    hidden = [token for token in tokens if _core.is_secret("token", token)]
    assert len(tokens) >= 40 and all(6 <= len(token) <= 12 for token in tokens)
    words, library = [], os.path.dirname(os.__file__)
    for name in ("argparse", "ast", "inspect", "json/decoder", "typing", "unittest/mock"):
        with open(os.path.join(library, name + ".py"), "rb") as file:
            words += [token.string for token in tokenize.tokenize(file.readline)]
    words = words[:: len(words) // 2000][:2000]
    shown = [word for word in words if not _core.is_secret("token", word)]
    with capsys.disabled():
        print("\ntokens hidden", part(hidden, tokens), "words shown", part(shown, words))
    assert len(hidden) >= 0.95 * len(tokens)
    assert len(shown) >= 0.95 * len(words) and len(words) == 2000


def test_class_b_looks_into_containers_and_hides_logins():
    values = [
        "abc123",
        1234,
        "a" * 16,
        "0123456789abcdef",
        b"abc123",
        bytearray(b"abc123"),
        1 << 80,
    ]
    values += ["theme=dark; sid=8f3kd92kd", "abc-123", "\u043f\u0430\u0440\u043e\u043b\u044c1"]
    assert all(_core.is_secret("token", value) for value in values)
    assert not any(_core.is_secret("token", v) for v in ("lambda", 5, "a b 12345", "", "x1", "=="))
    assert _core.is_secret("auth", ("ada", "x")) and not _core.is_secret("token", ("NAME", "x"))


def test_hostile_texts_end():
    """Each is gone over once: see tests/c/test_filter.c for more of them."""
    for text in ("eyJ" * 20000, "a://" * 16000, "4" * 64000, "DE12" * 16000, "=" * 64000,
                 ":" * 64000, "Bearer " * 9000, "-----BEGIN " * 6000, "\x00" * 64000,
                 "password=" * 7000, "token=token!" * 5000, '"\'' * 32000, "\U0001f600" * 16000
                 ):  # fmt: skip
        _core.find_secrets(text)
        assert len(_core.without_secrets(text)) <= len(text) + 400
        _core.secret_class(text)


# A secret of a known form; put together here so that no file holds it in one piece.
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
    argument([[(CANARY,)]]); argument({CANARY}); argument(CANARY.encode())
    argument(bytearray(CANARY, "ascii"))
    argument("before " + CANARY + " after"); argument(collections.deque([CANARY]))
    argument([("password", SECRET_NAMED), (b"Cookie", SECRET_NAMED.encode()),
              ("token", SECRET_NAMED)])
    by_name(SECRET_NAMED, SECRET_NAMED, api_key=SECRET_NAMED); get_secret(); nested(CANARY)
    argument(Account("ada", SECRET_NAMED)); argument(Pair("ada", SECRET_NAMED)); argument(config)
    slots = Slots(); slots.passwd = SECRET_NAMED; slots.other = CANARY; argument(slots)
    plain = Plain(); plain.password = SECRET_NAMED; plain.note = CANARY; plain.inner = slots
    argument(plain)
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

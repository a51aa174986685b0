"""Rules applied once more can only remove: each value of a pack is what it was, or less. The packs
are read by format_reader, which shares no code with Relive."""

import random
import re

import format_reader
import pytest
from conftest import relive
from format_values import Bytes, Value

import relive as api

PROGRAM = """
import logging, os, sys
class Order:
    def __init__(self, owner, items):
        self.owner, self.items, self.note = owner, items, "for " + owner
class Small(int): pass
def price(owner, item, count, extra=None, *rest, **named):
    total = {"item": item, "count": count, "owner": [owner, (owner,), {owner}]}
    text = f"{owner} takes {count} of {item}"
    print(text)
    logging.warning("price of %s", text)
    return total
def parts(owner):
    for n in range(3):
        got = yield {"n": n, "who": owner}
def fails(owner):
    try:
        raise KeyError(owner)
    except KeyError as error:
        raise ValueError("no " + owner) from error
limit = "limit-of-mallory"
order = Order("mallory-4711", [1, 2.5, None, b"mallory-4711", Small(7), frozenset("ab"), range(3)])
for item in ("tea-and-milk", "sugar", "x" * 3000):
    price("mallory-4711", item, 3, order, 1, 2, key="value-of-key", flag=True)
held = list(parts("mallory-4711"))
order.items[0] = "changed-item"
if os.fork() == 0:
    price("mallory-4711", "of the child", 1)
    os._exit(0)
os.wait()
fails("mallory-4711")
"""
MARK = re.escape("<redacted>")
NONE = (29, 31, 32)  # redacted, cut, dropped


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    (folder / "app.py").write_text(PROGRAM)
    done = relive("record", "--level", "lines", "--output", "--globals", "-o", "r.relive", "app.py",
                  cwd=folder)  # fmt: skip
    assert done.returncode == 1, done.stderr
    return folder / "r.relive"


def is_less_text(less, more):
    """A text with marks in the place of parts."""
    pieces = [re.escape(piece) for piece in re.split(MARK, less)]
    return less == more or re.fullmatch(".*".join(pieces), more, re.DOTALL) is not None


def is_less(less, more):
    """Returns whether a value is another one, or that with less in it."""
    if less.tag == 29 or (less.tag in NONE and more.tag == less.tag):
        return True
    if more.tag in NONE:
        return False
    if hasattr(more, "held") and hasattr(less, "held"):
        one, other = (
            held.decode("latin-1") if isinstance(held, bytes) else held
            for held in (less.held, more.held)
        )
        return is_less_text(one, other)
    same = (less.tag, less.type, less.len, less.names, len(less.inner), less.exact) == (
        more.tag, more.type, more.len, more.names, len(more.inner), more.exact,
    )  # fmt: skip
    return same and all(map(is_less, less.inner, more.inner))


def values_of(record, strings):
    """What the values of an event are: values and other things, in their order."""
    data, kind = Bytes(record.get("values", b"")), record["kind"]
    found = []
    if kind == 20:
        return [data.data.decode("utf-8", "replace")]
    if kind == 10:
        word = data.varint()
        found.append(word)
        if word & 3 == 3:
            found += [Value(data, strings), data.varint()]
    while data.left() and kind not in (19, 30, 31):
        if kind in (6, 7, 8, 16) and found:
            break  # numbers follow
        found.append(Value(data, strings))
    return [*found, data.data[data.at :]]


def expect_less(less, more):
    """Checks all events of two recordings."""
    count = removed = 0
    threads = sorted({thread for thread, _ in more.chunks})
    assert threads == sorted({thread for thread, _ in less.chunks})
    for thread in threads:
        ours, theirs = list(less.thread_events(thread)), list(more.thread_events(thread))
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            for key in ("kind", "id", "frame", "now", "seq", "task", "session", "line"):
                if key != "id" or one["kind"] not in (14, 16):
                    assert one.get(key) == other.get(key)
            mine, whole = values_of(one, less.strings), values_of(other, more.strings)
            assert len(mine) == len(whole)
            for value, before in zip(mine, whole):
                count += 1
                if isinstance(value, Value):
                    assert is_less(value, before), (one, value.text(), before.text())
                    removed += value.text() != before.text()
                elif isinstance(value, str):
                    assert is_less_text(value, before), (value, before)
                    removed += value != before
                else:
                    assert value == before
    return count, removed


def pack(path, made, rules, **options):
    """Packs a run, and gives each recording of it by its process."""
    with api.open(path) as recording:
        recording.pack(made, redact=rules, force=True, **options)
    return read_all(made)


def read_all(path):
    first = format_reader.Recording(path)
    found = [first, *(first.member(number) for number in sorted(first.members))]
    return {one.pid: one for one in found}


NAMES = ["^owner$", "^item$", "^count$", "^extra$", "^key$", "^note$", "^who$", "^text$", "mallory",
         "^flag$", "[0-9]{4}", "^total$", "^n$"]  # fmt: skip


def test_rules_can_only_remove_more(run, tmp_path):
    whole = {}
    for path in [run, *sorted(run.parent.glob("r.*.relive"))]:
        one = format_reader.Recording(path)
        whole[one.pid] = one
    assert len(whole) == 2
    draw = random.Random(11)
    none = pack(run, tmp_path / "none.relive", [])
    assert none.keys() == whole.keys()
    most = 0
    for number in range(6):
        some = draw.sample(NAMES, draw.randrange(1, 4))
        more = [*some, *draw.sample(NAMES, 2)]
        paths = [tmp_path / f"{number}-{word}.relive" for word in ("some", "more", "again")]
        less, least = pack(run, paths[0], some), pack(run, paths[1], more)
        again = pack(paths[0], paths[2], more[len(some) :])
        for pid in whole:
            assert expect_less(none[pid], whole[pid])[0] > 20
            removed = expect_less(less[pid], none[pid])[1]
            assert expect_less(least[pid], none[pid])[1] >= removed
            expect_less(again[pid], less[pid])
            most = max(most, removed)
    assert most > 30


def test_a_pack_without_values_stays_so(run, tmp_path):
    """What is gone does not come back by a pack with fewer rules."""
    made = pack(run, tmp_path / "made.relive", [], values=False)
    again = pack(tmp_path / "made.relive", tmp_path / "again.relive", [])
    for pid, one in made.items():
        blocks = b"".join(bytes(payload) for kind, _, payload, _ in one.blocks() if kind == 4)
        assert b"mallory" not in blocks and b"tea-and-milk" not in blocks
        expect_less(again[pid], one)
        assert expect_less(one, again[pid])[1] == 0


def test_the_page_says_enough_of_packs(run, tmp_path):
    """format_reader finds in a pack what Relive does, in each member."""
    made = tmp_path / "made.relive"
    assert len(pack(run, made, ["^owner$"])) == 2
    for number in range(2):
        with api.Recording(made, member=number) as recording:
            assert format_reader.events(made, number) == list(recording.events())

"""Every place of a value, against a plain walk over the same events."""

import collections
import json
import random

import format_reader
import pytest
from conftest import PROGRAMS, relive, two_versions
from format_values import Bytes, Value

import relive as api

pytestmark = two_versions
CALL, WRITE, RUNNING = 1, 10, 28
PLACES = {2: "result", 3: "yielded", 4: "sent", 5: "exception", 6: "exception", 7: "exception",
          8: "exception"}  # fmt: skip
EXCEPTION, NONE = 30, 1
PARTS = (".message", ".cause", ".context")
CHOSEN = PROGRAMS[::9]


def leaves(value, path, is_exception):
    """Yields (path, value) of everything inside a value that has nothing inside."""
    if not value.inner:
        yield path, value
    for place, inner in enumerate(value.inner):
        step = ""
        if value.tag in (16, 17, 18, 19):
            step = f"[{place}]"
        elif value.tag == 20:
            step = f"[{value.inner[place - 1].text()}]" if place % 2 else ".keys()"
        elif value.tag == 23:
            step = f".{value.names[place]}"
        elif is_exception and place < 3 and value.tag != 26:
            step = PARTS[place]
        if value.tag != EXCEPTION or inner.tag != NONE:  # it has no cause, or no context
            yield from leaves(inner, path + step, is_exception)


def values_of(recording, event):
    """Yields (place, name, value) of each value of an event."""
    kind, data = event["kind"], Bytes(event.get("values", b""))
    code = recording.codes.get(event["id"])
    if not data.left():
        return
    if kind in (CALL, RUNNING):
        for number in code[6][: code[5]]:
            if data.left():
                place = "argument" if kind == CALL else "call"
                yield place, recording.strings[number], Value(data, recording.strings)
    elif kind == WRITE:
        word = data.varint()
        if word & 3 == 3:
            Value(data, recording.strings)
            word = data.varint()
        number = word >> 3
        name = recording.strings[code[6][number] if word & 3 == 0 else number]
        yield "write", name, Value(data, recording.strings)
    elif kind in PLACES:
        yield PLACES[kind], None, Value(data, recording.strings)


def places(path):
    """{(type, text): [(position, place, name, path)]} of plain values."""
    recording = format_reader.Recording(path)
    found = collections.defaultdict(list)
    for event in format_reader.merged(recording):
        for place, name, value in values_of(recording, event):
            for inside, leaf in leaves(value, "", place == "exception"):
                if leaf.exact is not None or leaf.tag == 1:
                    position = f"T{event['thread']}@{event['seq']}"
                    key = type(leaf.exact), repr(leaf.exact)
                    found[key].append((position, place, name, inside))
    return found


@pytest.mark.parametrize("program", CHOSEN, ids=lambda path: path.stem)
def test_places_of_every_kind_of_value(tmp_path, program):
    path = tmp_path / "run.relive"
    relive("record", "-o", path, "--level", "lines", program, "a", "b", cwd=tmp_path)
    expected = places(path)
    kinds = (int, str, float, bool, type(None))
    known = [key for key in expected if key[0] in kinds and len(key[1]) < 100]
    chosen = random.Random(program.stem).sample(known, min(25, len(known)))
    with api.open(path) as recording:
        for key in chosen:
            value = eval(key[1], {"nan": float("nan"), "inf": float("inf")})
            if value != value:
                continue
            found = recording.find(value)
            rows = [(one.position, one.place, one.name, one.path) for one in found]
            assert rows == expected[key], (program.stem, key)
            assert found.count == len(rows)


SHOP = """\
class Box:
    def __init__(self, sku):
        self.sku = sku
        self.rows = [(sku, 118)]

def keep(box, count=True):
    return {"box": box.sku, "n": count}

def fail(sku):
    raise KeyError(sku)

box = Box("sku-77")
kept = keep(box)
try:
    fail("sku-77")
except KeyError:
    pass
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("find")
    (folder / "shop.py").write_text(SHOP)
    relive("record", "-o", "shop.relive", "--level", "lines", "shop.py", cwd=folder)
    return folder


def test_places_have_calls_names_and_paths(shop):
    with api.open(shop / "shop.relive") as recording:
        found = list(recording.find("sku-77"))
        rows = [(one.call, one.place, one.name, one.path) for one in found]
        assert rows[0] == ("Box.__init__#1", "argument", "sku", "")
        assert ("keep#1", "result", None, "['box']") in rows
        assert ("fail#1", "exception", None, ".message") in rows
        assert [one.name for one in recording.find(1)] == []  # True is no 1
        pair = next(iter(recording.find(("sku-77", 118))))
        assert (pair.place, pair.name, pair.path) == ("write", "self", ".rows[0]")
        texts = {one.value["v"] for one in recording.find("ku-7", contains=True)}
        assert texts == {"sku-77"}
        assert {one.value["v"] for one in recording.find("^sku", pattern=True)} == {"sku-77"}
        writer = next(iter(recording.find("sku-77", writers=True)))
        assert (writer.name, writer.path) == ("self", ".sku")


def test_text_json_and_pages_of_find(shop):
    words = ["find", '"sku-77"', "shop.relive"]
    whole = relive(*words, "--limit", "0", cwd=shop).stdout.decode()
    assert whole.splitlines()[0].split()[1:4] == ["Box.__init__#1", "argument", "sku"]
    first = relive(*words, "--first", cwd=shop).stdout.decode()
    assert first == whole.splitlines(True)[0]
    pages, cursor = "", []
    while cursor is not None:
        done = relive(*words, "--limit", "2", *cursor, cwd=shop)
        pages += done.stdout.decode()
        more = done.stderr.decode().partition("--cursor ")[2].split()
        cursor = ["--cursor", more[0]] if more else None
    assert pages == whole
    rows = relive(*words, "--json", cwd=shop).stdout.splitlines()
    assert json.loads(rows[0]) == {"schema": "relive.find", "version": 1}
    assert json.loads(rows[-1])["totals"]["places"] == len(rows) - 2
    wrong = relive("find", "sku-77", "shop.relive", cwd=shop, check=False)
    assert wrong.returncode == 2 and b"a text has quotes" in wrong.stderr
    none = relive("find", "119", "shop.relive", cwd=shop, check=False)
    assert none.returncode == 1 and none.stdout == b"0 places\n"

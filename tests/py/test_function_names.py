"""Which functions a written name means: C gives what the plainest way gives."""

import os

from conftest import relive as run

import relive

SOURCE = """
class Cart:
    def add(self, item): return [lambda: item for _ in range(1)][0]()
    class Item:
        def add(self): return 1

def add(x): return x

def outer():
    def inner(): return 1
    return inner()

Cart().add(1); Cart.Item().add(); add(2); outer()
"""


def plain(rows, target):
    """Returns the codes that a name means, in the plainest way."""
    file, _, number = target.rpartition(":")
    if file and number.isdigit():
        line = int(number)
        near = [
            row
            for row in rows
            if row[4] <= line and (row[3] == file or row[3].endswith(os.sep + file.lstrip("./")))
        ]
        return sorted(near, key=lambda row: (-row[4], row[5] & 16))
    ways = (
        lambda row: target in (row[2], row[1] + ":" + row[2], row[1] + "." + row[2]),
        lambda row: row[2].rpartition(".")[2] == target,
        lambda row: row[1] == target,
    )
    for means in ways:
        found = [row for row in rows if means(row)]
        if found:
            return found
    return []


def test_c_finds_the_functions_that_a_plain_search_finds(tmp_path):
    program, out = tmp_path / "names.py", tmp_path / "out.relive"
    program.write_text(SOURCE)
    run("record", "-o", out, program, cwd=tmp_path)
    with relive.open(str(out)) as recording:
        rows = recording.codes()
        words = {"", "x", ":", ".", "add", "Item.add", "#", "é", "nobody.py:3", "main:0"}
        for row in rows:
            last = row[2].rpartition(".")[2]
            words |= {row[1], row[2], last, row[1] + ":" + row[2], row[1] + "." + row[2]}
            words |= {row[2][1:], last[:-1], row[1] + ":" + last}
            for name in (row[3], os.path.basename(row[3]), "./" + os.path.basename(row[3])):
                words |= {name + ":" + str(line) for line in (0, 1, row[4], row[4] + 1, 10**12)}
        for word in sorted(words):
            found, _ = recording.reader.functions_at(word)
            assert found == plain(rows, word), word
        assert len(plain(rows, "add")) == 1 and len(plain(rows, "inner")) == 1

"""With indexes of both recordings, `relive diff` leaves out what their landmarks know to be equal,
and answers what a reading of all answers."""

import json
import os
import random
import sys

import pytest
from conftest import relive, run, two_versions
from test_index import ask, index_of

import relive as api
from relive import _core, _index, diffs

pytestmark = two_versions

# Runs scripts such as [[1, [7, 2]], [9]], one for each thread. A list is a call.
PROGRAM = """
import json, sys, threading, relive

class Item:
    def __init__(self, number):
        self.number = number

def leaf(item, number):
    if number % 17 == 3:
        raise KeyError(number)
    return f"leaf {number}"

def turns(items):
    for item in items:
        yield item

def node(items):
    last = None
    for item in turns(items):
        if isinstance(item, list):
            last = node(item)
        else:
            try:
                last = leaf(Item(item), item)
            except KeyError as error:
                last = error
    return last

def run(scripts):
    threads = [threading.Thread(target=node, args=(one,), name=str(i))
               for i, one in enumerate(scripts)]
    for one in threads:
        one.start()
        one.join()
    print(len(scripts))

for number, (level, scripts) in enumerate(json.load(sys.stdin)):
    with relive.record(f"{number}.relive", level=level, include=["__main__"], stdio=True):
        run(scripts)
"""
KEY = b"0123456789abcdef"


def grow(rng, size):
    """A random script of so many items, some of them calls."""
    script = []
    while size > 0:
        part = rng.randrange(1, min(size, 30)) if size > 2 and rng.random() < 0.2 else 1
        script.append(grow(rng, part - 1) if part > 1 else rng.randrange(90))
        size -= part
    return script


def change(rng, script):
    """The script with items added, removed, or changed somewhere."""
    script = json.loads(json.dumps(script))
    place = script
    while True:
        inner = [item for item in place if isinstance(item, list)]
        if not inner or rng.random() < 0.5:
            break
        place = rng.choice(inner)
    at = rng.randrange(len(place) + 1)
    what = rng.randrange(4)
    if what == 0 or not place:
        place.insert(at, rng.choice([3, 8, [1, 9], [[5], 6]]))
    elif what == 1:
        del place[at - 1]
    elif what == 2:
        place[at - 1] = rng.choice([2, 20, 11, [], [4, 4]])
    else:
        place[at:at] = [1, [2], 7] * 5
    return script


def make_index(path, key=KEY, marks=20, stretch=300):
    """Writes an index with landmarks that are close to each other."""
    with api.open(path, index=False) as recording:
        descriptor = os.open(index_of(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        recording.raw_reader.index_begin(descriptor, 0, stretch, key, marks)
        while recording.raw_reader.index_step(1000):
            pass
        os.close(descriptor)
        return recording.raw_reader.index_end()


@pytest.fixture(autouse=True)
def small_files_too(monkeypatch, tmp_path):
    """Lets every file have an index; nothing is written outside of the test's folder."""
    monkeypatch.setattr(_core, "INDEX_WORTHWHILE", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RELIVE_INDEX", raising=False)


def skipped(path_a, path_b, key=KEY):
    """Compares all pairs of threads, without landmarks and with them. Returns how many steps were
    left out."""
    count = 0
    with api.open(path_a) as a, api.open(path_b) as b:
        a.use_index(), b.use_index()
        kinds, has_values = diffs.comparable(a, b)
        known = _core.kinds()
        mask = sum(known[name] for name in kinds)
        own = a.own_codes(), b.own_codes()
        for thread in set(a.threads()) & set(b.threads()):
            asked = (b.raw_reader, (thread, thread), None, own, mask, has_values, 1000)
            plain, quick = a.raw_reader.diff(*asked), a.raw_reader.diff(*asked, key)
            assert plain[:4] == quick[:4]
            assert plain[4] == 0
            count += quick[4]
    return count


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """[(path of A, path of B, their level)]: scripts, then the same ones with changes."""
    folder = tmp_path_factory.mktemp("diff_index")
    rng, runs = random.Random(11), []
    for number in range(12):
        level = ("calls", "values", "lines")[number % 3]
        scripts = [grow(rng, 250), grow(rng, 60)]
        other = [change(rng, one) for one in scripts]
        if number == 3:
            other = scripts
        if number > 8:
            other[0] = change(rng, change(rng, other[0]))
        runs += [(level, scripts), (level, other)]
    runs += [("values", runs[0][1]), ("lines", runs[0][1])]
    done = run(sys.executable, "-c", PROGRAM, cwd=folder, stdin=json.dumps(runs).encode())
    assert done.returncode == 0, done.stderr.decode()
    paths = [folder / f"{number}.relive" for number in range(len(runs))]
    for path in paths:
        with api.open(path, index=False) as recording:
            assert make_index(path) > recording.header["events"] * 0.9
    return [(paths[n], paths[n + 1]) for n in range(0, len(paths), 2)]


def test_landmarks_change_no_answer(pairs):
    left_out = [skipped(a, b) for a, b in pairs[:-1]]
    assert sum(1 for count in left_out if count > 500) >= 8
    assert skipped(pairs[3][0], pairs[3][1]) == skipped(pairs[3][1], pairs[3][0]) > 0


def test_runs_of_other_levels(pairs):
    """Only one has values, or lines: nothing is left out that one has and the other lacks."""
    calls, (values, lines) = pairs[0][0], pairs[-1]
    assert skipped(calls, values) == 0  # with values, the hashes are others
    for a, b in ((values, lines), (calls, lines), (lines, values)):
        assert skipped(a, b) == 0


def test_every_way_to_ask(pairs, monkeypatch):
    monkeypatch.setattr(_index, "landmark_key", lambda may_make=False: KEY)
    for a, b in [*pairs[:6], pairs[-1]]:
        for words in ([], ["--json"], ["--all", "--limit", "0"], ["--limit", "2", "--json"]):
            monkeypatch.setenv("RELIVE_INDEX", "0")
            plain = ask("diff", a, b, *words)
            monkeypatch.delenv("RELIVE_INDEX")
            assert ask("diff", a, b, *words) == plain


def test_another_key_or_none(pairs):
    a, b = pairs[1]
    assert skipped(a, b) > 0
    assert skipped(a, b, b"another key, 16b") == 0
    assert skipped(a, b, None) == 0
    try:
        make_index(b, b"another key, 16b")
        assert skipped(a, b) == skipped(a, b, b"another key, 16b") == 0
        make_index(b, None)
        assert skipped(a, b) == 0
    finally:
        make_index(b)
    with pytest.raises(ValueError, match="16 bytes"):
        skipped(a, b, b"short")


def copy_of(path, folder, name, size=None):
    copy = folder / f"{name}.relive"
    copy.write_bytes(path.read_bytes()[:size])
    return copy


def test_recordings_that_are_not_whole(pairs, tmp_path):
    """One that was cut off, one with damage in the middle, a part, one that is still written."""
    (a, b), rng = pairs[2], random.Random(3)
    whole = a.stat().st_size
    for number, share in enumerate((0.97, 0.8, 0.5)):
        short = copy_of(a, tmp_path, f"short{number}", int(whole * share))
        make_index(short)
        skipped(short, b), skipped(b, short)
    for number in range(4):
        damaged = copy_of(a, tmp_path, f"damaged{number}")
        data = bytearray(damaged.read_bytes())
        for _ in range(3):
            data[rng.randrange(len(data) // 4, len(data) * 3 // 4)] ^= 0x55
        damaged.write_bytes(data)
        try:
            make_index(damaged)
        except api.ReliveError:
            continue
        skipped(damaged, b), skipped(b, damaged)
    part = tmp_path / "part.relive"
    api.open(a).cut(part, "20%", "80%")
    make_index(part)
    assert skipped(part, b) == skipped(b, part) == 0


def test_a_recording_that_is_still_written(pairs, tmp_path):
    script = [1, [2, 3], 20] * 50
    namespace = {"__name__": "__main__"}
    exec(PROGRAM.partition("for number")[0], namespace)
    for count in range(3):
        (tmp_path / f"{count}").mkdir()
        api.start(tmp_path / f"{count}" / "grows.relive", level="values")
        try:
            namespace["node"](script)
            path = tmp_path / f"{count}" / "grows.relive"
            words = [sys.executable, "-c", GROWING, str(path), str(pairs[1][0]), index_of(path)]
            done = run(*words, cwd=tmp_path)
            assert done.returncode == 0, done.stderr.decode()
        finally:
            api.stop()


GROWING = """
import os, sys
from relive import _core, api, diffs
_core.INDEX_WORTHWHILE = 0
path, other, index = sys.argv[1:]
fd = os.open(index, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
recording = api.open(path, index=False)
recording.raw_reader.index_begin(fd, 0, 50, b"0123456789abcdef", 20)
while recording.raw_reader.index_step(100): pass
a, b = api.open(path), api.open(other)
assert a.use_index() is not None and b.use_index() is not None
mask = sum(_core.kinds()[name] for name in diffs.comparable(a, b)[0])
for one, two in ((a, b), (a, a), (b, b)):
    asked = (two.raw_reader, (1, 1), None, ([], []), mask, True, 1000)
    plain, quick = one.raw_reader.diff(*asked), one.raw_reader.diff(*asked, b"0123456789abcdef")
    assert plain[:4] == quick[:4]
"""


def test_the_key_is_made_once_and_kept_secret(tmp_path):
    path = tmp_path / "cache" / "relive" / "landmarks" / "key"
    assert _index.landmark_key() is None and not path.exists()
    key = _index.landmark_key(may_make=True)
    assert len(key) == 16 and path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert _index.landmark_key() == _index.landmark_key(may_make=True) == key
    path.chmod(0o640)  # others may have read it
    assert _index.landmark_key() is None and _index.landmark_key(may_make=True) is None
    path.chmod(0o600)
    path.write_bytes(key[:7])
    assert _index.landmark_key() is None
    other = _index.landmark_key(may_make=True)
    assert other != key and len(other) == 16


def test_a_key_that_is_not_this_users_alone_is_not_used(tmp_path, monkeypatch):
    path = tmp_path / "cache" / "relive" / "landmarks" / "key"
    path.parent.mkdir(parents=True)
    (tmp_path / "known").write_bytes(KEY)
    (tmp_path / "known").chmod(0o600)
    for link in (os.symlink, os.link):
        link(tmp_path / "known", path)
        assert _index.landmark_key() is None and _index.landmark_key(may_make=True) is None
        assert (tmp_path / "known").read_bytes() == KEY
        path.unlink()
    os.mkfifo(path, 0o600)
    assert _index.landmark_key() is None and _index.landmark_key(may_make=True) is None
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file")
    assert _index.landmark_key(may_make=True) is None
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "no folder")
    assert _index.landmark_key(may_make=True) is None


def test_an_index_is_made_without_a_key_where_there_is_none(pairs, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    paths = [copy_of(one, tmp_path, name) for one, name in zip(pairs[1], "ab")]
    for path in paths:
        with api.open(path) as recording:
            assert recording.use_index(may_make=True) is not None
    assert _index.landmark_key() is None
    assert ask("diff", *paths)[0] == ask("diff", *paths, "--json")[0]


def test_a_user_has_one_key(pairs, tmp_path, monkeypatch):
    """Indexes that questions make share it: a comparison leaves out what both know."""
    paths = [copy_of(one, tmp_path, name) for one, name in zip(pairs[1], "ab")]
    for path in paths:
        with api.open(path) as recording:
            assert recording.use_index(may_make=True) is not None
    monkeypatch.setenv("RELIVE_INDEX", "0")
    plain = ask("diff", *paths, "--json")
    monkeypatch.delenv("RELIVE_INDEX")
    assert ask("diff", *paths, "--json") == plain
    assert len(_index.landmark_key()) == 16
    assert relive("diff", *paths).returncode in (0, 1)


def test_a_comparison_makes_the_second_index_and_not_the_first(pairs, tmp_path):
    a, b = (copy_of(one, tmp_path, name) for one, name in zip(pairs[1], "ab"))
    plain = ask("diff", a, b)
    assert not os.path.exists(index_of(a)) and not os.path.exists(index_of(b))
    with api.open(b) as recording:
        assert recording.use_index(may_make=True) is not None
    assert ask("diff", a, b) == plain
    assert os.path.exists(index_of(a))
    assert ask("diff", a, b) == plain

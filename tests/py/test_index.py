"""With an index each verb prints what it prints without one. One that is wrong, or somebody else's,
is not used."""

import contextlib
import io
import os
import random
import shutil
import sys

import pytest
from conftest import PROGRAMS, relive, two_versions

import relive as api
from relive import _core
from relive.cli import main

pytestmark = two_versions

# Of tests/programs: what keeps something open, or moves.
CHOSEN = {
    "closures", "coroutines", "async_generators", "exceptions_chain", "exceptions_finally",
    "generator_across_threads", "generator_interleaved", "generator_throw",
    "generator_yield_from", "classes",
}  # fmt: skip
STRETCH = 30  # events

MANY = """
import threading
def price(item, count):
    cost = len(item) * count
    if cost % 11 == 0:
        raise ValueError(item)
    return cost
def rare(n):
    for i in range(n):
        yield i
def work(n):
    total = 0
    for i in range(n):
        try:
            total += price("x" * (i % 13), i)
        except ValueError:
            total -= 1
        if i % 90 == 44:
            total += sum(rare(2))
    return total
for _ in range(3):
    threads = [threading.Thread(target=work, args=(120,)) for _ in range(2)]
    for one in threads: one.start()
    for one in threads: one.join()
work(100)
"""


@pytest.fixture(autouse=True)
def small_files_too(monkeypatch, tmp_path):
    """Lets every file have an index; nothing is written outside of the test's folder."""
    monkeypatch.setattr(_core, "INDEX_WORTHWHILE", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RELIVE_INDEX", raising=False)


def index_of(path):
    return f"{path}-index"


def make_index(path, stretch=STRETCH):
    """Writes an index with short stretches beside a recording. Returns what it covers."""
    with api.open(path, index=False) as recording:
        descriptor = os.open(index_of(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        recording.raw_reader.index_begin(descriptor, 0, stretch)
        while recording.raw_reader.index_step(1000):
            pass
        covered = recording.raw_reader.index_end()
        os.close(descriptor)
        return covered


def record_many(folder):
    (folder / "prog.py").write_text(MANY)
    path = folder / "many.relive"
    relive("record", "-o", path, "--level", "lines", "prog.py", cwd=folder)
    return path


def ask(*words):
    """Returns (exit status, stdout, stderr) of a verb in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


def questions(path, seed, count):
    """Returns commands about random places of a recording."""
    chosen = random.Random(seed)
    with api.open(path, index=False) as recording:
        codes = [row for row in recording.codes() if row[2] != "<module>" and not row[5] & 8]
        events = list(recording.events())
    found = [["exc"], ["exc", "--all", "--json"], ["exc", "1"], ["state", "end"],
             ["state", "start"], ["gaps"], ["check"], ["tree"], ["threads", "--json"], ["threads"],
             ["tasks", "--json"], ["timeline", "--count"], ["timeline", "--count", "--libraries"],
             ["timeline", "--kinds", "all", "--json", "--limit", "20"],
             ["tree", "--calls", "--limit", "3"]]  # fmt: skip
    for _ in range(count):
        event = chosen.choice(events)
        _, module, name, file, line, _, _, variables = chosen.choice(codes)
        function, nth = f"{module}:{name}", chosen.choice([1, 2, 3, 7, 40, "last"])
        here = f"{file}:{line + chosen.randrange(6)}"
        found += [
            ["state", f"T{event['thread']}@{event['seq']}"],
            ["state", f"T1@{chosen.randrange(len(events) + 5)}", "--json"],
            ["state", f"{function}#{nth}"],
            ["state", f"{here}#{nth}"],
            ["state", f"{chosen.random() * 100:.2f}%"],
            ["state", f"+{event['t'] / 1e6 + chosen.random():.6f}ms"],
            ["state", f"exc:{chosen.choice([1, 2, 'last'])}"],
            ["frame", f"{function}#{nth}"],
            ["frame", f"{function}#{nth}", "--json"],
            ["line", here, "--limit", chosen.choice([1, 3, 1000])],
            ["calls", function, "--json"],
            ["calls", f"{function}#{nth if nth != 'last' else 2}"],
            ["calls", function, "--where", "total > 1us", "--last"],
            ["calls", function, "--limit", "2"],
            ["calls", function, "--count"],
            ["callers", function],
            ["tree", "--calls", "--func", function, "--limit", chosen.choice([1, 2, 9])],
            ["timeline", "--from", f"T{event['thread']}@{event['seq']}", "--limit", "7", "--json"],
            ["timeline", "--from", f"{chosen.random() * 100:.2f}%", "--kinds", "all", "--limit",
             "0", "--json"],
            ["timeline", "--from", f"{chosen.random() * 60:.2f}%", "--limit", "2", "--to",
             f"{40 + chosen.random() * 60:.2f}%"],
            ["timeline", "--to", f"T{event['thread']}@{event['seq']}", "--kinds", "all",
             "--limit", "3"],
            ["timeline", "--limit", "4", "--thread", event["thread"]],
            ["timeline", "--count", "--where", "n == 2 or total > 1us"],
        ]  # fmt: skip
        own = [row[7] for row in codes if f"{row[1]}:{row[2]}" == event.get("func") and row[7]]
        if own:
            name = chosen.choice(own[0])
            found.append(["origin", f"{name}@T{event['thread']}@{event['seq']}", "--json"])
        if variables:
            found.append(["history", function, chosen.choice(variables), "--json"])
    return found


def compare(path, seed, count):
    """Asks everything with and without the index."""
    for words in questions(path, seed, count):
        plain = ask(*words, path, "--no-index")
        os.environ.pop("RELIVE_INDEX", None)
        assert ask(*words, path) == plain, words


@pytest.mark.parametrize("level", ["values", "lines"])
def test_every_verb_of_programs(tmp_path, level):
    covered = 0
    for program in PROGRAMS:
        if program.stem in CHOSEN:
            path = tmp_path / f"{program.stem}.relive"
            relive("record", "-o", path, "--level", level, program, "a", "b", cwd=tmp_path)
            covered += make_index(path, 10)
            compare(path, program.stem, 1)
    assert covered > 100


def test_every_verb_of_a_program_with_threads(tmp_path):
    path = record_many(tmp_path)
    with api.open(path, index=False) as recording:
        events = recording.header["events"]
    assert make_index(path) > events - 3 * STRETCH
    with api.open(path) as recording:
        assert recording.use_index()["covered"] > events - 3 * STRETCH
    compare(path, 1, 6)


def test_a_killed_and_a_ring(tmp_path):
    (tmp_path / "prog.py").write_text(MANY + "import os\nos.kill(os.getpid(), 9)")
    path = tmp_path / "killed.relive"
    relive("record", "-o", path, "--level", "lines", "prog.py", cwd=tmp_path)
    assert make_index(path) > 0
    compare(path, 2, 2)
    ring = tmp_path / "ring.relive"
    (tmp_path / "prog.py").write_text(MANY.replace("range(3)", "range(60)"))
    relive("record", "-o", ring, "--ring", "1MB", "--level", "lines", "prog.py", cwd=tmp_path)
    with api.open(ring) as recording:
        assert recording.header["losses"]
        assert not recording.raw_reader.index_wanted(0)


def test_a_file_of_another_recording_is_not_used(tmp_path):
    first = record_many(tmp_path)
    (tmp_path / "b").mkdir()
    second = record_many(tmp_path / "b")
    make_index(first)
    shutil.copy(index_of(first), index_of(second))
    assert api.open(first).use_index() is not None
    assert api.open(second).use_index() is None
    compare(second, 3, 1)


def test_only_an_own_file_is_used(tmp_path):
    path = record_many(tmp_path)
    make_index(path)
    index = index_of(path)
    assert api.open(path).use_index() is not None
    assert api.open(path, index=False).use_index() is None
    os.chmod(index, 0o644)  # others may read values in it
    assert api.open(path).use_index() is None
    os.chmod(index, 0o600)
    os.link(index, tmp_path / "second name")
    assert api.open(path).use_index() is None
    os.unlink(tmp_path / "second name")
    os.rename(index, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", index)
    assert api.open(path).use_index() is None
    os.unlink(index)
    os.mkfifo(index)
    assert api.open(path).use_index() is None
    compare(path, 4, 1)


def test_it_is_made_where_it_may_be(tmp_path):
    path = record_many(tmp_path)
    with api.open(path) as recording:
        made = recording.use_index(may_make=True)
    assert made["path"] == index_of(path)
    assert os.stat(made["path"]).st_mode & 0o777 == 0o600
    os.unlink(made["path"])
    os.mkdir(f"{index_of(path)}.new")  # it cannot be written there
    with api.open(path) as recording:
        made = recording.use_index(may_make=True)
    assert made["path"].startswith(str(tmp_path / "cache"))
    assert os.stat(os.path.dirname(made["path"])).st_mode & 0o777 == 0o700
    with api.open(path) as recording:
        assert recording.use_index()["path"] == made["path"]
    assert "index" in ask("info", path)[1]


def test_a_small_recording_gets_none(tmp_path, monkeypatch):
    monkeypatch.undo()
    path = record_many(tmp_path)
    ask("state", "end", path)
    assert sorted(os.listdir(tmp_path)) == ["many.relive", "prog.py"]


def test_a_recording_that_grows_extends_it(tmp_path):
    path = tmp_path / "grows.relive"
    covered = []
    namespace = {}
    exec(compile(MANY.partition("for _")[0], str(tmp_path / "prog.py"), "exec"), namespace)
    api.start(path, level="lines")
    try:
        for _ in range(3):
            namespace["work"](80)
            covered.append(extend(path))
    finally:
        api.stop()
    covered.append(extend(path))
    assert covered == sorted(covered)
    assert covered[0] > 0 and covered[-1] > covered[0]
    compare(path, 5, 2)


def extend(path):
    """Adds to the index of a recording, from another process, since this one is recorded."""
    script = (
        "import os, sys\nfrom relive import _core, _index, api\n_core.INDEX_WORTHWHILE = 0\n"
        "path = sys.argv[1]\nrecording = api.open(path)\nrecording.use_index()\n"
        "fd = os.open(path + '-index.new', os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)\n"
        f"recording.raw_reader.index_begin(fd, 0, {STRETCH})\n"
        "while recording.raw_reader.index_step(100): pass\n"
        "print(recording.raw_reader.index_end())\nos.rename(path + '-index.new', path + '-index')\n"
        "assert api.open(path).use_index() is not None\n"
    )
    import subprocess

    return int(subprocess.check_output([sys.executable, "-c", script, path], timeout=100))


FAR = """
class Config:
    def __init__(self, rate, parts):
        self.rate, self.parts = rate, parts
def load():
    config = Config(19, ["tea", "milk"])
    return config
def limit_of(text):
    limit = int(text)
    return limit
def tax(n):
    return n * 3
def turns(count):
    for n in range(count):
        yield tax(n)
def work(count):
    return sum(turns(count))
def price(config, limit, qty):
    rate = config.rate
    return rate * qty + limit
def main(first):
    config = load()
    limit = limit_of("12")
    work(4000), work(5000)
    return price(config, limit, 7)
main(1)
"""


def test_a_long_way_back_is_the_same(tmp_path):
    (tmp_path / "prog.py").write_text(FAR)
    path = tmp_path / "far.relive"
    relive("record", "-o", path, "--level", "lines", "prog.py", cwd=tmp_path)
    asked = [
        "config.rate@price#1",
        "limit@price#1",
        "rate@price#1",
        "config.parts@price#1",
        "first@price#1",
        "first@main#1",
        "config@main#1",
        "qty@price#1",
        "n@tax#8000",
    ]
    plain = [ask("origin", one, path, "--no-index")[:2] for one in asked]
    assert sum("literal" in text and "Config.__init__#1" in text for _, text in plain) == 3
    assert "limit_of() = 12  result" in plain[1][1]
    for stretch in (400, 5000):
        make_index(path, stretch)
        os.environ.pop("RELIVE_INDEX", None)
        assert [ask("origin", one, path)[:2] for one in asked] == plain


WAITING = """
def turns(n):
    for i in range(n):
        yield i
held = turns(30)
next(held)
def outer(n):
    def inner(x):
        return price("y" * x, x)
    return sum(inner(x) for x in range(1, n))
"""


@pytest.mark.parametrize("level", ["values", "lines"])
def test_a_part_has_one(tmp_path, level):
    """Also where calls, threads and a generator were open when it begins."""
    (tmp_path / "prog.py").write_text(
        MANY.partition("for _")[0] + WAITING + "for _" + MANY.partition("for _")[2]
        + "outer(6)\nlist(held)\nwork(20)\n"
    )  # fmt: skip
    path = tmp_path / "whole.relive"
    relive("record", "-o", path, "--level", level, "prog.py", cwd=tmp_path)
    parts = [("work#3", "work#7"), ("price#300", "end"), ("70%", "95%"), ("start", "40%")]
    for number, (begin, end) in enumerate(parts):
        part = tmp_path / f"{number}.relive"
        api.open(path).cut(part, begin, end)
        with api.open(part, index=False) as recording:
            events = recording.header["events"]
        assert make_index(part) > events - 3 * STRETCH
        assert api.open(part).use_index() is not None
        compare(part, number, 2)
        for words in (["calls", "price", "--count"], ["calls", "work", "--json"],
                      ["timeline", "--count"], ["calls", "turns", "--count"]):  # fmt: skip
            assert ask(*words, part) == ask(*words, part, "--no-index")
            os.environ.pop("RELIVE_INDEX", None)


def test_parts_and_their_whole_do_not_share_one(tmp_path):
    """They have one header, so one name in the cache would be that of all."""
    path = record_many(tmp_path)
    parts = [tmp_path / "a.relive", tmp_path / "b.relive"]
    for part, begin in zip(parts, ["start", "40%"]):
        api.open(path).cut(part, begin, "90%")
    for one in [path, *parts]:
        os.mkdir(f"{index_of(one)}.new")  # so it is in the cache
        with api.open(one) as recording:
            assert recording.use_index(may_make=True) is not None
    used = [api.open(one).use_index() for one in [path, *parts]]
    assert len({one["path"] for one in used}) == 3
    for one, other in [(path, parts[0]), (parts[0], path), (parts[0], parts[1])]:
        shutil.copy(api.open(one).use_index()["path"], index_of(other))
        found = api.open(other).use_index()
        assert found is None or found["path"] != index_of(other)
        os.unlink(index_of(other))


def test_parts_that_were_not_closed_do_not_share_one(tmp_path):
    """Without a footer their headers alone could not tell them from each other."""
    (tmp_path / "prog.py").write_text(MANY + "import os\nos.kill(os.getpid(), 9)")
    path = tmp_path / "killed.relive"
    relive("record", "-o", path, "--level", "lines", "prog.py", cwd=tmp_path)
    parts = [tmp_path / "a.relive", tmp_path / "b.relive"]
    for part, begin in zip(parts, ["30%", "40%"]):
        api.open(path).cut(part, begin, "end")
        os.truncate(part, part.stat().st_size - 16)
        assert not api.open(part).header["is_complete"]
        assert make_index(part) > 0
        assert api.open(part).use_index()["path"] == index_of(part)
    shutil.copy(index_of(parts[1]), index_of(parts[0]))  # it covers less than the other has
    assert api.open(parts[0]).use_index() is None
    compare(parts[0], 5, 1)


def cached(tmp_path):
    folder = tmp_path / "cache" / "relive" / "index"
    return sorted(os.listdir(folder)) if folder.exists() else []


def make_cached(path):
    """Makes the index of a recording in the cache."""
    with api.open(path, index=False) as recording:
        for file, number in [(path, 0), *recording.others()]:
            os.makedirs(f"{index_of(file)}.new", exist_ok=True)  # so not beside it
            if os.path.exists(index_of(file)):
                os.unlink(index_of(file))
            with api.Recording(file, member=number) as one:
                assert "cache" in one.use_index(may_make=True)["path"]


def test_rm_removes_it_from_the_cache(tmp_path):
    """Also those of a pack's members; not those of other recordings, and nothing through a link."""
    (tmp_path / "fork.py").write_text(MANY + "import os\nif os.fork():\n    os.wait()\nwork(9)\n")
    run, pack, part = (tmp_path / name for name in ("run.relive", "pack.relive", "part.relive"))
    relive("record", "-o", run, "fork.py", cwd=tmp_path)
    api.open(run).cut(part, "20%", "60%")
    (tmp_path / "b").mkdir()
    other = record_many(tmp_path / "b")
    for path in (run, other, part):
        make_cached(path)
    assert len(cached(tmp_path)) == 4  # two processes, the part, another run
    assert ask("rm", "--yes", part)[0] == 0 and len(cached(tmp_path)) == 3
    child = next(path for path in tmp_path.glob("run.*.relive"))
    assert ask("rm", "--yes", child)[0] == 0 and len(cached(tmp_path)) == 2
    assert ask("pack", run, "-o", pack)[0] == 0
    assert ask("rm", "--yes", other)[0] == 0
    folder = tmp_path / "cache" / "relive" / "index"
    (last,) = cached(tmp_path)
    shutil.copy(folder / last, tmp_path / "elsewhere")
    (folder / last).unlink()
    (folder / last).symlink_to(tmp_path / "elsewhere")
    os.rename(folder, tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert ask("rm", "--yes", pack)[0] == 0  # of the same process
    assert (tmp_path / "moved" / last).is_symlink()
    folder.unlink()
    os.rename(tmp_path / "moved", folder)
    assert ask("rm", "--yes", run)[0] == 0
    assert (tmp_path / "elsewhere").exists() and cached(tmp_path) == [last]


def test_rm_of_a_pack_removes_those_of_its_members(tmp_path):
    (tmp_path / "fork.py").write_text(MANY + "import os\nif os.fork():\n    os.wait()\nwork(9)\n")
    run, pack = tmp_path / "run.relive", tmp_path / "pack.relive"
    relive("record", "-o", run, "fork.py", cwd=tmp_path)
    assert ask("pack", run, "-o", pack)[0] == 0
    make_cached(pack)
    assert len(cached(tmp_path)) == 2
    (tmp_path / "cache" / "relive" / "index" / cached(tmp_path)[0]).write_text("no index")
    assert ask("rm", "--yes", pack)[0] == 0
    assert len(cached(tmp_path)) == 1  # what is none stays

"""Programs that make functions without end (exec, templates) are recorded in bounded memory, and a
ring keeps the size that its user chose. RELIVE_FUNCTIONS makes the test of memory longer."""

import os
import subprocess
import sys

import pytest
from conftest import clean_environ, dump, relive, run, two_versions

import relive as api

FUNCTIONS = int(os.environ.get("RELIVE_FUNCTIONS", "20000"))
MAKE = """\
def make(first, last):
    for i in range(first, last):
        text = "def f%d(password%d):\\n a = password%d\\n return a\\nf%d(f%d)" % (i, i, i, i, i)
        exec(compile(text, "<made %d>" % i, "exec"), {})
"""
GROWTH = f"""\
def peak():
    with open("/proc/self/status") as file:
        return int(file.read().split("VmHWM:")[1].split()[0])
{MAKE}
make(0, 20000)
before = peak()
make(20000, 20000 + {FUNCTIONS})
print(peak() - before)
"""


@pytest.fixture(scope="module")
def untraced(tmp_path_factory):
    """What the interpreter itself takes."""
    folder = tmp_path_factory.mktemp("untraced")
    (folder / "prog.py").write_text(GROWTH)
    return int(run(sys.executable, "prog.py", cwd=folder).stdout)


@two_versions
@pytest.mark.parametrize(
    "options",
    [("--level", "calls"), ("--level", "lines"), ("--level", "lines", "--ring", "1M")],
    ids=" ".join,
)
def test_memory_does_not_grow_with_functions(tmp_path, untraced, options):
    (tmp_path / "prog.py").write_text(GROWTH)
    done = relive("record", *options, "-o", "o.relive", "prog.py", cwd=tmp_path)
    most = max(2000, 8192 * FUNCTIONS // 400000)  # kB
    assert int(done.stdout) - untraced < most, (done.stdout, untraced)


def expect_times_add_up(recording):
    (thread,) = recording.totals()["threads"]
    tree = recording.tree()
    root, nodes = tree[thread["root"]], [row for row in tree if row[1] >= 0]
    assert sum(row[2] for row in nodes) == thread["calls"]
    assert all(own <= total <= root[3] for _, _, _, total, own, *_ in nodes)
    # In ticks they are equal; each is rounded to ns.
    assert abs(sum(row[4] for row in nodes) + root[4] - root[3]) <= len(nodes)


def test_functions_of_one_name_are_counted_together(tmp_path):
    (tmp_path / "prog.py").write_text(MAKE + "make(0, 12000)")
    relive("record", "--level", "calls", "-o", "o.relive", "prog.py", cwd=tmp_path)
    recording = api.open(tmp_path / "o.relive")
    rows = {recording.code(row[0])[1]: row for row in recording.functions()}
    assert rows["make"][1] == 1 and rows["(other functions)"][1] > 8000
    assert sum(row[1] for row in recording.functions()) == 24002
    expect_times_add_up(recording)
    assert relive("check", "o.relive", cwd=tmp_path).returncode == 0
    tree = relive("tree", "o.relive", "--all", "--limit", "0", cwd=tmp_path).stdout.decode()
    assert "(other functions)" in tree and "recursive" not in tree


MANY_PLACES = """\
inner = [eval("lambda: 0") for i in range(330)]
for i in range(330):
    exec("def i%d(): pass\\ndef o%d():\\n for f in inner: f()" % (i, i))
inner[:] = [globals()["i%d" % i] for i in range(330)]
for i in range(330):
    globals()["o%d" % i]()
"""


def test_places_of_one_name_add_up(tmp_path):
    (tmp_path / "prog.py").write_text(MANY_PLACES)
    relive("record", "--level", "calls", "-o", "o.relive", "prog.py", cwd=tmp_path)
    recording = api.open(tmp_path / "o.relive")
    assert len(recording.tree()) < 101000
    expect_times_add_up(recording)


RETURNS = """\
def make(name):
    exec(compile("def %s(a):\\n return a\\n%s(1)" % (name, name), "<made %s>" % name, "exec"), {})
make("same")
for i in range(5000):
    make("f%d" % i)
make("same")
"""


def test_an_equal_function_that_comes_back_is_one_row(tmp_path):
    """It has another number, since so many others came between."""
    (tmp_path / "prog.py").write_text(RETURNS)
    relive("record", "--level", "calls", "-o", "o.relive", "prog.py", cwd=tmp_path)
    codes = api.open(tmp_path / "o.relive").codes()
    assert sum(row[2] == "same" for row in codes) > 1
    tree = relive("tree", "o.relive", "--all", "--limit", "0", cwd=tmp_path).stdout.decode()
    assert tree.count(":same x2 ") == 1
    top = relive("top", "o.relive", "-n", "0", cwd=tmp_path).stdout.decode()
    (row,) = (line.split() for line in top.splitlines() if ":same " in line)
    assert row[0] == "2"


def test_a_ring_has_the_size_that_was_given(tmp_path):
    (tmp_path / "prog.py").write_text("def f(n): return n\nfor i in range(300000): f(i)\n")
    for size in (256, 1024, 3000):
        relive("record", "--ring", f"{size}K", "--force", "-o", "o.relive", "prog.py", cwd=tmp_path)
        assert (tmp_path / "o.relive").stat().st_size <= (size + 256) * 1024


MANY_THREADS = """\
import threading
N = 120
all_begun = threading.Barrier(N)
def called(i):
    return i
def work():
    all_begun.wait()
    for i in range(50):
        called(i)
    all_begun.wait()
threads = [threading.Thread(target=work) for _ in range(N)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for i in range(2000):
    called(i)
"""


@pytest.mark.parametrize("level", ["calls", "lines"])
def test_a_ring_has_its_size_with_more_threads_than_slots(tmp_path, level):
    (tmp_path / "prog.py").write_text(MANY_THREADS)
    out = tmp_path / "o.relive"
    relive("record", "--ring", "1M", "--level", level, "-o", out, "prog.py", cwd=tmp_path)
    status = out.stat()
    assert max(status.st_size, status.st_blocks * 512) <= (1024 + 256) * 1024
    assert relive("check", out, cwd=tmp_path).returncode == 0
    _, events = dump(out, False)
    assert sum(event["func"] == "__main__:called" for event in events if "func" in event) > 1000
    losses = api.open(out).header["losses"]
    assert losses["ring"] > 0 and set(losses) == {"ring"}, losses


ENDLESS = f"""\
import threading
class Kept:
    def __init__(self, n):
        self.n = n
def always(a):
    return Kept(a)
{MAKE}
def work(first, last):
    for i in range(first, last, 10):
        make(i, i + 10)
        always(i)
threads = [threading.Thread(target=work, args=(n, n + 6000), name="worker %d" % k)
           for k, n in enumerate(range(0, 18000, 6000))]
for t in threads:
    t.start()
for t in threads:
    t.join()
"""


@two_versions
@pytest.mark.parametrize("level", ["calls", "lines"])
def test_a_ring_has_its_size_and_its_names_however_much_is_defined(tmp_path, level):
    (tmp_path / "prog.py").write_text(ENDLESS)
    out = tmp_path / "o.relive"
    relive("record", "--ring", "1M", "--level", level, "-o", out, "prog.py", cwd=tmp_path)
    assert out.stat().st_size <= (1024 + 256) * 1024
    checked = relive("check", out, cwd=tmp_path)
    assert checked.returncode == 0 and b"whole" in checked.stdout
    _, events = dump(out, False)
    calls = [event for event in events if event["kind"] == "call"]
    assert len(calls) > 1000
    for event in calls:
        name = event["func"].split(":")[1]
        if name.startswith("f"):
            assert event["file"] == f"<made {name[1:]}>", event
            assert level == "calls" or list(event["args"]) == [f"password{name[1:]}"], event
        elif name == "<module>":
            assert event["file"].startswith("<made "), event
        else:
            assert name in ("always", "make", "Kept.__init__"), event
    assert not [event for event in events if "?" in event.get("func", "").split(":")[1:]]
    threads = api.open(out).totals()["threads"]
    assert {row["name"] for row in threads} <= {"MainThread", *(f"worker {n}" for n in range(3))}
    reader = pytest.importorskip("format_reader")
    assert reader.events(out) == events


GOES_ON = f"""\
{MAKE}
i = 0
while i < 1000000:
    make(i, i + 20)
    i += 20
    if i == 6000:
        print("begun", flush=True)
"""


def test_a_ring_that_is_being_written_reads_whole(tmp_path):
    (tmp_path / "prog.py").write_text(GOES_ON)
    out = tmp_path / "o.relive"
    words = ["record", "--ring", "256K", "-o", str(out), "prog.py"]
    child = subprocess.Popen(
        [sys.executable, "-m", "relive", *words],
        cwd=str(tmp_path),
        env=clean_environ(),
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout.readline() == b"begun\n"
        for _ in range(5):
            recording = api.open(out)
            names = [event["func"] for event in recording.events() if "func" in event]
            assert not [name for name in names if name.endswith(":?")]
            assert recording.problems() == []
    finally:
        child.kill()
        child.communicate()
    assert out.stat().st_size <= (256 + 256) * 1024

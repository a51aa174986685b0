"""`pytest --relive`: real pytest, of the version that is installed, on small projects."""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import clean_environ, dump, relive, run, two_versions
from pytest_projects import INNER, calls, counts, functions, project

__all__ = ["project"]  # a fixture


# ---- what is kept, and what is said ----


def test_only_failed_tests_leave_a_recording(project):
    project.write("""
def test_green(cart):
    assert price("tea", 1) == 3
def test_red(cart):
    assert total(cart) == 9
@pytest.mark.xfail
def test_expected(cart):
    total(cart)
@pytest.mark.skip
def test_skipped(): pass
@pytest.fixture
def broken():
    price("setup", 9)
def test_setup(broken): pass
@pytest.fixture
def leaves():
    yield
    price("teardown", 9)
def test_teardown(leaves):
    price("tea", 2)
""")
    plain, done = project.pytest(flag=None), project.pytest()
    assert counts(done) == counts(plain) and done.returncode == plain.returncode == 1
    assert project.names() == [
        "test_shop-test_red.relive", "test_shop-test_setup.relive",
        "test_shop-test_teardown.relive",
    ]  # fmt: skip
    # from setup to teardown, and nothing of other tests
    assert functions(project.recording("test_red")) == [
        "cart", "test_red", "total", *INNER, "price", "price", "price",
    ]  # fmt: skip
    assert functions(project.recording("test_setup"))[:2] == ["broken", "price"]
    assert functions(project.recording("test_teardown")) == [
        "leaves",
        "test_teardown",
        "price",
        "price",
    ]
    for path in project.kept.iterdir():
        checked = relive("check", path)
        assert checked.returncode == 0, checked.stdout
        threads = [e for e in dump(path)[1] if e["kind"] == "thread_start"]
        assert threads[0]["name"] == "MainThread" and threads[0]["seq"] == 0


@two_versions
def test_the_report_has_values_and_the_next_command(project):
    project.write("""
@pytest.mark.parametrize("extra", ["milk"])
def test_red(cart, extra):
    assert total(cart + [extra]) == 9
""")
    done = project.pytest("--junitxml", "junit.xml")
    path = str(project.recording("test_red"))
    values = "    cart = ['tea', 'cake']\n    extra = 'milk'\n"
    assert f"{values}next: relive exc .relive/pytest/" in done.text
    command = re.search(r"next: relive (exc \S+)", done.text).group(1).split()
    shown = relive(*command, cwd=project.folder)
    assert shown.returncode == 0 and b"price(item='cake', n=3)" in shown.stdout
    case = ElementTree.parse(project.folder / "junit.xml").find(".//testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"relive": path}
    assert "next: relive exc" in case.find("failure").text
    meta = dump(path)[0][0]["meta"]
    assert meta["test.id"] == "test_shop.py::test_red[milk]" and meta["test.phase"] == "teardown"


@two_versions
def test_levels(project):
    project.write("""
def test_red(cart):
    first = cart[0]
    assert price(first, 2) == 9
""")
    for level, has_value, has_line in (("calls", 0, 0), ("values", 1, 0), ("lines", 1, 1)):
        done = project.pytest(flag=f"--relive={level}")
        assert ("    cart = ['tea', 'cake']" in done.text) == has_value
        assert ("    first = 'tea'" in done.text) == has_line
        assert dump(project.recording("test_red"))[0][0]["meta"]["level"] == level
    done = project.pytest(flag="--relive=words")
    assert done.returncode == 4 and "level = 'words' is not one of calls, values" in done.text
    done = project.pytest("--relive-max", "much")
    assert done.returncode == 4 and "8M" in done.text


@two_versions
def test_the_level_is_not_taken_from_a_path(project):
    project.write("def test_red(cart):\n    total(cart)\n", name="calls_and_more/test_a.py")
    for words in (("--relive", "calls_and_more"), ("calls_and_more", "--relive"),
                  ("--relive", "--", "calls_and_more")):  # fmt: skip
        done = project.pytest(*words, flag=None)
        assert counts(done) == {"failed": 1}, done.text
        assert project.names() == ["calls_and_more-test_a-test_red.relive"]


@two_versions
def test_a_conftest_above_the_root_is_not_loaded(project):
    project.write("def test_red(cart):\n    total(cart)\n", name="calls_and_more/test_a.py")
    above = project.folder.parent / "conftest.py"
    above.write_text("raise RuntimeError('a conftest of another project')\n")
    try:
        done = project.pytest("--rootdir", ".", "--relive", "calls_and_more", flag=None)
    finally:
        above.unlink()
    assert counts(done) == {"failed": 1}, done.text


@two_versions
def test_keep_all_and_dir(project):
    project.write("def test_green(cart): price('tea', 1)\n")
    done = project.pytest("--relive-keep", "all", "--relive-dir", "else/where")
    assert done.returncode == 0 and not project.kept.exists()
    (path,) = (project.folder / "else" / "where").iterdir()
    assert functions(path) == ["cart", "test_green", "price", "price"]


@two_versions
def test_a_green_test_removes_what_it_had_left(project):
    project.write("def test_it(): price('tea', 9)\n")
    project.write("def test_other(): price('tea', 9)\n", name="test_other.py")
    project.pytest()
    assert project.names() == ["test_other-test_other.relive", "test_shop-test_it.relive"]
    project.write("def test_it(): price('tea', 1)\n").pytest("test_shop.py")
    assert project.names() == ["test_other-test_other.relive"]


@two_versions
def test_names_that_are_no_names_of_files(project):
    project.write("""
@pytest.mark.parametrize("text", ["a/b", "a\\nb", "a b", "../../up", "x" * 1000, "\\u00e9", "\\x00",
                                  "a.7.8", "-rf"])
def test_red(text):
    price(text, 9)
""")
    done = project.pytest()
    assert counts(done) == {"failed": 9}
    names = [path.name for path in project.kept.iterdir()]
    assert len(names) == 9
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.relive", name) and len(name) < 120 for name in names)
    ids = {dump(project.kept / name, siblings=False)[0][0]["meta"]["test.id"] for name in names}
    assert len(ids) == 9


@two_versions
def test_what_is_recorded(project):
    inner = project.folder / "venv" / "lib" / "site-packages"
    project.write("def helper(): return 1\n", name="venv/lib/site-packages/installed/__init__.py")
    project.write("def deep(): return 1\n", name="venv/lib/site-packages/installed/inner.py")
    project.write("def other(): return 1\n", name="venv/lib/site-packages/single.py")
    project.write("""
import json, installed, installed.inner, single
def test_red():
    json.dumps({}); installed.helper(); installed.inner.deep(); single.other(); price("tea", 9)
""")
    env = {"PYTHONPATH": str(inner)}
    project.pytest(env=env)
    assert functions(project.recording("test_red")) == ["test_red", "price"]
    project.pytest("--relive-include", "installed", env=env)
    assert functions(project.recording("test_red")) == ["test_red", "helper", "deep", "price"]
    project.pytest("--relive-include", "single", env=env)
    assert functions(project.recording("test_red")) == ["test_red", "other", "price"]
    done = project.pytest("--relive-include", "no_such", env=env)
    assert "--relive-include: there is no module no_such" in done.text


# ---- nothing is paid until it is wanted ----


@two_versions
def test_nothing_of_ours_is_imported_unless_wanted(project):
    project.write("""
import sys
def test_modules():
    print([name for name in sys.modules if "relive" in name])
""")
    for words, wanted in (((), "['_relive_pytest']"), (("-p", "no:relive"), "[]")):
        done = run(
            sys.executable, "-X", "importtime", "-m", "pytest", "-s", *words, cwd=project.folder
        )
        assert wanted.encode() in done.stdout and b"1 passed" in done.stdout
        imported = re.findall(rb"\| +(\S+)", done.stderr)
        assert b"argparse" in imported and not [name for name in imported if b"relive" in name]
    done = project.pytest("-p", "no:relive")
    assert done.returncode == 4 and "unrecognized arguments: --relive" in done.text


@two_versions
def test_pytest_does_not_compile_our_modules_again(project):
    project.write("""
def test_loaders():
    from relive.testing import keeper
    assert type(keeper.__spec__.loader).__name__ == "SourceFileLoader"
    assert type(__spec__.loader).__name__ == "AssertionRewritingHook"
""")
    assert counts(project.pytest()) == {"passed": 1}
    assert counts(project.pytest("--assert", "plain", "-k", "nothing")) == {}


@two_versions
def test_last_failed_and_collect_only(project):
    project.write("def test_red(): price('tea', 9)\ndef test_green(): pass\n")
    words = ("-p", "cacheprovider")
    assert project.pytest("--collect-only", *words).returncode == 0
    assert project.names() == []
    run(sys.executable, "-m", "pytest", "--relive", cwd=project.folder)
    done = run(sys.executable, "-m", "pytest", "--relive", "--lf", cwd=project.folder)
    assert b"1 failed, 1 deselected" in done.stdout or b"1 failed in" in done.stdout
    assert project.names() == ["test_shop-test_red.relive"]


@two_versions
def test_collection_errors(project):
    project.write("import no_such_module\n")
    done = project.pytest()
    assert done.returncode == 2 and "no_such_module" in done.text and project.names() == []


# ---- trouble ----


@two_versions
def test_a_big_green_test_leaves_nothing(project):
    project.write("""
import os, glob
def space():
    return sum(os.stat(p).st_blocks for p in glob.glob(".relive/pytest/*")) * 512
def test_big():
    for i in range(400000): price("tea", 1)
    assert space() > 8000000, space()
def test_small():
    import time
    for i in range(200):
        if space() < 3000000: break
        time.sleep(0.05)
    assert space() < 3000000, space()
""")
    done = project.pytest("--relive-max", "16M")
    assert counts(done) == {"passed": 2}, done.text
    assert project.names() == []


@two_versions
def test_the_newest_events_are_kept_and_the_others_counted(project):
    project.write("""
def test_red():
    for i in range(20000): price("tea", 1)
    price("cake", 9)
""")
    project.pytest("--relive-max", "256K")
    header, events = dump(project.recording("test_red"))
    assert header[0]["losses"]["ring"] > 10000
    assert events[-1]["kind"] in ("unwind", "filter")
    assert [e for e in events if e["kind"] == "call"][-1]["args"]["item"]["r"] == "'cake'"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(project):
    project.write("def test_red(): price('tea', 9)\n")
    os.chmod(project.folder, 0o555)
    done = project.pytest()
    os.chmod(project.folder, 0o755)
    assert counts(done) == {"failed": 1} and "cannot be used" in done.text


@two_versions
def test_a_folder_that_cannot_be_made(project):
    project.write("def test_red(): price('tea', 9)\ndef test_green(): pass\n")
    (project.folder / ".relive").write_text("a file")
    done = project.pytest()
    assert counts(done) == {"failed": 1, "passed": 1}
    assert re.search(r"relive: \S+ cannot be used \(.*\): recordings are in \S+-", done.text)
    assert "next: relive exc" in done.text


@two_versions
def test_a_test_that_removes_the_folder(project):
    project.write("""
import shutil, os
def test_red():
    shutil.rmtree(".relive"); price("tea", 9)
def test_red_too(): price("tea", 9)
def test_moves(tmp_path):
    os.chdir(tmp_path); price("tea", 9)
""")
    done = project.pytest()
    assert counts(done) == {"failed": 3}
    assert project.names() == ["test_shop-test_moves.relive", "test_shop-test_red_too.relive"]
    assert "relive: a recording could not be kept" in done.text


def test_a_test_that_records_by_itself(project):
    project.write("""
import relive
def test_red(tmp_path):
    price("before", 1)
    assert not relive.is_recording()
    with relive.record(tmp_path / "own.relive"):
        price("own", 1)
        assert relive.is_recording()
    assert not relive.is_recording()
    with relive.open(tmp_path / "own.relive") as own:
        assert [e["args"]["item"]["r"] for e in own.select(["call"])
                if e["func"].endswith(":price")] == ["'own'"]
    price("after", 9)
def test_leaves_it_on(tmp_path):
    relive.start(tmp_path / "own.relive")
    price("own", 9)
def test_stops_it():
    assert relive.stop()["events"] > 1
def test_red_again(): price("again", 9)
def test_backend():
    from relive.backends import create_backend
    seen = []
    with create_backend(callback=lambda e: seen.append(e.function_name), include_patterns=["*"]):
        price("tea", 1)
    assert "price" in seen, seen
    assert not relive.is_recording()
def test_backend_red():
    test_backend()
    price("last", 9)
""")
    done = project.pytest()
    assert counts(done) == {"failed": 4, "passed": 2}, done.text
    items = [e["args"]["item"]["r"] for e in calls(project.recording("test_red-"))
             if e["func"].endswith(":price") and e["kind"] == "call"]  # fmt: skip
    assert items == ["'after'"]
    meta = dump(project.recording("test_red-"))[0][0]["meta"]
    assert meta["test.paused"] == "the test made a recording of its own"
    assert project.names() == [
        "test_shop-test_backend_red.relive", "test_shop-test_red.relive",
        "test_shop-test_red_again.relive",
    ]  # fmt: skip
    assert "none: the test records by itself" in done.text


def test_hooks_forks_and_threads_of_tests(project):
    project.write("""
import os, sys, threading, time
def test_trace():
    sys.settrace(lambda *a: None)
    price("traced", 1)
    sys.settrace(None)
def test_fork():
    pid = os.fork()
    if pid == 0:
        price("child", 1)
        os._exit(7)
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 7
    price("parent", 9)
def test_exec():
    import subprocess
    words = [sys.executable, "-c", "import sys; sys.exit('relive' in sys.modules)"]
    assert subprocess.call(words) == 0
class Ticker(threading.Thread):
    def run(self):
        while not self.is_done:
            self.tick()
    def tick(self): time.sleep(0.001)
@pytest.fixture(scope="session")
def ticker():
    made = Ticker(name="ticker", daemon=True)
    made.is_done = False
    made.start()
    yield made
    made.is_done = True
    made.join()
def test_first(ticker): time.sleep(0.05)
def test_second(ticker):
    time.sleep(0.05)
    price("second", 9)
""")
    done = project.pytest()
    assert counts(done) == {"failed": 2, "passed": 3}, done.text
    assert project.names() == ["test_shop-test_fork.relive", "test_shop-test_second.relive"]
    events = dump(project.recording("test_second"))[1]
    starts = {e["name"]: e["thread"] for e in events if e["kind"] == "thread_start"}
    assert set(starts) == {"MainThread", "ticker"}
    ticker = [e for e in events if e["thread"] == starts["ticker"]]
    assert ticker[1]["kind"] == "call" and ticker[1]["already_running"]
    assert ticker[1]["func"].endswith("Ticker.run")
    assert sum(e.get("func", "").endswith("Ticker.tick") for e in ticker[2:]) > 10


def test_interrupted_by_ctrl_c(project):
    project.write("""
import os, signal, time
def test_green(): pass
def test_long():
    price("tea", 1)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
""")
    done = project.pytest()
    assert done.returncode == 2 and "KeyboardInterrupt" in done.text
    assert project.names() == ["test_shop-test_long.relive"]
    assert functions(project.recording("test_long"))[:2] == ["test_long", "price"]
    assert "relive: interrupted in test_shop.py::test_long" in done.text


def test_killed(project):
    project.write("""
import os, time
def helper():
    open("ready", "w").close()
    time.sleep(60)
def test_green(): price("green", 1)
def test_long():
    price("tea", 1)
    helper()
""")
    words = [sys.executable, "-m", "pytest", "--relive", "-p", "no:cacheprovider"]
    process = subprocess.Popen(words, cwd=project.folder, env=clean_environ(),
                               stdout=subprocess.DEVNULL)  # fmt: skip
    while not (project.folder / "ready").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    running = project.recording("running-main")
    assert functions(running) == ["test_long", "price", "helper"]
    done = project.pytest("-k", "green")
    assert "an earlier run was killed: " in done.text
    assert functions(project.recording("killed-main")) == ["test_long", "price", "helper"]


@two_versions
def test_pdb(project):
    project.write("def test_red(cart):\n    total(cart)\n")
    done = run(sys.executable, "-m", "pytest", "--relive", "--pdb", "-p", "no:cacheprovider",
               cwd=project.folder, stdin=b"p item\nq\n")  # fmt: skip
    assert b"'cake'" in done.stdout
    assert project.names() == ["test_shop-test_red.relive"]


@two_versions
def test_it_is_recorded_already(project):
    project.write("def test_red(cart):\n    total(cart)\n")
    done = relive("record", "-o", "whole.relive", "-m", "pytest", "--relive", cwd=project.folder)
    assert b"this process is recorded already" in done.stdout
    assert project.names() == []
    assert "test_red" in functions(project.folder / "whole.relive")


# ---- beside other plugins ----


def needs(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def test_unittest_and_subtests(project):
    project.write("""
import unittest
class TestShop(unittest.TestCase):
    def setUp(self): price("setup", 1)
    def test_green(self): price("tea", 1)
    def test_red(self): self.assertEqual(price("tea", 2), 7)
    def test_parts(self):
        for i in (1, 9, 2, 8):
            with self.subTest(i=i): price("part", i)
def test_parts_too(subtests):
    for i in (1, 9, 2, 8):
        with subtests.test(i=i): price("part", i)
""")
    plain, done = project.pytest(flag=None), project.pytest()
    assert counts(done) == counts(plain)
    assert project.names() == [
        "test_shop-TestShop-test_parts.relive", "test_shop-TestShop-test_red.relive",
        "test_shop-test_parts_too.relive",
    ]  # fmt: skip
    for part in ("TestShop-test_parts", "test_parts_too"):
        assert functions(project.recording(part), "unwind") == ["price", "price"]


@two_versions
def test_workers_that_die(project):
    project.write("""
import os, signal, time
def deep(n): return deep(n - 1) if n else os.kill(os.getpid(), signal.SIGKILL)
def test_killed(): deep(3)
def test_exits():
    price("last", 2)
    os._exit(3)
def test_red(cart): total(cart)
def test_green(): price("tea", 1)
""")
    done = project.pytest("-n", "2", "--junitxml", "junit.xml")
    assert counts(done) == {"failed": 3, "passed": 1}, done.text
    assert project.names() == [
        "test_shop-test_exits.relive",
        "test_shop-test_killed.relive",
        "test_shop-test_red.relive",
    ]
    assert functions(project.recording("test_killed"))[-4:] == ["deep"] * 4
    assert functions(project.recording("test_exits"))[-2:] == ["test_exits", "price"]
    assert "deep(n=0)  (had not returned)\nnext: relive tree --calls " in done.text
    assert "crashed while running" in done.text
    assert "    cart = ['tea', 'cake']" in done.text  # of a worker that lives
    cases = ElementTree.parse(project.folder / "junit.xml").iter("testcase")
    texts = [one.text for case in cases for one in case if one.tag in ("failure", "error")]
    assert len(texts) == 3 and all("next: relive " in text for text in texts)


def test_reruns(project):
    needs("pytest_rerunfailures")
    project.write("""
runs = []
@pytest.mark.flaky(reruns=3)
def test_flaky():
    runs.append(1)
    price(f"run {len(runs)}", 9 if len(runs) < 3 else 1)
""")
    done = project.pytest()
    assert counts(done) == {"passed": 1, "rerun": 2}, done.text
    assert project.names() == ["test_shop-test_flaky-run2.relive", "test_shop-test_flaky.relive"]
    last = [e for e in calls(project.recording("run2")) if e["kind"] == "call"][-1]
    assert last["args"]["item"]["r"] == "'run 2'"


@two_versions
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage_counts_the_same(project, core):
    needs("pytest_cov")
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("coverage has no sysmon core before 3.12")
    project.write("def test_red(cart):\n    total(cart)\ndef test_green(cart): pass\n")
    words = ("--cov=.", "--cov-report=term-missing")
    texts = []
    for flag in (None, "--relive"):
        done = project.pytest(*words, env={"COVERAGE_CORE": core}, flag=flag)
        texts.append(re.findall(r"^(?:test_shop.py|TOTAL) +\d.*", done.text, re.MULTILINE))
    assert texts[0] == texts[1] and len(texts[0]) == 2, texts
    assert "price" in functions(project.recording("test_red"))


def test_async_tests(project):
    needs("pytest_asyncio")
    needs("anyio")
    project.write("""
import asyncio
async def later(item): await asyncio.sleep(0); return price(item, 9)
@pytest.mark.asyncio
async def test_loop(cart):
    await asyncio.gather(later("one"), asyncio.sleep(0))
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_any(cart, anyio_backend):
    await later("two")
""")
    done = project.pytest("-p", "no:randomly")
    assert counts(done)["failed"] == 2, done.text
    for part in ("test_loop", "test_any"):
        assert "later" in functions(project.recording(part))
    assert done.text.count("    cart = ['tea', 'cake']") == 2


@two_versions
def test_a_timeout(project):
    needs("pytest_timeout")
    project.write("""
import time
def waits(): time.sleep(30)
def test_late(cart): waits()
""")
    done = project.pytest("--timeout", "1", "--timeout-method", "signal")
    assert counts(done)["failed"] == 1
    assert functions(project.recording("test_late"))[:3] == ["cart", "test_late", "waits"]


@two_versions
def test_hypothesis_leaves_the_shrunk_example_last(project):
    needs("hypothesis")
    project.write("""
from hypothesis import given, settings, strategies
@settings(database=None, derandomize=True)
@given(strategies.integers(0, 1000))
def test_numbers(n): price("n", 1 if n < 17 else 9)
""")
    done = project.pytest()
    assert counts(done)["failed"] == 1
    begun = [e for e in calls(project.recording("test_numbers")) if e["kind"] == "call"]
    last = [e for e in begun if e["func"].endswith(":test_numbers")][-1]
    assert last["args"]["n"]["r"] == "17"
    assert "    n = 17\n" in done.text


def test_children_of_a_test_leave_no_file(project):
    project.write("""
import multiprocessing, subprocess, sys
def work(n): return price("child", n)
@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_red(kind):
    with multiprocessing.get_context(kind).Pool(1) as pool:
        assert pool.map(work, [1]) == [3]
        pool.close()
        pool.join()
    assert subprocess.call([sys.executable, "-c", "pass"]) == 0
    price("parent", 9)
""")
    done = project.pytest()
    assert counts(done) == {"failed": 2}, done.text
    assert project.names() == ["test_shop-test_red-fork.relive", "test_shop-test_red-spawn.relive"]
    for path in project.kept.iterdir():
        assert functions(path) == ["test_red", "price"]

"""`pytest --relive-rerun`: a failed test runs again, and nobody but the report notices."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import dump, relive, run
from pytest_projects import counts, functions, project

__all__ = ["project"]  # a fixture

SAME = "the same path"

# Hooks of a project that report are in the recording of the first run alone.
CONFTEST = """
import pytest
def helper(): pass
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    helper()
    yield
def pytest_runtest_logreport(report): helper()
def pytest_runtest_setup(item): helper()
"""


def looks(done):
    """{name of the test: what its second run has shown}"""
    found = re.findall(r"^(\S+): run again at lines: (.*)$", done.text, re.MULTILINE)
    return {name.rpartition("::")[2]: text for name, text in found}


def cases(project, name):
    """What a junit file says, without times and what is ours."""
    found = {}
    for case in ElementTree.parse(project.folder / name).iter("testcase"):
        key = case.get("classname"), case.get("name")
        found.setdefault(key, []).extend(
            (one.tag, (one.get("message") or "").partition("\n")[0])
            for one in case
            if one.tag in ("failure", "error", "skipped")
        )
        texts = [one.text for one in case if one.tag.startswith("system")]
        properties = [(one.get("name"), one.get("value")) for one in case.iter("property")]
        own = [pair for pair in properties if not pair[0].startswith("relive")]
        found[key].append((texts, own))
    return found


def test_the_same_path(project):
    project.write(CONFTEST, name="conftest.py", head="")
    project.write("""
import logging, unittest, sys
@pytest.fixture(scope="module")
def shop():
    price("open", 1)
    yield
    print("closed", price("close", 1))
@pytest.fixture
def one(shop): return 1
def test_red(one, cart, caplog, tmp_path, record_testsuite_property):
    import wave
    logging.warning("red"); print("said")
    first = cart[0]
    total(cart)
def test_green(cart): price("tea", 1)
@pytest.fixture
def broken(): price("broken", 9)
def test_setup(broken): pass
@pytest.fixture
def leaves(record_property):
    yield
    record_property("key", "value")
    price("leaves", 9)
def test_teardown(leaves, tmp_path): print("teardown")
@pytest.mark.xfail(strict=True)
def test_strict(): price("tea", 1)
class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls): price("class", 1)
    def setUp(self): price("set up", 1)
    def test_equal(self): self.assertEqual(price("tea", 1), 4)
    def test_parts(self):
        for n in (1, 9, 2, 8):
            with self.subTest(n=n): price("part", n)
def test_subtests(subtests):
    for n in (1, 9):
        with subtests.test(n=n): price("part", n)
class TestState:
    def test_self(self):
        assert not hasattr(self, "seen")
        self.seen = True
        price("self", 9)
@pytest.fixture(scope="session")
def end():
    yield
    price("end", 9)
def test_last(end, capfd):
    sys.stderr.write("last")
    assert 0
""")  # fmt: skip
    words = ("-o", "junit_family=legacy", "-o", "junit_logging=all")
    plain = project.pytest(*words, "--junitxml", "a.xml", flag=None)
    done = project.pytest(*words, "--junitxml", "b.xml", flag="--relive-rerun")
    assert counts(done) == counts(plain) and done.returncode == plain.returncode == 1
    wanted = ("test_red", "test_setup", "test_teardown", "test_strict", "test_equal", "test_parts",
              "test_subtests", "test_self", "test_last")  # fmt: skip
    assert looks(done) == dict.fromkeys(wanted, SAME), done.text
    assert cases(project, "a.xml") == cases(project, "b.xml")
    # the second file has lines, and the report their values
    assert "    first = 'tea'\nnext: relive exc .relive/pytest/" in done.text
    names = project.names()
    assert len(names) == 2 * len(wanted) and "test_shop-test_red-lines.relive" in names
    second = next(project.kept.glob("test_shop-test_red-*-lines.relive"))
    assert relive("check", second).returncode == 0
    assert [name for name in functions(second) if name in ("shop", "one", "cart", "test_red")] == [
        "one", "cart", "test_red",
    ]  # fmt: skip
    assert dump(second, siblings=False)[0][0]["meta"]["level"] == "lines"
    for case in ElementTree.parse(project.folder / "b.xml").iter("testcase"):
        if case.get("name") == "test_red":
            own = {one.get("name"): one.get("value") for one in case.iter("property")}
            assert own["relive.second-look"] == SAME and own["relive.lines"] == str(second)


def test_another_path(project):
    project.write("""
import random, threading, time
chances, times, orders, loops, kinds, ends = [], [], [], [], [], []
def deep(n): return deep(n - 1) if n else price("deep", 9)
def test_random():
    n = random.choice([n for n in range(9) if n not in chances])
    chances.append(n)
    deep(n)
def test_time():
    times.append(time.monotonic_ns())
    for i in range(min(times[-1] - times[0], 50)): price("ns", 1)
    assert False
def test_order():
    orders.append(1)
    price("order", 9 if len(orders) == 1 else 1)
def test_thread():
    loops.append(1)
    def work():
        for i in loops: price("in thread", 1)
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    assert False
def test_type():
    kinds.append(1)
    raise KeyError("a") if len(kinds) == 1 else ValueError("b")
def test_passes():
    ends.append(1)
    assert len(ends) > 1
""")
    plain = project.pytest(flag=None)
    done = project.pytest(flag="--relive-rerun")
    assert counts(done) == counts(plain) == {"failed": 6}, done.text
    found = looks(done)
    expected = {
        "test_random": r"call \d+: (deep|price) was .*; the first time (deep|price) was",
        "test_time": "call 2: price was called .*; the first time AssertionError left test_time",
        "test_order": "call 2: price returned .*; the first time ValueError left price",
        "test_thread": "call 3 of thread worker: price was .* time .*work returned",
        "test_type": "call 1: ValueError left test_type .*; the first time KeyError left test_type",
        "test_passes": "call 1: test_passes returned .*; the first time AssertionError left",
    }
    assert found.keys() == expected.keys()
    for name, text in found.items():
        assert re.match(f"took another path at {expected[name]}", text), text
    command = re.search(r"next: relive (diff \S+ \S+)", done.text).group(1).split()
    shown = relive(*command, cwd=project.folder)
    assert shown.returncode in (0, 1) and b"deep" in shown.stdout


@pytest.mark.parametrize("words", [("-n", "2"), ("--relive=calls",), ("--relive=lines",)])
def test_levels_and_workers(project, words):
    project.write("def test_red(cart):\n    total(cart)\ndef test_green(): pass\n")
    done = project.pytest(*words, flag="--relive-rerun")
    assert counts(done) == {"failed": 1, "passed": 1}
    is_again = words != ("--relive=lines",)
    assert looks(done) == ({"test_red": SAME} if is_again else {}), done.text
    assert ("nothing runs again: lines are recorded the first time" in done.text) != is_again
    assert len(project.names()) == 1 + is_again
    # a green test removes both
    project.write("def test_red(cart): pass\n").pytest(*words, flag="--relive-rerun")
    assert project.names() == []


def test_what_does_not_run_again(project):
    project.write("""
import relive
ran = []
def test_own(tmp_path):
    ran.append(1)
    with relive.record(tmp_path / "own.relive"): pass
    price("own", 9)
@pytest.fixture(scope="module")
def broken(): price("broken", 9)
def test_wide(broken): pass
def test_count(): assert len(ran) == 1
def test_many():
    for n in range(30000): price("tea", 1)
    price("cake", 9)
""")
    done = project.pytest("--relive-max", "256K", flag="--relive-rerun")
    assert counts(done) == {"failed": 2, "errors": 1, "passed": 1} or counts(done) == {
        "failed": 2, "error": 1, "passed": 1}, done.text  # fmt: skip
    found = looks(done)
    assert found["test_own"] == "not run again: the test records by itself"
    assert re.match(r"not compared: \d+ events of the first run are lost", found["test_many"])
    done = run(sys.executable, "-m", "pytest", "--relive-rerun", "--pdb", "-k", "many",
               "-p", "no:cacheprovider", cwd=project.folder, stdin=b"c\n")  # fmt: skip
    assert b"not run again: a debugger is on" in done.stdout


def test_reruns_of_another_plugin(project):
    pytest.importorskip("pytest_rerunfailures", reason="pytest_rerunfailures is not installed")
    project.write("""
@pytest.fixture(scope="module")
def shop():
    price("shop", 1)
    yield
@pytest.mark.flaky(reruns=2)
def test_flaky(shop): price("flaky", 9)
def test_after(shop): pass
""")
    plain, done = project.pytest(flag=None), project.pytest(flag="--relive-rerun")
    assert counts(done) == counts(plain) == {"failed": 1, "passed": 1, "rerun": 2}, done.text
    last = "test_shop-test_flaky-run3-lines.relive"
    assert last in project.names() and SAME in looks(done).values()


def test_a_time_limit(project):
    pytest.importorskip("pytest_timeout", reason="pytest_timeout is not installed")
    project.write("""
import time
ran = []
def waits(): time.sleep(90)
def test_late():
    ran.append(1)
    if len(ran) == 2: waits()
    price("late", 9)
""")
    done = project.pytest("--timeout", "5", "--timeout-method", "signal", flag="--relive-rerun")
    assert counts(done)["failed"] == 1
    assert "took another path at call 2: waits was called" in looks(done)["test_late"]
    done = project.pytest("--timeout", "60", "--timeout-method", "thread", flag="--relive-rerun")
    assert looks(done)["test_late"].startswith("not run again: pytest-timeout ends the process")

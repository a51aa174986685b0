"""`relive unittest` and `relive record -m unittest`: what is kept of tests of unittest."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, dump, relive, run

SHOP = """
def price(item, n):
    if n > 2:
        raise ValueError(f"no {item}")
    return n * 3
"""
TESTS = """
import os, signal, time, unittest, relive
from shop import price

class TestShop(unittest.TestCase):
    @classmethod
    def setUpClass(cls): price("class", 1)
    def setUp(self): price("set up", 1)
    def tearDown(self): price("late", 1)
    def test_green(self): price("tea", 1)
    def test_red(self):
        cart = ["tea"]
        self.assertEqual(price(cart[0], 2), 7)
    def test_error(self): price("milk", 9)
    def test_parts(self):
        for n in (1, 9, 2, 8):
            with self.subTest(n=n): price("part", n)
    @unittest.expectedFailure
    def test_expected(self): price("expected", 9)
    @unittest.expectedFailure
    def test_unexpected(self): price("unexpected", 1)
    @unittest.skip("not now")
    def test_skipped(self): pass

class TestBroken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): price("broken", 9)
    def test_it(self): pass

class TestOwn(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): price("late class", 9)
    def test_own(self):
        assert not relive.is_recording()
        with relive.record("own-%d.relive" % os.getpid()): price("own", 1)

if __name__ == "__main__":
    from relive.testing.unittest_runner import Runner
    unittest.main(testRunner=Runner)
"""
KEPT = ["setUpClass-tests-test_shop-TestBroken", "tearDownClass-tests-test_shop-TestOwn",
        "tests-test_shop-TestShop-test_error", "tests-test_shop-TestShop-test_parts",
        "tests-test_shop-TestShop-test_red",
        "tests-test_shop-TestShop-test_unexpected"]  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("")
    (tmp_path / "tests" / "test_shop.py").write_text(TESTS)
    return tmp_path


def kept(folder):
    """{name without its digest: path}"""
    found = (folder / ".relive" / "unittest").glob("*.relive")
    return {re.sub(r"-[0-9a-f]{8}$", "", path.stem): path for path in sorted(found)}


def summary(done):
    """The last lines of unittest, without times."""
    text = (done.stdout + done.stderr).decode()
    return [
        re.sub(r" in [\d.]+s", "", line)
        for line in text.splitlines()
        if line.startswith(("Ran ", "OK", "FAILED", "FAIL:", "ERROR:", "UNEXPECTED"))
    ]


def functions(path):
    return [
        e["func"].partition(":")[2] for e in dump(path, siblings=False)[1] if e["kind"] == "call"
    ]


def test_only_what_failed_is_kept(shop):
    plain = run(sys.executable, "-m", "unittest", cwd=shop, env={"PYTHONPATH": str(shop)})
    done = relive("unittest", cwd=shop)
    assert summary(done) == summary(plain) and done.returncode == plain.returncode == 1
    paths = kept(shop)
    assert sorted(paths) == KEPT
    assert functions(paths["tests-test_shop-TestShop-test_red"]) == [
        "TestShop.setUp", "price", "TestShop.test_red", "price", "TestShop.tearDown", "price",
    ]  # fmt: skip
    assert functions(paths[KEPT[0]])[-2:] == ["TestBroken.setUpClass", "price"]
    assert functions(paths[KEPT[1]])[-2:] == ["TestOwn.tearDownClass", "price"]
    text = done.stderr.decode()
    assert re.search(
        r"in TestShop.test_red\n    self = .*\nnext: relive exc .relive/unittest/", text
    )
    assert "    n = 8\n" in text  # a subtest
    assert sys.version_info < (3, 11) or "    n = 9\n" in text  # each its own, where it is known
    assert "relive: 6 recordings are in .relive/unittest\n" in text
    command = re.search(r"next: relive (exc \S+test_error\S+)", text).group(1).split()
    assert b"price(item='milk', n=9)" in relive(*command, cwd=shop).stdout
    meta = dump(paths[KEPT[2]])[0][0]["meta"]
    assert meta["test.id"] == "tests.test_shop.TestShop.test_error"
    # a green run takes them away
    (shop / "shop.py").write_text(SHOP.replace("n > 2", "n > 99"))
    relive("unittest", "tests.test_shop.TestShop.test_error", cwd=shop)
    assert sorted(kept(shop)) == [name for name in KEPT if not name.endswith("error")]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("record", "-m", "unittest", "-k", "test_red", "-f"), ["red"]),
        (("unittest", "--level", "lines", "discover", "-k", "_error", "-s", "tests"), ["error"]),
        (("unittest", "-v", "tests.test_shop.TestShop.test_parts"), ["parts"]),
        (("unittest", "--keep", "all", "-k", "green"), ["green"]),
    ],
)
def test_words_of_unittest(shop, words, names):
    done = relive(*words, cwd=shop)
    assert [name.rpartition("_")[2] for name in kept(shop)] == names, done.stderr
    assert done.returncode == (0 if names == ["green"] else 1)
    (path,) = kept(shop).values()
    level = dump(path, siblings=False)[0][0]["meta"]["level"]
    assert level == ("lines" if "lines" in words else "values")


def test_a_script_a_whole_run_and_wrong_words(shop):
    words = (sys.executable, "tests/test_shop.py", "TestShop.test_red")
    done = run(*words, cwd=shop, env={"PYTHONPATH": str(shop)})
    assert list(kept(shop)) == ["__main__-TestShop-test_red"], done.stderr
    relive("record", "-o", "whole.relive", "-m", "unittest", "-k", "test_red", cwd=shop)
    assert "TestShop.test_red" in functions(shop / "whole.relive") and len(kept(shop)) == 1
    done = relive("unittest", "--level", "much", cwd=shop)
    assert done.returncode == 125 and b"level = 'much' is not one of" in done.stderr
    done = relive("unittest", "--no-such-option", cwd=shop)
    assert done.returncode == 2 and b"unrecognized arguments: --no-such-option" in done.stderr


def test_interrupted_and_killed(shop):
    (shop / "tests" / "test_shop.py").write_text("""
import os, signal, time, unittest
from shop import price
class TestLong(unittest.TestCase):
    def test_a_green(self): price("green", 1)
    def test_b_long(self):
        price("long", 1)
        open("ready", "w").close()
        time.sleep(60)
""")
    words = [sys.executable, "-m", "relive", "unittest"]
    for number, name in ((signal.SIGINT, "tests-test_shop-TestLong-test_b_long"),
                         (signal.SIGKILL, "running-main")):  # fmt: skip
        process = subprocess.Popen(words, cwd=shop, env=clean_environ(), stderr=subprocess.PIPE)
        while not (shop / "ready").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        text = process.communicate()[1].decode()
        assert process.returncode != 0
        (found,) = [path for stem, path in kept(shop).items() if stem.startswith(name)]
        assert functions(found)[:2] == ["TestLong.test_b_long", "price"]
        assert number != signal.SIGINT or "interrupted in tests.test_shop" in text, text
        os.unlink(shop / "ready")
    done = relive("unittest", "-k", "green", cwd=shop)
    assert b"an earlier run was killed: " in done.stderr
    assert [name for name in kept(shop) if name.startswith("killed-main")]

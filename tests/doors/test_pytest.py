"""The suites of real packages under `pytest --relive`: outcomes stay, planted failures are kept,
and what runs again takes the same path. TEST_PYTESTS names an interpreter for each pytest,
TEST_OLD_PYTESTS those of old ones."""

import glob
import os
import re
import shutil

import pytest
from serving import run
from test_real import FEW, outcomes

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHONS = os.environ.get("TEST_PYTESTS", "").split(os.pathsep)
OLD = list(filter(None, os.environ.get("TEST_OLD_PYTESTS", "").split(os.pathsep)))
SUITES = {
    "click": ("click-*", "click", ()),
    "attrs": ("attrs-*", "attr", ()),
    "more-itertools": ("more[-_]itertools-*", "more_itertools", ("-n", "2")),  # with xdist
}
# What a suite of real tests is given to fail with. Each takes the same path a second time.
PLANTED = """
import click, pytest
from click.testing import CliRunner

def fails(text): raise ValueError(text)

@click.command()
@click.option("--count", default=1)
@click.argument("name")
def hello(count, name):
    for _ in range(count): click.echo(f"Hello {name}!")

def test_output(): assert CliRunner().invoke(hello, ["Ada"]).output == "Hello Bob!"
def test_usage(): assert CliRunner().invoke(hello, ["--count", "x", "Ada"]).exit_code == 0
@pytest.mark.parametrize("n", [1, 2, 3])
def test_count(n, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(n))
    assert CliRunner().invoke(hello, ["--count", str(n), "Ada"]).output.count("Ada") == 2
@pytest.fixture
def broken(tmp_path): fails(tmp_path.name)
def test_setup(broken): pass
def test_green(): assert CliRunner().invoke(hello, ["Ada"]).exit_code == 0
"""
PLANTED_RED = ["test_count[1]", "test_count[3]", "test_output", "test_setup", "test_usage"]


@pytest.fixture(params=PYTHONS, ids=lambda path: path.split(os.sep)[-4] if path else "none")
def python(request):
    if not request.param:
        pytest.skip("TEST_PYTESTS is set by make test-doors")
    return request.param


def suite(name, tmp_path):
    """A copy of a package's tests, and pytest's words for them."""
    pattern, module, more = SUITES[name]
    (source,) = filter(
        os.path.isdir, glob.glob(os.path.join(os.path.dirname(TESTS), "build", "real", pattern))
    )
    folder = tmp_path / "suite"
    shutil.copytree(os.path.join(source, "tests"), folder / "tests")
    for path in glob.glob(os.path.join(source, "conftest.py")):
        shutil.copy(path, folder)  # attrs says there which files an old Python cannot read
    (tmp_path / "few_examples.py").write_text(FEW)
    return folder, module, [
        "-q", "-p", "no:cacheprovider", "-p", "few_examples", "--rootdir", folder,
        "-c", os.devnull, "-W", "ignore", *more, folder / "tests",
    ]  # fmt: skip


def outcome(python, folder, words, name):
    report = folder / name
    env = {"PYTHONPATH": str(folder.parent)}
    words = [python, "-m", "pytest", "--junitxml", report, *words]
    done = run(*words, cwd=folder.parent, env=env, timeout=900)
    assert report.exists(), done.stdout + done.stderr
    return done, outcomes(report)


@pytest.mark.parametrize("name", SUITES)
def test_outcomes_stay(name, python, tmp_path):
    folder, module, words = suite(name, tmp_path)
    if name == "click":
        (folder / "tests" / "test_planted.py").write_text(PLANTED)
    plain, before = outcome(python, folder, words, "plain.xml")
    more = ["--relive-rerun", "--relive-include", module, "--relive-dir", tmp_path / "kept"]
    done, after = outcome(python, folder, [*more, *words], "relive.xml")
    assert len(before) > 100 and before == after
    assert done.returncode == plain.returncode
    red = sorted(test for (_, test), kinds in before.items() if set(kinds) - {"skipped"})
    kept = list((tmp_path / "kept").glob("*.relive"))
    assert len(kept) == 2 * len(red), (red, kept)
    looks = re.findall(rb"^(\S+): run again at lines: (.*)$", done.stdout, re.MULTILINE)
    assert len(looks) == min(len(red), 20)  # the summary lists so many
    if name == "click":
        planted = {test.decode().rpartition("::")[2]: text for test, text in looks}
        assert {test: planted.get(test) for test in PLANTED_RED} == dict.fromkeys(
            PLANTED_RED, b"the same path"
        )


@pytest.mark.parametrize("plugin", ["html", "hypothesis", "50000"])
def test_beside_others(plugin, python, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    words = ["-p", "no:cacheprovider", "-q"]
    if plugin == "50000":
        text = "import pytest\n@pytest.mark.parametrize('n', range(50000))\n"
        text += "def test_many(n): assert n != 49999\n"
        (tmp_path / "test_many.py").write_text(text)
    elif plugin == "hypothesis":
        (tmp_path / "test_given.py").write_text("""
from hypothesis import given, settings, strategies
@settings(database=None, derandomize=True)
@given(strategies.integers(0, 1000))
def test_numbers(n): assert n < 17
""")
    else:
        (tmp_path / "test_red.py").write_text("def test_red(): assert not 'red'\n")
        words += ["--html", "report.html", "--self-contained-html"]
    done = run(python, "-m", "pytest", "--relive-rerun", *words, cwd=tmp_path, timeout=900)
    assert done.returncode == 1, done.stdout
    assert done.stdout.count(b"run again at lines: the same path") >= 1, done.stdout
    (first,) = [
        path
        for path in (tmp_path / ".relive" / "pytest").iterdir()
        if not path.name.endswith("-lines.relive")
    ]
    if plugin == "html":
        assert first.name in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("at", [0, 1], ids=["7.0", "6.2"])
def test_old_versions(at, tmp_path):
    if len(OLD) <= at:
        pytest.skip("TEST_OLD_PYTESTS is set by make test-doors, on 3.8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_red.py").write_text("""
def test_red(): assert not "red"
def test_green(): pass
""")
    words = [OLD[at], "-m", "pytest", "-p", "no:cacheprovider"]
    plain = run(*words, cwd=tmp_path)
    done = run(*words, "--relive-rerun", cwd=tmp_path)
    assert plain.returncode == 1 and b"1 failed, 1 passed" in plain.stdout, plain.stdout
    folder = tmp_path / ".relive"
    if at == 0:
        assert done.returncode == 1 and b"1 failed, 1 passed" in done.stdout, done.stdout
        assert b"test_red: run again at lines: the same path" in done.stdout, done.stdout
        assert len(list((folder / "pytest").iterdir())) == 2
    else:
        assert done.returncode == pytest.ExitCode.USAGE_ERROR and not folder.exists()
        assert done.stderr.split(b"\n")[0] == (
            b"ERROR: --relive needs pytest 7.0 or newer, and this is 6.2.5;"
            b" `pip install -U pytest` brings one"
        )


def test_ten_million_calls(python, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_big.py").write_text("""
import glob, os, time
def space():
    return sum(os.stat(path).st_blocks for path in glob.glob(".relive/pytest/*")) * 512
def callee(n): return n
def test_big():
    for n in range(10_000_000): callee(n)
    assert space() > 100 << 20, space()
def test_small():
    end = time.monotonic() + 60
    while space() > 32 << 20 and time.monotonic() < end: time.sleep(0.05)
    assert space() <= 32 << 20, space()
""")
    words = ["-p", "no:cacheprovider", "--relive"]
    done = run(python, "-m", "pytest", *words, cwd=tmp_path, timeout=900)
    assert done.returncode == 0 and b"2 passed" in done.stdout, done.stdout
    assert not list((tmp_path / ".relive" / "pytest").iterdir())

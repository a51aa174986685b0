"""The whole suites of real packages end recorded as they end unrecorded."""

import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import relive, run

REAL = os.environ.get("TEST_REAL_SUITES", "")
PACKAGES = {"attrs": "attrs-*", "click": "click-*", "more-itertools": "more[-_]itertools-*"}

pytestmark = pytest.mark.skipif(
    not REAL, reason="real suites run on 3.8 and 3.12, and everywhere in make test-full"
)


# What the suites generate is not what is tested: fewer examples take the same ways.
FEW = """
from hypothesis import HealthCheck, settings
def pytest_sessionstart():  # after the conftest.py of attrs, which loads another where CI is set
    settings.register_profile("few", max_examples=5, deadline=None, derandomize=True,
                              suppress_health_check=list(HealthCheck))
    settings.load_profile("few")
"""


def outcomes(report):
    """{test: outcome} of a junit file."""
    found = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[case.get("classname"), case.get("name")] = sorted(kinds)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_suite(package, tmp_path):
    folders = [path for path in Path(REAL).glob(PACKAGES[package]) if path.is_dir()]
    tests = folders[0] / "tests"
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", tests]
    words += ["--rootdir", folders[0], "-c", os.devnull, "-W", "ignore"]
    (tmp_path / "few_examples.py").write_text(FEW)
    words += ["-p", "few_examples"]
    options = dict(cwd=tmp_path, timeout=900, env={"PYTHONPATH": str(tmp_path)})
    plain = run(sys.executable, *words, "--junitxml", tmp_path / "plain.xml", **options)
    traced = relive(
        "record", "-o", tmp_path / "out.relive", *words, "--junitxml", tmp_path / "traced.xml",
        **options,
    )  # fmt: skip
    before, after = outcomes(tmp_path / "plain.xml"), outcomes(tmp_path / "traced.xml")
    assert len(before) > 100
    assert {test for test in before if before[test] != after.get(test)} == set()
    assert traced.returncode == plain.returncode
    check = relive("check", tmp_path / "out.relive", timeout=900)
    assert check.returncode == 0, check.stdout
    os.unlink(tmp_path / "out.relive")

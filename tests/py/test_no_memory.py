"""Memory ends anywhere: the program runs on, and the recording is whole or says what it lacks."""

import os
import sys

import pytest
from conftest import TESTS, run

from relive import _core

BUILT = os.environ.get("TEST_ASSERT_BUILD", "")


@pytest.mark.skipif(
    not BUILT and not hasattr(_core, "alloc_fail_at"),
    reason="allocations fail on demand in an assert build only: make test has one on 3.12",
)
@pytest.mark.parametrize(
    "work",
    ["calls", "values", "lines", "ring filtered", "sessions snapshot", "read", "verbs",
     "callbacks debug", "replay", "timeline threads tasks", "origin find", "summary cut cover out"],
)  # fmt: skip
def test_any_allocation_may_fail(work):
    env = {"PYTHONPATH": BUILT, "PYTHONFAULTHANDLER": "1"}
    words = [TESTS / "py" / "no_memory.py", *work.split()]
    done = run(sys.executable, *words, env=env, timeout=300)
    assert done.returncode == 0, done.stdout.decode()[-5000:] + done.stderr.decode()

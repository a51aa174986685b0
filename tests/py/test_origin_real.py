"""Where values came from in real programs: a certain hop names the object of the live run."""

import os
import subprocess
import sys
from pathlib import Path

import live_chains
import pytest
from conftest import TESTS, clean_environ

import relive as api

HOME = os.environ.get("TEST_REAL_PROGRAMS", "")  # an environment that has them all, and Relive

pytestmark = [
    pytest.mark.skipif(not HOME, reason="real programs run on 3.8 and 3.12"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no co_qualname"),
]

# command, package whose lines are recorded, every nth question, least chains
PROGRAMS = [
    ("greeting.py --debug greet ann bob --count 2 --tone loud", "click", 8, 60),
    ("letters.py", "jinja2", 12, 60),
]


@pytest.mark.parametrize(
    ("command", "package", "every", "least"), PROGRAMS, ids=[row[1] for row in PROGRAMS]
)
def test_certain_hops_hold_the_object_of_the_live_run(tmp_path, command, package, every, least):
    python, words = Path(HOME) / "bin" / "python", command.split()
    (tmp_path / words[0]).write_bytes((TESTS / "real" / "files" / words[0]).read_bytes())
    find = f"import {package}; print({package}.__path__[0])"
    where = subprocess.check_output([python, "-c", find], text=True).strip()
    calls = live_chains.live_calls(python, [tmp_path, where], words, tmp_path)
    record = [python, "-m", "relive", "record", "-o", "real.relive", "--level", "lines"]
    subprocess.run(
        [*record, "--lines", f"{package}.*", *words], cwd=tmp_path, capture_output=True,
        env=clean_environ(PYTHONHASHSEED="0"), timeout=300,
    )  # fmt: skip
    with api.open(tmp_path / "real.relive") as recording:
        counts, wrong = live_chains.compare(recording, calls, every)
    print(package, dict(counts))
    assert not wrong
    assert counts["chains"] >= least and counts["hops"] >= counts["chains"]

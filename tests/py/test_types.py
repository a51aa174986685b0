"""What type checkers see of the package: a user's program, the stubs, and the package itself."""

import sys

import pytest
from conftest import run

pytest.importorskip("mypy", reason="types are checked on 3.12")

USAGE = """
import relive
from relive import Config, ReliveError

config = Config(buffer=1 << 20, children=False)
with relive.record("a.relive", config, force=True) as recording:
    pass
if recording.stats is not None:
    print(recording.stats["events"])

@relive.record("b.relive")
def add(a: int, b: int) -> int:
    return a + b

total: int = add(1, 2)
wrong: str = add(1, 2)  # the one error: decorating keeps the types
try:
    relive.start("c.relive", c_calls=True)
except ReliveError as error:
    code: str = error.code
relive.stop()
for event in relive.open("a.relive").events():
    print(event["kind"])

from relive.backends import TraceEvent, create_backend

def show(told: TraceEvent) -> None:
    print(told.event_type, told.duration)

with create_backend(callback=show, include_patterns=["app.*"]) as backend:
    kept: list[TraceEvent] = backend.get_events()
"""


def test_a_strict_program_type_checks(tmp_path):
    (tmp_path / "usage.py").write_text(USAGE)
    done = run(sys.executable, "-m", "mypy", "--strict", "usage.py", cwd=tmp_path)
    text = done.stdout.decode()
    assert text.count("error:") == 1 and "usage.py:16" in text, text


# Other packages that a module is for, such as rq, need not be there.
ALONE = ["--disable-error-code=import-untyped", "--disable-error-code=import-not-found"]


@pytest.mark.parametrize(
    "words", [["mypy.stubtest", "relive._core"], ["mypy", "-p", "relive", *ALONE]]
)
def test_the_package_type_checks(words, tmp_path):
    done = run(sys.executable, "-m", *words, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout.decode()

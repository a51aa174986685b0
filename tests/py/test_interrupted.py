"""Ctrl-C: exit status 130, no traceback, nothing half said."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, relive

PROGRAM = """\
import sys
def step(n, held):
    held[n % 7] = n * 3
    total = n + len(held)
    return total
def run(count):
    held = {}
    for n in range(count):
        last = step(n, held)
    return last
run(int(sys.argv[1]))
"""
# Says that it begins; all that is left then is the question.
ASK = (
    "import sys; from relive.cli import main; print('begins', flush=True);"
    " sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two recordings of some millions of events each, without an index."""
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "app.py").write_text(PROGRAM, encoding="utf-8")
    for name, count in (("a.relive", "300000"), ("b.relive", "300001")):
        done = relive("record", "--level", "lines", "-o", name, "app.py", count, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def wait_until_open(process, paths):
    """Returns when the process reads these files, or has ended."""
    folder = f"/proc/{process.pid}/fd"
    missing = {str(path) for path in paths}
    while missing and process.poll() is None:
        for name in os.listdir(folder):
            try:
                missing.discard(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                continue  # closed since
        time.sleep(0.001)


@pytest.mark.parametrize(
    "words",
    [
        ["find", "898989898", "a.relive"],
        ["find", "898989898", "a.relive", "--count", "--json"],
        ["origin", "total@step#299999", "a.relive"],
        ["origin", "held[3]@run#1", "a.relive", "--json"],
        ["diff", "a.relive", "b.relive"],
        ["diff", "b.relive", "a.relive", "--json"],
    ],
    ids=" ".join,
)
def test_ctrl_c_in_a_long_answer(folder, words):
    paths = [(folder / word).resolve() for word in words if word.endswith(".relive")]
    for _ in range(5):
        status, output, errors = interrupt(folder, words, paths)
        if status == 130:
            break
        assert status in (0, 1), (status, output, errors)  # the answer came before the signal
    assert status == 130, (status, output, errors)
    assert b"Traceback" not in errors and len(errors.splitlines()) <= 1, errors
    lines = output.splitlines()
    assert all(b'"schema"' in line for line in lines), f"it had an answer: {output!r}"


def interrupt(folder, words, paths):
    """Returns the exit status and the texts of a question that is interrupted as it reads."""
    with subprocess.Popen(
        [sys.executable, "-c", ASK, *words], cwd=folder, env=clean_environ(RELIVE_INDEX="0"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout.readline() == b"begins\n"
            wait_until_open(process, paths)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=300)
        finally:
            process.kill()
    return process.returncode, output, errors


# Interrupts the process at the import of a module of ours, or at its end.
INTERRUPT = """\
import atexit, os, signal, sys
def interrupt(when):
    if when == WHEN:
        os.kill(os.getpid(), signal.SIGINT)
        for i in range(100): pass
class Finder:
    def find_spec(self, name, path=None, target=None):
        interrupt(name)
sys.meta_path.insert(0, Finder())
atexit.register(interrupt, "end")
"""


@pytest.mark.parametrize("when", ["relive.cli", "relive.cli.ls", "relive.cli.options", "end"])
@pytest.mark.parametrize("is_module", [True, False], ids=["module", "script"])
def test_ctrl_c_while_relive_starts_or_ends(tmp_path, when, is_module):
    (tmp_path / "sitecustomize.py").write_text(f"WHEN = {when!r}\n{INTERRUPT}")
    script = os.path.join(os.path.dirname(sys.executable), "relive")
    done = subprocess.run(
        [*([sys.executable, "-m", "relive"] if is_module else [script]), "ls"], cwd=tmp_path,
        env=clean_environ(PYTHONPATH=str(tmp_path)), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 130 and b"Traceback" not in done.stderr, done


def test_a_program_has_pythons_own_answer_to_ctrl_c(tmp_path):
    ask = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
    case = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        "
    (tmp_path / "test_it.py").write_text(case + ask)
    (tmp_path / "app.py").write_text(ask)
    for words in ["record", "app.py"], ["unittest"]:
        done = relive(*words, cwd=tmp_path)
        assert done.returncode == 0 and b"True\n" in done.stdout + done.stderr, done

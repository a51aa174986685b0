"""Small projects, real runs of pytest in them, and what these leave."""

import re
import shutil
import sys

import pytest
from conftest import dump, run

SHOP = """
import threading
import pytest

def price(item, n):
    if n > 2:
        raise ValueError(f"no {item}")
    return n * 3

def total(cart):
    return sum([price(item, n + 2) for n, item in enumerate(cart)])

@pytest.fixture
def cart():
    yield ["tea", "cake"]
    price("late", 1)
"""


# A comprehension is a function before 3.12.
INNER = ["total.<locals>.<listcomp>"] if sys.version_info < (3, 12) else []


class Project:
    """A folder of tests, and pytest runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.kept = folder / ".relive" / "pytest"

    def write(self, text, name="test_shop.py", head=SHOP):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + text, encoding="utf-8")
        # Compiled files know their text by its size and second: another one may have both.
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        return self

    def pytest(self, *words, env=None, flag="--relive"):
        words = ("-m", "pytest", "-p", "no:cacheprovider", *((flag,) if flag else ()), *words)
        # pytest compiles the modules of a plugin's package again unless it may store that
        env = dict(env or {}, PYTHONDONTWRITEBYTECODE="")
        done = run(sys.executable, *words, cwd=self.folder, env=env)
        done.text = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        return done

    def names(self):
        """The names of what was kept, without digests."""
        if not self.kept.is_dir():
            return []
        return sorted(
            re.sub(r"-[0-9a-f]{8}(?=\.|-run|-lines)", "", p.name) for p in self.kept.iterdir()
        )

    def recording(self, part):
        (path,) = [path for path in self.kept.glob("*.relive") if part in path.name]
        return path


@pytest.fixture
def project(tmp_path):
    # the rootdir is where this file is
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path)


def counts(done):
    """The last line of pytest: {"failed": 2, ...}."""
    found = re.findall(r"(\d+) (passed|failed|errors?|xfailed|xpassed|skipped|rerun)", done.text)
    return {name.rstrip("s"): int(number) for number, name in found}


def functions(path, *kinds):
    return [e["func"].partition(":")[2] for e in calls(path) if e["kind"] in (kinds or ("call",))]


def calls(path):
    """Events of functions; those of other files in the folder are of other tests."""
    return [event for event in dump(path, siblings=False)[1] if "func" in event]

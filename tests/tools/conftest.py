"""Tests of the tools of this repository. They need pytest alone, no build of Relive."""

import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, name) for name in ("tools", "tools/matrix", "bench")]


@pytest.fixture
def tree(tmp_path):
    """Returns a function that writes {path: text} into an empty folder and returns the folder."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return str(tmp_path)

    return write

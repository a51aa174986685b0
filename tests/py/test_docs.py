"""The examples of docs/embed.md run, and print what stands below them."""

import re
import sys

import pytest
from conftest import ROOT, run

TEXT = open(f"{ROOT}/docs/embed.md", encoding="utf-8").read()
BLOCKS = re.findall(r"^```python\n(.*?)^```\n\n?((?:    [^\n]*\n)*)", TEXT, re.M | re.S)


def test_there_are_examples():
    assert len(BLOCKS) >= 3 and sum(bool(shown) for _, shown in BLOCKS) >= 2


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_prints_what_it_says(number, tmp_path):
    source, shown = BLOCKS[number]
    (tmp_path / "example.py").write_text(source)
    done = run(
        sys.executable, "example.py", cwd=tmp_path, check=True, env={"RELIVE_NO_WARNINGS": "1"}
    )
    wanted = [line[4:] for line in shown.partition("    $ ")[0].splitlines()]
    assert done.stdout.decode().splitlines() == wanted
    for command in re.findall(r"^    \$ relive (.*)$", shown, re.M):
        told = run(sys.executable, "-m", "relive", *command.split(), cwd=tmp_path)
        rows = [line[4:] for line in shown.partition(command)[2].strip("\n").splitlines()]
        found = [
            re.sub(r"[\d.]+ (us|ms)", "TIME", line) for line in told.stdout.decode().splitlines()
        ]
        assert found == [re.sub(r"[\d.]+ (us|ms)", "TIME", line) for line in rows], told.stderr

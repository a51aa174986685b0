"""Each bug of tests/bughunt is found by a few commands, which use only names seen before."""

import statistics
import sys

import hunting
import pytest

# Of the questions hardly one depends on the version, and CI has little time.
ASKED_ON = (3, 8), (3, 12)
SIZES = {}


@pytest.mark.skipif(sys.version_info[:2] not in ASKED_ON, reason="asked on other versions")
@pytest.mark.parametrize("path", hunting.PROGRAMS, ids=lambda path: path.stem)
def test_the_cause_is_found_with_what_was_seen(path, tmp_path):
    hunt = hunting.Hunt(path)
    size = 0
    for command, seen, pieces, output in hunt.hunt(tmp_path):
        assert hunting.unseen_words(command, seen) == [], command
        missing = [piece for piece in pieces if not hunting.match_of(output, piece)]
        assert pieces and not missing, f"$ relive {command}\n{output}"
        size += len(output.encode())
    SIZES[path.name] = len(hunt.steps), size


def test_the_hunts_are_many_and_short():
    hunts = [hunting.Hunt(path) for path in hunting.PROGRAMS]
    assert len(hunts) >= 40 and 2 * sum(hunt.is_of_a_package for hunt in hunts) >= len(hunts)
    if len(SIZES) == len(hunts):
        assert statistics.median(count for count, _ in SIZES.values()) <= 3
        assert statistics.median(size for _, size in SIZES.values()) <= 3072


def test_a_name_that_was_not_seen_is_noticed():
    assert hunting.unseen_words("history load count", "load() is 3") == ["count"]
    assert hunting.unseen_words("line a.py:3 --limit", "a.py is 3") == []
    assert hunting.unseen_words("frame load#1", "load() is 3") == []
    assert hunting.unseen_words("frame load#2", "load() is 3") == ["2"]
    assert hunting.match_of("a = 1\nb = 2", "b ... 2")
    assert not hunting.match_of("a = 1\nb = 2", "a...2")
    assert hunting.match_of("load() T1@5", "load() {at}").group("at") == "T1@5"

"""Silence is explained: what is not there says what is."""

import pytest
from conftest import relive

PROGRAM = """\
def order(n):
    if n > 5:
        return 'many'
    total = n
    return total
order(1)
order(2)
"""


@pytest.fixture
def recorded_lines(tmp_path):
    (tmp_path / "shop.py").write_text(PROGRAM, encoding="utf-8")
    relive("record", "-o", "r.relive", "--level", "lines", "shop.py", cwd=tmp_path)

    def do(*words):
        done = relive(*words, "r.relive", cwd=tmp_path)
        return done.returncode, (done.stdout + done.stderr).decode()

    return do


def test_a_line_that_never_ran_says_which_lines_of_its_function_did(recorded_lines):
    status, text = recorded_lines("line", "shop.py:3")
    assert status == 1
    assert "shop.py:3 never ran; of __main__:order ran lines 2, 4-5" in text


def test_a_function_and_a_thread_that_are_not_there_name_the_nearest(recorded_lines):
    assert "did you mean 'order'?" in recorded_lines("history", "ordre", "n")[1]
    assert "did you mean 'shop.py'?" in recorded_lines("line", "shp.py:3")[1]
    status, text = recorded_lines("tree", "--thread", "9")
    assert status == 2 and "there is no thread 9" in text and "the nearest are 1" in text


def test_a_module_names_its_functions(recorded_lines):
    status, text = recorded_lines("history", "__main__", "total")
    assert status == 0 and text.count("shop.py:4 > total = n") >= 2, text


def test_a_program_of_the_standard_library_that_was_named_is_recorded(tmp_path):
    done = relive("record", "-o", "r.relive", "-m", "json.tool", cwd=tmp_path, stdin=b'{"a": 1}')
    assert done.returncode == 0, done.stderr
    text = relive("tree", "--calls", "r.relive", cwd=tmp_path).stdout.decode()
    assert "main()" in text and "JSONDecoder" not in text


def test_a_program_that_is_not_there_names_the_nearest(tmp_path):
    (tmp_path / "recode.py").write_text("", encoding="utf-8")
    done = relive("record", "recod.py", cwd=tmp_path)
    assert done.returncode == 125 and b"did you mean 'recode.py'?" in done.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "recorder-of-mine").write_text("", encoding="utf-8")
    done = relive("record", "recorder-of-min", cwd=tmp_path, env={"PATH": str(tmp_path / "bin")})
    assert b"did you mean 'recorder-of-mine'?" in done.stderr

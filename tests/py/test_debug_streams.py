"""The debugger's prompt on streams that are closed or cannot encode, and objects that exit."""

import subprocess
import sys

import pytest
from conftest import clean_environ

SOURCE = """\
class Exits:
    def __repr__(self): raise SystemExit(3)
class Odd:
    def __repr__(self): return "odd \\udc80 \\xe9"
def work(exits, odd):
    return 1  # \xe9\xe8
work(Exits(), Odd())
print("end")
"""


def debug(folder, commands, shell="", **variables):
    (folder / "app.py").write_text(SOURCE, encoding="utf-8")
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -m relive debug --once app.py {shell}', sys.executable],
        cwd=folder, env={**clean_environ(), **variables}, capture_output=True, timeout=60,
        input="".join(f"{one}\n" for one in commands).encode(),
    )  # fmt: skip


def test_a_repr_that_exits_does_not_end_the_stop(tmp_path):
    done = debug(tmp_path, ["b work", "c", "display exits", "p 4 + 4", "n", "p 5 + 5", "c"])
    out = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "*** SystemExit: 3" in out and "(relive) 8\n" in out
    assert "(relive) 10\n" in out and "end\n" in out


def test_what_the_stream_cannot_encode_is_escaped(tmp_path):
    plain = {"PYTHONIOENCODING": "ascii:strict"}
    done = debug(tmp_path, ["b work", "c", "p odd", "n", "w", "c"], **plain)
    out = done.stdout.decode("ascii")
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert "(relive) odd \\udc80 \\xe9\n" in out and "-> return 1  # \\xe9\\xe8\n" in out
    assert "--Return--" in out and "end\n" in out


@pytest.mark.parametrize("shell", ["<&-", "</dev/null", ">&-", "<&- >&-"])
def test_a_stream_that_the_shell_closed_is_the_end_of_input(tmp_path, shell):
    done = debug(tmp_path, [], shell)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    assert b"end" not in done.stdout and (">&-" in shell or b"app.py(1)" in done.stdout)

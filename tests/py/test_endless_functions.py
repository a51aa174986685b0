"""Programs that make functions without end (exec, templates) are recorded in bounded memory."""

import sys

import pytest
from conftest import relive, run

SOURCE = """\
def peak():
    with open("/proc/self/status") as file:
        return int(file.read().split("VmHWM:")[1].split()[0])
def make(first, last):
    for i in range(first, last):
        exec(compile("def f(a):\\n return a\\nf(1)", "<made %d>" % i, "exec"), {})
make(0, 30000)
before = peak()
make(30000, 90000)
print(peak() - before)
"""


@pytest.mark.parametrize("options", [("--level", "calls"), ("--ring", "1M")])
def test_memory_does_not_grow_with_functions(tmp_path, options):
    (tmp_path / "prog.py").write_text(SOURCE)
    plain = int(run(sys.executable, "prog.py", cwd=tmp_path).stdout)
    done = relive("record", *options, "-o", "o.relive", "prog.py", cwd=tmp_path)
    assert int(done.stdout) - plain < 4000, (done.stdout, plain)  # kB; it was 19,000


def test_functions_that_are_not_told_apart_are_counted_together(tmp_path):
    (tmp_path / "prog.py").write_text(SOURCE)
    relive("record", "--level", "calls", "-o", "o.relive", "prog.py", cwd=tmp_path)
    import relive as api

    recording = api.open(tmp_path / "o.relive")
    rows = {recording.code(row[0])[1]: row[1] for row in recording.functions()}
    assert rows["make"] == 2 and rows["(other functions)"] > 100000
    assert sum(row[1] for row in recording.functions()) == 180005
    assert relive("check", "o.relive", cwd=tmp_path).returncode == 0


def test_a_ring_has_the_size_that_was_asked_for(tmp_path):
    (tmp_path / "prog.py").write_text("def f(n): return n\nfor i in range(300000): f(i)\n")
    for size in (256, 1024, 3000):
        relive("record", "--ring", f"{size}K", "--force", "-o", "o.relive", "prog.py", cwd=tmp_path)
        assert (tmp_path / "o.relive").stat().st_size <= (size + 256) * 1024

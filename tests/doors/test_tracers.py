"""The debugger beside tools that trace: coverage, pytest-cov and debugpy. Each breakpoint stops on
each version. Up to 3.11 a step says that it cannot be; docs/debugging-programs.md has the table."""

import sys

import pytest
from conftest import clean_environ
from serving import run  # puts the folder of conftest on the path

PROGRAM = """\
from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime
import relive
def f(n):
    t = n
    t += 1
    return t
def test_f():
    relive.set_trace(commands=["c"])
    runtime.on_log = lambda text, one, frame: open("log", "a").write(text + "\\n")
    runtime.update_breakpoints(__file__, [
        Breakpoint(__file__, 6, condition="t == 1"),
        Breakpoint(__file__, 6, condition="str(t) == '5'"),
        Breakpoint(__file__, 7, log_message="t is {t}"),
    ])
    found = f(1), f(2), f(5)
    breakpoint()
    assert found == (41, 3, 6)
if __name__ == "__main__":
    test_f()
    print("passed")
"""
ATTACHED = "import debugpy\ndebugpy.listen(('127.0.0.1', 0))\ndebugpy.debug_this_thread()\n"
TOOLS = {
    "ctrace": ["-m", "coverage", "run", "--data-file=data", "app.py"],
    "pytrace": ["-m", "coverage", "run", "--timid", "--data-file=data", "app.py"],
    "pytest-cov": ["-m", "pytest", "-q", "--cov=app", "-p", "no:cacheprovider", "app.py"],
    "debugpy": ["attached.py"],
}
SENTENCE = "another tool's trace function is on in this thread (up to 3.11): it cannot step here"
HAS_HOOK = sys.version_info < (3, 12)


@pytest.mark.parametrize("tool", TOOLS)
def test_breakpoints_stop_beside(tmp_path, tool):
    # debugpy takes breakpoint() for itself.
    stop = "relive.set_trace()" if tool == "debugpy" else "breakpoint()"
    (tmp_path / "app.py").write_text(PROGRAM.replace("breakpoint()", stop))
    head = ATTACHED if tool == "debugpy" else ""
    (tmp_path / "attached.py").write_text(head + "import app\napp.test_f()\nprint('passed')\n")
    environ = dict(clean_environ(), PYTHONBREAKPOINT="relive.set_trace", HOME=str(tmp_path))
    environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    if sys.version_info >= (3, 12) and tool in ("ctrace", "pytrace"):
        environ["COVERAGE_CORE"] = tool
    commands = ["p 'first', t", "t = 40", "n", *([] if HAS_HOOK else ["c"]), "p 'fifth', t", "c"]
    text = "\n".join([*commands, "p 'mine', found", "c", ""])
    done = run(sys.executable, *TOOLS[tool], cwd=tmp_path, env=environ, stdin=text.encode())
    shown = done.stdout.decode()
    assert done.returncode == 0 and "passed" in shown, shown + done.stderr.decode()
    assert "('first', 1)" in shown and "('fifth', 5)" in shown, shown
    assert "('mine', (41, 3, 6))" in shown, shown
    assert (tmp_path / "log").read_text() == "t is 41\nt is 3\nt is 6\n"
    assert (SENTENCE in shown) == HAS_HOOK, shown
    if tool in ("ctrace", "pytrace"):
        words = ["-m", "coverage", "report", "--data-file=data", "--include=*app.py"]
        report = run(sys.executable, *words, cwd=tmp_path)
        assert b"100%" in report.stdout, report.stdout  # the tool has each line of the program

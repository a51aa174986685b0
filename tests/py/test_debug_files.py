"""Breakpoints in code that has no file, and in files that are named by their end."""

import os
import pty
import select
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, relive

PROGRAM = """\
code = compile("def f(a):\\n    b = a + 1\\n    return b\\n", "<gen-1>", "exec")
space = {}
exec(code, space)
print(space["f"](3))
import sub.mod
print(sub.mod.work(2))
"""
AWAITS = """\
import asyncio
import relive
async def double(x):
    await asyncio.sleep(0.01)
    return x * 2
async def main():
    one = 21
    await relive.set_trace_async()
    return one
print(asyncio.run(main()))
"""


def debug(tmp_path, program, *commands):
    (tmp_path / "app.py").write_text(program)
    for folder in ("sub", "one", "two"):
        (tmp_path / folder).mkdir()
    (tmp_path / "sub" / "__init__.py").write_text("")
    (tmp_path / "sub" / "mod.py").write_text("def work(n):\n    m = n * 2\n    return m\n")
    for folder in ("one", "two"):
        (tmp_path / folder / "same.py").write_text("x = 1\n")
    stdin = "\n".join([*commands, "q", ""]).encode()
    done = relive("debug", "app.py", cwd=tmp_path, stdin=stdin)
    assert b"Traceback" not in done.stdout + done.stderr, done
    return done.stdout.decode()


def test_code_without_a_file_has_breakpoints(tmp_path):
    text = debug(tmp_path, PROGRAM, "b <gen-1>:2", "c", "p a", "w", "restart", "b", "c", "p a + 10")
    assert "Breakpoint 1 at <gen-1>:2" in text and "> <gen-1>(2)f()" in text
    assert "(relive) 3" in text and "app.py(4)<module>()" in text
    assert "at <gen-1>:2" in text.partition("Restarting")[2] and "(relive) 13" in text


def test_the_end_of_a_path_names_the_file_that_the_program_will_run(tmp_path):
    text = debug(tmp_path, PROGRAM, "b mod.py:2", "b sub/mod:3", "c", "p n", "c", "p m")
    assert "mod.py:2" in text and "mod.py(2)work()" in text and "(relive) 2" in text
    assert "mod.py(3)work()" in text and "(relive) 4" in text


def test_several_files_of_a_name_are_listed(tmp_path):
    text = debug(tmp_path, PROGRAM, "b same:1", "b one/same:1", "b nowhere:1")
    assert "'same' may be " in text and "one/same.py, " in text.replace("\\", "/")
    assert "Breakpoint 1 at " in text and "'nowhere' not found" in text


def test_await_at_the_prompt(tmp_path):
    text = debug(
        tmp_path, AWAITS, "c", "await double(one)", "x = await double(5)", "p x",
        "p await double(x)", "await nonsense()", "await )", "c",
    )  # fmt: skip
    for answer in ("(relive) 42", "(relive) 10", "(relive) 20", "NameError", "SyntaxError"):
        assert answer in text, text
    assert ")main()" in text and "\n21\n" in text.replace("(relive) ", "\n")


TEMPLATE = """\
import jinja2
text = "a {{ x }}\\nb {{ x + 1 }}\\n"
template = jinja2.Environment().from_string(text)
print(template.render(x=20))
"""


def test_a_template_has_breakpoints(tmp_path):
    jinja2 = pytest.importorskip("jinja2", reason="jinja2 comes with the servers of some versions")
    made = jinja2.Environment().compile("a {{ x }}\nb {{ x + 1 }}\n", raw=True).splitlines()
    line = next(n for n, text in enumerate(made, 1) if "l_0_x + 1" in text or "+ 1" in text)
    text = debug(tmp_path, TEMPLATE, f"b <template>:{line}", "c", "p l_0_x", "w", "up", "c")
    assert f"> <template>({line})root()" in text and "(relive) 20" in text
    assert "app.py(4)<module>()" in text and "environment.py(" in text
    assert text.count(f"({line})root()") == 2 and "a 20\nb 21" in text


class Shell:
    """Python's own prompt on a pseudo-terminal."""

    def __init__(self, folder):
        self.fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-q", "-i"], cwd=folder, stdin=other, stdout=other, stderr=other,
            env={**clean_environ(), "TERM": "dumb", "HOME": str(folder)}, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self.read()

    def read(self):
        """Returns what is printed before the next prompt of either kind."""
        text, end = "", time.monotonic() + 60
        while not text.endswith((">>> ", "... ", "(relive) ")) and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                text += os.read(self.fd, 65536).decode(errors="replace").replace("\r", "")
        return text

    def run(self, *lines):
        """Types lines; returns what the last one printed."""
        text = ""
        for line in lines:
            os.write(self.fd, line.encode() + b"\n")
            text = self.read()
        return text

    def end(self):
        os.write(self.fd, b"\x04")
        self.process.wait(60)
        os.close(self.fd)


def test_functions_that_are_typed_have_breakpoints(tmp_path):
    shell = Shell(tmp_path)
    shell.run("import relive", "def f(a):", "    b = a + 1", "    return b", "")
    shell.run("def g(a):", "    b = a * 2", "    return b", "")
    assert "(relive)" in shell.run("relive.set_trace()")
    assert "Breakpoint 1 at <stdin" in shell.run("b f") and ">>> " in shell.run("c")
    assert "\n40\n>>> " in shell.run("g(20)")  # it has the same lines before 3.13
    stopped = shell.run("f(3)")
    assert "(2)f()\n" in stopped and "> <stdin" in stopped
    assert "\n3\n" in shell.run("p a") and "(3)f()\n" in shell.run("n")
    assert "\n4\n>>> " in shell.run("c") and "(2)f()\n" in shell.run("f(4)")
    shell.run("cl 1", "c")
    assert shell.run("f(5)").endswith("\n6\n>>> ")
    shell.end()

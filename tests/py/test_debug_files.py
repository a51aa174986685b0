"""Breakpoints in code that has no file, and in files that are named by their end."""

from conftest import relive

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

"""Programs with several interpreters in one process: the main one is recorded, the others are left
alone and counted."""

import json
import sys

import pytest
from conftest import relive, run

PRELUDE = """
import sys, threading
try:
    import _interpreters as I
except ImportError:
    import _xxsubinterpreters as I
CODE = '''
def f(x): return [x]
class A: pass
for i in range(100): f(A())
def g():
    try: yield 1
    finally: pass
k = g(); next(k)
try:
    raise ValueError(1)
except ValueError: pass
'''
def use(code=CODE):
    i = I.create()
    told = (I.run_string if not hasattr(I, 'exec') else I.exec)(i, code)
    assert told is None, told
    I.destroy(i)
def main(x): return x
"""

MANY = (
    PRELUDE
    + """
for k in range(3): use()
main(1)
threads = [threading.Thread(target=use) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
main(2)
print('done')
"""
)

POOL = """
from concurrent.futures import InterpreterPoolExecutor
def main(x): return x
if __name__ == '__main__':
    with InterpreterPoolExecutor(2) as pool:
        print(sorted(pool.map(abs, range(9))))
    main(1)
"""

CONCURRENT = """
from concurrent import interpreters
def main(x): return x
one = interpreters.create()
one.exec('def f(): return 1')
print(one.call(abs, -3))
main(1)
one.close()
"""


def compare(record, tmp_path, source, *options, env=None):
    """The program writes what it writes alone; its recording's header."""
    program = tmp_path / "alone.py"
    program.write_text(source)
    alone = run(sys.executable, program, cwd=tmp_path)
    done, headers, events = record(source, *options, env=env)
    assert done.stdout == alone.stdout, done.stderr
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and "Next: relive tree" in lines[0], done.stderr.decode()
    assert done.returncode == alone.returncode == 0
    assert headers[0]["is_complete"] and len(headers) == 1
    assert any(e.get("func") == "__main__:main" for e in events)
    assert not any(e.get("func", "").startswith("__main__:f") for e in events)
    return headers[0]


@pytest.mark.parametrize("options", [(), ("--level", "lines"), ("--backend", "settrace")])
def test_other_interpreters_are_left_alone_and_counted(record, tmp_path, options):
    header = compare(record, tmp_path, MANY, *options)
    assert header["losses"] == {"interpreters": 7}
    info = relive("info", "out.relive", cwd=tmp_path).stdout.decode()
    assert "7 interpreters not recorded" in info, info
    facts = relive("info", "out.relive", "--json", cwd=tmp_path).stdout.splitlines()[1]
    assert json.loads(facts)["losses"] == {"interpreters": 7}


def test_interpreters_that_ran_before_the_recording_are_counted(record, tmp_path):
    source = PRELUDE + (
        "import relive\n"
        "kept = [I.create() for k in range(2)]\n"
        "relive.start('on.relive')\n"
        "use(); main(1)\n"
        "assert relive.stop()['lost'] == {'interpreters': 3}\n"
        "for i in kept: I.destroy(i)\n"
        "print('ok')\n"
    )
    program = tmp_path / "prog.py"
    program.write_text(source)
    done = run(sys.executable, program, cwd=tmp_path)
    assert done.stdout == b"ok\n" and done.stderr == b"", done.stderr


def test_a_listener_for_control_is_the_main_interpreter_s(record, tmp_path):
    compare(record, tmp_path, MANY, env={"RELIVE_CONTROL": "1"})


def test_relive_in_another_interpreter_says_why_it_cannot(tmp_path):
    code = (
        "import relive\n"
        "try: relive.start('never.relive')\n"
        "except AttributeError as error: assert 'main interpreter' in str(error), error\n"
        "else: raise SystemExit('it was started')\n"
    )
    program = tmp_path / "prog.py"
    program.write_text(PRELUDE + f"use({code!r})\nprint('ok')\n")
    done = run(sys.executable, program, cwd=tmp_path)
    assert done.stdout == b"ok\n", done.stderr
    assert not (tmp_path / "never.relive").exists()


def test_ways_out_of_another_interpreter(tmp_path, record):
    """os._exit there ends the process without its hooks; what was published is in the file."""
    source = PRELUDE + (
        "main(1)\nprint('before', flush=True)\nuse('import os; os._exit(7)')\nprint('never')\n"
    )
    done, headers, events = record(source)
    assert done.returncode == 7 and done.stdout == b"before\n", done.stderr
    assert any(e.get("func") == "__main__:main" for e in events)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in 3.14")
@pytest.mark.parametrize("source", [POOL, CONCURRENT], ids=["pool", "concurrent"])
def test_interpreters_of_the_standard_library(record, tmp_path, source):
    assert compare(record, tmp_path, source)["losses"]["interpreters"] in (1, 2)

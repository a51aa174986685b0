"""--output: what the program writes, as events, and nothing else about it changed."""

import sys

import pytest
from conftest import run, usable_backends

SOURCE = """
import os, sys
def f():
    print('one', 2)
    sys.stdout.write('three')
    sys.stderr.write('oops\\n')
    sys.stdout.flush()  # text waits in the stream while bytes and descriptors pass it by
    sys.stdout.buffer.write(b'raw\\n')
    sys.stdout.flush()
    os.write(1, b'direct\\n')
    print('x' * 9000)
    print('\\u00fc\\U0001f600')
f()
with open(os.devnull, 'w') as file: print('not this', file=file)
print(type(sys.stdout).__name__, sys.stdout.isatty(), sys.stdout.fileno())
"""


@pytest.mark.parametrize("backend", usable_backends())
def test_what_is_written_is_told(record, tmp_path, backend):
    plain = tmp_path / "plain.py"
    plain.write_text(SOURCE, encoding="utf-8")
    env = {"PYTHONIOENCODING": "utf-8"}
    untraced = run(sys.executable, plain, env=env)
    done, _, events = record(SOURCE, "--output", "--backend", backend, env=env)
    assert done.stdout == untraced.stdout and done.stderr.startswith(untraced.stderr)
    out = "".join(e["text"] for e in events if e["kind"] == "output" and e["stream"] == "stdout")
    assert out.encode() == untraced.stdout
    err = "".join(e["text"] for e in events if e["kind"] == "output" and e["stream"] == "stderr")
    assert err == "oops\n"
    f = next(e["frame"] for e in events if e.get("func") == "__main__:f")
    inside = [e["text"] for e in events if e["kind"] == "output" and e["frame"] == f]
    assert inside[0].startswith("one")
    done, _, events = record(SOURCE, "--force", env=env)
    assert not [e for e in events if e["kind"] == "output"]

"""The debugger where pdbpp is installed, which is what `import pdb` gives then. Relive's prompt is
the standard library's pdb all the same, and the only one in a program under `relive debug`."""

import re
import sys

import pytest
from conftest import clean_environ
from serving import run  # puts the folder of conftest on the path

PROGRAM = """\
import io, pdb, sys
import relive
from relive.debug import integration
what = sys.argv[1]
def f(n):
    m = n + 1
    if what == "relive":
        relive.set_trace()
    elif what == "builtin":
        breakpoint()
    elif what in ("pdbpp", "led"):
        pdb.set_trace()
    m += 1
    return m
if what == "led":
    assert integration.integrate_with_pdb()
if what == "driven":
    out = io.StringIO()
    one = pdb.Pdb(stdin=io.StringIO("s\\ns\\nb 13\\nc\\np ('m is', m)\\nr\\nc\\n"), stdout=out)
    one.use_rawinput = False
    assert integration.integrate_with_bdb(one)
    print("result", one.runcall(f, 1), sys.gettrace())
    print(out.getvalue())
else:
    print("result", f(1))
print(pdb.__file__)
"""
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def shown(tmp_path):
    """Runs the program; returns what it shows, without colours."""
    (tmp_path / "app.py").write_text(PROGRAM)

    def start(*words, commands=()):
        environ = dict(clean_environ(), HOME=str(tmp_path), PDBPP_HIJACK_PDB="1")
        environ["PYTHONBREAKPOINT"] = "relive.set_trace"
        text = "".join(f"{one}\n" for one in commands)
        done = run(sys.executable, *words, cwd=tmp_path, env=environ, stdin=text.encode())
        found = COLOUR.sub("", done.stdout.decode())
        assert done.returncode == 0 and "Traceback" not in done.stderr.decode(), done.stderr
        assert "result 3" in found and "pdbpp.py" in found, found
        return found

    return start


@pytest.mark.parametrize("what", ["relive", "builtin", "led"])
def test_the_prompt_is_that_of_relive(shown, what):
    text = shown("app.py", what, commands=["p 'm is', m", "n", "ll", "c"])
    assert "(relive) ('m is', 2)" in text and "(Pdb++)" not in text


def test_the_prompt_of_pdbpp_is_its_own(shown):
    text = shown("app.py", "pdbpp", commands=["p ('m is', m)", "c"])
    assert "(Pdb++) ('m is', 2)" in text and "(relive)" not in text


def test_the_engine_drives_pdbpp(shown):
    text = shown("app.py", "driven")
    assert "result 3 None" in text and "(Pdb++) ('m is', 2)" in text
    assert "app.py(13)f()" in text and "--Return--" in text


def test_under_relive_debug_there_is_one_prompt(shown):
    commands = ["b 6", "c", "p 'n is', n", "c", "p ('m is', m)", "c"]
    text = shown("-m", "relive", "debug", "app.py", "pdbpp", commands=commands)
    assert "(relive) ('n is', 1)" in text and "(relive) ('m is', 2)" in text
    assert "(Pdb++)" not in text

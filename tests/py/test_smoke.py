"""The few things that must work on every interpreter: install, record, every verb, children."""

import json
import os
import subprocess
import sys

from conftest import ROOT, relive, run


def test_example_and_every_verb(tmp_path):
    out = tmp_path / "shop.relive"
    done = relive("record", "-o", out, ROOT / "examples" / "shop.py", cwd=tmp_path)
    assert done.returncode == 0
    assert b"order 2: sorry" in done.stdout
    assert b"nothing lost. Next: relive tree" in done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    tree = relive("tree", cwd=tmp_path).stdout.decode()
    assert "__main__:order x3" in tree and "OutOfStock at line 29 (1 of 3)" in tree
    assert "complete" in relive("info", out).stdout.decode()
    assert "__main__:take" in relive("top", out).stdout.decode()
    check = relive("check", out)
    assert check.returncode == 0 and b"whole" in check.stdout
    lines = relive("dump", out, "--json").stdout.decode().splitlines()
    assert json.loads(lines[0])["schema"] == "relive.dump"
    assert sum(json.loads(line)["kind"] == "call" for line in lines[1:]) == 17
    doctor = relive("doctor")
    assert doctor.returncode == 0 and b"self-test passed" in doctor.stdout


def test_api(tmp_path):
    program = tmp_path / "prog.py"
    program.write_text(
        "import relive\n"
        "def f(): return 1\n"
        "assert not relive.is_recording()\n"
        "with relive.record('a.relive') as recording:\n"
        "    assert relive.is_recording()\n"
        "    f()\n"
        "    try:\n"
        "        relive.start('b.relive')\n"
        "    except relive.ReliveError as error:\n"
        "        assert error.code == 'ERR_BUSY', error.code\n"
        "assert recording.stats['closed'] and recording.stats['events'] > 2\n"
        "assert relive.stop() is None\n"
        "@relive.record('c.relive')\n"
        "def g(): return f()\n"
        "assert g() == 1\n"
        "names = [relive.open(p).code(n)[1] for p in ('a.relive', 'c.relive')\n"
        "         for n, *_ in relive.open(p).functions()]\n"
        "assert names.count('f') == 2 and 'g' in names, names\n"
        "print('ok')\n"
    )
    done = run(sys.executable, program, cwd=tmp_path)
    assert done.stdout == b"ok\n", done.stderr


def test_recording_through_the_environment(tmp_path):
    out = tmp_path / "env.relive"
    done = run(sys.executable, "-c", "print(1)", env={"RELIVE_RECORD": str(out)}, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (b"1\n", b"", 0)
    assert b"whole" in relive("check", out).stdout


def test_one_symbol_and_no_foreign_library():
    from relive import _core

    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", _core.__file__], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    names = [line.split()[-1] for line in symbols.splitlines()]
    assert names == ["PyInit__core"]
    needed = subprocess.run(
        ["readelf", "-d", _core.__file__], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    assert not any(word in needed for word in ("libzstd", "libpcre2", "libxxhash"))


def test_import_is_light():
    code = (
        "import sys; before = set(sys.modules); import relive;"
        "print(sorted(set(sys.modules) - before))"
    )
    done = run(sys.executable, "-c", code)
    assert done.stdout.decode().strip() == "['relive', 'relive._version']"
    assert os.environ.get("RELIVE_RUN") is None

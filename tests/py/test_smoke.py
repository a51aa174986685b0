"""The few things that must work on every interpreter: install, record, every verb, children."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, dump, relive, run


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


def test_without_the_pth_file(tmp_path):
    """As in an editable install: the launcher's own way, for the program and its children."""
    import relive as package

    source = os.path.dirname(os.path.dirname(package.__file__))
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", check=True)
    program = tmp_path / "prog.py"
    program.write_text(
        "import subprocess, sys\ndef f(): pass\nf()\nprint(sys.path[0] == sys.argv[1])\n"
        "subprocess.check_call([sys.executable, '-c', 'def g(): pass\\ng()'])\n"
    )
    out = tmp_path / "out.relive"
    done = relive("record", "-o", out, python, program, tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"True\n"), done.stderr
    assert b"Error in" not in done.stderr
    headers, events = dump(out)
    names = {event["func"] for event in events if event["kind"] == "call"}
    assert len(headers) == 2 and {"__main__:f", "__main__:g"} <= names
    done = relive("record", "-o", tmp_path / "o2.relive", python, "-I", program, tmp_path)
    assert done.returncode == 125 and b"pip install" in done.stderr
    assert os.path.exists(os.path.join(source, "relive.pth"))


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
    assert done.stdout.decode().strip() == "['relive']"
    assert os.environ.get("RELIVE_RUN") is None


@pytest.mark.parametrize(
    ("source", "verb"),
    [
        ("1 / 0\n", "exc"),
        ("def f(): raise KeyError(1)\ntry: f()\nexcept KeyError: pass\n", "tree"),
        ("import sys\nsys.exit('no')\n", "tree"),
        ("raise KeyboardInterrupt\n", "tree"),
        ("import threading\nthreading.Thread(target=lambda: 1 / 0).start()\n", "tree"),
    ],
)
def test_the_closing_line_names_the_next_command(source, verb, tmp_path):
    (tmp_path / "app.py").write_text(source)
    done = relive("record", "app.py", cwd=tmp_path)
    (name,) = [path.name for path in tmp_path.glob("*.relive")]
    last = done.stderr.decode().splitlines()[-1]
    assert last.endswith(f"nothing lost. Next: relive {verb} {name}") and last.count(name) == 1
    elsewhere = tmp_path / "b.relive"
    (tmp_path / "below").mkdir()
    done = relive("record", "-o", elsewhere, tmp_path / "app.py", cwd=tmp_path / "below")
    assert done.stderr.decode().splitlines()[-1].endswith(f"Next: relive {verb} {elsewhere}")


def test_without_a_verb_the_newest_recordings_are_listed(tmp_path):
    assert b"newest recordings" not in relive(cwd=tmp_path).stdout
    (tmp_path / "app.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    done = relive("record", "-o", "killed.relive", "app.py", cwd=tmp_path)
    assert done.stderr == b""
    (tmp_path / "done.py").write_text("pass\n")
    relive("record", "-o", "ended.relive", "done.py", cwd=tmp_path)
    (tmp_path / "none.relive").write_text("no recording")
    os.utime(tmp_path / "killed.relive", (1, 3))
    os.utime(tmp_path / "ended.relive", (1, 2))
    os.utime(tmp_path / "none.relive", (1, 1))
    done = relive(cwd=tmp_path)
    lines = done.stdout.decode().partition("The newest recordings here:\n")[2].splitlines()
    assert done.returncode == 2 and len(lines) == 3
    assert lines[0].startswith("  killed.relive  ") and "its program was killed" in lines[0]
    assert lines[1].startswith("  ended.relive  ") and lines[1].endswith("bytes")
    assert "cannot be read" in lines[2]

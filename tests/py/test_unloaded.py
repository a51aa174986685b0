"""A compiled file that does not fit: the import says why, and what to do, in every door."""

import os
import re
import shutil
import sys
import sysconfig

import pytest
from conftest import run

import relive as package

HERE = os.path.dirname(os.path.abspath(package.__file__))
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
OTHER = "3.8" if sys.version_info[:2] != (3, 8) else "3.9"


def hash_of_version(name):
    """Returns the number by which the loader finds a version's name (the hash of System V)."""
    number = 0
    for byte in name:
        number = ((number << 4) + byte) & 0xFFFFFFFF
        number = (number ^ ((number & 0xF0000000) >> 24)) & 0x0FFFFFFF
    return number.to_bytes(4, "little")


def want_newer_glibc(content):
    """Returns a compiled file that wants a version of glibc that no system has."""
    old = max(set(re.findall(rb"\0(GLIBC_2\.\d+)\0", content)), key=len)
    new = b"GLIBC_9." + b"9" * (len(old) - 8)
    assert content.count(hash_of_version(old)) >= 1
    content = content.replace(b"\0" + old + b"\0", b"\0" + new + b"\0")
    return content.replace(hash_of_version(old), hash_of_version(new))


def of_another_processor(content):
    return content[:18] + b"\xf3\0" + content[20:]  # e_machine: RISC-V


@pytest.fixture
def broken(tmp_path):
    """broken(change) -> the folder of an installation whose compiled file was changed.

    A change returns the file's new bytes, or a new name, or None: no file."""

    def do(change):
        site = tmp_path / "site"
        shutil.copytree(HERE, site / "relive", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(os.path.join(os.path.dirname(HERE), "_relive_boot.py"), site)
        path = site / "relive" / ("_core" + SUFFIX)
        made = change(path.read_bytes())
        path.unlink()
        if isinstance(made, str):
            (site / "relive" / made).write_bytes(b"")
        elif made is not None:
            path.write_bytes(made)
        return site

    return do


def python(site, *words, **env):
    """A process that finds the broken installation and no other."""
    code = [sys.executable, "-S", *words]
    return run(*code, env={"PYTHONPATH": str(site), **env}, cwd=site.parent)


INSTALL = "-m pip install --force-reinstall --no-cache-dir relive"
WORDS = {"gnu": "glibc", "musl": "musl"}
OWN_LIBC, OTHER_LIBC = ("musl", "gnu") if "musl" in SUFFIX else ("gnu", "musl")
CASES = {
    "no file": (lambda content: None, "has no compiled file: ", INSTALL),
    "another version": (
        lambda content: f"_core.cpython-{OTHER.replace('.', '')}-x86_64-linux-gnu.so",
        f"it was built for cpython {OTHER}, and this is cpython %d.%d (" % sys.version_info[:2],
        INSTALL,
    ),
    "the other C library": (
        lambda content: SUFFIX.replace(OWN_LIBC, OTHER_LIBC).join(["_core", ""]),
        f"with {WORDS[OTHER_LIBC]}, and this is cpython", INSTALL,
    ),
    "another processor's name": (
        lambda content: SUFFIX.replace("x86_64", "riscv64").join(["_core", ""]),
        "on Linux riscv64 with ", INSTALL,
    ),
    "musl's library, glibc's name": (
        lambda content: content.replace(b"\0libc.so.6\0", b"\0libc.so\0\0\0"),
        "it was built for musl, and this system has glibc", INSTALL,
    ),
    "cut early": (lambda content: content[:40], "compiled file is damaged", INSTALL),
    "cut in the middle": (
        lambda content: content[: len(content) // 2], "compiled file is damaged", INSTALL,
    ),
    "no library at all": (lambda content: b"#!/bin/sh\n" * 99, "file is damaged", INSTALL),
    "newer glibc": (want_newer_glibc, "it was built for glibc 9.", "--no-binary relive"),
    "another processor": (of_another_processor, "another kind of processor", INSTALL),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_import_says_why_and_what_to_do(case, broken):
    change, why, command = CASES[case]
    if case in ("newer glibc", "musl's library, glibc's name") and "musl" in SUFFIX:
        pytest.skip("this C library is not glibc")
    site = broken(change)
    done = python(site, "-c", "from relive import _core")
    last = done.stderr.decode().splitlines()[-1]
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert last.startswith("ImportError: relive cannot run here: "), done.stderr.decode()
    assert why in last and command in last and "bin/python" in last, last
    assert str(site / "relive") not in last or case == "no file"
    assert b"During handling" not in done.stderr


def test_the_command_line_prints_one_line_and_runs_nothing(broken):
    site = broken(lambda content: None)
    (site.parent / "app.py").write_text("print('ran')\n")
    for words, status in ((["record", "app.py"], 125), (["debug", "app.py"], 125), (["tree"], 2)):
        done = python(site, "-m", "relive", *words)
        assert (done.returncode, done.stdout) == (status, b""), words
        lines = done.stderr.decode().splitlines()
        assert len(lines) == 1 and lines[0].startswith("relive cannot run here: "), lines
    done = python(site, "-m", "relive", "--version")
    assert done.returncode == 0 and done.stdout.startswith(b"relive ")


def test_a_program_runs_unrecorded_and_one_line_says_so(broken):
    site = broken(lambda content: content[:40])
    out = site.parent / "out.relive"
    code = "import _relive_boot as boot; boot.start(); boot.start(); print('ran')"  # as in a venv
    done = python(site, "-c", code, RELIVE_RECORD=str(out))
    assert (done.returncode, done.stdout) == (0, b"ran\n")
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("relive cannot run here: "), lines
    assert not out.exists()


def test_the_interface_says_the_same(broken):
    site = broken(lambda content: None)
    code = "import relive\ntry: relive.start('x.relive')\nexcept ImportError as e: print(e.name)"
    done = python(site, "-c", code)
    assert done.stdout == b"relive._core\n", done.stderr


def test_a_free_threaded_interpreter_is_refused_with_the_reason(broken):
    """No such interpreter is at hand: this one says that it is one, and has no fitting file."""
    site = broken(lambda content: None)
    begin = "import runpy, sys; sys.abiflags = 't'; sys.argv[:] = ['relive', *sys.argv[1:]]; "
    words = ["-c", begin + "runpy.run_module('relive', run_name='__main__')"]
    for verb, status in ((["doctor"], 2), (["record", "-c", "print(1)"], 125)):
        done = python(site, *words, *verb)
        assert (done.returncode, done.stdout) == (status, b""), verb
        text = done.stderr.decode()
        assert re.match(
            r"relive cannot run here: /\S*/bin/\S+ is a free-threaded Python\.", text
        ), text
        assert "global interpreter lock" in text and text.count("\n") == 1

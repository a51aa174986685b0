"""What the tests of this folder share: programs that serve, in the background, and what they leave.

Helpers of tests/py are at hand too, since their folder is on the path after this import."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "py"))

from conftest import clean_environ, relive, run

__all__ = ["run"]  # for the tests here

os.environ.setdefault("PDBPP_HIJACK_PDB", "0")  # test_pdbpp.py alone is about it

PATIENCE = 60  # seconds; what is waited for comes much sooner


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(is_so, what, process=None):
    """Returns what `is_so()` returned once it was true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = is_so()
        if found:
            return found
        assert process is None or process.poll() is None, f"ended before {what}"
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE} s in vain for {what}")


class Program:
    """A program that runs in a folder until it is stopped; its output is in a file there."""

    def __init__(self, folder, *words, env=None):
        self.folder = folder
        self.output = folder / f"output-{len(list(folder.glob('output-*')))}.txt"
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(
                [str(word) for word in words], cwd=folder, env=clean_environ(**(env or {})),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, text):
        try:
            wait_until(lambda: text in self.text(), repr(text), self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def end(self, number=signal.SIGTERM):
        """Sends a signal to the first process alone; returns its status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill_all(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def running(folder, *words, env=None):
    """A program in the background; nothing of it is left behind."""
    program = Program(folder, *words, env=env)
    try:
        yield program
    finally:
        program.kill_all()


def ask(*words, cwd):
    """Returns the output of a verb; fails where it has failed."""
    done = relive(*words, cwd=cwd)
    assert done.returncode == 0, (words, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


def sessions_of(name, cwd):
    """Returns the rows of `relive sessions`, of all processes of a run."""
    done = relive("sessions", name, "--json", "--limit", "0", cwd=cwd)
    assert done.returncode in (0, 1, 3), done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in rows if "tag" in row]


def recorded_by(door, name, *words):
    """Returns (words, environment) of a command that is recorded by `relive record`, or by a
    variable alone."""
    program = [sys.executable, "-m", *words]
    if door == "record":
        return [sys.executable, "-m", "relive", "record", "-o", name, "-m", *words], {}
    return program, {"RELIVE_RECORD": name}


def problem_texts(name, cwd):
    """Returns what `relive check` prints: a line for each file of a run. A traceback fails."""
    done = relive("check", name, cwd=cwd)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode()


@contextlib.contextmanager
def redis(folder):
    """A redis-server of its own, at a socket in a folder; its address."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: tools/system.sh tests doors"
    path = folder / "redis.sock"
    words = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    with running(folder, *words) as server:
        wait_until(path.exists, "redis", server.process)
        yield f"{path}"


@contextlib.contextmanager
def small_disk(folder, is_full=False):
    """A folder on a disk of its own, full or read-only. None where no disk can be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)],
        stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        yield None
        return
    try:
        if is_full:
            with open(folder / "rest", "wb", 0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)

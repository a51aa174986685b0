"""The debugger's prompt on a pseudo-terminal, for tests."""

import os
import pty
import select
import subprocess
import sys
import time

from conftest import clean_environ


class Terminal:
    """`relive debug` of a program on a pseudo-terminal; each command is typed at a prompt."""

    def __init__(self, folder, source, *options, again="--once", env=()):
        (folder / "app.py").write_text(source)
        self.fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "relive", "debug", again, *options, "app.py"],
            cwd=folder, env={**clean_environ(), "TERM": "dumb", "HOME": str(folder), **dict(env)},
            stdin=other, stdout=other, stderr=other, start_new_session=True,
        )  # fmt: skip
        os.close(other)

    def read(self, until=None):
        data, end = "", time.monotonic() + 60
        while (until is None or until not in data) and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                try:
                    data += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    break
        assert until is None or until in data, data
        return data

    def read_any(self):
        """Returns what is there; waits for something."""
        assert select.select([self.fd], [], [], 60)[0]
        return os.read(self.fd, 65536).decode(errors="replace")

    def type(self, command):
        """Types a line, or the end of input."""
        os.write(self.fd, command.encode() + (b"" if command == "\x04" else b"\n"))

    def run(self, *commands):
        """Types the commands, each at a prompt. Returns all that was printed."""
        seen = ""
        for command in commands:
            seen += self.read("(relive) ")
            os.write(self.fd, command.encode() + b"\n")
        seen += self.read()
        self.process.wait(60)
        os.close(self.fd)
        return seen

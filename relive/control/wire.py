"""Where a process listens, and the form of requests and answers: one line of JSON each."""

import json
import os
import socket
import stat
import struct
import sys
from typing import Any, Optional

from relive.errors import ReliveError

MOST = 1 << 16  # bytes of a line
PATIENCE = 5.0  # seconds for the other side to say something


def folder(create: bool = False) -> Optional[str]:
    """Returns the folder of sockets of this user, which nobody else can enter, or None."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.path.isdir(base):
        path = os.path.join(base, "relive")
    else:
        path = os.path.join("/tmp", f"relive-{os.getuid()}")
    try:
        if create:
            os.makedirs(path, 0o700, exist_ok=True)
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReliveError("ERR_IO", f"{path}: {error.strerror}") from None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise ReliveError(
            "ERR_IO",
            f"{path} is not a folder of this user alone: remove it",
        )
    return path


def socket_path(pid: int, create: bool = False) -> Optional[str]:
    """Returns where a process listens, or None where no process of this user does."""
    found = folder(create)
    return os.path.join(found, f"{pid}.sock") if found is not None else None


def socket_of_other(pid: int, user: int) -> Optional[str]:
    """Returns where a process of another user listens, whose folders only root can read."""
    for path in (f"/run/user/{user}/relive", f"/tmp/relive-{user}"):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        is_theirs = stat.S_ISDIR(found.st_mode) and found.st_uid == user
        if is_theirs and os.path.exists(os.path.join(path, f"{pid}.sock")):
            return os.path.join(path, f"{pid}.sock")
    return None


def user_of_process(pid: int) -> Optional[int]:
    """Returns the user that a process acts as, or None where that is not known."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[2]) for line in file if line.startswith("Uid:"))
    except (OSError, ValueError, StopIteration):
        return None


def user_of(connection: socket.socket) -> int:
    """Returns the user of the process on the other side."""
    if not sys.platform.startswith("linux"):
        raise ReliveError("ERR_UNSUPPORTED", "the sender of a request is known on Linux only")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


def send(connection: socket.socket, message: Any) -> None:
    """Sends one line."""
    connection.sendall(json.dumps(message).encode("utf-8") + b"\n")


def receive(connection: socket.socket) -> Any:
    """Returns the value of one line. Raises ReliveError where there is none, or it is no JSON."""
    connection.settimeout(PATIENCE)
    line = b""
    try:
        while not line.endswith(b"\n"):
            piece = connection.recv(4096)
            if not piece:
                raise ReliveError("ERR_IO", "the other side has gone in the middle of a line")
            line += piece
            if len(line) > MOST:
                raise ReliveError("ERR_LIMIT", f"a line of more than {MOST} bytes")
    except OSError as error:
        raise ReliveError("ERR_IO", f"the other side says nothing: {error}") from None
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ReliveError("ERR_USAGE", "a line that is no JSON") from None

"""The listener of a process that can be controlled from outside: a socket for its user alone, and a
thread that waits at it."""

import atexit
import os
import socket
import threading
from typing import Optional

from relive import _core, _run
from relive.control import recording, wire
from relive.errors import ReliveError

VARIABLE = "RELIVE_CONTROL"
_lock = threading.Lock()
_listener: Optional[socket.socket] = None
_path: Optional[str] = None
_is_registered = False


def listen() -> str:
    """Lets `relive attach` and `relive detach` of the same user in, and returns the path of the
    socket."""
    global _listener, _path, _is_registered
    with _lock:
        if _path is not None:
            return _path
        path = wire.socket_path(os.getpid(), create=True)
        assert path is not None
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if os.path.lexists(path):
                os.unlink(path)  # of a process of this number that is gone
            before = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            listener.listen(4)
        except OSError as error:
            listener.close()
            raise ReliveError("ERR_IO", f"{path}: {error.strerror}") from None
        _listener, _path = listener, path
        threading.Thread(
            target=_serve_requests, args=(listener,), name="relive-control", daemon=True
        ).start()
        if not _is_registered:
            _is_registered = True
            atexit.register(hang_up)
            os.register_at_fork(after_in_child=_listen_in_child)
        return path


def hang_up() -> None:
    """Stops listening."""
    global _listener, _path
    with _lock:
        listener, path = _listener, _path
        _listener = _path = None
    if listener is not None and path is not None:
        try:
            os.unlink(path)
        except OSError:
            pass  # somebody has tidied up
        try:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        except OSError:
            pass
        listener.close()


def _listen_in_child() -> None:
    global _listener, _path, _lock
    listener, _listener, _path, _lock = _listener, None, None, threading.Lock()
    if listener is not None:
        listener.close()
        begin()


def begin() -> None:
    """Calls listen() while an interpreter starts or a child begins. It never raises."""
    try:
        listen()
    except ReliveError as error:
        _run.complain(f"{VARIABLE}: {error}")


def _serve_requests(listener: socket.socket) -> None:
    _core.suppress(True)
    _core.debug_internal(True)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # hung up
        with connection:
            _answer_request(connection)


def _answer_request(connection: socket.socket) -> None:
    try:
        user = wire.user_of(connection)
        if user not in (os.getuid(), 0):
            raise ReliveError("ERR_USAGE", f"user {user} is not the user of this process")
        reply = recording.handle(wire.receive(connection))
    except ReliveError as error:
        reply = {"ok": False, "code": error.code, "message": str(error)}
    try:
        wire.send(connection, reply)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.5)
        for _ in range(16):  # what it still sends, so that it is not cut off before it reads
            if not connection.recv(1 << 16):
                break
    except OSError:
        pass  # who asked has gone

"""Requests to another process: through its socket, or from 3.14 on by code that its interpreter
runs."""

import os
import socket
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Mapping

from relive.control import wire
from relive.errors import ReliveError

_LISTEN = "start it with RELIVE_CONTROL=1, or call relive.control.listen() in it"
WAIT = 10.0  # seconds for an interpreter to reach a place where it runs the script

# It leaves nothing behind in the other process but the modules that were imported.
_SCRIPT = """\
def _relive():
    import sys
    try:
        import relive.control.remote as remote
    except ImportError:
        sys.path.append({root!r})
        try:
            import relive.control.remote as remote
        finally:
            sys.path.remove({root!r})
    remote.answer({request!r}, {path!r})
_relive()
"""


def ask(pid: int, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Sends a request and returns the status that a process answers with. Raises ReliveError where
    it cannot, or refuses."""
    _check_process(pid)
    reply = _ask_by_socket(pid, request)
    if reply is None:
        reply = _ask_by_interpreter(pid, request)
    if not isinstance(reply, dict) or "ok" not in reply:
        raise ReliveError("ERR_IO", f"process {pid} gave an answer that is none")
    if not reply["ok"]:
        raise ReliveError(str(reply.get("code")), str(reply.get("message")))
    return dict(reply["status"])


def _check_process(pid: int) -> None:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        raise ReliveError("ERR_NOT_FOUND", f"there is no process {pid}") from None
    except PermissionError:
        raise ReliveError(
            "ERR_TARGET", f"process {pid} belongs to another user: ask as that user"
        ) from None


def _ask_by_socket(pid: int, request: Mapping[str, Any]) -> Any:
    """Returns None where the process does not listen."""
    users = {os.getuid(), 0}
    path = wire.socket_path(pid)
    if os.getuid() == 0 and (path is None or not os.path.exists(path)):
        user = wire.user_of_process(pid)
        if user is not None:
            users.add(user)
            path = wire.socket_of_other(pid, user)
    if path is None or not os.path.exists(path):
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(wire.PATIENCE)
            connection.connect(path)
            if wire.user_of(connection) not in users:
                raise ReliveError("ERR_TARGET", f"{path} is not that of a process of this user")
            wire.send(connection, request)
        except ConnectionRefusedError:
            return None  # of a process of this number that is gone
        except OSError as error:
            raise ReliveError("ERR_IO", f"process {pid} does not answer: {error}") from None
        return wire.receive(connection)


def _ask_by_interpreter(pid: int, request: Mapping[str, Any]) -> Any:
    run = getattr(sys, "remote_exec", None)
    if run is None:
        raise ReliveError(
            "ERR_UNSUPPORTED",
            f"process {pid} does not listen, and Python {sys.version.split()[0]} cannot ask it to"
            f" run code (3.14 can): {_LISTEN}",
        )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with tempfile.TemporaryDirectory(prefix="relive-") as folder:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            path = os.path.join(folder, "answer.sock")
            listener.bind(path)
            listener.listen(1)
            script = os.path.join(folder, "ask.py")
            with open(script, "w", encoding="utf-8") as file:
                file.write(_SCRIPT.format(root=root, request=dict(request), path=path))
            _run_script(run, pid, script)
            return _wait_for_answer(listener, pid)


def _run_script(run: Callable[[int, str], Any], pid: int, script: str) -> None:
    try:
        run(pid, script)
    except PermissionError:
        raise ReliveError(
            "ERR_TARGET",
            f"process {pid} may not be looked into (kernel.yama.ptrace_scope, or another user):"
            f" sysctl kernel.yama.ptrace_scope=0, or {_LISTEN}",
        ) from None
    except (OSError, RuntimeError) as error:
        raise ReliveError(
            "ERR_TARGET",
            f"process {pid} does not accept code to run: {error} (it must run the same Python"
            f" {sys.version.split()[0]}, with remote debugging not switched off), or {_LISTEN}",
        ) from None


def _wait_for_answer(listener: socket.socket, pid: int) -> Any:
    end = time.monotonic() + WAIT
    listener.settimeout(0.2)
    while time.monotonic() < end:
        try:
            connection, _ = listener.accept()
        except socket.timeout:
            _check_process(pid)
            continue
        with connection:
            return wire.receive(connection)
    raise ReliveError(
        "ERR_TARGET",
        f"process {pid} did not run the request within {WAIT:g} s: its main thread waits,"
        f" or works in C code; {_LISTEN}",
    )


def answer(request: Any, path: str) -> None:
    """Handles a request inside the other process."""
    from relive.control import recording

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            wire.send(connection, recording.handle(request))
        except OSError:
            pass  # who asked has gone

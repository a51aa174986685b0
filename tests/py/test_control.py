"""Recording of processes that run: begun, changed and ended from inside and from outside."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
from conftest import clean_environ, run
from conftest import relive as run_relive

import relive
from relive import control
from relive.control import recording, wire

HAS_REMOTE_EXEC = hasattr(sys, "remote_exec")
SERVICE = """\
import sys, time
def work(n):
    total = n
    return total
def main():
    print("ready", flush=True)
    end = time.monotonic() + 600
    n = 0
    while time.monotonic() < end:
        n += 1
        work(n)
        time.sleep(0.01)
main()
"""


@pytest.fixture
def service(tmp_path):
    """service(**environment) -> a process that works until it is killed."""
    made = []

    def start(source=SERVICE, **env):
        (tmp_path / "service.py").write_text(source)
        base = clean_environ(XDG_RUNTIME_DIR=str(tmp_path))
        process = subprocess.Popen(
            [sys.executable, "service.py"], cwd=tmp_path, env=dict(base, **env),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        made.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in made:
        process.kill()
        process.communicate()


def ask(tmp_path, *words):
    return run_relive(*words, cwd=tmp_path, env={"XDG_RUNTIME_DIR": str(tmp_path)})


def calls_of(path):
    with relive.open(str(path)) as found:
        return [e for e in found.select(["call"]) if e["func"].endswith("work")]


def wait_for_calls(path):
    """Waits until a recording that goes on has some calls: a busy machine takes its time."""
    end = time.monotonic() + 60
    while time.monotonic() < end and len(calls_of(path)) <= 5:
        time.sleep(0.05)


@pytest.mark.parametrize("way", ["socket", "interpreter"])
def test_attach_change_and_detach(service, tmp_path, way):
    if way == "interpreter" and not HAS_REMOTE_EXEC:
        pytest.skip("sys.remote_exec came with 3.14")
    process = service(**({"RELIVE_CONTROL": "1"} if way == "socket" else {}))
    pid = str(process.pid)
    done = ask(tmp_path, "attach", pid, "--level", "calls", "-o", "a.relive")
    if way == "interpreter" and b"ptrace_scope" in done.stderr:
        pytest.skip("this machine lets no process look into another")
    assert done.returncode == 0, done.stderr
    assert b"is now recorded into" in done.stdout and b"level calls" in done.stdout
    wait_for_calls(tmp_path / "a.relive")
    done = ask(tmp_path, "attach", pid, "--level", "lines", "--json")
    status = json.loads(done.stdout)
    assert status["settings"]["level"] == "lines" and status["changed"], done.stderr
    wait_for_calls(status["path"])
    assert b"is recorded into" in ask(tmp_path, "attach", pid, "--status").stdout
    done = ask(tmp_path, "detach", pid)
    assert done.returncode == 0 and b"is not recorded any more" in done.stdout
    assert b"is not recorded" in ask(tmp_path, "attach", pid, "--status").stdout
    assert process.poll() is None, "the program goes on"
    first, second = calls_of(tmp_path / "a.relive"), calls_of(status["path"])
    assert len(first) > 5 and len(second) > 5 and "args" not in first[0] and "args" in second[0]
    with relive.open(str(tmp_path / "a.relive")) as found:
        assert found.siblings() == [status["path"]] and found.header["is_complete"]
    with relive.open(status["path"]) as found:
        assert any(e["func"].endswith(":work") for e in found.select(["line"]))
        assert next(found.select(["call"]))["already_running"]
    text = ask(tmp_path, "info", "a.relive").stdout
    assert text.count(b"\n  level ") == 2
    process.kill()
    assert process.communicate()[1] == b""


def test_for_a_while(service, tmp_path):
    process = service(RELIVE_CONTROL="1")
    done = ask(tmp_path, "attach", str(process.pid), "--for", "400ms", "-o", "b.relive")
    assert done.returncode == 0 and b"was recorded into" in done.stdout, done.stderr
    assert b"for 0.4 s" in done.stderr
    with relive.open(str(tmp_path / "b.relive")) as found:
        assert found.header["is_complete"]
    assert calls_of(tmp_path / "b.relive")


def test_a_snapshot_of_another_process(service, tmp_path):
    process = service(RELIVE_CONTROL="1")
    pid = str(process.pid)
    assert ask(tmp_path, "attach", pid, "--ring", "64K", "-o", "r.relive").returncode == 0
    wait_for_calls(tmp_path / "r.relive")
    done = ask(tmp_path, "attach", pid, "--snapshot", "now.relive")
    assert done.returncode == 0 and b"now.relive" in done.stdout, done.stderr
    assert len(calls_of(tmp_path / "now.relive")) > 5
    done = ask(tmp_path, "info", "now.relive")
    assert done.returncode == 0 and b"a snapshot of a recording that went on" in done.stdout
    done = ask(tmp_path, "attach", pid, "--snapshot", "now.relive")
    assert done.returncode == 2 and b"exists already" in done.stderr


def test_what_cannot_be_is_refused_clearly(service, tmp_path):
    listening = service(RELIVE_CONTROL="1")
    pid = str(listening.pid)
    rows = [
        (("attach", "999999999"), "there is no process 999999999"),
        (("attach", "nobody"), "no whole number"),
        (("attach", pid, "--level", "linse"), "option --level: level = 'linse'"),
        (("attach", pid, "--for", "soon"), "--for 'soon' is no duration"),
        (("attach", pid, "--for", "0s"), "--for '0s' is no time to record"),
        (("attach", pid, "-o", "/no/folder/x.relive"), "/no/folder: there is no such folder"),
        (("attach", pid, "--snapshot", "x.relive"), "nothing is being recorded"),
        (("detach", pid), "is not being recorded"),
    ]
    for words, said in rows:
        done = ask(tmp_path, *words)
        assert done.returncode in (2, 3) and said in done.stderr.decode(), (words, done.stderr)
    assert ask(tmp_path, "attach", pid, "-o", "a.relive").returncode == 0
    done = ask(tmp_path, "attach", pid, "-o", "b.relive")
    assert b"is being recorded already, into" in done.stderr
    listening.kill()
    listening.wait()
    if not HAS_REMOTE_EXEC:
        done = ask(tmp_path, "attach", str(service().pid))
        assert b"RELIVE_CONTROL=1" in done.stderr and b"3.14" in done.stderr


def knock(tmp_path, process, data):
    path = tmp_path / "relive" / f"{process.pid}.sock"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(data)
        found = b""
        while True:
            piece = connection.recv(4096)
            if not piece:
                return json.loads(found.decode()) if found else None
            found += piece


def test_a_socket_that_is_abused(service, tmp_path):
    process = service(RELIVE_CONTROL="1")
    folder = tmp_path / "relive"
    path = folder / f"{process.pid}.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    rows = [
        (b"garbage\n", "no JSON"), (b"\xff\xfe\n", "no JSON"), (b"[" * 9000 + b"\n", "no JSON"),
        (b"7\n", "a request says do"), (b'{"do": "exec"}\n', "a request says do"),
        (b'{"do": "start", "settings": 3}\n', "values by name"),
        (b'{"do": "start", "settings": {"levle": "lines"}}\n', "did you mean 'level'"),
        (b'{"do": "start", "path": "relative.relive"}\n', "not a path from the root"),
        (b'{"do": "start", "seconds": "x"}\n', "not a number above 0"),
    ]  # fmt: skip
    for data, said in rows:
        reply = knock(tmp_path, process, data)
        assert not reply["ok"] and said in reply["message"], (data[:40], reply)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        silent.sendall(b'{"do": ')
    reply = knock(tmp_path, process, b"x" * (wire.MOST + 5000) + b"\n")
    assert not reply["ok"] and "more than 65536 bytes" in reply["message"]
    assert knock(tmp_path, process, b'{"do": "status"}\n')["ok"]
    assert process.poll() is None


def test_another_user_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(wire, "user_of", lambda connection: os.getuid() + 1)
    path = control.listen()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(b'{"do": "status"}\n')
            reply = json.loads(connection.recv(4096).decode())
    finally:
        control.hang_up()
    assert not reply["ok"] and "is not the user of this process" in reply["message"]
    assert not os.path.exists(path)


def test_a_folder_that_others_can_enter_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "relive").mkdir()
    (tmp_path / "relive").chmod(0o777)
    with pytest.raises(relive.ReliveError, match="not a folder of this user alone"):
        control.listen()
    (tmp_path / "relive").rmdir()
    (tmp_path / "relive").symlink_to("/tmp")
    with pytest.raises(relive.ReliveError, match="not a folder of this user alone"):
        control.listen()


def test_a_forked_child_listens_too(service, tmp_path):
    source = SERVICE.replace("import sys, time\n", "import os, sys, time\nchild = os.fork()\n")
    source = source.replace('print("ready", flush=True)', 'child and print("ready", flush=True)')
    process = service(source, RELIVE_CONTROL="1")
    end = time.monotonic() + 20
    while time.monotonic() < end and len(list((tmp_path / "relive").glob("*.sock"))) < 2:
        time.sleep(0.05)
    pids = sorted(int(path.stem) for path in (tmp_path / "relive").glob("*.sock"))
    assert len(pids) == 2 and process.pid in pids
    (child,) = set(pids) - {process.pid}
    try:
        status = ask(tmp_path, "attach", str(child), "--status").stdout
        assert f"process {child} ".encode() in status
    finally:
        os.kill(child, signal.SIGKILL)


def test_from_inside(tmp_path):
    def work(n):
        return n

    status = control.start(str(tmp_path / "i.relive"), level="calls")
    try:
        work(1)
        assert status["recording"] and status["settings"]["level"] == "calls"
        with pytest.raises(relive.ReliveError, match="level = 'x'"):
            control.change(level="x")
        with pytest.raises(relive.ReliveError, match="no setting 'nothing'"):
            control.change(nothing=1)
        with pytest.raises(relive.ReliveError, match="force cannot change"):
            control.change(force=True)
        with pytest.raises(relive.ReliveError, match=r"no\.toml"):
            control.change(trace_filter=str(tmp_path / "no.toml"))
        assert control.status()["path"] == str(tmp_path / "i.relive"), "as it was"
        changed = control.change(level="values")
        work(2)
        changed_again = control.change(exclude=[__name__])
        work(3)
    finally:
        done = control.stop()
    assert changed["run"] == str(tmp_path / "i.relive") != changed["path"]
    assert done["path"] == changed_again["path"] and done["stats"]["events"] >= 0
    rows = [
        [e.get("args", {}).get("n", {}).get("v") for e in calls_of(path)]
        for path in (status["path"], changed["path"], changed_again["path"])
    ]
    assert rows == [[None], [2], []]
    with pytest.raises(relive.ReliveError, match="not being recorded") as error:
        control.stop()
    assert error.value.code == "ERR_NOT_RECORDING" and not control.status()["recording"]


def test_sessions_go_on_in_the_next_file(tmp_path):
    from relive import sessions
    from relive.cli.sessions import read

    def work(n):
        return n

    with sessions.session("long", {"user": "7"}) as made:
        control.start(str(tmp_path / "s.relive"))
        work(1)
        second = control.change(level="calls")["path"]
        work(2)
    control.stop()
    for path in (tmp_path / "s.relive", second):
        with relive.open(str(path)) as found:
            (row,) = read(found)
        assert (row["id"], row["calls"], row["attrs"]) == (made.id, 1, {"user": "7"})
    done = run_relive("sessions", tmp_path / "s.relive", "--json")
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == 1 and json.loads(rows[0])["calls"] == 2, done.stderr


def test_the_doctor_says_what_can_be_attached_to():
    text = run_relive("doctor").stdout.decode()
    assert "RELIVE_CONTROL=1" in text and ("  attach " in text)
    assert (f"processes of Python 3.{sys.version_info[1]}" in text) is HAS_REMOTE_EXEC


@pytest.mark.parametrize("allowed", [True, False])
def test_the_attach_line_of_the_doctor(allowed):
    env = {} if allowed else {"PYTHON_DISABLE_REMOTE_DEBUG": "1"}
    text = run_relive("doctor", env=env).stdout.decode()
    (line,) = (one.strip() for one in text.splitlines() if one.startswith("  attach "))
    name = f"processes of Python {sys.version_info[0]}.{sys.version_info[1]}"
    if not HAS_REMOTE_EXEC:  # the variable means nothing there
        assert "processes with RELIVE_CONTROL=1 (those of 3.14" in line, line
    elif allowed:
        assert f"{name}; others with RELIVE_CONTROL=1" in line, line
    else:
        assert name not in line and "PYTHON_DISABLE_REMOTE_DEBUG" in line, line


def test_requests_are_answers_too():
    assert recording.handle({"do": "status"})["ok"]
    assert recording.handle(None)["code"] == "ERR_USAGE"


def test_the_variable_switched_off(tmp_path):
    source = "import threading; print([t.name for t in threading.enumerate()])"
    for value, count in (("0", 1), ("", 1), ("1", 2)):
        env = {"RELIVE_CONTROL": value, "XDG_RUNTIME_DIR": str(tmp_path)}
        done = run(sys.executable, "-c", source, env=env, check=True)
        assert done.stdout.count(b"relive-control") == count - 1
    assert list((tmp_path / "relive").glob("*.sock")) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may ask processes of other users")
def test_root_attaches_to_a_listening_process_of_another_user(tmp_path):
    program = tmp_path / "prog.py"
    program.write_text(
        "import os, sys, time\n"
        "import relive.control\n"
        "os.setuid(65533)\n"
        "os.environ.pop('XDG_RUNTIME_DIR', None)\n"
        "relive.control.listen()\n"
        "print('listens', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    try:
        assert process.stdout.readline() == b"listens\n"
        from relive.control import remote

        assert remote.ask(process.pid, {"do": "status"})["recording"] is False
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
        os.rmdir("/tmp/relive-65533")

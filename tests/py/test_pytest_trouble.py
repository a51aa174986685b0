"""`pytest --relive` and --relive-rerun where something is in the way: outcomes stay those of a run
without it, and what could not be recorded is one line."""

import os
import re
import subprocess
import sys

import pytest
from conftest import run
from pytest_projects import calls, counts, functions, project
from test_second_look import SAME, looks

__all__ = ["project"]  # a fixture
BOTH = pytest.mark.parametrize("flag", ["--relive", "--relive-rerun"])


@pytest.fixture
def disk(project):
    """The project on a file system of 4 MB; returns the command that mounts it another way."""
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", project.folder]
    done = run(*words)
    if done.returncode != 0:
        pytest.skip("no tmpfs can be mounted: " + done.stderr.decode().strip())
    (project.folder / "pytest.ini").write_text("[pytest]\n")
    try:
        yield project
    finally:
        subprocess.call(["umount", "-l", project.folder])


# ---- other plugins ----

PLUGIN = """
import pytest
seen = []
class Other:
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        yield
        if item.name == "test_refused":
            raise ValueError("refused")
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        report = outcome.get_result()
        if item.name == "test_pardoned" and call.when == "call":
            report.outcome = "passed"
        if item.name == "test_condemned" and call.when == "call":
            report.outcome, report.longrepr = "failed", "condemned"
            report.nodeid = "a title"
    def pytest_runtest_protocol(self, item, nextitem):
        from _pytest.runner import runtestprotocol
        if item.name == "test_thrice":
            for _ in range(2):
                runtestprotocol(item, nextitem=item, log=False)
def pytest_configure(config): config.pluginmanager.register(Other(), "other")
"""


@BOTH
def test_another_plugin_has_the_same_hooks(project, flag):
    project.write(PLUGIN, name="conftest.py", head="")
    project.write("""
def test_refused(): pass
def test_pardoned(): price("pardoned", 9)
def test_condemned(): price("condemned", 1)
ran = []
def test_thrice():
    ran.append(1)
    price(f"run {len(ran)}", 9)
def test_green(): pass
""")
    plain, done = project.pytest(flag=None), project.pytest(flag=flag)
    assert counts(done) == counts(plain) and done.returncode == plain.returncode == 1, done.text
    first = [name for name in project.names() if not name.endswith("-lines.relive")]
    for name in ("thrice", "thrice-run2", "thrice-run3", "refused", "condemned"):
        assert f"test_shop-test_{name}.relive" in first
    assert not [name for name in first if "green" in name or "pardoned" in name]
    assert "internal error" not in done.text.lower()


@BOTH
def test_trace_and_pdb(project, flag):
    project.write("def test_red(cart):\n    total(cart)\ndef test_green(): pass\n")
    for word, typed in (("--trace", b"c\nc\nc\nc\n"), ("--pdb", b"p item\nc\n")):
        words = [sys.executable, "-m", "pytest", flag, word, "-p", "no:cacheprovider"]
        done = run(*words, cwd=project.folder, stdin=typed)
        assert b"1 failed, 1 passed" in done.stdout, done.stdout
        assert (b"PDB runcall" in done.stdout) == (word == "--trace")
        assert (b"(Pdb) 'cake'" in done.stdout) == (word == "--pdb")
        again = b"not run again: a debugger is on" in done.stdout
        assert again == (flag == "--relive-rerun")
        assert project.names() == ["test_shop-test_red.relive"]
        assert functions(project.recording("test_red"))[:3] == ["cart", "test_red", "total"]


@BOTH
def test_a_signal_waits_for_the_report(project, flag):
    project.write("""
import signal, sys, time
inside, fired = [], []
def handler(number, frame):
    fired.append(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name in ("relive.testing.keeper", "relive.testing.texts", "relive.testing.paths"):
            inside.append(name)
        frame = frame.f_back
@pytest.mark.parametrize("after", [0.002, 0.005, 0.01, 0.02])
def test_red(after):
    for n in range(20000): price("tea", 1)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    price("late", 9)
def test_fired():
    while not fired or signal.getitimer(signal.ITIMER_REAL)[0]: time.sleep(0.01)
    assert inside == []
""")
    done = project.pytest(flag=flag)
    assert counts(done) == {"failed": 4, "passed": 1}, done.text


# ---- the folder ----


@BOTH
def test_a_folder_that_is_read_only(disk, flag):
    disk.write("def test_red(): price('tea', 9)\ndef test_green(): pass\n")
    if run("mount", "-o", "remount,ro", disk.folder).returncode != 0:
        pytest.skip("it cannot be mounted read-only")
    done = disk.pytest(flag=flag)
    assert counts(done) == {"failed": 1, "passed": 1} and done.returncode == 1, done.text
    assert len(re.findall(r"^relive: \S+ cannot be used \(", done.text, re.MULTILINE)) == 1
    assert (looks(done) == {"test_red": SAME}) == (flag == "--relive-rerun")


@pytest.mark.parametrize("when", ["before", "test", "second run"])
def test_a_disk_that_is_full(disk, when):
    disk.write(f"""
import os
runs = []
WHEN = {when!r}
def fill():
    try:
        with open("hog", "wb", buffering=0) as file:
            while file.write(bytes(1 << 12)): pass
    except OSError: pass
if WHEN == "before": fill()
def test_red(cart):
    runs.append(1)
    if WHEN == "test" or len(runs) == 2: fill()
    total(cart)
def test_red_too(cart): total(cart)
def test_green(): assert price("tea", 1) == 3
""")
    plain = disk.pytest(flag=None)
    (disk.folder / "hog").unlink() if when != "second run" else None
    done = disk.pytest("--relive-max", "1M", flag="--relive-rerun")
    assert counts(done) == counts(plain) == {"failed": 2, "passed": 1}, done.text
    assert done.returncode == 1 and "Traceback" not in done.text
    said = re.findall(r"^relive: (.*)", done.text, re.MULTILINE)
    assert any("space left" in line or "recorded" in line for line in said), done.text
    assert len(said) <= 3, said


@BOTH
def test_a_test_that_removes_the_folder_when_it_runs_again(project, flag):
    project.write("""
import shutil
runs = []
def test_red():
    runs.append(1)
    if len(runs) == 2: shutil.rmtree(".relive")
    price("tea", 9)
def test_after(): price("tea", 9)
""")
    done = project.pytest(flag=flag)
    assert counts(done) == {"failed": 2}, done.text
    is_again = flag == "--relive-rerun"
    assert ("a recording could not be kept" in done.text) == is_again
    assert "test_shop-test_after.relive" in project.names()
    assert ("test_shop-test_red.relive" in project.names()) != is_again


# ---- what a test does ----


@BOTH
def test_a_trace_function_that_a_test_leaves(project, flag):
    project.write("""
import sys
seen = []
def trace(frame, event, arg):
    seen.append((frame.f_code.co_name, event))
    return trace
def test_red():
    sys.settrace(trace)
    try:
        price("traced", 9)
    finally:
        sys.settrace(None)
def test_seen(): assert ("price", "exception") in seen
def test_left(): sys.settrace(trace)
def test_last(): price("last", 9)
""")
    plain, done = project.pytest(flag=None), project.pytest(flag=flag)
    assert counts(done) == counts(plain) == {"failed": 2, "passed": 2}, done.text
    for part in ("test_red", "test_last"):
        (path,) = [p for p in disk_free(project) if part in p.name]
        assert [name for name in functions(path) if name == "price"] == ["price"]


def disk_free(project):
    """The recordings of first runs."""
    return [p for p in project.kept.glob("*.relive") if not p.name.endswith("-lines.relive")]


@BOTH
def test_a_forked_child_that_goes_on_as_pytest(project, flag):
    project.write("""
import os, sys
def test_fork():
    pid = os.fork()
    if pid == 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        price("child", 9)
    os.waitpid(pid, 0)
    price("parent", 8)
def test_after(): price("after", 9)
""")
    done = project.pytest(flag=flag)
    assert counts(done) == {"failed": 2}, done.text  # the parent's come last
    assert "could not be kept" not in done.text
    (path,) = [p for p in disk_free(project) if "test_fork" in p.name]
    assert functions(path) == ["test_fork", "price"]
    begun = [e for e in calls(path) if e["kind"] == "call"]
    assert begun[-1]["args"]["n"]["r"] == "8"


def test_ctrl_c_in_the_second_run(project):
    project.write("""
import os, signal, time
runs = []
def test_red():
    runs.append(1)
    if len(runs) == 2:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    price("tea", 9)
def test_after(): pass
""")
    done = project.pytest(flag="--relive-rerun")
    assert done.returncode == 2 and "KeyboardInterrupt" in done.text
    assert "INTERNALERROR" not in done.text
    assert "test_shop-test_red.relive" in project.names()
    assert not [name for name in project.names() if name.startswith("running")]


def test_ctrl_c_between_two_tests(project):
    """What was kept of the test before stays as it is."""
    project.write("""
def pytest_runtest_logfinish(nodeid):
    if "red" in nodeid:
        raise KeyboardInterrupt
""", name="conftest.py", head="")  # fmt: skip
    project.write("def test_red(cart):\n    total(cart)\ndef test_after(): pass\n")
    done = project.pytest()
    assert counts(done) == {"failed": 1} and done.returncode == 2, done.text
    assert project.names() == ["test_shop-test_red.relive"]
    assert functions(project.recording("test_red"))[:3] == ["cart", "test_red", "total"]


def test_collection_errors_beside_failures(project):
    project.write("import no_such_module\n", name="test_broken.py")
    project.write("def test_red(): price('tea', 9)\n")
    words = ("--continue-on-collection-errors",)
    plain = project.pytest(*words, flag=None)
    done = project.pytest(*words, flag="--relive-rerun")
    assert counts(done) == counts(plain) and done.returncode == plain.returncode == 1
    assert looks(done) == {"test_red": SAME}
    assert [p.name.startswith("test_shop-test_red-") for p in project.kept.iterdir()] == [True] * 2


# ---- a worker that is killed while its file is created ----


def test_a_worker_killed_while_a_test_is_kept(project):
    project.write("""
import resource, signal
def limit(size):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # a write behind the limit kills
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def test_red():
    limit(100)
    price("red", 9)
def test_green(): price("tea", 1)
""")
    done = project.pytest("-n", "1", "-p", "no:randomly")
    assert "crashed while running" in done.text and "INTERNALERROR" not in done.text, done.text
    assert counts(done) == {"failed": 1, "passed": 1}, done.text
    assert project.names() == ["test_shop-test_red.relive"]
    assert functions(project.recording("test_red")) == ["test_red", "limit", "price"]
    assert "next: relive tree --calls" in done.text


@pytest.mark.parametrize("size", [0, 4096])
def test_a_file_without_a_header_is_removed(project, size):
    project.write("def test_red(): price('tea', 9)\n")
    project.kept.mkdir(parents=True)
    for name, is_old in (("running-gw0-1.relive", True), ("running-gw0-2.relive", False)):
        (project.kept / name).write_bytes(bytes(size))
        if is_old:
            os.utime(project.kept / name, (1, 1))
    (project.kept / "running-other.relive").write_bytes(b"of somebody else")
    done = project.pytest()
    assert counts(done) == {"failed": 1} and "was killed" not in done.text
    assert project.names() == [
        "running-gw0-2.relive", "running-other.relive", "test_shop-test_red.relive",
    ]  # fmt: skip

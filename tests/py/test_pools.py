"""Pools and other children, alike from the command line, the variable and the API; how they end."""

import os
import sys

import pytest
from conftest import dump, relive, run

import relive as relive_package

POOL = """
import multiprocessing, sys

def work(n):
    return n * n

def main(context):
    with context.Pool(2) as pool:
        print(sum(pool.map(work, range(40), chunksize=1)))
        pool.close(); pool.join()

if __name__ == "__main__":
    {start}
    main(multiprocessing.get_context(sys.argv[1]))
"""
API = "import relive; relive.start('out.relive')"


def calls_of(events, function="work"):
    """{pid: how many calls}"""
    found = {}
    for event in events:
        if event["kind"] == "call" and event["func"].split(":")[1] == function:
            found[event["pid"]] = found.get(event["pid"], 0) + 1
    return found


def recorded(folder, door, *words):
    """(headers, events) of a program that is recorded through a door."""
    env = {"RELIVE_RECORD": "out.relive"} if door == "RELIVE_RECORD" else {}
    before = ["-m", "relive", "record", "-o", "out.relive"] if door == "record" else []
    done = run(sys.executable, *before, "prog.py", *words, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    return (done, *dump(folder / "out.relive"))


@pytest.mark.parametrize("door", ["RELIVE_RECORD", "API"])  # test_children.py has `relive record`
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_door_records_the_same_children(method, door, tmp_path):
    start = API if door == "API" else "pass"
    (tmp_path / "prog.py").write_text(POOL.replace("{start}", start))
    done, headers, events = recorded(tmp_path, door, method)
    assert done.stdout == b"20540\n"
    found = calls_of(events)
    assert sum(found.values()) == 40 and headers[0]["pid"] not in found
    helpers = {"fork": 0, "spawn": 1, "forkserver": 2}[method]  # tracker of resources, server
    assert len(headers) == 3 + helpers
    assert all(header["is_complete"] and not header["losses"] for header in headers)


@pytest.mark.parametrize("before", [None, "/usr/share", "/usr/share:"], ids=str)
def test_the_api_reaches_children_where_the_pth_file_is_not_installed(before, tmp_path):
    """As `relive record` does: by PYTHONPATH, which is as it was after stop()."""
    package = os.path.dirname(relive_package.__file__)
    (tmp_path / "prog.py").write_text(
        "import os, subprocess, sys\n"
        f"sys.path.append({os.path.dirname(package)!r})\n"
        "import relive\n"
        "def start(name):\n"
        "    code = f'def {name}(): pass\\n{name}()'\n"
        "    subprocess.check_call([sys.executable, '-c', code])\n"
        "old = os.environ.get('PYTHONPATH')\n"
        "relive.start('out.relive')\n"
        "start('work')\n"
        "relive.stop()\n"
        "assert os.environ.get('PYTHONPATH') == old, os.environ.get('PYTHONPATH')\n"
        "assert 'RELIVE_PYTHONPATH' not in os.environ\n"
        "start('after')\n"
    )
    bare = getattr(sys, "_base_executable", sys.executable)  # no relive.pth in its folders
    env = {"PYTHONPATH": before} if before is not None else {}
    done = run(bare, "prog.py", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    headers, events = dump(tmp_path / "out.relive")
    assert len(headers) == 2
    assert len(calls_of(events)) == 1 and not calls_of(events, "after")


def test_a_forkserver_keeps_the_settings_that_it_began_with(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import multiprocessing, sys\n"
        "def before(): pass\n"
        "def work(): pass\n"
        "def after(): pass\n"
        "def run(function):\n"
        "    one = multiprocessing.get_context('forkserver').Process(target=function)\n"
        "    one.start(); one.join()\n"
        "if __name__ == '__main__':\n"
        "    import relive\n"
        "    if sys.argv[1] == 'early': run(before)\n"
        "    relive.start('out.relive')\n"
        "    run(work)\n"
        "    relive.stop()\n"
        "    run(after)\n"
    )
    for when, names in (("early", []), ("late", ["after", "work"])):
        _, _, events = recorded(tmp_path, "API", when)
        assert [name for name in ("after", "before", "work") if calls_of(events, name)] == names
        for path in tmp_path.glob("*.relive"):
            path.unlink()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_are_terminated_lose_nothing(method, tmp_path):
    """`with Pool()` ends by SIGTERM, in the middle of what the worker does."""
    source = POOL.replace("{start}", "pass").replace("pool.close(); pool.join()", "")
    (tmp_path / "prog.py").write_text(source)
    _, headers, events = recorded(tmp_path, "record", method)
    assert sum(calls_of(events).values()) == 40
    values = sorted(
        e["value"]["v"] for e in events if e["kind"] == "return" and e["func"].endswith(":work")
    )
    assert values == sorted(n * n for n in range(40))
    assert not any(header["losses"] for header in headers)
    text = relive("check", "out.relive", cwd=tmp_path).stdout.decode()
    assert len(text.splitlines()) == len(headers)
    assert all(": whole" in line or "is sound" in line for line in text.splitlines())


def test_a_worker_that_ends_with_exit_is_whole(record):
    _, headers, events = record(
        "import multiprocessing, os\n"
        "def work(): os._exit(3)\n"
        "if __name__ == '__main__':\n"
        "    one = multiprocessing.get_context('fork').Process(target=work)\n"
        "    one.start(); one.join(); assert one.exitcode == 3\n"
    )
    assert len(headers) == 2 and all(header["is_complete"] for header in headers)
    assert len(calls_of(events)) == 1


def test_a_pool_inside_a_worker(record):
    source = (
        "import concurrent.futures as futures, multiprocessing\n"
        "context = multiprocessing.get_context('spawn')\n"
        "def work(n): return n + 1\n"
        "def outer(n):\n"
        "    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:\n"
        "        return pool.submit(work, n).result()\n"
        "if __name__ == '__main__':\n"
        "    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:\n"
        "        print(pool.submit(outer, 6).result())\n"
    )
    done, headers, events = record(source)
    assert done.stdout == b"7\n", done.stderr
    (outer,), (inner,) = calls_of(events, "outer"), calls_of(events)
    parents = {header["pid"]: header["parent_pid"] for header in headers}
    assert parents[inner] == outer and parents[outer] == headers[0]["pid"]


FUTURES = """
import concurrent.futures as futures, multiprocessing, os, sys

def work(n):
    if n == 3:
        os._exit(7)
    return 6 // n

def submit(pool, n):
    try:
        return pool.submit(work, n).result()
    except Exception as error:
        return type(error).__name__

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        print(*[submit(pool, n) for n in (1, 0, 2, 3, 1)])
    with futures.ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        print(*[submit(pool, n) for n in (0, 6)])
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_executors_of_concurrent_futures(method, tmp_path):
    """Tasks that fail, and a worker that dies. The workers of threads are in the first file."""
    (tmp_path / "prog.py").write_text(FUTURES)
    done, headers, events = recorded(tmp_path, "record", method)
    printed = done.stdout.decode().splitlines()
    assert printed == ["6 ZeroDivisionError 3" + 2 * " BrokenProcessPool", "ZeroDivisionError 1"]
    found = calls_of(events)
    assert found.pop(headers[0]["pid"]) == 2 and list(found.values()) == [4]
    assert not any(header["losses"] for header in headers)
    (worker,) = found
    name = f"out.{worker}.0.relive"
    text = relive("calls", "work", name, cwd=tmp_path).stdout.decode()
    assert "4 calls of work, 1 raised, 1 open" in text
    (last,) = (row for row in text.splitlines() if "work(n=3)" in row)
    assert ", open" in last
    text = relive("info", name, cwd=tmp_path).stdout.decode()
    assert "complete, ended by os._exit, with exit status 7" in text


def test_a_pool_in_a_test_that_pytest_records(tmp_path):
    (tmp_path / "test_pool.py").write_text(
        "import multiprocessing\n"
        "def work(n): return 6 // n\n"
        "def test_pool():\n"
        "    with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "        assert pool.map(work, [1, 2]) == [6, 3]\n"
        "        assert pool.map(work, [3]) == [0]\n"
    )
    words = ["-m", "pytest", "-q", "--relive", "-p", "no:cacheprovider", "test_pool.py"]
    done = run(sys.executable, *words, cwd=tmp_path)
    assert b"1 failed" in done.stdout and b"INTERNALERROR" not in done.stdout, done.stdout
    (path,) = (tmp_path / ".relive" / "pytest").glob("*.relive")
    _, events = dump(path)
    assert calls_of(events, "test_pool") and not calls_of(events)


CHILDREN = """
import os, subprocess, sys
def start(name, *words, **more):
    code = f"import os; os.chdir('/')\\ndef {name}(): pass\\n{name}()"
    done = subprocess.run([sys.executable, *words, "-c", code], stderr=subprocess.PIPE, **more)
    assert (done.returncode, done.stderr) == (0, b""), (name, done)

os.chdir("/")
start("plain")
start("isolated", "-I")
start("without_environment", "-E")
start("without_site", "-S")
start("both", "-I", "-S")
start("empty_environment", env={})
subprocess.check_call(["sh", "-c", sys.executable + " -c 'def in_shell(): pass\\nin_shell()'"])
os.fork() or os.execv("/bin/true", ["true"])
assert os.wait()[1] == 0
"""


def test_which_python_children_are_recorded(record):
    """Wherever the program and they go; none of them writes a word."""
    _, headers, events = record(CHILDREN)
    names = {event["func"].split(":")[1] for event in events if event["kind"] == "call"}
    known = {"plain", "isolated", "without_environment", "in_shell"}
    assert known <= names and not names & {"without_site", "both", "empty_environment"}
    assert len(headers) == 1 + len(known) + 1  # and the fork that became another program

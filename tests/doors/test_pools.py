"""joblib, Dask and Ray: a session a task, failures, workers that die, and taking back."""

import json
from importlib.util import find_spec

import pytest
from serving import ask, relive

JOBS = """
import os

def price(item):
    if item == "end":
        os._exit(3)
    return {"tea": 3, "cake": 5}[item]

class Shop:
    def total(self, items):
        return sum(price(item) for item in items)
"""


def record(folder, source, *options, env=None):
    """Runs a program recorded; only what is in jobs.py, and the program itself."""
    (folder / "jobs.py").write_text(JOBS)
    (folder / "prog.py").write_text(source)
    words = ["--include", "jobs", "--include", "__main__", *options, "prog.py"]
    done = relive("record", "-o", "out.relive", *words, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split()


def sessions_of(folder):
    """The rows of `relive sessions`, of all processes."""
    done = relive("sessions", "out.relive", "--json", "--limit", "0", cwd=folder)
    assert done.returncode in (0, 3), done.stderr.decode()
    return [row for row in map(json.loads, done.stdout.splitlines()) if "tag" in row]


def by_error(folder):
    """{error or None: rows}"""
    found = {}
    for row in sessions_of(folder):
        found.setdefault(row["error"], []).append(row)
    return found


JOBLIB = """
import joblib
import relive.instrument
from jobs import price

def attempt(*items):
    calls = (joblib.delayed(price)(item) for item in items)
    try:
        return sum(joblib.Parallel(n_jobs=2, backend=KIND)(calls))
    except Exception as error:
        return type(error).__name__

if __name__ == "__main__":
    relive.instrument.install("joblib")
    print(attempt("tea", "cake", "tea"), attempt("milk"))
    if KIND == "loky":
        print(attempt("end"))
    relive.instrument.uninstrument("joblib")
    print(attempt("tea"))
"""


@pytest.mark.parametrize("kind", ["loky", "multiprocessing", "threading"])
def test_each_call_of_joblib_is_a_session(kind, tmp_path):
    printed = record(tmp_path, f"KIND = {kind!r}\n{JOBLIB}")
    end = ["TerminatedWorkerError"] if kind == "loky" else []
    assert printed == ["11", "KeyError", *end, "3"]
    rows = by_error(tmp_path)
    assert sorted(map(str, rows)) == ["KeyError('milk')", "None"]
    ended = [row for row in rows[None] if not row["open"]]
    assert len(ended) == 3 and len(rows[None]) == 3 + len(end)
    (milk,) = rows["KeyError('milk')"]
    assert milk["tag"] == "jobs.price" and milk["attrs"]["system"] == "joblib"
    assert len({row["attrs"]["task_id"] for some in rows.values() for row in some}) == 4 + len(end)
    calls = ask("calls", "price", "--limit", "0", "out.relive", cwd=tmp_path)
    assert calls.count("price(item='tea')") == 3 and "KeyError: 'milk'" in calls
    texts = relive("check", "out.relive", cwd=tmp_path).stdout.decode().splitlines()
    assert texts and all(": whole" in text or "is sound" in text for text in texts)


def test_joblib_must_be_imported_before(tmp_path):
    code = "import relive.instrument; relive.instrument.install('joblib')"
    done = relive("record", "-o", "out.relive", "-c", code, cwd=tmp_path)
    assert b"joblib is not imported yet: import it first" in done.stderr


DASK = """
from dask.distributed import Client, LocalCluster
from jobs import price

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=PROCESSES,
                      dashboard_address=None) as cluster, Client(cluster) as client:
        found = [client.submit(price, item, key=("p", item)) for item in ("tea", "milk")]
        print(found[0].result(), type(found[1].exception()).__name__)
"""


@pytest.mark.parametrize("processes", [True, False])
def test_each_task_of_dask_is_a_session_under_its_key(processes, tmp_path):
    env = {"DASK_DISTRIBUTED__WORKER__PRELOAD": "relive.instrument.dask"}
    printed = record(tmp_path, f"PROCESSES = {processes}\n{DASK}", env=env)
    assert printed == ["3", "KeyError"]
    rows = sessions_of(tmp_path)
    assert sorted(row["attrs"]["task_id"] for row in rows) == ["('p', 'milk')", "('p', 'tea')"]
    assert {(row["tag"], row["open"]) for row in rows} == {("p", False)}
    calls = ask("calls", "price", "--limit", "0", "out.relive", cwd=tmp_path)
    assert calls.count("price(item=") == 2 and "KeyError: 'milk'" in calls


RAY = """
import ray
from jobs import Shop, price

@ray.remote
class Later:
    async def total(self, items):
        return Shop().total(items)

if __name__ == "__main__":
    hook = {"worker_process_setup_hook": "relive.instrument.ray.setup"}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=hook)
    tea, milk = [ray.remote(price).remote(item) for item in ("tea", "milk")]
    print(ray.get(tea))
    try:
        ray.get(milk)
    except KeyError:
        print("KeyError")
    shop = ray.remote(Shop).remote()
    print(ray.get(shop.total.remote(["tea", "cake"])))
    later = Later.remote()
    print(ray.get(later.total.remote(["cake"])))
    ray.shutdown()
"""


@pytest.mark.skipif(find_spec("ray") is None, reason="no wheel of ray for this Python yet")
def test_each_task_of_ray_is_a_session(tmp_path):
    assert record(tmp_path, RAY) == ["3", "KeyError", "8", "5"]
    rows = by_error(tmp_path)
    (milk,) = rows["KeyError('milk')"]
    assert milk["tag"] == "jobs.price" and milk["attrs"]["system"] == "ray"
    tags = sorted(row["tag"].rpartition(".")[2] for row in rows[None])
    assert [tag for tag in tags if tag != "__init__"] == ["price", "total"]
    calls = ask("calls", "price", "--limit", "0", "out.relive", cwd=tmp_path)
    assert calls.count("price(item='cake')") == 2  # a coroutine is recorded, and is no session

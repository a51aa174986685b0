"""Sessions that stay open: what is kept of them, for how many, and what is counted."""

import sys

import pytest
from conftest import relive as run_relive
from conftest import run

import relive
from relive import sessions
from relive.cli.sessions import read

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"


NEVER_ENDED = """
import gc, relive, tracemalloc
from relive import sessions
first = sessions.start_session("first")
sessions.end_session(sessions.start_session("ended", {"user": "0"}))
relive.start("never.relive", ring="1M", level="calls")
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
for n in range(100000):
    last = sessions.start_session("s", {"user": str(n)})
gc.collect()
stats = sessions.get_stats()
bytes_each = (tracemalloc.get_traced_memory()[0] - before + stats["bytes"]) / 10000
assert bytes_each <= 64, bytes_each
assert (stats["open"], stats["forgotten"]) == (10000, 90001), stats
try:
    sessions.end_session(first)
except relive.ReliveError as error:
    assert error.code == "ERR_NOT_FOUND"
sessions.end_session(last)
assert relive.stop()["lost"]["sessions"] == 90001
"""


def test_sessions_that_never_end_are_kept_up_to_a_bound_and_counted(tmp_path):
    (tmp_path / "app.py").write_text(NEVER_ENDED, encoding="utf-8")
    done = run(sys.executable, "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    info = run_relive("info", "never.relive", cwd=tmp_path).stdout.decode()
    assert "90,001 sessions forgotten, as more than 10,000 were open" in info
    text = run_relive("sessions", "never.relive", "--limit", "0", cwd=tmp_path).stdout.decode()
    assert "90,001 sessions forgotten" in text


def test_of_open_sessions_the_newest_are_known_whole(recorded):
    made = {}

    def begins():
        for n in range(1000):
            made[n] = sessions.start_session(f"s{n}", {"n": str(n)}, HEADER, tracestate="a=b")
        with sessions.session("held", {"n": "x"}) as held:
            for _ in range(1000):
                sessions.end_session(sessions.start_session("ended"))
            recorded.rows, _ = recorded(lambda: None)
            made["held"] = held.id
        assert sessions.traceparent(made[0]).startswith(f"00-{TRACE}-")

    begins()
    rows = {row["id"]: row for row in recorded.rows}
    assert len(rows) == 1001 and {row["trace_id"] for row in rows.values()} >= {TRACE}
    assert (rows[made["held"]]["tag"], rows[made["held"]]["attrs"]) == ("held", {"n": "x"})
    newest, oldest = rows[made[999]], rows[made[0]]
    assert (newest["tag"], newest["attrs"], newest["parent_id"]) == ("s999", {"n": "999"}, SPAN)
    assert (oldest["tag"], oldest["attrs"], oldest["trace_id"]) == (None, {}, TRACE)
    for n in range(1000):
        sessions.end_session(made[n])


RULES = """
[meta]
name = "t"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


def test_a_filter_that_is_not_known_any_more_is_not_left_out(tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    first = sessions.start_session("first", trace_filter=str(rules))
    later = [sessions.start_session("later") for _ in range(300)]
    with pytest.raises(relive.ReliveError, match="is not known any more"):
        sessions.start_profiler(first)
    for one in (first, *later):
        sessions.end_session(one)


FORK = """
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from relive import sessions

def work(): return 1

def fork():
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    os.waitpid(pid, 0)

with sessions.session("elsewhere"), sessions.session("outer", {"user": "7", "password": "no"}):
    with ThreadPoolExecutor(1) as pool, sessions.session("inner"):
        fork()
        pool.submit(fork).result()
fork()
"""


def test_a_forked_child_knows_the_sessions_that_it_goes_on_in(record, tmp_path):
    _, headers, _ = record(FORK)
    names = [path.name for path in tmp_path.glob("out.*.relive")]
    assert len(headers) == 4 and len(names) == 3
    seen = []
    for name in names:
        with relive.open(str(tmp_path / name)) as recording:
            seen.append(read(recording))
    second, third, first = sorted(seen, key=len)
    assert [row["tag"] for row in first] == ["elsewhere", "outer", "inner"]
    assert [row["calls"] for row in first] == [0, 0, 1] and all(row["open"] for row in first)
    assert first[1]["attrs"] == {"user": "7", "password": "<redacted>"}
    assert not second and not third  # another thread has a context of its own


def test_sessions_are_found_by_their_attributes(recorded):
    def program():
        for user, item in (("7", "tea=3"), ("8", "tea=3"), ("7", "cake")):
            with sessions.session("order", {"user": user, "item": item}):
                pass

    recorded(program)
    for words, count in (("user=7", 2), ("item=tea=3", 2), ("user=9", 0), ("nothing=7", 0)):
        done = run_relive("sessions", recorded.path, "--attr", words, "--json")
        assert done.stdout.count(b'"tag":"order"') == count and done.returncode == (not count)
    both = run_relive("sessions", recorded.path, "--attr", "user=7", "--attr", "item=cake")
    assert both.stdout.count(b"order") == 1
    wrong = run_relive("sessions", recorded.path, "--attr", "user")
    assert wrong.returncode == 2 and b"no NAME=TEXT" in wrong.stderr, wrong.stderr

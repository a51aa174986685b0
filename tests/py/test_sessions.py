"""Sessions: what ties a request to what ran for it."""

import asyncio
import json
import sys
import threading
import time
from contextvars import copy_context

import pytest
from conftest import ROOT, run
from conftest import relive as run_relive

import relive
from relive import sessions
from relive.sessions import trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"


def work(n):
    return n


def bad():
    raise ValueError("x")


@pytest.mark.parametrize(
    ("header", "is_valid"),
    [
        (HEADER, True),
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"cc-{TRACE}-{SPAN}-01.more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE[:-1]}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}0-01", False),
        (f"0-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}-0g", False),
        (f"00-{TRACE}-{SPAN}", False),
        (f" {HEADER}", False),
        (f"{HEADER}\n", False),
        ("", False),
        ("-" * 600, False),
        (b"00", False),
        (7, False),
    ],
)
def test_traceparents_are_read_strictly(header, is_valid):
    found = trace_context.parse(header)
    assert (found is not None) is is_valid
    assert found is None or (found.trace_id, found.span_id) == (TRACE, SPAN)


def test_a_session_belongs_to_the_trace_that_it_came_with(recorded):
    sent = []

    def request():
        with sessions.session("checkout", {"user": "7"}, traceparent=HEADER) as made:
            assert sessions.active_session_id() == made.id
            sent.append(sessions.traceparent())
            work(1)
            try:
                bad()
            except ValueError:
                pass
        assert sessions.active_session_id() is None

    (row,), _ = recorded(request)
    assert (row["tag"], row["attrs"]) == ("checkout", {"user": "7"})
    assert (row["trace_id"], row["parent_id"]) == (TRACE, SPAN)
    assert row["calls"] == 2 and row["errors"] == 1 and row["duration"] > 0
    assert sent == [f"00-{TRACE}-{row['span_id']}-01"] and row["span_id"] != SPAN


def test_a_wrong_traceparent_is_counted_and_a_trace_begins(recorded):
    before = sessions.get_stats()["bad_traceparents"]
    (row,), _ = recorded(lambda: sessions.end_session(sessions.start_session(traceparent="00-x")))
    assert sessions.get_stats()["bad_traceparents"] == before + 1
    assert len(row["trace_id"]) == 32 and row["parent_id"] is None


def test_decorators_of_functions_and_coroutines(recorded):
    @sessions.session("plain")
    def plain(n):
        return work(n)

    @sessions.session()
    async def waits(n):
        await asyncio.sleep(0)
        return work(n)

    def both():
        assert plain(1) == 1
        assert asyncio.run(waits(2)) == 2

    rows, _ = recorded(both)
    assert [row["tag"] for row in rows] == ["plain", "waits"]
    assert all(row["calls"] >= 2 and row["duration"] for row in rows)


def test_sessions_of_tasks_stay_apart(recorded):
    seen = {}

    async def inner(name):
        await asyncio.sleep(0)
        seen.setdefault(name, set()).add(sessions.active_session_id())
        work(name)

    async def request(name, count):
        with sessions.session(name) as made:
            for _ in range(count):
                await asyncio.sleep(0)
                work(name)
            await asyncio.gather(*[asyncio.ensure_future(inner(name)) for _ in range(count)])
            seen[name].add(made.id)

    async def main():
        await asyncio.gather(request("a", 1), request("b", 3))

    rows, _ = recorded(lambda: asyncio.run(main()))
    counts = {row["tag"]: row["calls"] for row in rows}
    assert counts["b"] > counts["a"] >= 3
    assert all(len(ids) == 1 for ids in seen.values()) and seen["a"] != seen["b"]


def test_sessions_of_threads_stay_apart(recorded):
    def request(name, count):
        with sessions.session(name):
            for n in range(count):
                work(n)

    def both():
        threads = [threading.Thread(target=request, args=(f"t{n}", n)) for n in (3, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    rows, _ = recorded(both)
    assert sorted((row["tag"], row["calls"]) for row in rows) == [("t3", 3), ("t5", 5)]
    assert len({row["thread"] for row in rows}) == 2


def test_threads_of_a_copied_context_are_in_the_session(recorded):
    found = []

    def threaded():
        found.append(sessions.active_session_id())
        work(2)

    async def main():
        with sessions.session("loop"):
            await asyncio.get_running_loop().run_in_executor(None, copy_context().run, threaded)
            await asyncio.get_running_loop().run_in_executor(None, work, 3)

    def program():
        with sessions.session("s") as made:
            thread = threading.Thread(target=copy_context().run, args=(threaded,))
            thread.start()
            thread.join()
            found.append(made.id)
        asyncio.run(main())
        work(4)

    rows, events = recorded(program)
    assert found[0] == found[1] != found[2] and None not in found
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":work")]
    assert [(e["args"]["n"]["v"], e.get("session", 0)) for e in calls] == [
        (2, rows[0]["session"]), (2, rows[1]["session"]), (3, 0), (4, 0)]  # fmt: skip
    assert rows[0]["calls"] == 2 and rows[1]["calls"] >= 2


def test_the_tree_of_one_session(recorded):
    def inner(n):
        return work(n)

    def program():
        for tag, count in (("a", 1), ("b", 3)):
            with sessions.session(tag):
                for n in range(count):
                    inner(n)
            inner(9)

    rows, _ = recorded(program)
    for row in rows:
        words = ("tree", recorded.path, "--session", str(row["session"]), "--json")
        tree = [json.loads(line) for line in run_relive(*words).stdout.splitlines()][1:-1]
        found = [(one["func"].rpartition(".")[2], one["level"], one["calls"]) for one in tree]
        assert found == [
            ("inner", 0, row["calls"] // 2),
            (f"{__name__}:work", 1, row["calls"] // 2),
        ]
    text = run_relive("tree", recorded.path, "--calls", "--session", rows[1]["id"]).stdout.decode()
    assert text.count("work(") == 3 and "n=9" not in text
    done = run_relive("tree", recorded.path, "--session", "77")
    assert done.returncode == 2 and b"no session '77'" in done.stderr
    assert b"sessions  2 (" in run_relive("info", recorded.path).stdout


def test_requests_and_their_answers(recorded):
    def request():
        with sessions.session("s") as made:
            sessions.on_http_request(made.id, "GET", "https://x.org/a?b=1", 5, {"Accept": "x"}, 10)
            sessions.on_http_response(made.id, 200, 6, 1, {"Server": "y"}, 99)
            sessions.on_http_request(
                made.id, "POST", b"https://x.org/\xff", 5, [("A", b"1")], 1, b"body"
            )
            sessions.on_http_response(made.id, None, 6, 1, error="refused")
            sessions.on_http_request(made.id, "GET", "/late", 5, None, None)

    (row,), events = recorded(request, level="calls")
    assert [(one["method"], one.get("status"), one.get("error")) for one in row["http"]] == [
        ("GET", 200, None), ("POST", None, "refused"), ("GET", None, None)]  # fmt: skip
    assert row["errors"] == 1 and row["http"][0]["url"] == "https://x.org/a?b=1"
    fields = [e["fields"] for e in events if e["kind"] == "http_request"]
    assert fields[1]["body"]["v"] == "body" and fields[1]["headers"]["v"] == {"A": "1"}


CANARY = "canary1234567890" + "secret"  # a recording holds the text of this file, too


def test_no_secret_of_a_request_is_written(recorded):
    def request():
        with sessions.session("s", {"password": CANARY, "user": "ada"}) as made:
            sessions.on_http_request(
                made.id, "GET", f"https://ada:{CANARY}@x.org/a?token={CANARY}&page=7", 1,
                {"Authorization": f"Bearer {CANARY}", "Cookie": f"sid={CANARY}",
                 "X-Api-Key": CANARY,
                 "Accept": "text/html"}, 1, json.dumps({"password": CANARY, "page": 8}),
            )  # fmt: skip
            sessions.on_http_response(made.id, 200, 1, 1, {"Set-Cookie": f"session={CANARY}"}, 1)
            sessions.mark("paid", api_key=CANARY, order="o-17")
            sessions.on_call_with_args(made.id, "f", "m", "m.py", 1, 1, {"secret": CANARY})
            sessions.on_return_with_preview(made.id, "f", 1, 1, json.dumps({"token": CANARY}))

    for level in ("calls", "values"):
        (row,), events = recorded(request, level=level)
        text = json.dumps(events)
        assert CANARY.encode() not in recorded.path.read_bytes() and CANARY not in text
        assert "ada" in json.dumps(row["attrs"]) and "page=7" in row["http"][0]["url"]
        assert "text/html" in text and "o-17" in text and "x.org/a" in text


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (None, None), ("x" * 3000, "x" * 1000 + "... (3000 characters)"),
        (b"\xff" + b"y" * 2000, "\ufffd" + "y" * 999 + "... (2001 bytes)"),
        ([1], [1]), ({"password": "x1y2z3", "a": 1}, "{'password': <redacted>, 'a': 1}"),
        (7, "<int>"),
    ],
)  # fmt: skip
def test_bodies_are_shown_within_bounds(recorded, body, shown):
    def request():
        with sessions.session("s") as made:
            sessions.on_http_request(made.id, "GET", "/", 1, {}, 0, body)

    _, events = recorded(request)
    (fields,) = [e["fields"] for e in events if e["kind"] == "http_request"]
    body = fields.get("body", {})
    assert body.get("v", body.get("r")) == shown


def test_sessions_that_are_left_out_of_order_keep_those_still_open(recorded):
    active = []

    def request():
        made = [sessions.session(name) for name in "abc"]
        for one in made:
            one.__enter__()
        for number in (1, 2, 0):  # b, then c inside it, then a
            work(number)
            made[number].__exit__(None, None, None)
            active.append(sessions.active_session_id())
        assert active == [made[2].id, made[0].id, None]

    rows, _ = recorded(request)
    assert [(row["tag"], row["calls"]) for row in rows] == [("a", 1), ("b", 0), ("c", 2)]


def test_one_session_object_is_entered_again_and_by_several_tasks_and_threads(recorded):
    shared = sessions.session("shared")

    def in_thread(both):
        with shared:
            mine = sessions.active_session_id()
            both.wait()
            work(1)
            both.wait()
            assert sessions.active_session_id() == mine
        assert sessions.active_session_id() is None

    async def in_task(turns):
        with shared:
            mine = sessions.active_session_id()
            for _ in range(turns):
                await asyncio.sleep(0)
            assert sessions.active_session_id() == mine
        assert sessions.active_session_id() is None

    async def main():
        await asyncio.gather(in_task(3), in_task(1), in_task(2))

    def program():
        with shared:
            outer = shared.id
            with shared:
                assert sessions.active_session_id() != outer
            assert sessions.active_session_id() == outer
        both = threading.Barrier(2)
        threads = [threading.Thread(target=in_thread, args=(both,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(main())

    rows, _ = recorded(program)
    assert len(rows) == 7 and not any(row["open"] for row in rows)


def test_suppression_nests_and_survives_exceptions(recorded):
    def mixed():
        work(1)
        with pytest.raises(ValueError), sessions.suppress():
            work(2)
            with sessions.suppress():
                work(3)
            work(4)
            bad()
        work(5)
        sessions.suppress_enter()
        work(6)
        sessions.suppress_exit()
        sessions.suppress_exit()
        work(7)

    _, events = recorded(mixed)
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":work")]
    assert [e["args"]["n"]["v"] for e in calls] == [1, 5, 7]


def test_suppression_is_of_a_task(recorded):
    async def hidden():
        with sessions.suppress():
            work(1)
            await asyncio.sleep(0)
            work(2)
            await asyncio.gather(asyncio.ensure_future(seen(3)))
            sessions.mark("hidden")
        work(4)

    async def seen(n):
        work(n)
        await asyncio.sleep(0)
        work(n)

    async def main():
        await asyncio.gather(hidden(), seen(5))

    _, events = recorded(lambda: asyncio.run(main()))
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":work")]
    assert [e["args"]["n"]["v"] for e in calls] == [5, 5, 4]
    assert not [e for e in events if e["kind"] == "mark"]


def test_previews_that_are_no_json_are_counted_and_kept_as_the_seed_does(recorded):
    before = sessions.get_stats()["parse_errors"]

    def request():
        with sessions.session("s") as made:
            sessions.on_call_with_args(made.id, "f", "m", "f.py", 3, 1, "{no json")
            sessions.on_return_with_preview(made.id, "f", 2, 1, {"return": 4})
            sessions.on_return_with_preview(made.id, "f", 2, 1, "{no json")
            sessions.on_exception(made.id, "f", 3, "ValueError", "no")

    (row,), events = recorded(request)
    given = [e for e in events if e.get("func") == "m:f"]
    assert [e["kind"] for e in given] == ["call", "return"]
    assert "args" not in given[0] and given[1]["value"]["v"] == 4
    marks = [e["fields"] for e in events if e["kind"] == "mark"]
    assert marks[0]["locals"]["v"] == {"return": "<parse-error>"}  # of no call that is open
    assert sessions.get_stats()["parse_errors"] == before + 2
    assert (row["marks"], row["calls"], row["errors"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: sessions.end_session("nothing"), "no session 'nothing'"),
        (lambda: sessions.on_call("x", "f", "m", "f", 1, 1), "no session 'x'"),
        (lambda: sessions.start_profiler(None), "no session None"),
        (lambda: sessions.start_session(attrs={"a": 1}), "attrs are texts by name: 'a': 1"),
        (lambda: sessions.start_session(attrs="ab"), "attrs are texts by name, 'ab' is not"),
        (lambda: sessions.start_session(tag=7), "tag must be a str"),
        (lambda: sessions.session("s").__exit__(None, None, None), "left more often"),
        (lambda: sessions.start_session(span_id="XYZ"), "span_id"),
        (lambda: sessions.start_session(trace_filter=3), "trace_filter"),
        (lambda: sessions.start_session(trace_filter="/no/such/file.toml"), "file.toml"),
        (lambda: sessions.mark(7), "name must be a str"),
    ],
)
def test_mistakes_are_reported(function, said):
    with pytest.raises(relive.ReliveError, match=said):
        function()


def test_ending_twice_is_reported_and_a_session_that_never_ends_is_shown(recorded):
    def forgets():
        twice = sessions.start_session("twice")
        sessions.end_session(twice)
        with pytest.raises(relive.ReliveError, match="has ended"):
            sessions.end_session(twice)
        recorded.left = sessions.start_session("forgotten")

    rows, _ = recorded(forgets)
    assert [(row["tag"], row["open"]) for row in rows] == [
        ("twice", False), ("forgotten", True)]  # fmt: skip
    before = sessions.get_stats()["open"]
    sessions.end_session(recorded.left)
    assert sessions.get_stats()["open"] == before - 1


def test_what_no_recording_was_there_for_is_counted():
    before = sessions.get_stats()["unrecorded"]
    with sessions.session("s"):
        sessions.mark("m")
    assert sessions.get_stats()["unrecorded"] == before + 3


def test_the_verb_prints_what_a_person_wants(recorded):
    def request():
        with sessions.session("checkout", {"user": "7"}, traceparent=HEADER) as made:
            work(1)
            sessions.on_http_request(made.id, "GET", "https://x.org/", 1, {}, 0)
            sessions.on_http_response(made.id, 503, 2, 1, {}, 0)

    recorded(request)
    done = run_relive("sessions", recorded.path)
    text = done.stdout.decode()
    assert done.returncode == 0 and "checkout" in text and "1 call " in text and "1 error " in text
    assert f"trace {TRACE}  parent {SPAN}" in text and "GET https://x.org/  503" in text
    assert run_relive("sessions", recorded.path, "--tag", "other").returncode == 1


def test_a_forked_child_may_begin_its_own(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os\nfrom relive import sessions\n"
        "with sessions.session('parent'):\n    pid = os.fork()\n"
        "    if pid == 0:\n        with sessions.session('child'): pass\n        os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    done = run_relive("record", "-o", "a.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = run_relive("sessions", "a.relive", cwd=tmp_path).stdout.decode()
    assert "parent" in text and "child" in text


def test_memory_of_many_sessions_is_given_back(tmp_path):
    (tmp_path / "app.py").write_text(
        "import resource, relive\nfrom relive import sessions\n"
        "relive.start('m.relive', ring='1M')\n"
        "def some(n):\n"
        "    for _ in range(n):\n        with sessions.session('s', {'user': 'x'}): pass\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "some(2000); before = some(2000); after = some(8000)\n"
        "print(sessions.get_stats()['open'], after - before)\n"
    )
    done = run(sys.executable, "app.py", cwd=tmp_path, check=True)
    opened, grown = map(int, done.stdout.split())
    assert opened == 0 and grown < 8000, grown  # kB: less than one a session


def test_the_demonstration_prints_what_it_says(tmp_path):
    done = run(
        sys.executable, f"{ROOT}/examples/sessions_demo.py", "d.relive", cwd=tmp_path, check=True
    )
    assert done.stdout.splitlines()[0] == b"[300, None]"
    text = run_relive("sessions", "d.relive", cwd=tmp_path).stdout.decode()
    assert "user=ada" in text and "1 error " in text and "items/tea" in text and "  503" in text
    data = (tmp_path / "d.relive").read_bytes()
    assert b"s3cr3t-token" not in data and b"0123456789abcdef" not in data


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_inside_a_session(recorded):
    left = []

    def dies():
        left.append(sessions.start_session("left open"))
        with sessions.session("closed on the way"):
            work(1)
            raise SystemExit

    def program():
        thread = threading.Thread(target=dies)
        thread.start()
        thread.join()
        work(2)

    rows, events = recorded(program)
    assert [row["open"] for row in rows] == [True, False]
    calls = [e for e in events if e["kind"] == "call" and e["func"].endswith(":work")]
    assert ["session" in e for e in calls] == [True, False]
    sessions.end_session(left[0])


def test_a_loop_that_is_closed_inside_a_session(recorded):
    class Pause:
        def __await__(self):
            yield

    async def forever(wait=None):
        with sessions.session("cancelled"):
            await (wait or asyncio.sleep(60))

    def program():
        loop = asyncio.new_event_loop()
        task = loop.create_task(forever())
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        assert sessions.active_session_id() is None
        loop = asyncio.new_event_loop()
        waits = forever(Pause())
        waits.send(None)  # entered by hand, and never ended
        loop.close()
        waits.close()

    rows, _ = recorded(program)
    assert [row["tag"] for row in rows] == ["cancelled"] * 2
    assert all(row["duration"] is not None for row in rows)
    assert sessions.active_session_id() is None


def test_a_body_of_a_gigabyte_costs_what_is_shown(recorded):
    def program():
        with sessions.session("s") as made:
            sessions.on_http_request(made.id, "GET", "/", 1, {}, 1 << 30, bytes(1 << 30))

    (row,), events = recorded(program)
    (fields,) = [e["fields"] for e in events if e["kind"] == "http_request"]
    assert fields["body"]["v"].endswith(f"... ({1 << 30} bytes)") and len(row["http"]) == 1
    assert recorded.path.stat().st_size < 1 << 20


def test_calls_that_something_else_has_seen_are_calls(recorded):
    def request():
        one, other = sessions.start_session("one"), sessions.start_session("other")
        sessions.on_call_with_args(
            one, "outer", "shop", "shop.py", 3, 1, '{"x": 5, "token": "q1w2e3"}'
        )
        sessions.on_call(other, "inner", "shop", "shop.py", 9, 2)
        work(1)
        sessions.on_return_with_preview(other, "inner", 3, 1, '{"return": [1, 2]}')
        sessions.on_return(one, "outer", 4, 3)
        work(2)
        sessions.end_session(one)
        sessions.end_session(other)

    rows, events = recorded(request)
    assert [(row["tag"], row["calls"], row["marks"]) for row in rows] == [
        ("one", 1, 0), ("other", 1, 0),
    ]  # fmt: skip
    calls = {e["func"]: e for e in events if e["kind"] == "call" and "work" not in e["func"]}
    outer, inner = calls["shop:outer"], calls["shop:inner"]
    assert (outer["file"], outer["line"], outer["args"]["x"]["v"]) == ("shop.py", 3, 5)
    assert outer["args"]["token"]["redacted"] and inner["parent"] == outer["frame"]
    worked = [e["parent"] for e in events if e["kind"] == "call" and "work" in e["func"]]
    assert worked[0] == inner["frame"] and worked[1] == outer["parent"]
    with relive.open(str(recorded.path)) as recording:
        names = {recording.code(row[0])[1]: row[1] for row in recording.functions()}
        assert recording.check()["problems"] == []
    assert (names["outer"], names["inner"]) == (1, 1)
    tree = run_relive("tree", "--calls", recorded.path).stdout.decode()
    assert "outer(x=5, token=<redacted>)" in tree and "inner() -> [1, 2]" in tree


def test_a_session_that_an_exception_leaves_is_an_error_once(recorded):
    def often():
        for _ in range(3):
            try:
                bad()
            except ValueError:
                pass

    def request():
        for body in (often, lambda: int("x"), bad, lambda: next(iter(())), lambda: work(1)):
            try:
                with sessions.session("s"):
                    body()
            except (ValueError, StopIteration):
                pass

    rows, _ = recorded(request)
    assert [row["errors"] for row in rows] == [3, 1, 1, 0, 0]
    assert "ValueError" in rows[1]["error"] and rows[4]["error"] is None
    text = run_relive("sessions", recorded.path, "--errors").stdout.decode()
    assert text.count("1 error") == 2 and "3 errors" in text and text.count("left by ") == 2


def test_sessions_are_picked_by_errors_time_and_status(recorded):
    def request():
        for tag, status in (("quick", 200), ("slow", 404), ("broken", 503)):
            with sessions.session(tag) as made:
                if tag == "slow":
                    time.sleep(0.12)
                sessions.on_http_request(made.id, "GET", "http://x/", 1, {}, 0)
                sessions.on_http_response(made.id, status, 2, 1)

    recorded(request)

    def picked(*words):
        done = run_relive("sessions", recorded.path, "--json", *words)
        return [json.loads(line)["tag"] for line in done.stdout.splitlines()[1:]]

    assert picked() == ["quick", "slow", "broken"]
    assert picked("--slow", "100ms") == ["slow"]
    assert picked("--status", "5xx") == picked("--errors") == ["broken"]
    assert picked("--status", "404") == ["slow"] and picked("--status", "404", "--errors") == []
    assert run_relive("sessions", recorded.path, "--status", "9xx").returncode == 2
    assert run_relive("sessions", recorded.path, "--slow", "long").returncode == 2


def test_redacted_attributes_print_as_attributes(recorded):
    def request():
        with sessions.session("s", {"user": "7", "password": CANARY, "it's": "a 'b'"}):
            pass

    (row,), _ = recorded(request)
    assert row["attrs"] == {"user": "7", "password": "<redacted>", "it's": "a 'b'"}
    text = run_relive("sessions", recorded.path).stdout.decode()
    assert "user=7  password=<redacted>  it's=a 'b'" in text


def test_rows_name_their_process_where_there_are_several(recorded, tmp_path):
    source = """
import os, relive
from relive import sessions
with relive.record("p.relive"):
    with sessions.session("parent"):
        pass
    if os.fork() == 0:
        with sessions.session("child"):
            pass
        relive.stop()
        os._exit(0)
    os.wait()
"""
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    run(sys.executable, "-W", "ignore", "app.py", cwd=tmp_path, check=True)
    text = run_relive("sessions", "p.relive", cwd=tmp_path).stdout.decode()
    rows = [line for line in text.splitlines() if "thread" in line]
    assert len(rows) == 2 and len({line.split("pid ")[1].split()[0] for line in rows}) == 2
    recorded(lambda: sessions.end_session(sessions.start_session("s")))
    assert "pid" not in run_relive("sessions", recorded.path).stdout.decode()


FORKED = """import os
from relive import sessions
def work(n): return n
def run(tag):
    with sessions.session(tag=tag):
        work(1)
run("first")
ready, said = os.pipe()
pid = os.fork()
if not pid:
    run("of the child")
    os.write(said, b"x")
    os._exit(0)
os.read(ready, 1)
run("last")
os.waitpid(pid, 0)
"""


def test_sessions_of_several_files_come_by_time_and_counts_add_up(tmp_path):
    (tmp_path / "app.py").write_text(FORKED)
    done = run_relive("record", "-o", "run.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = str(tmp_path / "run.relive")
    rows = [json.loads(row) for row in run_relive("sessions", "--json", out).stdout.splitlines()]
    assert [row["tag"] for row in rows[1:]] == ["first", "of the child", "last"]
    infos = [json.loads(row) for row in run_relive("info", "--json", out).stdout.splitlines()][1:]
    assert len(infos) == 2
    for info in infos:
        assert sum(info["kinds"].values()) == info["events"]
        assert info["kinds"]["session_switch"] >= 2

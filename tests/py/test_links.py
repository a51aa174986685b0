"""A session's place in the recording, where OpenTelemetry, Sentry and log records show it."""

import json
import sys

import pytest
from conftest import relive, run

import relive as package

SPANS = """
import sys
import relive
from relive import sessions
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda s: s.to_json(
    indent=None) + "\\n")))
tracer = provider.get_tracer("shop")

def work():
    return 1

with relive.record("run.relive", builtin_filter=False):
    with tracer.start_as_current_span("checkout"):
        with sessions.session("checkout"):
            work()
            print(sessions.traceparent(), file=sys.stderr)
    with sessions.session("alone"):
        print(sessions.traceparent(), file=sys.stderr)
    header = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    with tracer.start_as_current_span("other"), sessions.session("given", traceparent=header):
        print(sessions.traceparent(), file=sys.stderr)
with tracer.start_as_current_span("unrecorded"), sessions.session("off"):
    pass
print(sessions.get_stats()["link_errors"], file=sys.stderr)
"""


def rows(path, *words):
    done = relive(*words, "--json", path)
    return [json.loads(line) for line in done.stdout.decode().splitlines()][1:]


def test_a_span_names_the_place_of_its_session(tmp_path):
    pytest.importorskip("opentelemetry.sdk", reason="no opentelemetry-sdk for this Python")
    (tmp_path / "app.py").write_text(SPANS)
    done = run(sys.executable, "app.py", cwd=tmp_path, check=True)
    spans = {row["name"]: row for row in map(json.loads, done.stdout.decode().splitlines())}
    own, alone, given, errors = done.stderr.decode().split()
    assert errors == "0"

    path = tmp_path / "run.relive"
    place = spans["checkout"]["attributes"]
    assert place["relive.recording"] == str(path)
    sessions = {row["tag"]: row for row in rows(path, "sessions")}
    assert own.split("-")[1] == sessions["checkout"]["trace_id"]
    assert own.split("-")[1] == spans["checkout"]["context"]["trace_id"][2:]
    assert sessions["checkout"]["parent_id"] == spans["checkout"]["context"]["span_id"][2:]

    # The position is the begin of this session.
    thread, _, number = place["relive.position"][1:].partition("@")
    with package.open(path) as recording:
        event = recording.event(int(thread), int(number))
        seen = {recording.code(row[0])[0].partition(".")[0] for row in recording.functions()}
    assert event["kind"] == "session_start" and event["fields"]["tag"]["r"] == "'checkout'"
    assert "opentelemetry" in seen  # the program's own use of it

    # A header of the request wins; without a span a new trace begins; without a recording no place.
    assert given.split("-")[1] == "ab" * 16
    assert alone.split("-")[1] not in (own.split("-")[1], "0" * 32)
    assert "relive.recording" in spans["other"]["attributes"]
    assert "relive.recording" not in spans["unrecorded"]["attributes"]


def test_a_scope_of_sentry_has_it_as_tags(tmp_path):
    pytest.importorskip("sentry_sdk", reason="no sentry-sdk for this Python")
    (tmp_path / "app.py").write_text(
        "import relive, sentry_sdk\nfrom relive import sessions\n"
        "events = []\n"
        "sentry_sdk.init(dsn='http://key@127.0.0.1:9/1', default_integrations=False,\n"
        "    before_send=lambda event, hint: events.append(event))\n"
        "with relive.record('run.relive'), sessions.session('checkout'):\n"
        "    sentry_sdk.capture_message('hello')\n"
        "print(events[0]['tags'])\n"
    )
    done = run(sys.executable, "app.py", cwd=tmp_path, check=True)
    assert str(tmp_path / "run.relive") in done.stdout.decode()
    assert "'relive.position': 'T1@" in done.stdout.decode()


def test_what_goes_wrong_in_a_tool_is_counted_and_nothing_is_imported(tmp_path):
    (tmp_path / "app.py").write_text(
        "import relive, sys\nfrom relive import sessions\n"
        "with sessions.session('a'): pass\n"
        "assert not [n for n in sys.modules if n.startswith(('opentelemetry', 'sentry'))]\n"
        "sys.modules['opentelemetry.trace'] = None\n"
        "with sessions.session('b'): pass\n"
        "class Broken:\n"
        "    def __getattr__(self, name): raise OSError(name)\n"
        "sys.modules['opentelemetry.trace'] = sys.modules['sentry_sdk'] = Broken()\n"
        "with relive.record('run.relive'), sessions.session('c') as found:\n"
        "    print(found.id is not None, sessions.get_stats()['link_errors'])\n"
    )
    assert run(sys.executable, "app.py", cwd=tmp_path, check=True).stdout.split() == [b"True", b"2"]


def test_a_log_record_knows_its_position(tmp_path):
    (tmp_path / "app.py").write_text(
        "import logging, sys, relive, relive.instrument\n"
        "relive.instrument.logging()\n"
        "logging.basicConfig(format='%(relive)s %(message)s', stream=sys.stdout)\n"
        "logging.warning('before')\n"
        "with relive.record('run.relive'):\n"
        "    logging.warning('inside')\n"
        "    print(relive.sessions.position())\n"
    )
    lines = run(sys.executable, "app.py", cwd=tmp_path, check=True).stdout.decode().split("\n")
    assert lines[0] == "- before"
    position, _, message = lines[1].partition(" ")
    assert message == "inside" and position.startswith("T1@")
    with package.open(tmp_path / "run.relive") as recording:
        event = recording.event(1, int(position.partition("@")[2]))
    assert event["kind"] == "log" and event["fields"]["message"]["r"] == "'inside'"
    assert int(lines[2].partition("@")[2]) >= int(position.partition("@")[2])

"""Callback backends: what the first test suite of their interface named, on every backend that
works here, and what users ask beyond it."""

import asyncio
import json
import sys
import threading
import warnings
from datetime import datetime, timezone

import pytest
from conftest import usable_backends
from sampled import (
    add,
    caught,
    fails,
    fibonacci,
    inner_of,
    main_task,
    many,
    middle,
    numbers,
    of,
    outer,
    through,
)

import relive
from relive.backends import (
    Backend,
    BackendInfo,
    EvalHookBackend,
    MonitoringBackend,
    PEP669Backend,
    SetprofileBackend,
    SettraceBackend,
    ThreadLocalContext,
    TraceEvent,
    available_backends,
    create_backend,
    is_supported,
)

HERE = ["sampled"]
pytestmark = pytest.mark.filterwarnings("ignore::relive.errors.OverheadWarning")


# ---- ThreadLocalContext ----


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_trace_id_isolation():
    context = ThreadLocalContext()
    context.trace_id = "main"

    def other():
        before, context.trace_id = context.trace_id, "other"
        return before, context.trace_id

    assert in_thread(other) == (None, "other") and context.trace_id == "main"


def test_events_isolation():
    context = ThreadLocalContext()
    context.events.append(TraceEvent("call"))

    def other():
        context.events.extend([TraceEvent("line")] * 2)
        return len(context.events)

    assert in_thread(other) == 2 and len(context.events) == 1


def test_clear():
    context = ThreadLocalContext()
    context.trace_id = "id"
    context.events.append(TraceEvent("call"))
    context.clear()
    assert context.trace_id is None and context.events == []


def test_tasks_have_a_context_of_their_own():
    context = ThreadLocalContext()

    async def one(name):
        context.trace_id = name
        await asyncio.sleep(0)
        return context.trace_id

    async def both():
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(both()) == ["a", "b"] and context.trace_id is None


# ---- the backend itself ----


def test_initialization_defaults(make):
    backend = make(include_patterns=None)
    assert backend.callback is None and backend.include_patterns == ["*"]
    assert backend.exclude_patterns == [] and not backend.is_active()
    assert backend.capture_args and backend.capture_returns and backend.capture_locals
    assert backend.capture_exceptions and not backend.capture_lines
    assert backend.max_repr_length == 1000 and backend.get_events() == []


def test_initialization_custom(make):
    def callback(event):
        pass

    backend = make(
        callback=callback, include_patterns=["a.*"], exclude_patterns=["b"], capture_locals=False,
        capture_args=False, max_repr_length=10, max_events_per_thread=5,
    )  # fmt: skip
    assert backend.callback is callback and backend.include_patterns == ["a.*"]
    assert backend.exclude_patterns == ["b"] and not backend.capture_locals
    assert backend.max_repr_length == 10 and backend.max_events_per_thread == 5


@pytest.mark.parametrize(
    ("pattern", "is_told"),
    [
        ("*", True),
        ("sampled", True),
        ("samp*", True),
        ("sampled.*", True),
        ("nothing.*", False),
    ],
)
def test_pattern_matching(told, pattern, is_told):
    assert bool(of(told(add, 1, include_patterns=[pattern]), "add")) is is_told


def test_pattern_matching_wildcard(told):
    assert of(told(add, 1, include_patterns=["*"]), "add")


def test_pattern_matching_prefix(told):
    events = told(lambda: json.dumps({"a": 1}), include_patterns=["json.*"])
    assert of(events, "dumps") and not of(events, "<lambda>")


def test_pattern_matching_exact(told):
    events = told(lambda: json.dumps([1]), include_patterns=["json"])
    assert {e.module_name for e in events} == {"json"}


def test_call_event_capture(told):
    (event,) = of(told(add, 1), "add", "call")
    assert event.args == {"a": 1, "b": 2} and event.kwargs == {} and event.module_name == "sampled"
    assert (
        event.file_path == add.__code__.co_filename
        and event.line_number == add.__code__.co_firstlineno
    )
    assert event.qualified_name == "add" and event.is_async is False
    assert event.called_from.endswith(" do")


def test_arguments_of_every_kind(told):
    (event,) = of(told(lambda: many(1, b="x", flag=None, k=2.5)), "many", "call")
    assert event.args == {"a": 1, "b": "x", "rest": "()"}
    assert event.kwargs == {"flag": None, "k": 2.5}


def test_return_event_capture(told):
    (event,) = of(told(add, 1), "add", "return")
    assert event.return_value == 3 and event.duration > 0


def test_exception_event_capture(told):
    events = told(caught, "no")
    (event,) = of(events, "fails", "exception")
    assert not of(events, "caught", "exception")
    assert f"line {fails.__code__.co_firstlineno + 1}, in fails" in event.exception_traceback
    if told.name != "setprofile":  # a profile function does not see which
        assert (event.exception_type, event.exception_message) == ("ValueError", "no")


def test_line_event_capture(make):
    if make.name == "setprofile":
        with pytest.raises(relive.ReliveError, match="does not see lines"):
            make(capture_lines=True).start()
        return
    with make(capture_lines=True) as backend:
        add(1)
    first = add.__code__.co_firstlineno
    lines = of(backend.get_events(), "add", "line")
    assert [e.line_number for e in lines] == [first + 1, first + 2]
    assert [e.local_vars for e in lines] == [{"a": 1, "b": 2}, {"a": 1, "b": 2, "total": 3}]


def test_no_line_events_by_default(told):
    assert not [e for e in told(add, 1) if e.event_type == "line"]


def test_include_patterns(told):
    events = told(lambda: (add(1), json.dumps([])))
    assert {e.module_name for e in events} == {"sampled", __name__}


def test_exclude_patterns(told):
    assert told(add, 1, exclude_patterns=["sampled"], include_patterns=HERE) == []
    events = told(
        lambda: json.dumps([1]), include_patterns=["json.*"], exclude_patterns=["json.encoder"]
    )
    assert {e.module_name for e in events} == {"json"}


def test_callback_invocation(make):
    seen = []
    with make(callback=seen.append) as backend:
        add(1)
    assert seen == backend.get_events() and len(of(seen, "add")) == 2
    assert all(isinstance(event, TraceEvent) for event in seen)


def test_clear_events(make):
    with make() as backend:
        add(1)
    assert backend.get_events()
    backend.clear_events()
    assert backend.get_events() == [] and backend.get_stats()["events"] == {}


class Loud:
    def __repr__(self):
        raise SystemExit("asked")

    __str__ = __len__ = __eq__ = __repr__
    __hash__ = None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None), (True, True), (7, 7), (-(10**30), -(10**30)), (1.5, 1.5), ("text", "text"),
        ([1, "a"], "[1, 'a']"), ({"k": (1,)}, "{'k': (1,)}"), (b"x", "b'x'"), (..., "Ellipsis"),
        (Loud(), "Loud()"), ("\ud800", "\ud800"),
    ],
)  # fmt: skip
def test_safe_repr(told, value, shown):
    (event,) = of(told(inner_of, value), "inner_of", "call")
    assert event.args == {"value": shown} and type(event.args["value"]) is type(shown)


def test_safe_repr_truncation(told):
    (event,) = of(told(inner_of, "x" * 2000, max_repr_length=100), "inner_of", "call")
    assert event.args["value"] == "x" * 100 + "...[TRUNCATED]"
    (event,) = of(told(inner_of, ["y" * 90] * 9, max_repr_length=100), "inner_of", "call")
    assert event.args["value"].endswith("...[TRUNCATED]")


def test_thread_safety(make):
    with make() as backend:
        threads = [threading.Thread(target=fibonacci, args=(6,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    calls = of(backend.get_events(), "fibonacci", "call")
    assert len(calls) == 4 * 25 == len(of(backend.get_events(), "fibonacci", "return"))
    assert len({e.trace_id for e in calls}) == 4


def test_local_variable_capture(told):
    events = told(add, 1)
    assert of(events, "add", "call")[0].local_vars == {"a": 1, "b": 2}
    assert of(events, "add", "return")[0].local_vars == {"a": 1, "b": 2, "total": 3}
    assert of(told(add, 1, capture_locals=False), "add", "return")[0].local_vars is None


def test_timestamp(told):
    before = datetime.now(timezone.utc)
    events = told(add, 1)
    assert all(abs((e.timestamp - before).total_seconds()) < 60 for e in events)
    assert all(e.timestamp.tzinfo is timezone.utc for e in events)
    assert [e.monotonic_ns for e in events] == sorted(e.monotonic_ns for e in events)


def test_thread_id_capture(told):
    assert {e.thread_id for e in told(add, 1)} == {threading.get_ident()}


def test_start_and_stop_many_times(make):
    backend = make()
    for _ in range(3):
        backend.start()
        backend.start()
        assert backend.is_active()
        add(1)
        backend.stop()
        backend.stop()
        add(2)
    assert len(of(backend.get_events(), "add")) == 6 and not backend.is_active()


# ---- the module's functions ----


def test_is_supported():
    assert is_supported() and is_supported("settrace") and SettraceBackend.is_supported()
    assert (
        is_supported("monitoring")
        == MonitoringBackend.is_supported()
        == (sys.version_info >= (3, 12))
    )
    assert EvalHookBackend.is_supported() == (sys.version_info < (3, 12))
    with pytest.raises(
        relive.ReliveError, match=r"no backend 'settrase' \(did you mean settrace|backends: auto"
    ):
        is_supported("settrase")


def test_create_backend():
    best = available_backends()[0] if available_backends()[0].usable else available_backends()[1]
    assert create_backend().mechanism == best.name and isinstance(best, BackendInfo)
    assert type(create_backend("setprofile")) is SetprofileBackend
    assert PEP669Backend is MonitoringBackend and issubclass(PEP669Backend, Backend)
    for row in available_backends():
        assert row.reason
        if not row.usable:
            with pytest.raises(relive.ReliveError, match="cannot work here"):
                create_backend(row.name)


def test_create_backend_with_parameters():
    backend = create_backend(include_patterns=["a"], capture_lines=True, max_repr_length=5)
    assert backend.include_patterns == ["a"] and backend.capture_lines
    assert backend.max_repr_length == 5
    for wrong in ({"callback": 1}, {"include_patterns": 7}, {"max_repr_length": 0}, {"batch": "x"},
                  {"max_events_per_thread": True}, {"trace_filter": 3},
                  {"event_filter": "no"}):  # fmt: skip
        with pytest.raises(relive.ReliveError, match=next(iter(wrong))):
            create_backend(**wrong)


# ---- warnings ----


def warned(function):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function()
    return [str(one.message) for one in found if one.category is relive.OverheadWarning]


def test_warning_on_first_start(monkeypatch):
    monkeypatch.delenv("RELIVE_NO_WARNINGS", raising=False)
    backend = create_backend("settrace", include_patterns=HERE)
    (text,) = warned(lambda: (backend.start(), backend.stop()))
    best = usable_backends()[0]
    assert "settrace" in text and f"{best} is the better one" in text and "us" in text
    if sys.version_info < (3, 12):
        assert "Python 3.12" in text
    usual = create_backend(include_patterns=HERE)
    found = warned(lambda: (usual.start(), usual.stop()))
    assert bool(found) == (sys.version_info[:2] in ((3, 10), (3, 11)))


def test_warning_only_once(monkeypatch):
    monkeypatch.delenv("RELIVE_NO_WARNINGS", raising=False)
    backend = create_backend("settrace", include_patterns=HERE)
    assert len(warned(lambda: [(backend.start(), backend.stop()) for _ in range(3)])) == 1
    monkeypatch.setenv("RELIVE_NO_WARNINGS", "1")
    other = create_backend("settrace", include_patterns=HERE)
    assert warned(lambda: (other.start(), other.stop())) == []


# ---- programs ----


def test_recursive_function_tracing(told):
    events = told(fibonacci, 5)
    calls, returns = of(events, "fibonacci", "call"), of(events, "fibonacci", "return")
    assert len(calls) == len(returns) == 15 and returns[-1].return_value == 5
    assert [e.args["n"] for e in calls[:5]] == [5, 4, 3, 2, 1]
    assert all(e.duration is not None for e in returns)


def test_nested_function_calls(told):
    events = [e for e in told(outer, 1) if e.function_name in ("outer", "middle", "inner")]
    assert [(e.function_name, e.event_type) for e in events] == [
        ("outer", "call"), ("middle", "call"), ("inner", "call"),
        ("inner", "return"), ("middle", "return"), ("outer", "return"),
    ]  # fmt: skip
    assert [e.return_value for e in events[3:]] == [2, 3, 4]
    assert events[2].called_from.endswith(f":{middle.__code__.co_firstlineno + 1} middle")


def test_async_function_tracing(told):
    events = told(lambda: asyncio.run(main_task()))
    calls, returns = of(events, "waits", "call"), of(events, "waits", "return")
    assert sorted(e.return_value for e in returns) == [1, 2] and len(calls) == 2
    assert all(e.is_async for e in calls) and len({e.trace_id for e in calls}) == 2
    assert len(of(events, "waits", "yield")) == len(of(events, "waits", "resume")) == 2
    assert len({e.task for e in returns}) == 2 and None not in {e.task for e in returns}


def test_multiple_exceptions(told):
    events = told(lambda: [caught(str(n)) for n in range(3)])
    found = of(events, "fails", "exception")
    assert len(found) == 3
    if told.name != "setprofile":
        assert [e.exception_message for e in found] == ["0", "1", "2"]


def test_an_exception_is_reported_once_a_frame_that_it_leaves(told):
    def outermost():
        try:
            through()
        except ValueError:
            pass

    found = [e for e in told(outermost) if e.event_type == "exception"]
    assert [e.function_name for e in found] == ["fails", "through"]
    rows = found[1].exception_traceback.splitlines()
    assert [row.rsplit(" ", 1)[1] for row in rows] == ["through", "fails"]


def test_generators(told):
    events = of(told(lambda: list(numbers(3))), "numbers")
    assert [e.event_type for e in events] == [
        "call", "yield", "resume", "yield", "resume", "yield", "resume", "return"]  # fmt: skip
    assert [e.return_value for e in events if e.event_type == "yield"] == [0, 1, 2]


def test_raises_that_are_caught_where_the_backend_sees_them(make):
    with make() as backend:
        caught("x")
    kinds = {e.event_type for e in backend.get_events()}
    row = next(row for row in available_backends() if row.name == make.name)
    assert ({"raise", "handled"} <= kinds) == ("caught_raises" in row.capabilities)


class Box:
    def area(self):
        return [n + 1 for n in (1, 2)]

    @staticmethod
    def made(*rest, n=0, **named):
        return n


def test_qualified_names_are_those_of_a_recording(told):
    events = told(lambda: [*Box().area(), Box.made()])
    names = {event.qualified_name for event in events if event.event_type == "call"}
    assert {"Box.area", "Box.made"} <= names


def test_keywords_are_values_under_their_own_names(told):
    events = told(lambda: Box.made(1, 2, n=3, z=5, text="t", more=[1]))
    (call,) = [e for e in events if e.event_type == "call" and e.function_name == "made"]
    assert call.kwargs == {"n": 3, "z": 5, "text": "t", "more": "[1]"}
    assert call.args == {"rest": "(1, 2)"}
    (call,) = [e for e in told(Box.made) if e.event_type == "call" and e.function_name == "made"]
    assert call.kwargs == {"n": 0} and call.args == {"rest": "()"}


@pytest.mark.parametrize("name", ["RELIVE_ENABLED", "BREADCRUMB_ENABLED"])
def test_callbacks_are_turned_off_by_the_environment(make, monkeypatch, name):
    monkeypatch.setenv(name, "0")
    with make() as backend:
        Box.made()
        assert not backend.is_active()
    assert backend.get_events() == [] and backend.get_stats()["mechanism"] is None


def test_a_hook_that_the_program_takes_away_is_counted(make):
    hooks = {"settrace": sys.settrace, "setprofile": sys.setprofile}
    with make() as backend:
        Box.made()
        assert backend.get_stats()["hook_taken"] == 0
        if make.name in hooks:
            hooks[make.name](None)
            assert backend.get_stats()["hook_taken"] == 1
    assert backend.get_stats()["hook_taken"] == (make.name in hooks)
    backend.clear_events()
    assert backend.get_stats()["hook_taken"] == 0


def caught_here():
    try:
        raise KeyError("k")
    except KeyError:
        return 1


@pytest.mark.skipif("settrace" not in usable_backends(), reason="a trace function is set")
def test_settrace_reports_raises_that_are_caught_without_lines():
    with create_backend("settrace", include_patterns=[__name__]) as backend:
        caught_here()
    events = [event for event in backend.get_events() if event.function_name == "caught_here"]
    assert [event.event_type for event in events] == ["call", "raise", "return"]
    assert (events[1].exception_type, events[1].exception_message) == ("KeyError", "k")


BY_HAND = """
import sys
own = sys._getframe().f_code
def ours(name):
    events = sys.monitoring.events
    found = sys.monitoring.register_callback(TOOL, getattr(events, name), None)
    sys.monitoring.register_callback(TOOL, getattr(events, name), found)
    return found
TOOL = next(i for i in range(6) if sys.monitoring.get_tool(i) == "relive")
for name in ("RAISE", "RERAISE", "PY_UNWIND", "PY_THROW", "EXCEPTION_HANDLED"):
    for offset in (0, -2, 10**6, 10**30, None):
        for raised in (42, KeyError, KeyError("k")):
            ours(name)(own, offset, raised)
            ours(name)(own, offset)
print("fine")
"""


@pytest.mark.skipif("monitoring" not in usable_backends(), reason="no monitoring")
def test_callbacks_that_the_program_calls_by_hand(record):
    done, _, _ = record(BY_HAND)
    assert (done.returncode, done.stdout) == (0, b"fine\n"), done.stderr

"""The debugger's runtime: the one policy, configuration, telemetry, statistics; by the seed's names
too (relive.frame_eval)."""

import json
import os
import re
import sys
import threading

import pytest
from conftest import ROOT, run

from relive import frame_eval
from relive.debug.settings import FrameEvalBackendKind, FrameEvalConfig
from relive.debug.telemetry import REASONS, Telemetry
from relive.errors import ReliveError
from relive.frame_eval import telemetry as telemetry_module
from relive.frame_eval.compatibility_policy import (
    CompatibilityPolicy,
    Facts,
    FrameEvalCompatibilityPolicy,
    check_environment_compatibility,
)
from relive.frame_eval.condition_evaluator import ConditionEvaluator, simple_program

NOBODY = (None,) * 6


def facts(version=(3, 12), **more):
    """Of an interpreter that is supported, but for what is said."""
    known = {
        "implementation": "cpython", "system": "Linux", "architecture": "x86_64",
        "tools": NOBODY if version >= (3, 12) else (),
    }  # fmt: skip
    return Facts(version=version, **dict(known, **more))


# ---- the policy ----


@pytest.mark.parametrize("minor", range(6, 18))
def test_versions(minor):
    decision = CompatibilityPolicy().evaluate_environment(facts((3, minor)))
    assert decision["compatible"] is (8 <= minor <= 15)
    engine = "none" if not 8 <= minor <= 15 else "hook" if minor < 12 else "monitoring"
    assert decision["engine"] == engine
    assert decision["eval_frame_supported"] is (8 <= minor <= 11)
    assert decision["recommended_backend"] == ("eval_frame" if 8 <= minor < 12 else "tracing")
    if minor < 8:
        assert "too old" in decision["reason"]
    if minor > 15:
        assert "too new" in decision["reason"]


@pytest.mark.parametrize("minor", [8, 11, 12, 15])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"system": "Windows"}, "Windows"), ({"system": "Darwin"}, "Darwin"),
        ({"architecture": "riscv64"}, "riscv64"), ({"implementation": "pypy"}, "not CPython"),
        ({"free_threaded": True}, "free-threaded"), ({"has_extension": False}, "not there"),
    ],
)  # fmt: skip
def test_what_is_not_supported_says_why(minor, more, said):
    decision = CompatibilityPolicy().evaluate_environment(facts((3, minor), **more))
    assert not decision["compatible"] and said in decision["reason"]
    code = (
        "EXTENSION_MISSING" if "has_extension" in more else "SELECTIVE_TRACING_DISABLED_BY_POLICY"
    )
    assert decision["reason_code"] == code and code in REASONS


@pytest.mark.parametrize("name", ["x86_64", "AMD64", "aarch64", "arm64"])
def test_architectures_have_more_than_one_name(name):
    assert CompatibilityPolicy().is_supported_platform("Linux", name)


def test_active_tools_count_and_imported_ones_do_not(monkeypatch):
    policy = CompatibilityPolicy()
    monkeypatch.setenv("VSCODE_PID", "1")
    monkeypatch.setenv("PYCHARM_HOSTED", "1")
    monkeypatch.setitem(sys.modules, "pydevd", os)
    monkeypatch.setitem(sys.modules, "pdb", os)
    assert policy.evaluate_environment(facts())["compatible"]
    assert not policy.is_incompatible_environment(
        facts(tools=("debugpy", "coverage", "cProfile", None, None, None))
    )
    taken = facts(tools=(None, None, None, "a", "b", "c"))
    decision = policy.evaluate_environment(taken)
    assert decision["reason_code"] == "TOOL_ID_IN_USE" and "b, a, c" in decision["reason"]
    assert policy.evaluate_environment(
        taken._replace(tools=(None, None, None, "a", "relive", "c"))
    )["compatible"]
    old = facts((3, 9), trace="coverage.tracer", evaluator="another tool")
    codes = [code for code, _ in policy.evaluate_environment(old)["warnings"]]
    assert codes == ["FOREIGN_TRACE_FUNCTION", "FOREIGN_EVAL_FRAME"]
    assert policy.evaluate_environment(old)["compatible"]


def test_a_high_recursion_limit_is_refused_where_it_is_not_safe():
    policy = CompatibilityPolicy()
    decision = policy.evaluate_environment(facts((3, 11), recursion_limit=20000))
    assert not decision["compatible"] and "20000" in decision["reason"]
    for version in ((3, 10), (3, 12)):
        assert policy.evaluate_environment(facts(version, recursion_limit=20000))["compatible"]


def test_a_policy_can_be_narrowed_and_given_detectors():
    policy = FrameEvalCompatibilityPolicy(
        supported_python_min=(3, 10), supported_python_max=(3, 12), supported_platforms=("Darwin",),
        supported_architectures=("arm64",), detectors=[lambda facts: ("FOREIGN_EVAL_FRAME", "no")],
    )  # fmt: skip
    assert policy.is_supported_python((3, 9)) == (False, "too old")
    assert policy.is_supported_python((3, 12)) == (True, "")
    assert not policy.is_supported_platform("Linux", "x86_64")
    assert policy.is_incompatible_environment(facts())
    assert check_environment_compatibility()["python_version"] == "%d.%d" % sys.version_info[:2]


def test_only_the_policy_decides_what_is_supported():
    asks = re.compile(r"version_info|platform\.(machine|system|python_impl)|sys\.implementation")
    allowed = {
        "policy.py",
        "manager.py",  # names the platform in a status
    }
    folder = os.path.join(ROOT, "relive", "debug")
    for name in sorted(set(os.listdir(folder)) - allowed):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                assert not asks.search(file.read()), name


# ---- configuration ----


def test_configurations_round_trip_and_refuse_what_is_wrong():
    made = FrameEvalConfig(enabled=True, backend="eval_frame", condition_budget_s=1)
    assert made.backend is FrameEvalBackendKind.EVAL_FRAME and made.condition_budget_s == 1.0
    assert FrameEvalConfig.from_dict(made.to_dict()) == made
    with pytest.raises(ValueError, match="'optimise'; did you mean 'optimize'"):
        FrameEvalConfig.from_dict({"optimise": False})
    assert json.loads(json.dumps(made.to_dict()))["backend"] == "EVAL_FRAME"
    for wrong in ({"enabled": 1}, {"backend": "x"}, {"cache_size": 0}, {"timeout": "1"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            made.update(dict(wrong, debug=True))
    assert made.debug is False  # all or nothing
    with pytest.raises(TypeError, match="there is no setting 'enabeld'"):
        FrameEvalConfig(enabeld=True)
    made.reset()
    assert made == FrameEvalConfig()


# ---- telemetry ----


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_has_a_counter_of_its_own(code):
    counted = Telemetry()
    getattr(counted, f"record_{code.lower()}")(detail="x")
    snapshot = counted.snapshot()
    assert getattr(snapshot.reason_counts, code) == 1
    assert sum(snapshot.reason_counts.as_dict().values()) == 1
    (event,) = snapshot.recent_events
    assert event["reason_code"] == code and event["context"] == {"detail": "x"}
    assert json.loads(counted.as_json())["reason_counts"][code] == 1
    counted.clear()
    assert counted.snapshot().as_dict() == {"reason_counts": {}, "recent_events": []}


def test_telemetry_is_bounded_threadsafe_and_can_be_switched_off():
    counted = Telemetry()
    threads = [
        threading.Thread(target=lambda: [counted.record("CACHE_HIT") for _ in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshot = counted.snapshot()
    assert snapshot.reason_counts.CACHE_HIT == 2000
    assert len(snapshot.recent_events) == telemetry_module.RECENT
    counted.enabled = False
    counted.record("CACHE_HIT")
    assert counted.snapshot().reason_counts.CACHE_HIT == 2000
    with pytest.raises(ValueError, match="no reason code"):
        counted.record("NOTHING")
    with pytest.raises(AttributeError):
        _ = counted.record_nothing


# ---- conditions, asked from Python ----


def test_conditions_can_be_evaluated_in_a_frame():
    counted = Telemetry()
    evaluator = ConditionEvaluator(budget_s=10, telemetry=counted)
    frame = sys._getframe()
    assert evaluator.evaluate("counted is not None", frame)["passed"]
    assert not evaluator.evaluate("1 > 2", frame)["passed"]
    wrong = evaluator.evaluate("nothing", frame)
    assert wrong["passed"] and wrong["fallback"] and "NameError" in wrong["error"]
    assert counted.snapshot().reason_counts.CONDITION_ERROR == 1
    assert ConditionEvaluator(enabled=False).evaluate("1 > 2", frame)["fallback"]


@pytest.mark.parametrize(
    ("expression", "is_simple"),
    [
        ("a == 1", True), ("1 < a", True), ("a", True), ("not a", True), ("a is None", True),
        ("a == -1.5 or b != 'x' and not c", True), ("a is 1", False), ("a < b < c", False),
        ("a + 1 == 2", False), ("f(a)", False), ("a.b == 1", False), ("a == b'x'", False),
        ("a == 10 ** 30", False), (f"a == {1 << 63}", False), ("(a := 1)", False), ("1", True),
    ],
)  # fmt: skip
def test_which_conditions_need_no_python(expression, is_simple):
    if ":=" in expression and sys.version_info < (3, 8):
        pytest.skip("no := before 3.8")
    assert (simple_program(expression) is not None) is is_simple


# ---- the shared runtime ----

SHARED = """
import json
from relive import frame_eval
from relive.frame_eval.frame_eval_main import FrameEvalManager, get_debug_info
from relive.debug.engine import runtime
manager = FrameEvalManager()
assert manager is FrameEvalManager()
before = frame_eval.get_frame_eval_status()
assert frame_eval.is_frame_eval_available() and not frame_eval.is_frame_eval_enabled()
assert runtime.initialize('nonsense') is False
assert frame_eval.initialize_with_config({'condition_budget_s': 0.5}) is True
assert frame_eval.is_frame_eval_enabled() and manager.is_initialized
assert runtime.config.condition_budget_s == manager.config.condition_budget_s == 0.5
assert manager.active_backend == runtime.status().backend_type
assert not manager.update_config({'condition_budget_s': -1})
def f(n): return n
runtime.update_breakpoints(__file__, {f.__code__.co_firstlineno})
for n in range(10): f(n)
stats = frame_eval.get_frame_eval_stats()
status = runtime.status().as_dict()
info = get_debug_info()
old = frame_eval.mark_thread_as_debugger_internal(), frame_eval.unmark_thread_as_debugger_internal()
assert frame_eval.disable_frame_eval() is True and frame_eval.disable_frame_eval() is False
print(json.dumps([before, status, stats, info, old]))
"""


def test_the_wrappers_share_one_runtime(tmp_path):
    path = tmp_path / "shared.py"
    path.write_text(SHARED)
    done = run(sys.executable, path)
    assert done.returncode == 0, done.stderr.decode()
    before, status, stats, info, old = json.loads(done.stdout)
    assert set(before) == {
        "available",
        "enabled",
        "hook",
        "python_version",
        "platform",
        "implementation",
    }
    assert set(status) == {"initialized", "config", "tracing_enabled", "hook_available",
                           "hook_installed", "backend_type"}  # fmt: skip
    is_hook = sys.version_info < (3, 12)
    assert status["hook_installed"] is is_hook
    assert status["backend_type"] == ("hook" if is_hook else "monitoring")
    assert set(stats) == {"initialized", "hook_stats", "cache_stats", "trace_stats",
                          "integration_stats", "telemetry"}  # fmt: skip
    assert set(info) == {"frame_eval_initialized", "frame_eval_config", "runtime_status",
                         "python_version", "platform", "architecture", "implementation",
                         "compatibility"}  # fmt: skip
    assert old == [False, True]
    assert stats["hook_stats"]["line_hits"] == stats["hook_stats"]["stops"] == 10
    assert stats["trace_stats"]["total_breakpoints"] == 1
    analyzer = stats["trace_stats"]["dispatcher_stats"]["analyzer_stats"]
    assert analyzer["total_frames"] >= 1 and 0 <= analyzer["trace_rate"] <= 1
    reasons = stats["telemetry"]["reason_counts"]
    assert reasons.get("FALLBACK_TO_TRACE_DISPATCH", 0) == 0


def test_a_wrong_configuration_is_refused_by_name():
    runtime = frame_eval.FrameEvalRuntime()
    with pytest.raises(ReliveError, match="condition_budget_s"):
        runtime.initialize({"condition_budget_s": "long"})
    assert not runtime.initialized


def test_other_settings_are_taken_while_it_runs_and_breakpoints_stay(debug):
    told = debug(
        "from relive.debug.telemetry import telemetry\n"
        "def f(a):\n    b = a\n    return b\n"
        "stop_at(3)\nf(1)\n"
        "answers = [runtime.initialize({'optimize': False, 'telemetry': False})]\n"
        "f(2)\n"
        "answers += [runtime.status().config['optimize'], telemetry.enabled]\n"
        "answers += [runtime.initialize(), runtime.initialize({'enabled': False})]\n"
        "f(3)\n"
        "answers += [runtime.initialized, runtime.initialize({}), runtime.config.enabled]\n"
        "tell(answers=answers)"
    )
    assert [(name, line) for name, line, _ in told["stops"]] == [("f", 3), ("f", 3)]
    assert told["answers"] == [True, False, False, True, False, False, True, True]


def test_settings_do_not_change_in_a_stop_and_say_so(debug):
    told = debug(
        "def f(a):\n    b = a\n    return b\n"
        "answers = []\n"
        "before = runtime.on_stop\n"
        "def on_stop(frame, why, found):\n"
        "    answers.append(runtime.initialize({'optimize': False}))\n"
        "    answers.append(runtime.config.optimize)\n"
        "    before(frame, why, found)\n"
        "runtime.on_stop = on_stop\n"
        "stop_at(2)\nf(1)\ntell(answers=answers)"
    )
    assert told["answers"] == [False, True] and len(told["stops"]) == 1
    recent = told["stats"]["telemetry"]["recent_events"]
    assert any("in a stop" in one["context"]["detail"] for one in recent)


def test_a_backend_that_cannot_be_had_has_a_reason(debug):
    wrong = "EVAL_FRAME" if sys.version_info >= (3, 12) else "AUTO"
    lines = "SETTRACE" if sys.version_info >= (3, 12) else "SYS_MONITORING"
    told = debug(
        f"runtime.initialize({{'backend': {wrong!r}, 'tracing_backend': {lines!r}}})\ntell()"
    )
    recent = told["stats"]["telemetry"]["recent_events"]
    said = [one["context"]["detail"] for one in recent if "cannot be had" in str(one["context"])]
    assert [text.split()[-6] for text in said if "lines are seen" in text] == ["lines"]
    assert any("EVAL_FRAME" in text for text in said) is (wrong == "EVAL_FRAME")


def test_the_way_in_which_lines_are_seen_here_may_be_named(debug):
    lines = "SYS_MONITORING" if sys.version_info >= (3, 12) else "SETTRACE"
    told = debug(
        f"runtime.initialize({{'tracing_backend': {lines!r}, 'optimize': False}})\n"
        "stop_at(4)\ndef f(a):\n    return a\nf(1)\ntell()"
    )
    assert [(name, line) for name, line, _ in told["stops"]] == [("f", 4)]
    recent = told["stats"]["telemetry"]["recent_events"]
    assert not any("cannot be had" in str(one["context"]) for one in recent)


def test_installing_the_hook_says_what_it_did(tmp_path):
    path = tmp_path / "hook.py"
    path.write_text(
        "import relive.frame_eval as fe\n"
        "print(fe.install_eval_frame_hook(), fe.is_frame_eval_enabled())\n"
    )
    can = str(sys.version_info < (3, 12)).encode()
    assert run(sys.executable, path).stdout.split() == [can, can]


def test_frames_with_breakpoints_are_counted_each_and_reading_counts_nothing(debug):
    told = debug(
        "def f(a):\n    b = a\n    return b\n"
        "def g(a):\n    return a\n"
        "stop_at(2)\nf(0)\ng(0)\n"
        "def counted():\n"
        "    found = runtime.get_stats().hook_stats\n"
        "    return found['frames_evaluated'], found['frames_traced']\n"
        "counted()\n"
        "rows = [counted(), counted()]\n"
        "for i in range(100): f(i)\n"
        "rows.append(counted())\n"
        "for i in range(100): g(i)\n"
        "rows.append(counted())\ntell(rows=rows)"
    )
    evaluated, traced = zip(*told["rows"])
    read = evaluated[1] - evaluated[0]  # the frame of counted() itself, where it is seen
    assert read in (0, 1) and traced[1] == traced[0]
    assert (evaluated[2] - evaluated[1], traced[2] - traced[1]) == (100 + read, 100)
    seen = 100 if sys.version_info < (3, 12) else 0  # code without breakpoints is seen once
    assert (evaluated[3] - evaluated[2], traced[3] - traced[2]) == (seen + read, 0)


def test_a_mistake_of_on_stop_does_not_reach_the_program(tmp_path):
    path = tmp_path / "mistake.py"
    path.write_text(
        "from relive.debug.engine import runtime\n"
        "def f(a):\n    return a + 1\n"
        "def on_stop(frame, why, found):\n    1 / 0\n"
        "runtime.on_stop = on_stop\n"
        "runtime.initialize()\nruntime.update_breakpoints(__file__, {3})\n"
        "print(f(1), f(2))\n"
        "def leave(frame, why, found):\n    raise SystemExit(7)\n"
        "runtime.on_stop = leave\nf(3)\n"
    )
    done = run(sys.executable, path)
    assert (done.returncode, done.stdout) == (7, b"2 3\n"), done.stderr.decode()
    assert done.stderr.count(b"ZeroDivisionError") == 2


# ---- other debuggers ----

BDB = """
import bdb, json, sys
from relive.debug.integration import bridge, integrate_with_bdb, remove_integration
from relive.debug.engine import runtime
lines = []
class Mine(bdb.Bdb):
    def user_line(self, frame):
        lines.append(frame.f_lineno)
        self.set_next(frame) if len(lines) < 3 else self.set_continue()
def work():
    a = 1
    b = 2
    c = 3
    d = 4
mine = Mine()
before = dict(vars(mine))
assert integrate_with_bdb(mine) is True and integrate_with_bdb(object()) is False
mine.set_break(__file__, work.__code__.co_firstlineno + 1)
mine.sync()
assert runtime.initialize()
work()
stats = runtime.get_stats().as_dict()['integration_stats']['integration_stats']
assert remove_integration()
left = {name for name in vars(mine) if name not in before}
enabled = stats['integrations_enabled']
print(json.dumps([lines, enabled, bridge.count, sorted(left), sys.gettrace()]))
"""


def test_a_bdb_of_somebodys_own_is_driven_by_the_engine(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(BDB)
    done = run(sys.executable, path)
    assert done.returncode == 0, done.stderr.decode()
    lines, integrated, count, left, trace = json.loads(done.stdout)
    assert [line - lines[0] for line in lines] == [0, 1, 2] and trace is None
    assert integrated == 21 and count == 0
    assert not [name for name in left if name.startswith("set_")]


def test_patches_are_taken_back_exactly_or_left_and_reported(monkeypatch):
    import pdb

    from relive.debug.integration import IntegrationBridge

    runtime = frame_eval.FrameEvalRuntime(telemetry=Telemetry())
    bridge = IntegrationBridge(runtime)
    hook, trace = sys.breakpointhook, pdb.set_trace
    assert bridge.auto_integrate() and bridge.count == 2
    assert sys.breakpointhook is pdb.set_trace is not hook
    assert bridge.remove_integration() and bridge.count == 0
    assert sys.breakpointhook is hook and pdb.set_trace is trace
    assert bridge.integrate_with_pdb()
    monkeypatch.setattr(pdb, "set_trace", os.getcwd)
    assert not bridge.remove_integration() and pdb.set_trace is os.getcwd
    counts = runtime.telemetry.snapshot().reason_counts
    assert counts.INTEGRATION_PATCH_FAILED == counts.INTEGRATION_REMOVE_FAILED == 1
    pdb.set_trace = trace


def test_what_cannot_be_patched_is_reported_and_nothing_is_left_half_done():
    import bdb

    from relive.debug.integration import IntegrationBridge

    class Closed(bdb.Bdb):
        def __setattr__(self, name, value):
            if name == "set_step":
                raise AttributeError("closed")
            super().__setattr__(name, value)

    runtime = frame_eval.FrameEvalRuntime(telemetry=Telemetry())
    closed = Closed()
    before = dict(vars(closed))
    assert not IntegrationBridge(runtime).integrate_with_bdb(closed)
    assert vars(closed) == before
    counts = runtime.telemetry.snapshot().reason_counts
    assert counts.INTEGRATION_PATCH_FAILED == counts.INTEGRATION_BDB_FAILED == 1

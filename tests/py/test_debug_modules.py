"""The modules beside the runtime: decisions, caches, bytecode; every counter by its exact number,
and every reason where it is forced."""

import os
import re
import sys

import pytest
from conftest import ROOT, run
from debugging import WORK

from relive.debug import rewriting, statistics
from relive.debug.settings import FrameEvalConfig
from relive.debug.telemetry import REASONS, telemetry

IS_HOOK = sys.version_info < (3, 12)
PATH = "breakpointed"


def test_decisions_say_what_becomes_of_frames_and_why(debug):
    told = debug(
        "from relive.debug import decisions as tracer\n"
        "from relive.debug import engine as shared\n"
        "runtime.shutdown()\nimport relive.debug.decisions\n"
        "runtime = shared.runtime\nfound = []\n"
        "manager = tracer.get_trace_manager()\n"
        "import sys\n" + WORK + "def decide(frame): found.append(manager.decide(frame)._asdict())\n"
        "decide(sys._getframe())\n"
        "assert tracer.enable_selective_tracing()\n"
        "decide(sys._getframe())\n"
        "runtime.on_stop = lambda frame, why, ids: decide(frame)\n"
        "tracer.add_breakpoint(__file__, 10 + OFFSET)\n"
        "decide(sys._getframe())\n"
        "work(1)\n"
        "assert tracer.get_trace_manager().get_breakpoints(__file__) == {10 + OFFSET}\n"
        "assert tracer.remove_breakpoint(__file__, 10 + OFFSET) == 1\n"
        "runtime.update_breakpoints(__file__, "
        "[Breakpoint(__file__, 10 + OFFSET, condition='n == 1')])\n"
        "work(1)\n"
        "from relive.debug.manager import mark_thread_as_debugger_internal as mark\n"
        "mark(); decide(sys._getframe())\n"
        "from relive.debug.manager import unmark_thread_as_debugger_internal as unmark\nunmark()\n"
        "stats = tracer.get_tracing_statistics()\n"
        "tracer.disable_selective_tracing()\n"
        "tell(found=[dict(one, breakpoint_lines=len(one['breakpoint_lines'])) for one in found],\n"
        "     rates=stats['dispatcher_stats'])"
    )
    reasons = [one["reason"] for one in told["found"]]
    assert reasons == [
        "thread_not_initialized", "no_breakpoints_in_file", "no_breakpoints_in_function",
        "breakpoint_on_line", "conditional_breakpoint_pending", "debugger_internal_thread",
    ]  # fmt: skip
    assert [one["path"] for one in told["found"]] == ["skip"] * 3 + [PATH] * 2 + ["skip"]
    assert [one["should_trace"] for one in told["found"]] == [False] * 3 + [True] * 2 + [False]
    assert told["found"][3]["frame_info"]["function"] == "work"
    analyzer = told["rates"]["analyzer_stats"]
    assert 0 < analyzer["traced_frames"] <= analyzer["total_frames"]
    assert analyzer["trace_rate"] == analyzer["traced_frames"] / analyzer["total_frames"]


def test_what_is_known_can_be_read_and_thrown_away(debug):
    told = debug(
        "from relive.debug import known_code as cache\n"
        "from relive.debug import engine as shared\n"
        "runtime.shutdown()\nruntime = shared.runtime\nassert runtime.initialize()\n"
        + WORK
        + "found = []\n"
        "def fresh(): pass\n"
        "found.append(cache.get_func_code_info(fresh.__code__))\n"
        "runtime.update_breakpoints(__file__, [9 + OFFSET])\n"
        "work(1)\n"
        "known = cache.get_func_code_info(work.__code__)\n"
        "found.append([known['path'], [line - OFFSET for line in known['breakpoint_lines']]])\n"
        "found.append(sorted(line - OFFSET for line in cache.get_breakpoints(__file__)))\n"
        "found.append(cache.get_breakpoints('nothing.py'))\n"
        "found.append(cache.invalidate_breakpoints(__file__) > 0)\n"
        "found.append(cache.clear_all_caches() > 0)\n"
        "found.append(sorted(cache.get_cache_statistics()))\n"
        "runtime.on_stop = lambda *more: stops.append('again')\n"
        "work(1)\nruntime.shutdown()\ntell(found=found)"
    )
    assert told["found"] == [
        None, [PATH, [9]], [9], None, True, True,
        ["breakpoint_cache", "func_code_cache", "global_stats"],
    ]  # fmt: skip
    assert told["stops"] == ["again"]


COUNTED = (
    "import threading\n"
    + WORK
    + "before = {}\n"
    + "def counts(): return dict(runtime.get_stats().hook_stats)\n"
    + "def moved(what):\n    before = counts(); what(); after = counts()\n"
    + "    return {name: after[name] - before[name] for name in after\n"
    + "            if type(after[name]) is int and after[name] != before[name]}\n"
)


@pytest.mark.parametrize(
    ("source", "moves"),
    [
        ("stop_at(5)\nfound = moved(lambda: work(3))", {"line_hits": 3, "stops": 3}),
        ("stop_at(5, condition='i == 1')\nfound = moved(lambda: work(3))",
         {"condition_evaluations": 3, "condition_skips": 2, "conditions_in_c": 3, "stops": 1,
          "line_hits": 1}),
        ("stop_at(5, condition='i in (1,)')\nfound = moved(lambda: work(3))",
         {"condition_evaluations": 3, "condition_skips": 2, "conditions_in_c": 0, "stops": 1}),
        ("stop_at(5, log_message='x')\nfound = moved(lambda: work(3))",
         {"logs": 3, "stops": 0, "line_hits": 3, "slow_path_activations": 3}),
        ("stop_at(5)\nwork(1)\nfound = moved(lambda: stop_at(6))", {"stops": 0, "line_hits": 0}),
    ],
)  # fmt: skip
def test_each_counter_counts(debug, source, moves):
    told = debug(COUNTED + source + "\ntell(found=found)")
    assert {name: told["found"].get(name, 0) for name in moves} == moves


def test_changes_of_breakpoints_are_counted_by_code_object(debug):
    told = debug(
        COUNTED + "exec(compile('def a(): return 1\\ndef b(): return 2\\na(); b()', "
        "sys.path[0] + '/made.py', 'exec'))\n"
        "found = [moved(lambda: runtime.update_breakpoints(sys.path[0] + '/made.py', [1])),\n"
        "         moved(lambda: runtime.update_breakpoints('other.py', [1]))]\ntell(found=found)"
    )
    # On 3.8 to 3.11 nobody has looked at that code: nothing was wanted before.
    met = 0 if IS_HOOK else 2
    assert told["found"][0].get("invalidations", 0) == met
    assert "invalidations" not in told["found"][1]


def test_every_count_has_its_place_in_the_types(debug):
    told = debug("tell()")
    types = statistics.Stats, statistics.HookStats, statistics.TraceStats, statistics.CacheStats
    stats, hook, trace, cache = (set(kind.__annotations__) for kind in types)
    assert set(told["stats"]) == stats
    assert set(told["stats"]["hook_stats"]) == hook
    assert set(told["stats"]["trace_stats"]) == trace
    assert set(told["stats"]["cache_stats"]) == cache
    integration = set(statistics.IntegrationStats.__annotations__)
    assert set(told["stats"]["integration_stats"]) == integration


@pytest.mark.parametrize(
    ("source", "reason", "count"),
    [
        ("stop_at(3, condition='i.no')\nwork(3)", "CONDITION_ERROR", 1),
        ("import time\nruntime.shutdown(); runtime.initialize({'condition_budget_s': 0.0001})\n"
         "stop_at(5, condition='time.sleep(0.002)')\nwork(3)", "CONDITION_BUDGET_EXCEEDED", 1),
        ("other = FrameEvalRuntime()\n"
         "other.initialize()", "SELECTIVE_TRACING_DISABLED_BY_POLICY", 1),
        ("stop_at(5)\nwork(1)\nstop_at(6)", "CACHE_INVALIDATION_BREAKPOINT_CHANGE", None),
        ("def here():\n    stop_at(12)\n    a = 1\n    return a\nhere()", "FRAME_ALREADY_RUNNING",
         1 if IS_HOOK else 0),
        ("runtime.shutdown(); runtime.initialize({'optimize': False})\n"  # no probes
         "sys.settrace(lambda *a: None)\nstop_at(5)\nwork(1)\nsys.settrace(None)",
         "FOREIGN_TRACE_FUNCTION", 1 if IS_HOOK else 0),
        ("sys.settrace(lambda *a: None)\nstop_at(5)\nwork(1)\nsys.settrace(None)",
         "FOREIGN_TRACE_FUNCTION", 0),
        ("runtime.shutdown(); runtime.initialize({'my_code_only': True})",
         "CACHE_INVALIDATION_CONFIG_CHANGE", 1),
        ("runtime.shutdown(); runtime.initialize({'cache_size': 7})",
         "CACHE_INVALIDATION_CONFIG_CHANGE", 1),
        ("from relive.debug import known_code\n"
         "known_code.invalidate_breakpoints(__file__)", "CACHE_INVALIDATION_FILE_RELOAD", 1),
        ("runtime.shutdown(); runtime.initialize({'optimize': False})",
         "FALLBACK_TO_TRACE_DISPATCH", 1 if IS_HOOK else 0),
        ("runtime.shutdown(); runtime.initialize({'backend': 'tracing'})",
         "FALLBACK_TO_TRACE_DISPATCH", 1 if IS_HOOK else 0),
    ],
)  # fmt: skip
def test_each_reason_is_given_where_it_holds(debug, source, reason, count):
    told = debug("import threading\n" + WORK + source + "\ntell()")
    found = told["stats"]["telemetry"]["reason_counts"].get(reason, 0)
    assert found == count if count is not None else found >= 1


class Refuses:
    """A module whose functions nobody may exchange."""

    def __setattr__(self, name, value):
        raise AttributeError(name)


def test_what_cannot_be_patched_is_reported_and_left(monkeypatch):
    from relive.debug import integration

    telemetry.clear()
    monkeypatch.setattr(integration, "sys", Refuses())
    before = integration.bridge.count
    assert integration.auto_integrate() is False
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "pdb", Refuses())
    assert integration.integrate_with_pdb() is False
    counts = telemetry.snapshot().reason_counts
    assert counts.PY_DEBUGGER_BREAKPOINT_HOOK_FAILED == counts.AUTO_INTEGRATION_FAILED == 1
    assert counts.PY_DEBUGGER_INTEGRATION_FAILED == 1 and counts.INTEGRATION_PATCH_FAILED == 2
    assert integration.bridge.count == before


def test_a_reason_has_an_occasion_or_is_listed_as_without_one():
    """docs/debug-engine.md says which codes this engine never has; the source has all others."""
    with open(f"{ROOT}/docs/debug-engine.md", encoding="utf-8") as file:
        listed = re.search(r"no occasion.*?: (.*?)\.\n", file.read(), re.S).group(1)
    without = set(re.findall(r"`([A-Z_]+)`", listed))
    source = ""
    for root in ("relive/debug", "src/cpython"):
        for folder, _, names in os.walk(f"{ROOT}/{root}"):
            for name in names:
                if name.endswith((".py", ".c")) and name != "telemetry.py":
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        source += file.read()
    made = {code for code in REASONS if f'"{code}"' in source}
    assert without == set(REASONS) - made


@pytest.mark.skipif(IS_HOOK, reason="tool ids are of 3.12 and later")
def test_no_free_tool_id_is_reported(debug):
    told = debug(
        "runtime.shutdown()\nfor n in (3, 4, 5): sys.monitoring.use_tool_id(n, f'tool {n}')\n"
        "said = runtime.initialize()\ntell(said=said)"
    )
    assert told["said"] is False
    assert told["stats"]["telemetry"]["reason_counts"]["TOOL_ID_IN_USE"] == 1


def test_code_can_be_instrumented_and_checked():
    def f(a):
        b = a
        return b

    code = f.__code__
    telemetry.clear()
    ok, copy = rewriting.instrument(code)
    if not IS_HOOK:
        assert not ok and copy is code
        assert telemetry.snapshot().reason_counts.MODIFIED_CODE_UNAVAILABLE == 1
        return
    assert ok and copy is not code
    assert rewriting.validate_code_object(code, copy) == (True, [])
    assert rewriting.safe_replace_code(code, copy) == (True, copy)
    wrong = copy.replace(co_stacksize=copy.co_stacksize + 1)
    valid, errors = rewriting.validate_code_object(code, wrong)
    assert not valid and "stack" in errors[0]
    assert rewriting.safe_replace_code(code, wrong) == (False, code)
    assert telemetry.snapshot().reason_counts.BYTECODE_ROLLBACK == 1
    off = FrameEvalConfig(optimize=False)
    assert not rewriting.validate_code_object(code, copy, off)[0]


def test_the_example_prints_what_it_says():
    done = run(sys.executable, f"{ROOT}/examples/breakpoints.py", check=True)
    lines = done.stdout.decode().splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["log", "log"]
    assert lines[0] == "log: 39 of many" and lines[1] == "log: 79 of many"
    assert len([line for line in lines if line.startswith("stopped at line")]) == 9
    assert lines[-2:] == ["4950", "100 conditions, 9 stops"]

"""The modules of relive/: no circle of imports, no private name of another module, every function
annotated, and frame_eval a list of names."""

import ast
import os

from conftest import ROOT, two_versions

from relive import frame_eval

pytestmark = two_versions

# Private by their spelling, and documented all the same.
DOCUMENTED = {"_current_frames", "_exit", "_getframe", "_get_running_loop", "_replace"}
# A test runs again in its process by what pytest and pluggy have inside; a version without it is
# refused (can_run).
INSIDE_PYTEST = {
    "relive.testing.again": {
        "_setupstate", "_inner_hookexec", "_initrequest", "_instance", "_obj", "_excinfo",
        "_report_sections", "_storage",
    },
}  # fmt: skip
# What a program of the seed may import, and which module has it now.
SEED = {
    "breakpoints": ("breakpoints", ["Breakpoint", "BreakpointTable", "CATCHES", "canonical"]),
    "bytecode_safety": ("rewriting", ["instrument", "safe_replace_code", "validate_code_object"]),
    "cache_manager": ("known_code", ["clear_all_caches", "get_breakpoints", "get_func_code_info"]),
    "compatibility_policy": ("policy", ["CompatibilityPolicy", "Facts", "policy"]),
    "condition_evaluator": ("conditions", ["ConditionEvaluator", "parse", "simple_program"]),
    "config": ("settings", ["FrameEvalConfig", "FrameEvalBackendKind", "TracingBackendKind"]),
    "frame_eval_main": ("manager", ["FrameEvalManager", "get_debug_info", "setup_frame_eval"]),
    "integration": ("integration", ["IntegrationBridge", "bridge", "auto_integrate"]),
    "runtime": ("engine", ["FrameEvalRuntime", "FrameEvalStats", "STEP_OVER", "runtime"]),
    "selective_tracer": ("decisions", ["TraceManager", "get_trace_manager", "add_breakpoint"]),
    "statistics": ("statistics", ["HookStats", "Stats"]),
    "telemetry": ("telemetry", ["REASONS", "Telemetry", "telemetry"]),
}


def parse_modules():
    """{name of a module: its tree}, of the source."""
    found = {}
    for folder, _, files in os.walk(os.path.join(ROOT, "relive")):
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                name = os.path.relpath(path, ROOT)[: -len(".py")].replace(os.sep, ".")
                with open(path, encoding="utf-8") as opened:
                    tree = ast.parse(opened.read())
                found[name[: -len(".__init__")] if name.endswith(".__init__") else name] = tree
    return found


def find_imports(tree, modules):
    """The modules that a module imports anywhere but for its types, those in functions too."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in modules)
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                yield inner if inner in modules else node.module


def find_circle(edges):
    """The modules of one circle, or []."""
    left = {name: set(targets) & set(edges) for name, targets in edges.items()}
    while True:
        leaves = {name for name, targets in left.items() if not targets}
        if not leaves:
            return sorted(left)
        left = {name: targets - leaves for name, targets in left.items() if name not in leaves}


def test_imports_have_no_circle():
    modules = parse_modules()
    edges = {name: set(find_imports(tree, modules)) - {name} for name, tree in modules.items()}
    assert find_circle(edges) == []
    edges["relive.errors"] = {"relive.api"}  # and the search finds one
    assert {"relive.api", "relive.errors"} <= set(find_circle(edges))


def test_no_module_uses_a_private_name_of_another():
    wrong = []
    for module, tree in parse_modules().items():
        own = {node.name for node in ast.walk(tree) if hasattr(node, "name")}
        own |= INSIDE_PYTEST.get(module, set())
        own |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)
                and getattr(n.value, "id", "") in ("self", "cls")}  # fmt: skip
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module and node.module != "relive":
                names = [one.name for one in node.names]
            if isinstance(node, ast.Attribute) and node.attr not in own:
                names = [node.attr]
            wrong += [
                f"{module}:{node.lineno} {name}"
                for name in names
                if name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED
            ]
    assert wrong == []


def test_every_function_is_annotated():
    missing = []
    for module, tree in parse_modules().items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
                bare = [one.arg for one in names if one is not None and one.annotation is None]
                if node.returns is None or set(bare) - {"self", "cls"}:
                    missing.append(f"{module}:{node.lineno} {node.name}")
    assert missing == []


def test_names_of_the_seed_stay_and_hold_no_code():
    import importlib

    for name, (home, names) in SEED.items():
        module = importlib.import_module(f"relive.frame_eval.{name}")
        for one in names:
            assert getattr(module, one) is not None and one in module.__all__
        assert importlib.import_module(f"relive.debug.{home}")
    runtime = importlib.import_module("relive.frame_eval.runtime").runtime
    assert runtime is importlib.import_module("relive.debug.engine").runtime
    assert frame_eval.FrameEvalRuntime is type(runtime)
    assert set(frame_eval.__all__) <= set(dir(frame_eval))
    kinds = (ast.Expr, ast.ImportFrom, ast.Assign)
    for module, tree in parse_modules().items():
        if module.startswith("relive.frame_eval"):
            assert all(isinstance(node, kinds) for node in tree.body), module

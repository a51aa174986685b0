"""Where the debugger can work, and by which engine: the only place that decides it.

Facts come in (`Facts.here()` collects them from this interpreter; tests make them up), a decision
comes out. What counts is what is active here and now: who owns sys.monitoring's tool ids, the trace
and profile functions and the frame evaluator. Imported modules or a running editor do not count."""

import platform
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

OUR_TOOL_IDS = (4, 3, 5)
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "x64": "x86_64"}


class Facts(NamedTuple):
    """The state of one interpreter. `tools` are the names of sys.monitoring's six ids."""

    version: Tuple[int, int]
    implementation: str
    system: str
    architecture: str
    free_threaded: bool = False
    has_extension: bool = True
    tools: Tuple[Optional[str], ...] = ()
    trace: Optional[str] = None
    profile: Optional[str] = None
    evaluator: Optional[str] = None
    recursion_limit: int = 1000

    @classmethod
    def here(cls) -> "Facts":
        """Returns the facts of this interpreter and this thread, now."""
        monitoring = getattr(sys, "monitoring", None)
        tools = tuple(monitoring.get_tool(n) for n in range(6)) if monitoring else ()
        has_extension, free_threaded, evaluator = _read_extension()
        return cls(
            version=(sys.version_info[0], sys.version_info[1]),
            implementation=sys.implementation.name,
            system=platform.system(),
            architecture=platform.machine(),
            free_threaded=free_threaded,
            has_extension=has_extension,
            tools=tools,
            trace=_name_function(sys.gettrace()),
            profile=_name_function(sys.getprofile()),
            evaluator=evaluator,
            recursion_limit=sys.getrecursionlimit(),
        )


def _read_extension() -> Tuple[bool, bool, Optional[str]]:
    try:
        from relive import _core
    except ImportError:
        return False, False, None
    return True, _core.facts()["free_threaded"], _core.debug_evaluator()


def _name_function(function: Any) -> Optional[str]:
    if function is None:
        return None
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


Detector = Callable[[Facts], Optional[Tuple[str, str]]]


def _join(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


class CompatibilityPolicy:
    """The interpreters, systems and neighbours that the debugger works with."""

    def __init__(
        self,
        *,
        supported_python_min: Sequence[int] = (3, 8),
        supported_python_max: Sequence[int] = (3, 15),
        supported_platforms: Sequence[str] = ("Linux",),
        supported_architectures: Sequence[str] = ("x86_64", "aarch64"),
        supported_implementations: Sequence[str] = ("cpython",),
        detectors: Optional[Sequence[Detector]] = None,
    ) -> None:
        self.supported_python_min = tuple(supported_python_min)
        self.supported_python_max = tuple(supported_python_max)
        self.supported_platforms = tuple(supported_platforms)
        self.supported_architectures = tuple(supported_architectures)
        self.supported_implementations = tuple(supported_implementations)
        self.detectors = DETECTORS if detectors is None else tuple(detectors)

    def is_supported_python(self, version: Optional[Sequence[Any]] = None) -> Tuple[bool, str]:
        """Returns (whether, "too old", "too new" or "")."""
        version = tuple(version or sys.version_info)[:2]
        if version < self.supported_python_min:
            return False, "too old"
        return version <= self.supported_python_max, (
            "too new" if version > self.supported_python_max else ""
        )

    def is_supported_platform(
        self, system: Optional[str] = None, architecture: Optional[str] = None
    ) -> bool:
        """Returns whether system and architecture are supported."""
        facts = Facts.here()
        architecture = architecture or facts.architecture
        architecture = _ARCHITECTURES.get(architecture.lower(), architecture)
        return (
            system or facts.system
        ) in self.supported_platforms and architecture in self.supported_architectures

    def is_supported_implementation(self, implementation: Optional[str] = None) -> bool:
        """Returns whether it is CPython."""
        return (implementation or sys.implementation.name) in self.supported_implementations

    def supports_sys_monitoring(self, version: Optional[Sequence[Any]] = None) -> bool:
        """Returns whether the version has sys.monitoring."""
        return tuple(version or sys.version_info)[:2] >= (3, 12)

    def stops_at_the_call(self, version: Optional[Sequence[Any]] = None) -> bool:
        """Returns whether set_trace() stops at its own call, as pdb does on the version."""
        return tuple(version or sys.version_info)[:2] >= (3, 13)

    def restarts_after_syntax_error(self, version: Optional[Sequence[Any]] = None) -> bool:
        """Returns whether a program that is no Python opens a prompt, as pdb does on the version.
        Before, pdb ends with status 1."""
        return tuple(version or sys.version_info)[:2] >= (3, 13)

    def supports_eval_frame(self, version: Optional[Sequence[Any]] = None) -> bool:
        """Returns whether a frame evaluator is the way to see frames on the version."""
        version = tuple(version or sys.version_info)[:2]
        return self.is_supported_python(version)[0] and version < (3, 12)

    def can_use_eval_frame(self, facts: Optional[Facts] = None) -> Tuple[bool, str]:
        """Returns (whether, why not)."""
        facts = facts or Facts.here()
        if not self.supports_eval_frame(facts.version):
            return False, "from 3.12 on sys.monitoring is cheaper, and keeps recursion depth"
        if facts.version == (3, 11) and facts.recursion_limit > 10000:
            return False, f"the recursion limit is {facts.recursion_limit}: over 10000 is not safe"
        return self._check_support(facts)

    def get_incompatible_environment_reason(
        self, facts: Optional[Facts] = None
    ) -> Optional[Tuple[str, str]]:
        """Returns (reason code, text) of the first active tool that is in the way, or None."""
        facts = facts or Facts.here()
        for detector in self.detectors:
            found = detector(facts)
            if found is not None:
                return found
        return None

    def is_incompatible_environment(self, facts: Optional[Facts] = None) -> bool:
        """Returns whether an active tool is in the way."""
        return self.get_incompatible_environment_reason(facts) is not None

    def warnings(self, facts: Optional[Facts] = None) -> List[Tuple[str, str]]:
        """Returns [(reason code, text)] of what works, but not everywhere or not as fast."""
        facts = facts or Facts.here()
        found = []
        if facts.version < (3, 12) and facts.trace is not None:
            found.append(
                ("FOREIGN_TRACE_FUNCTION", f"{facts.trace} traces this thread: it keeps its frames")
            )
        if facts.version < (3, 12) and facts.evaluator not in (None, "relive"):
            found.append(
                ("FOREIGN_EVAL_FRAME", f"{facts.evaluator} evaluates frames: ours is first")
            )
        return found

    def evaluate_environment(self, facts: Optional[Facts] = None) -> Dict[str, Any]:
        """Returns the decision as a dict."""
        facts = facts or Facts.here()
        compatible, reason = self._check_support(facts)
        in_the_way = self.get_incompatible_environment_reason(facts) if compatible else None
        if in_the_way is not None:
            compatible, reason = False, in_the_way[1]
        eval_frame, eval_frame_reason = self.can_use_eval_frame(facts)
        if compatible and facts.version < (3, 12) and not eval_frame:
            compatible, reason = False, eval_frame_reason
        return {
            "compatible": compatible,
            "reason": reason,
            "reason_code": in_the_way[0] if in_the_way else self._choose_code(facts, compatible),
            "warnings": self.warnings(facts),
            "python_version": "%d.%d" % facts.version,
            "platform": facts.system,
            "architecture": facts.architecture,
            "implementation": facts.implementation,
            "eval_frame_supported": eval_frame,
            "eval_frame_reason": eval_frame_reason,
            "recommended_backend": "eval_frame" if eval_frame else "tracing",
            "engine": ("hook" if eval_frame else "monitoring") if compatible else "none",
        }

    @staticmethod
    def _choose_code(facts: Facts, compatible: bool) -> str:
        if compatible:
            return ""
        return (
            "SELECTIVE_TRACING_DISABLED_BY_POLICY" if facts.has_extension else "EXTENSION_MISSING"
        )

    def _check_support(self, facts: Facts) -> Tuple[bool, str]:
        """Returns (whether, why not) for what does not change while the process lives."""
        good, why = self.is_supported_python(facts.version)
        low, high = self.supported_python_min, self.supported_python_max
        if not self.is_supported_implementation(facts.implementation):
            return False, f"{facts.implementation} is not CPython"
        if not good:
            return False, f"Python {_join(facts.version)} is {why} ({_join(low)} to {_join(high)})"
        if not self.is_supported_platform(facts.system, facts.architecture):
            return False, f"{facts.system} on {facts.architecture} is not supported"
        if facts.free_threaded:
            return False, "free-threaded builds are not supported yet"
        if not facts.has_extension:
            return False, "the C module relive._core is not there: install Relive for this Python"
        return True, ""


def _detect_no_tool_id(facts: Facts) -> Optional[Tuple[str, str]]:
    if facts.version < (3, 12) or not facts.tools:
        return None
    owners = [facts.tools[number] or "" for number in OUR_TOOL_IDS]
    if "" in owners or "relive" in owners:
        return None
    return (
        "TOOL_ID_IN_USE",
        f"sys.monitoring's tool ids 4, 3 and 5 are taken by {', '.join(owners)}",
    )


DETECTORS = (_detect_no_tool_id,)
FrameEvalCompatibilityPolicy = CompatibilityPolicy
policy = CompatibilityPolicy()


def check_environment_compatibility(facts: Optional[Facts] = None) -> Dict[str, Any]:
    """Returns the policy's decision about this interpreter."""
    return policy.evaluate_environment(facts)

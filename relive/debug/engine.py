"""The debug runtime: one object that owns configuration, policy, breakpoints, telemetry, patches
and the C engine, and starts and stops them together.

    runtime = FrameEvalRuntime()
    runtime.on_stop = show          # called as show(frame, why, [Breakpoint, ...]) in the thread
    runtime.initialize({"enabled": True})
    runtime.update_breakpoints("app.py", {10, 20})
    runtime.shutdown()

A process has one C engine. The module-level functions share the `runtime` below."""

import sys
import threading
from types import FrameType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Union,
)

from relive.debug import foreign, protocol
from relive.debug.breakpoints import Breakpoint, calls_of_line, log_text
from relive.debug.conditions import ConditionEvaluator, make_condition
from relive.debug.patches import PatchSet
from relive.debug.policy import CompatibilityPolicy
from relive.debug.policy import policy as default_policy
from relive.debug.settings import FrameEvalConfig
from relive.debug.statistics import FrameEvalStats, Snapshot, collect
from relive.debug.telemetry import Telemetry
from relive.debug.telemetry import telemetry as default_telemetry
from relive.debug.watches import Change
from relive.errors import ReliveError

if TYPE_CHECKING:
    from relive import _core
    from relive.debug.line_calls import Place

# Also at home in protocol.py, where steps are begun.
STEP_NONE, STEP_IN, STEP_OVER = protocol.STEP_NONE, protocol.STEP_IN, protocol.STEP_OVER
STEP_OUT, STEP_UNTIL = protocol.STEP_OUT, protocol.STEP_UNTIL
OnStop = protocol.OnStop
ignore = protocol.ignore
OnLog = Callable[[str, Breakpoint, FrameType], Any]
Lines = Iterable[Union[int, Breakpoint]]


class FrameEvalStatus(NamedTuple):
    """Whether the runtime runs, and by which engine."""

    initialized: bool
    config: Dict[str, Any]
    tracing_enabled: bool
    hook_available: bool
    hook_installed: bool
    backend_type: Optional[str]

    def as_dict(self) -> Dict[str, Any]:
        """Returns the fields by name."""
        return self._asdict()


_owner_lock = threading.RLock()
_owner: "Optional[FrameEvalRuntime]" = None  # the runtime whose engine is on


class FrameEvalRuntime(protocol.StopProtocol):
    """Configuration, policy, breakpoints, telemetry, patches and engine, as one."""

    def __init__(
        self,
        config: Union[None, Mapping[str, Any], FrameEvalConfig] = None,
        *,
        policy: Optional[CompatibilityPolicy] = None,
        telemetry: Optional[Telemetry] = None,
    ) -> None:
        super().__init__()
        self.policy = policy or default_policy
        self.telemetry = telemetry or default_telemetry
        self.conditions = ConditionEvaluator(telemetry=self.telemetry)
        self.patches = PatchSet(self.telemetry)
        self.on_log: Optional[OnLog] = None
        self.on_notice: Optional[Callable[[str], Any]] = None  # a sentence for the user
        self._lock = threading.RLock()
        made = FrameEvalConfig() if config is None else _make_config(config)
        if made is None:
            raise TypeError(f"a dict or a FrameEvalConfig is wanted, not {config!r}")
        self._config = made
        self._engine: Optional[str] = None
        self._base: Dict[str, int] = {}
        self._begun_with: Optional[Dict[str, Any]] = None  # the settings of the last start
        self.exit: Optional[BaseException] = None  # the SystemExit that ends the program, if known
        self._stops = 0  # threads that are in a stop

    @property
    def initialized(self) -> bool:
        """Whether the engine runs."""
        return self._engine is not None

    @property
    def config(self) -> FrameEvalConfig:
        """The settings of the runtime."""
        return self._config

    def initialize(
        self,
        config: Union[None, Mapping[str, Any], FrameEvalConfig] = None,
        *,
        wait_for_main: bool = False,
        rules: Optional[Mapping[str, Any]] = None,
    ) -> bool:
        """Starts the engine. Returns True where it runs now with these settings; otherwise
        `telemetry` says why it does not. A running engine with other settings restarts and keeps
        its breakpoints, but not while a thread is in a stop. {"enabled": False} ends it.

        Trace filters from their usual places (docs/filters.md) decide what `my_code_only` steps
        through. `rules` adds settings as relive.start() takes them, such as
        {"trace_filter": "mine.toml", "exclude": ["app.generated.*"]}."""
        with _owner_lock, self._lock:
            made = self._config if config is None else _make_config(config)
            if made is None:
                return False
            if self._engine is not None:
                return self._change(made, wait_for_main, rules)
            self._config = made
            if not made.enabled:
                self._record("SELECTIVE_TRACING_DISABLED_BY_POLICY", "enabled is False")
                return False
            if _owner is not None:
                self._record("SELECTIVE_TRACING_DISABLED_BY_POLICY", "another runtime is on")
                return False
            self.telemetry.enabled = self._config.telemetry
            decision = self.policy.evaluate_environment()
            for code, text in decision["warnings"]:
                self._record(code, text)
            if not decision["compatible"]:
                self._record(decision["reason_code"], decision["reason"])
                return False
            return self._start_engine(wait_for_main, rules)

    def _change(
        self, config: FrameEvalConfig, wait_for_main: bool, rules: Optional[Mapping[str, Any]]
    ) -> bool:
        """Restarts a running engine with other settings, or records why it does not."""
        global _owner
        if not config.enabled:
            self.shutdown()
            self._config = config
            self._record("SELECTIVE_TRACING_DISABLED_BY_POLICY", "enabled is False")
            return False
        if config == self._config and rules is None:
            return True
        if self._stops:
            self._record(
                "SELECTIVE_TRACING_DISABLED_BY_POLICY", "a thread is in a stop: settings stay"
            )
            return False
        from relive import _core

        _core.debug_stop()
        self._engine, _owner, self._config = None, None, config
        self.telemetry.enabled = config.telemetry
        if not self._start_engine(wait_for_main, rules):
            self.breakpoints.clear()
            return False
        self.breakpoints.put_again()
        return True

    def _start_engine(self, wait_for_main: bool, rules: Optional[Mapping[str, Any]]) -> bool:
        global _owner
        from relive import _core

        mine = _load_my_code(rules) if self._config.my_code_only else None
        _core.exclude_own()
        self.conditions.budget_s = self._config.condition_budget_s
        self.breakpoints.conditions_in_c = self._config.conditional_breakpoints_enabled
        self._base = _core.debug_counts()
        try:
            engine = _core.debug_start(
                self._handle_stop, self._handle_log, self._record, make_condition, wait_for_main,
                mine, self._config.rewrites(), not self._config.task_aware_stepping,
                self._config.condition_budget_s, self._handle_bound,
            )  # fmt: skip
        except RuntimeError as error:
            self._record("SELECTIVE_TRACING_DISABLED_BY_POLICY", str(error))
            return False
        self._engine = engine
        _owner = self
        settings = self._config.to_dict()
        if self._begun_with not in (None, settings):
            self._record("CACHE_INVALIDATION_CONFIG_CHANGE", "decisions about code are taken again")
        self._begun_with = settings
        for wanted, trouble in self._config.unavailable(engine):
            self._record("FALLBACK_TO_TRACE_DISPATCH", f"{wanted} cannot be had: {trouble}")
        if engine == "hook" and not self._config.rewrites():
            self._record(
                "FALLBACK_TO_TRACE_DISPATCH", "code is not to be rewritten: lines are traced"
            )
        return True

    def shutdown(self) -> None:
        """Stops the engine and forgets all breakpoints. Does nothing where it does not run."""
        global _owner
        with _owner_lock, self._lock:
            if self._engine is not None:
                from relive import _core

                _core.debug_stop()
                self._engine = None
                self.breakpoints.clear()
                _owner = None

    start, stop = initialize, shutdown

    def end_in_child(self) -> None:
        """Ends the engine in a forked child. Threads that are gone may hold the locks there."""
        global _owner, _owner_lock
        from relive import _core

        _owner_lock, self._lock = threading.RLock(), threading.RLock()
        if self._engine is not None:
            _core.debug_stop()
            self._engine = _owner = None
        self.front = self.on_stop = None

    def update_breakpoints(self, file: str, lines: Lines) -> List[Breakpoint]:
        """Replaces the breakpoints of a file by lines or Breakpoint objects. Returns them with the
        lines at which they are."""
        wanted = [
            one if isinstance(one, Breakpoint) else Breakpoint(file, int(one))
            for one in (
                sorted(lines, key=_take_line) if isinstance(lines, (set, frozenset)) else lines
            )
        ]
        with self._lock:
            before = self.counts().get("invalidations", 0)
            made = self.breakpoints.set_file(file, wanted)
            if self.counts().get("invalidations", 0) != before:
                self._record("CACHE_INVALIDATION_BREAKPOINT_CHANGE", file)
            return made

    def follow(
        self,
        stop: Optional[FrameType],
        returns: Optional[FrameType],
        line: int,
        *,
        begin: Optional[FrameType] = None,
        instruction: bool = False,
        into: "Optional[Place]" = None,
    ) -> None:
        """Lets this thread go on by bdb's rules (src/debug/step.h), which also stop at calls,
        returns and exceptions. The reason of a stop is call, line, return, raise or opcode. The
        property `value` has what is returned or raised. `into` is a call of the frame `stop`, as
        calls_at() has it: the first line of what it calls stops."""
        import relive._core as _core  # as in step()

        _core.debug_follow(stop, returns, line, begin, instruction, into)

    def stop_stepping(self) -> None:
        """Ends a step of this thread. Does nothing where it does not step."""
        import relive._core as _core  # as in step()

        _core.debug_unfollow()

    def step_in_targets(self, frame: FrameType) -> List[str]:
        """Returns the names that the line of a frame calls, inner calls first."""
        return calls_of_line(frame.f_code.co_filename, frame.f_lineno)

    def debug_nested(self, run: Callable[[], Any]) -> None:
        """Calls a function during a stop and debugs what it runs, by other stops in this thread.
        Afterwards the first stop is as it was."""
        from relive import _core

        here = dict(self._here.__dict__)
        try:
            _core.debug_nested(lambda: sys.call_tracing(run, ()))
        finally:
            self._here.__dict__.update(here)

    def status(self) -> FrameEvalStatus:
        """Returns whether the runtime runs, and by which engine."""
        decision = self.policy.evaluate_environment()
        return FrameEvalStatus(
            initialized=self.initialized,
            config=self._config.to_dict(),
            tracing_enabled=self.initialized,
            hook_available=decision["eval_frame_supported"],
            hook_installed=self._engine == "hook",
            backend_type=self._engine,
        )

    def get_stats(self) -> FrameEvalStats:
        """Returns what was counted since the start."""
        import relive._core as _core  # `from` would run a frame of importlib

        was_internal = _core.debug_internal(True)  # our own calls do not count
        try:
            seen = self.telemetry.snapshot()
            return collect(
                Snapshot(
                    engine=self._engine,
                    hook_available=self.policy.supports_eval_frame(),
                    counts=self.counts(),
                    config=self._config.to_dict(),
                    files=self.breakpoints.files(),
                    breakpoints=len(self.breakpoints.all()),
                    patches=self.patches.count,
                    condition_errors=seen.reason_counts.CONDITION_ERROR,
                    telemetry=seen.as_dict(),
                )
            )
        finally:
            _core.debug_internal(was_internal)

    def counts(self) -> Dict[str, int]:
        """Returns C's counts since the start; none where the engine does not run."""
        if self._engine is None:
            return {}
        import relive._core as _core  # as in get_stats()

        return {
            name: count - self._base.get(name, 0) for name, count in _core.debug_counts().items()
        }

    @property
    def exception(self) -> Optional[BaseException]:
        """The exception of a stop at one; None in other stops."""
        found: Optional[BaseException] = getattr(self._here, "exception", None)
        return found

    @property
    def value(self) -> Any:
        """What is returned at a stop of reason return; (type, exception, traceback) at raise."""
        return getattr(self._here, "value", None)

    @property
    def changes(self) -> List[Change]:
        """What has changed of what is watched, before a stop of this thread."""
        found: List[Change] = getattr(self._here, "changes", [])
        return found

    @property
    def trouble(self) -> str:
        """The error of a condition at whose breakpoint the thread has stopped; else empty."""
        found: str = getattr(self._here, "trouble", "")
        return found

    # ---- called from C, in the thread that stops ----

    def _handle_stop(self, frame: FrameType, why: str, ids: Sequence[int], value: Any) -> None:
        exception = value if why == "exception" else None
        if 0 in ids:  # BreakpointTable.note_exits()
            self.exit = value
        found = [one for one in map(self.breakpoints.get, ids) if one is not None]
        target, self._here.target = getattr(self._here, "target", None), None
        if target is not None:
            self.breakpoints.remove(target)
            why = "step" if found == [target] else why
            found = [one for one in found if one is not target]
        if exception is not None:
            found = [one for one in found if self._condition_holds(one, frame)]
            if not found:
                return
        for one in found:
            if one.once:
                self.breakpoints.remove(one)
        changes = self.watches.take(
            found, lambda text: self.conditions.evaluate(text, frame)["passed"]
        )
        if changes is None and why == "pause":
            return
        if changes and why == "pause":
            why = "watch"
        self._here.exception, self._here.value = exception, value
        self._here.changes = changes or []
        self._here.trouble = self._take_trouble(ids)
        self._stops += 1
        try:
            self.show_stop(frame, why, found, value, self.trouble, self.changes)
        finally:
            self._stops -= 1
            self._here.exception = self._here.value = None
            self._here.trouble, self._here.changes = "", []

    def _handle_bound(self) -> None:
        for one in self.breakpoints.take_bound():
            if self.front is not None:
                protocol.call_front(self.front.bound, one)

    def _condition_holds(self, one: Breakpoint, frame: FrameType) -> bool:
        return one.condition is None or self.conditions.evaluate(one.condition, frame)["passed"]

    def _take_trouble(self, ids: Sequence[int]) -> str:
        """Returns the error of the last condition, where it is of one of these breakpoints."""
        found, self._here.trouble = self.trouble, ""
        return found if any(found.startswith(f"breakpoint {number}: ") for number in ids) else ""

    def _handle_log(self, frame: FrameType, number: int, one: Breakpoint) -> None:
        text = log_text(one, frame)
        trouble = self._take_trouble([number]).partition(": ")[2]
        if trouble:
            text += f"  (the condition raised an error: {trouble})"
        if self.on_log is not None:
            self.on_log(text, one, frame)
        else:
            sys.stderr.write(text + "\n")

    def _record(self, reason_code: str, detail: str = "") -> None:
        if reason_code == "CONDITION_ERROR":
            self._here.trouble = detail
        if reason_code == "FOREIGN_TRACE_FUNCTION" and self.on_notice is not None:
            notice, self.on_notice = self.on_notice, None  # once
            notice(foreign.MISSED)
        self.telemetry.record(reason_code, detail=detail)


def _take_line(one: Union[int, Breakpoint]) -> int:
    return one.line if isinstance(one, Breakpoint) else one


def _load_my_code(rules: Optional[Mapping[str, Any]]) -> "_core.Filter":
    """Returns the C filter that decides what is stepped through."""
    from relive import _core, config
    from relive.filters import doors

    settings = config.load(arguments=rules).as_dict()
    return doors.my_code(settings, _core.library_folders()).core


def _make_config(config: object) -> Optional[FrameEvalConfig]:
    if isinstance(config, FrameEvalConfig):
        return config
    if not isinstance(config, dict):
        return None
    try:
        return FrameEvalConfig.from_dict(config)
    except ValueError as error:
        raise ReliveError("ERR_CONFIG", str(error)) from None


runtime = FrameEvalRuntime()

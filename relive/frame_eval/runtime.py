"""The debug runtime: one object that owns configuration, policy, breakpoints, telemetry and the C
engine, and starts and stops them together.

    runtime = FrameEvalRuntime()
    runtime.on_stop = show          # called as show(frame, why, [Breakpoint, ...]) in the thread
    runtime.initialize({"enabled": True})
    runtime.update_breakpoints("app.py", {10, 20})
    runtime.shutdown()

The C engine is one for the process; `runtime` below is what the module-level functions share."""

import sys
import threading
from typing import Any, Dict, NamedTuple, Optional

from relive.errors import ReliveError
from relive.frame_eval import breakpoints
from relive.frame_eval.breakpoints import Breakpoint, BreakpointTable, log_text
from relive.frame_eval.compatibility_policy import policy as default_policy
from relive.frame_eval.condition_evaluator import ConditionEvaluator, make_condition
from relive.frame_eval.config import FrameEvalConfig
from relive.frame_eval.telemetry import telemetry as default_telemetry

STEP_NONE, STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL = range(5)


class FrameEvalStatus(NamedTuple):
    """Whether it runs, and by what."""

    initialized: bool
    config: Dict[str, Any]
    tracing_enabled: bool
    hook_available: bool
    hook_installed: bool
    backend_type: Optional[str]

    def as_dict(self):
        """By name."""
        return self._asdict()


class FrameEvalStats(NamedTuple):
    """What was counted; every key is in docs/debug-engine.md."""

    initialized: bool
    hook_stats: Dict[str, Any]
    cache_stats: Dict[str, Any]
    trace_stats: Dict[str, Any]
    integration_stats: Dict[str, Any]
    telemetry: Dict[str, Any]

    def as_dict(self):
        """By name."""
        return self._asdict()


_owner_lock = threading.RLock()
_owner = None  # the runtime whose engine is on


class FrameEvalRuntime:
    """Configuration, policy, breakpoints, telemetry and engine, as one."""

    def __init__(self, config=None, *, policy=None, telemetry=None):
        self.policy = policy or default_policy
        self.telemetry = telemetry or default_telemetry
        self.breakpoints = BreakpointTable()
        self.conditions = ConditionEvaluator(telemetry=self.telemetry)
        self.on_stop = None
        self.on_log = None
        self._lock = threading.RLock()
        self._config = FrameEvalConfig() if config is None else _config(config)
        if self._config is None:
            raise TypeError(f"a dict or a FrameEvalConfig is wanted, not {config!r}")
        self._engine = None
        self._base = {}
        self._begun_with = None  # the settings of the last start
        self._stops = 0  # threads that are in one
        self._here = threading.local()

    @property
    def initialized(self):
        """Whether it runs."""
        return self._engine is not None

    @property
    def config(self):
        """The settings it has."""
        return self._config

    def initialize(self, config=None, *, wait_for_main=False, rules=None):
        """Starts; True where it runs now, with these settings. False says why in `telemetry`.
        Restarts a running engine that has other settings and keeps its breakpoints, but not while a
        thread is in a stop. {"enabled": False} ends it.

        What `my_code_only` steps through is said by trace filters from their usual places
        (docs/filters.md), and by `rules`: settings as relive.start() takes them, such as
        {"trace_filter": "mine.toml", "exclude": ["app.generated.*"]}."""
        global _owner
        with _owner_lock, self._lock:
            made = self._config if config is None else _config(config)
            if made is None:
                return False
            if self._engine is not None:
                return self._change(made, wait_for_main, rules)
            self._config = made
            if not made.enabled:
                self._tell("SELECTIVE_TRACING_DISABLED_BY_POLICY", "enabled is False")
                return False
            if _owner is not None:
                self._tell("SELECTIVE_TRACING_DISABLED_BY_POLICY", "another runtime is on")
                return False
            self.telemetry.enabled = self._config.telemetry
            decision = self.policy.evaluate_environment()
            for code, text in decision["warnings"]:
                self._tell(code, text)
            if not decision["compatible"]:
                self._tell(decision["reason_code"], decision["reason"])
                return False
            return self._start(wait_for_main, rules)

    def _change(self, config, wait_for_main, rules):
        """It runs: takes other settings, or says why it does not."""
        global _owner
        if not config.enabled:
            self.shutdown()
            self._config = config
            self._tell("SELECTIVE_TRACING_DISABLED_BY_POLICY", "enabled is False")
            return False
        if config == self._config and rules is None:
            return True
        if self._stops:
            self._tell(
                "SELECTIVE_TRACING_DISABLED_BY_POLICY", "a thread is in a stop: settings stay"
            )
            return False
        from relive import _core

        _core.debug_stop()
        self._engine, _owner, self._config = None, None, config
        self.telemetry.enabled = config.telemetry
        if not self._start(wait_for_main, rules):
            self.breakpoints.clear()
            return False
        self.breakpoints.put_again()
        return True

    def _start(self, wait_for_main, rules):
        global _owner
        from relive import _core

        mine = _my_code(rules) if self._config.my_code_only else None
        _core.exclude_own()
        self.conditions.budget_s = self._config.condition_budget_s
        self.breakpoints.conditions_in_c = self._config.conditional_breakpoints_enabled
        self._base = _core.debug_counts()
        try:
            self._engine = _core.debug_start(
                self._stopped, self._logged, self._tell, make_condition, wait_for_main,
                mine, self._config.rewrites(), not self._config.task_aware_stepping,
                self._config.condition_budget_s,
            )  # fmt: skip
        except RuntimeError as error:
            self._tell("SELECTIVE_TRACING_DISABLED_BY_POLICY", str(error))
            return False
        _owner = self
        settings = self._config.to_dict()
        if self._begun_with not in (None, settings):
            self._tell("CACHE_INVALIDATION_CONFIG_CHANGE", "known code is looked at anew")
        self._begun_with = settings
        for wanted, trouble in self._config.unavailable(self._engine):
            self._tell("FALLBACK_TO_TRACE_DISPATCH", f"{wanted} cannot be had: {trouble}")
        if self._engine == "hook" and not self._config.rewrites():
            self._tell(
                "FALLBACK_TO_TRACE_DISPATCH", "code is not to be rewritten: lines are traced"
            )
        return True

    def shutdown(self):
        """Stops; all breakpoints are forgotten. Nothing where it does not run."""
        global _owner
        with _owner_lock, self._lock:
            if self._engine is not None:
                from relive import _core

                _core.debug_stop()
                self._engine = None
                self.breakpoints.clear()
                _owner = None

    start, stop = initialize, shutdown

    def update_breakpoints(self, file, lines):
        """The lines of a file at which it stops, all anew; lines or Breakpoint objects. The
        breakpoints come back, with where they are."""
        wanted = [
            one if isinstance(one, Breakpoint) else Breakpoint(file, int(one))
            for one in (sorted(lines) if isinstance(lines, (set, frozenset)) else lines)
        ]
        with self._lock:
            before = self._counts().get("invalidations", 0)
            made = self.breakpoints.set_file(file, wanted)
            if self._counts().get("invalidations", 0) != before:
                self._tell("CACHE_INVALIDATION_BREAKPOINT_CHANGE", file)
            return made

    def step(self, mode, line=0, frame=None):
        """What this thread does when it goes on: STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL a line,
        or STEP_NONE. In a stop, or for a frame of this thread."""
        from relive import _core

        _core.debug_step(mode, line, frame)

    def step_into(self, target, frame=None):
        """In a stop: goes on to the first line of `target`, a function that this line calls, by its
        name or qualified name; to the next line where the line does not come to call it."""
        self.step(STEP_OVER, 0, frame)  # refused, it leaves nothing behind
        one = Breakpoint(function=target, once=True, thread=threading.get_ident())
        self._here.target = self.breakpoints.add(one)

    def step_in_targets(self, frame):
        """The names that the line of a frame calls, inner calls first."""
        return breakpoints.calls_of_line(frame.f_code.co_filename, frame.f_lineno)

    def set_next_line(self, frame, line):
        """In a stop of this frame: the line that runs next. ReliveError where CPython does not
        allow it: into a loop or a handler, or out of them in some versions."""
        before = frame.f_trace
        frame.f_trace = before or ignore  # without one the interpreter refuses
        try:
            frame.f_lineno = line
        except ValueError as error:
            raise ReliveError("ERR_USAGE", f"line {line} cannot be next: {error}") from None
        finally:
            frame.f_trace = before

    def pause(self):
        """The next line of the user's code stops, in whichever thread."""
        from relive import _core

        _core.debug_pause()

    def status(self):
        """Whether it runs, and by what."""
        decision = self.policy.evaluate_environment()
        return FrameEvalStatus(
            initialized=self.initialized,
            config=self._config.to_dict(),
            tracing_enabled=self.initialized,
            hook_available=decision["eval_frame_supported"],
            hook_installed=self._engine == "hook",
            backend_type=self._engine,
        )

    def get_stats(self):
        """What was counted since it was initialized."""
        import relive._core as _core  # `from` would run a frame of importlib

        was_internal = _core.debug_internal(True)  # what we call is not the program's
        try:
            from relive.frame_eval import statistics

            return statistics.collect(self)
        finally:
            _core.debug_internal(was_internal)

    # ---- called from C, in the thread that stops ----

    def _stopped(self, frame, why, ids, exception):
        found = [one for one in map(self.breakpoints.get, ids) if one is not None]
        target, self._here.target = getattr(self._here, "target", None), None
        if target is not None:
            self.breakpoints.remove(target)
            why = "step" if found == [target] else why
            found = [one for one in found if one is not target]
        if exception is not None:
            found = [one for one in found if self._holds(one, frame)]
            if not found:
                return
        for one in found:
            if one.once:
                self.breakpoints.remove(one)
        if self.on_stop is not None:
            self._call_on_stop(frame, why, found, exception)

    def _call_on_stop(self, frame, why, found, exception):
        """Calls on_stop. Its exceptions are printed on stderr and stay out of the program;
        SystemExit, KeyboardInterrupt and bdb.BdbQuit end the program."""
        self._here.exception = exception
        self._stops += 1
        try:
            self.on_stop(frame, why, found)
        except Exception as error:
            bdb = sys.modules.get("bdb")
            if bdb is not None and isinstance(error, bdb.BdbQuit):
                raise
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            self._stops -= 1
            self._here.exception = None

    def _holds(self, one, frame):
        return one.condition is None or self.conditions.evaluate(one.condition, frame)["passed"]

    @property
    def exception(self):
        """In a stop at an exception: that exception."""
        return getattr(self._here, "exception", None)

    def _logged(self, frame, number, one):
        text = log_text(one, frame)
        if self.on_log is not None:
            self.on_log(text, one, frame)
        else:
            sys.stderr.write(text + "\n")

    def _tell(self, reason_code, detail=""):
        self.telemetry.record(reason_code, detail=detail)

    def _counts(self):
        if self._engine is None:
            return {}
        from relive import _core

        return {
            name: count - self._base.get(name, 0) for name, count in _core.debug_counts().items()
        }


def ignore(frame, event, arg):
    """A trace function that wants nothing."""


def _my_code(rules):
    """The C filter of what is stepped through."""
    from relive import _run, config
    from relive.filters import doors

    settings = config.load(arguments=rules).as_dict()
    return doors.my_code(settings, _run.library_folders()).core


def _config(config):
    if isinstance(config, FrameEvalConfig):
        return config
    if not isinstance(config, dict):
        return None
    try:
        return FrameEvalConfig.from_dict(config)
    except ValueError as error:
        raise ReliveError("ERR_CONFIG", str(error)) from None


runtime = FrameEvalRuntime()

"""The settings of the debug runtime."""

import enum
from typing import Any, Dict, List, Mapping, Tuple

from relive.config import nearest


class TracingBackendKind(enum.Enum):
    """How lines are seen where frames are traced."""

    AUTO = "auto"
    SETTRACE = "settrace"
    SYS_MONITORING = "sys_monitoring"


class FrameEvalBackendKind(enum.Enum):
    """What looks at frames."""

    AUTO = "auto"
    TRACING = "tracing"
    EVAL_FRAME = "eval_frame"


_DEFAULTS: Dict[str, Any] = {
    "enabled": True,
    "fallback_to_tracing": True,
    "debug": False,
    "cache_size": 1000,
    "optimize": True,
    "timeout": 30.0,
    "conditional_breakpoints_enabled": True,
    "condition_budget_s": 0.1,
    "tracing_backend": TracingBackendKind.AUTO,
    "backend": FrameEvalBackendKind.AUTO,
    "telemetry": True,
    "task_aware_stepping": True,
    "my_code_only": True,
}


class FrameEvalConfig:
    """Settings of the runtime. A value of the wrong type is refused by name."""

    enabled: bool
    fallback_to_tracing: bool
    debug: bool
    cache_size: int
    optimize: bool
    timeout: float
    conditional_breakpoints_enabled: bool
    condition_budget_s: float
    tracing_backend: TracingBackendKind
    backend: FrameEvalBackendKind
    telemetry: bool
    task_aware_stepping: bool
    my_code_only: bool

    __slots__ = tuple(_DEFAULTS)

    def __init__(self, **settings: Mapping[str, Any]) -> None:
        self.reset()
        for key, value in settings.items():
            if key not in _DEFAULTS:
                raise TypeError(f"there is no setting {key!r} (there are {', '.join(_DEFAULTS)})")
            setattr(self, key, _check_setting(key, value))

    def reset(self) -> None:
        """Gives every setting its default."""
        for key, value in _DEFAULTS.items():
            setattr(self, key, value)

    def update(self, settings: Mapping[str, Any]) -> None:
        """Takes all settings of a dict, or raises ValueError and takes none."""
        checked = {key: _check_setting(key, value) for key, value in settings.items()}
        for key, value in checked.items():
            setattr(self, key, value)

    def rewrites(self) -> bool:
        """Returns whether code may be rewritten: `optimize`, and not the backend that traces."""
        return self.optimize and self.backend is not FrameEvalBackendKind.TRACING

    def unavailable(self, engine: str) -> List[Tuple[str, str]]:
        """Returns (setting, why) for each setting that this engine, `hook` or `monitoring`, cannot
        have."""
        found = []
        if self.backend is FrameEvalBackendKind.EVAL_FRAME and engine != "hook":
            found.append(("backend EVAL_FRAME", f"frames are looked at by {engine} here"))
        lines = "SETTRACE" if engine == "hook" else "SYS_MONITORING"
        if self.tracing_backend.name not in ("AUTO", lines):
            wanted = f"tracing_backend {self.tracing_backend.name}"
            found.append((wanted, f"lines are seen by {lines} here"))
        return found

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values; choices are words."""
        found = {key: getattr(self, key) for key in _DEFAULTS}
        return {
            key: value.name if isinstance(value, enum.Enum) else value
            for key, value in found.items()
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "FrameEvalConfig":
        """Returns the configuration of such a dict. Raises ValueError where a key is unknown or a
        value wrong."""
        made = cls()
        made.update(settings)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameEvalConfig) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        return f"FrameEvalConfig({', '.join(f'{k}={v!r}' for k, v in self.to_dict().items())})"


def _check_setting(key: str, value: Any) -> Any:
    if key not in _DEFAULTS:
        raise ValueError(
            f"there is no setting {key!r}{nearest(str(key), _DEFAULTS)}"
            f" (settings: {', '.join(_DEFAULTS)})"
        )
    wanted = type(_DEFAULTS[key])
    if issubclass(wanted, enum.Enum):
        for one in wanted:
            if value is one or (
                isinstance(value, str) and value.lower() in (one.value, one.name.lower())
            ):
                return one
        words = ", ".join(one.name for one in wanted)
        raise ValueError(f"{key}: {value!r} is not one of {words}")
    if wanted is float and type(value) in (int, float) and 0 < value < 1e9:
        return float(value)
    if wanted is int and type(value) is int and value > 0:
        return value
    if wanted is bool and type(value) is bool:
        return value
    kinds = {float: "a number above 0", int: "a whole number above 0", bool: "True or False"}
    raise ValueError(f"{key}: {value!r} is not {kinds[wanted]}")

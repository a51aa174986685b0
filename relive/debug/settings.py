"""How the debug runtime is set up."""

import enum

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


_DEFAULTS = {
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
    """Settings of the runtime; a value of the wrong type is refused by name."""

    __slots__ = tuple(_DEFAULTS)

    def __init__(self, **settings):
        self.reset()
        for key, value in settings.items():
            if key not in _DEFAULTS:
                raise TypeError(f"there is no setting {key!r} (there are {', '.join(_DEFAULTS)})")
            setattr(self, key, _checked(key, value))

    def reset(self):
        """Every setting as it was at first."""
        for key, value in _DEFAULTS.items():
            setattr(self, key, value)

    def update(self, settings):
        """Takes the settings of a dict; all of it, or ValueError and nothing."""
        checked = {key: _checked(key, value) for key, value in settings.items()}
        for key, value in checked.items():
            setattr(self, key, value)

    def rewrites(self):
        """Whether code may be rewritten: `optimize`, and not the backend that traces."""
        return self.optimize and self.backend is not FrameEvalBackendKind.TRACING

    def unavailable(self, engine):
        """What is asked for that this engine, `hook` or `monitoring`, is not: (setting, why)."""
        found = []
        if self.backend is FrameEvalBackendKind.EVAL_FRAME and engine != "hook":
            found.append(("backend EVAL_FRAME", f"frames are looked at by {engine} here"))
        lines = "SETTRACE" if engine == "hook" else "SYS_MONITORING"
        if self.tracing_backend.name not in ("AUTO", lines):
            wanted = f"tracing_backend {self.tracing_backend.name}"
            found.append((wanted, f"lines are seen by {lines} here"))
        return found

    def to_dict(self):
        """Plain values: words for what is chosen from a list."""
        found = {key: getattr(self, key) for key in _DEFAULTS}
        return {
            key: value.name if isinstance(value, enum.Enum) else value
            for key, value in found.items()
        }

    @classmethod
    def from_dict(cls, settings):
        """From such a dict; ValueError where a key is unknown or a value wrong."""
        made = cls()
        made.update(settings)
        return made

    def __eq__(self, other):
        return isinstance(other, FrameEvalConfig) and self.to_dict() == other.to_dict()

    def __repr__(self):
        return f"FrameEvalConfig({', '.join(f'{k}={v!r}' for k, v in self.to_dict().items())})"


def _checked(key, value):
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

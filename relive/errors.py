"""The one exception that Relive raises for what a user can put right."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    _Value = TypeVar("_Value")

# What kind of trouble a code names: usage, environment, target, or a bug of ours.
_KINDS = {
    "ERR_USAGE": "usage",
    "ERR_CONFIG": "usage",
    "ERR_INVALID_POLICY_VALUE": "usage",
    "ERR_UNSUPPORTED_SCHEMA_VERSION": "usage",
    "ERR_FILE_EXISTS": "usage",
    "ERR_BUSY": "usage",
    "ERR_BREAKPOINT": "usage",
    "ERR_NOT_RECORDING": "usage",
    "ERR_NOT_FOUND": "target",
    "ERR_TARGET": "target",
    "ERR_NOT_A_RECORDING": "target",
    "ERR_NEWER_FORMAT": "target",
    "ERR_DAMAGED": "target",
    "ERR_IO": "environment",
    "ERR_LIMIT": "environment",
    "ERR_NO_MEMORY": "environment",
    "ERR_UNSUPPORTED": "environment",
}


class ReliveError(Exception):
    """A clear refusal: `code` is stable, `kind` is usage, environment, target or bug.

    `advice` names what the caller can do against it: an option, a variable or an argument. The text
    ends with it. `command` is what to type in its place, as a line of the shell."""

    advice = ""
    command = ""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.kind = _KINDS.get(code, "bug")

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.advice})" if self.advice else text


class OverheadWarning(RuntimeWarning):
    """The chosen backend costs more than another one here, or than on a newer version."""


def advise(error: ReliveError, advice: str, force: bool) -> None:
    """Adds how to replace a file that has the wanted name, where that was not tried."""
    if error.code == "ERR_FILE_EXISTS" and not force:
        error.advice = advice


def from_core(error: Exception) -> ReliveError:
    """Returns the ReliveError for an exception of the C module."""
    code, text = error.args
    return ReliveError(code, text)


def ask_core(method: "Callable[..., _Value]", *args: "Any", **named: "Any") -> "_Value":
    """Calls a method of the C module, and raises its errors as ReliveErrors."""
    from relive import _core

    try:
        return method(*args, **named)
    except _core.Error as error:
        raise from_core(error) from None
    except MemoryError:
        raise ReliveError("ERR_NO_MEMORY", "no memory for the answer") from None

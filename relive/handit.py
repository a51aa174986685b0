"""Handit's environment variables (HANDIT_*), which set what a session records.

A wrong one does not stop the program, as under Handit. It is reported once, and the nearest value,
or the default, replaces it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Set

    from relive.config import Setting

# What HANDIT_EXCLUDE means where other variables are set and it is not.
EXCLUDE = r"^(_frozen_importlib.*|handit_core|requests|urllib3|json|logging)::"
_reported: Set[str] = set()  # variables that were complained of
warnings: Optional[List[str]] = None  # a list collects complaints, which are printed otherwise


def read(setting: Setting, name: str, text: str, gates: Sequence[str]) -> Any:
    """Returns the value of one of Handit's variables. `gates` are the kinds of patterns, in the
    order of the C core."""
    if name == "HANDIT_MAX_STR" and text.strip() == "0":
        text = str(setting.high)  # there it means: as much as is allowed
    if setting.kind == "texts":
        trouble = _find_pattern_trouble(setting.key, text, gates) if text else None
        if trouble is None:
            return text
        is_exclude = setting.key == "exclude_re"
        _report_once(name, trouble, "the default is used" if is_exclude else "it is left out")
        return EXCLUDE if is_exclude else None
    try:
        return setting.parse(text)
    except (ValueError, OverflowError):
        value = _find_nearest_value(setting, text)
    shown = str(value).lower()
    _report_once(name, f"{text[:80]!r} is not {setting.allowed()}", f"{shown} is used")
    return value


def _find_pattern_trouble(key: str, text: str, gates: Sequence[str]) -> Optional[str]:
    """Returns what is wrong with a regular expression as a value of this setting, or None."""
    from relive import _core

    probe = _core.Filter()
    try:
        if key == "redact":
            probe.add_file(2, False, "", "", 0, 0, 0)
            probe.add_rule("pkg:**", 0, 0, 0, 1.0, 0, 0, -1, -1, -1, -1)
            probe.add_pattern(f"local:regex:{text}", 2)
        else:
            probe.add_gate(gates.index(key), text)
    except _core.Error as error:
        trouble = str(error.args[1]).splitlines()[0]
    except UnicodeEncodeError:
        trouble = "it holds half a character (a lone surrogate)"
    else:
        return None
    return f"{key.replace('_re', '')} {text!r}: {trouble}"[:200]


def _find_nearest_value(setting: Setting, text: str) -> Any:
    """Returns the bound that a number exceeds, or the default."""
    low, high = (0.0, 1.0) if setting.kind == "part" else (setting.low, setting.high)
    try:
        number = float(text)
    except ValueError:
        return setting.default
    if setting.kind == "flag" or low <= number <= high or number != number:
        return setting.default
    return low if number < low else high


def _report_once(name: str, trouble: str, instead: str) -> None:
    from relive import _core

    if name not in _reported:
        _reported.add(name)
        text = f"environment {name}: {trouble}; {instead}"
        if warnings is None:
            _core.complain(text)
        else:
            warnings.append(text)

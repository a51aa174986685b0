"""Code with probes (CPython 3.8 to 3.11): made and checked on request.

The engine makes and checks its own in C (src/cpython/rewrite); these functions call the same."""

import dis
from types import CodeType
from typing import Iterable, List, Optional, Tuple

from relive.debug.settings import FrameEvalConfig
from relive.debug.telemetry import telemetry


def instrument(code: CodeType, lines: Optional[Iterable[int]] = None) -> Tuple[bool, CodeType]:
    """Returns (True, a copy with a probe that does nothing at the start of these lines). Otherwise
    returns (False, the code itself) and telemetry has the reason. None means all lines."""
    from relive import _core

    if lines is None:
        lines = sorted({line for _, line in dis.findlinestarts(code) if line})
    copy, reason, why = _core.debug_rewrite(code, list(lines))
    if copy is None:
        telemetry.record(str(reason), detail=f"{code.co_name}: {why}")
        return False, code
    return True, copy


def validate_code_object(
    original: CodeType, modified: CodeType, config: Optional[FrameEvalConfig] = None
) -> Tuple[bool, List[str]]:
    """Returns (valid, errors): whether `modified` is `original` with probes and nothing else. It
    checks opcodes, jumps, the depth of the stack from every entry and handler, lines, handlers,
    names and flags."""
    from relive import _core

    if config is not None and not config.optimize:
        return False, ["optimize is off: code is not rewritten"]
    error = _core.debug_check(original, modified)
    return error is None, [] if error is None else [error]


def safe_replace_code(
    original: CodeType, modified: CodeType, config: Optional[FrameEvalConfig] = None
) -> Tuple[bool, CodeType]:
    """Returns (True, modified) where that is sound. Otherwise returns (False, original) and
    telemetry has the reason."""
    valid, errors = validate_code_object(original, modified, config)
    if not valid:
        telemetry.record("BYTECODE_ROLLBACK", detail=f"{original.co_name}: {errors[0]}")
    return valid, modified if valid else original

"""Code with probes (CPython 3.8 to 3.11), as one can ask for it and have it checked.

The engine makes and checks its own in C (src/cpython/bytecode.c); these are its doors."""

import dis

from relive.frame_eval.telemetry import telemetry


def instrument(code, lines=None):
    """(True, a copy that asks a probe which does nothing where these lines begin), or (False, the
    code itself) and the reason in telemetry. None: all lines."""
    from relive import _core

    if lines is None:
        lines = sorted({line for _, line in dis.findlinestarts(code) if line})
    copy, reason, why = _core.debug_rewrite(code, list(lines))
    if copy is None:
        telemetry.record(reason, detail=f"{code.co_name}: {why}")
        return False, code
    return True, copy


def validate_code_object(original, modified, config=None):
    """(valid, errors): whether `modified` is `original` with probes and nothing else. Looked at are
    opcodes, jumps, the depth of the stack from every entry and handler, lines, handlers, names and
    flags."""
    from relive import _core

    if config is not None and not config.optimize:
        return False, ["optimize is off: code is not rewritten"]
    error = _core.debug_check(original, modified)
    return error is None, [] if error is None else [error]


def safe_replace_code(original, modified, config=None):
    """(True, modified) where that is sound, else (False, original); telemetry has why."""
    valid, errors = validate_code_object(original, modified, config)
    if not valid:
        telemetry.record("BYTECODE_ROLLBACK", detail=f"{original.co_name}: {errors[0]}")
    return valid, modified if valid else original

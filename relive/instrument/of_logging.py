"""Log records as events. A factory of records sees each one that is made. It adds no handler, so
the program's own configuration stays as it is."""

import logging
from typing import Any, Callable, Dict, Optional

from relive.sessions import api, links

_PLAIN = (type(None), bool, int, float, str)
_before: Optional[Callable[..., logging.LogRecord]] = None


def install() -> None:
    """Puts it in force."""
    global _before
    _before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_make_record)


def uninstall() -> None:
    """Takes it back. Another factory that was set meanwhile stays, and calls ours, which then only
    passes on."""
    global _before
    if logging.getLogRecordFactory() is _make_record and _before is not None:
        logging.setLogRecordFactory(_before)
        _before = None


def _make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    from relive.instrument import registry

    record = (_before or logging.LogRecord)(*args, **kwargs)
    if "logging" in registry.installed():
        is_kept = api.tell(None, api.LOG, **_take_fields(record))
        record.relive = (links.here() if is_kept else None) or "-"
    return record


def _take_fields(record: logging.LogRecord) -> Dict[str, Any]:
    """Returns the fields without running the program's code. A message whose arguments have other
    than plain types keeps its template, with the arguments as they are captured."""
    fields: Dict[str, Any] = {
        "logger": record.name, "level": record.levelname, "file": record.pathname,
        "line": record.lineno, "func": record.funcName,
    }  # fmt: skip
    arguments = record.args
    rows: Any = list(arguments.values()) if type(arguments) is dict else arguments
    if type(record.msg) is str and type(rows) in (tuple, list):
        if all(type(value) in _PLAIN for value in rows):
            try:
                fields["message"] = record.msg % arguments if arguments else record.msg
            except (TypeError, ValueError, KeyError):
                pass
    if "message" not in fields:
        fields["template"], fields["args"] = record.msg, arguments
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception"] = record.exc_info[1]
    return fields

"""Log records as events. The factory of records tells of each one that is made: no handler is
added, so that what the program's own configuration does stays as it is."""

import logging

from relive.sessions import api

_PLAIN = (type(None), bool, int, float, str)
_before = None


def install():
    """Begins."""
    global _before
    _before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_made)


def uninstall():
    """Ends; another factory that was set meanwhile stays, and calls ours, which then only passes
    on."""
    global _before
    if logging.getLogRecordFactory() is _made:
        logging.setLogRecordFactory(_before)
        _before = None


def _made(*args, **kwargs):
    from relive.instrument import registry

    record = (_before or logging.LogRecord)(*args, **kwargs)
    if "logging" in registry.installed():
        api.tell(None, api.LOG, **_fields(record))
    return record


def _fields(record):
    """Without running the program's code: a message with arguments of other than plain types keeps
    its template, and the arguments as they are captured."""
    fields = {
        "logger": record.name, "level": record.levelname, "file": record.pathname,
        "line": record.lineno, "func": record.funcName,
    }  # fmt: skip
    arguments = record.args
    rows = list(arguments.values()) if type(arguments) is dict else arguments
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

"""Callbacks for what a program does, by interchangeable mechanisms (docs/embed.md).

    from relive.backends import create_backend

    with create_backend(callback=print, include_patterns=["app.*"]) as backend:
        main()
    backend.get_stats()

Events come from the recorder's own stream: filters, redaction and capture are those of a recording.
"""

from relive.backends.backend import (
    Backend,
    BackendInfo,
    EvalHookBackend,
    MonitoringBackend,
    PEP669Backend,
    SetprofileBackend,
    SettraceBackend,
    available_backends,
    create_backend,
    is_supported,
)
from relive.backends.context import ThreadLocalContext
from relive.backends.event import TraceEvent

__all__ = [
    "Backend",
    "BackendInfo",
    "EvalHookBackend",
    "MonitoringBackend",
    "PEP669Backend",
    "SetprofileBackend",
    "SettraceBackend",
    "ThreadLocalContext",
    "TraceEvent",
    "available_backends",
    "create_backend",
    "is_supported",
]

"""What around a program becomes events of the recording: opt-in, and taken back completely.

    import relive.instrument

    relive.instrument.logging()             # log records
    relive.instrument.http()                # requests that go out, by whichever client
    app = relive.instrument.wsgi(app)       # a session for each request that comes in; or asgi(app)
    relive.instrument.install("joblib")     # a session for each call of a Parallel
    relive.instrument.install("celery")     # a session for each task; Celery is imported already
    relive.instrument.huey(queue)           # the same of a Huey
    relive.instrument.install("mine")       # a plugin's: register(), or the entry-point group
    relive.instrument.uninstrument()        # everything is as it was

An import alone patches nothing (docs/embed.md)."""

from relive.instrument.of_huey import huey
from relive.instrument.registry import http, install, installed, names, register, uninstrument
from relive.instrument.web import asgi, wsgi

__all__ = [
    "asgi",
    "http",
    "huey",
    "install",
    "installed",
    "logging",
    "names",
    "register",
    "uninstrument",
    "wsgi",
]


def logging() -> None:
    """Makes log records events, with their place and the active session."""
    install("logging")

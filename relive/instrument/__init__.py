"""What of a program's surroundings becomes events of the recording: opt-in, and taken back whole.

    import relive.instrument

    relive.instrument.logging()             # log records
    relive.instrument.http()                # requests that go out, by whichever client
    app = relive.instrument.wsgi(app)       # a session for each request that comes in; or asgi(app)
    relive.instrument.install("mine")       # a plugin's: register(), or the entry-point group
    relive.instrument.uninstrument()        # everything is as it was

Nothing is patched by an import (docs/embed.md)."""

from relive.instrument.registry import http, install, installed, names, register, uninstrument
from relive.instrument.web import asgi, wsgi

__all__ = [
    "asgi",
    "http",
    "install",
    "installed",
    "logging",
    "names",
    "register",
    "uninstrument",
    "wsgi",
]


def logging() -> None:
    """Log records become events, with their place and the session that is active."""
    install("logging")

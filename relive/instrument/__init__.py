"""What of a program's surroundings becomes events of the recording: opt-in, and taken back whole.

    import relive.instrument

    relive.instrument.logging()             # log records
    relive.instrument.install("mine")       # a plugin's: register(), or the entry-point group
    relive.instrument.uninstrument()        # everything is as it was

Nothing is patched by an import (docs/embed.md)."""

from relive.instrument.registry import install, installed, names, register, uninstrument

__all__ = ["install", "installed", "logging", "names", "register", "uninstrument"]


def logging() -> None:
    """Log records become events, with their place and the session that is active."""
    install("logging")

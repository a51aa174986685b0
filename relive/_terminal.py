"""Text for a terminal."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

    from relive.api import Recording


_BAR = 20  # characters


def safe(text: str) -> str:
    """Returns the text with everything escaped that could command a terminal. Recorded text and
    names of files need it."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape").decode("ascii")
        if not 0xD800 <= ord(c) < 0xE000
        else f"\\u{ord(c):04x}"
        for c in text
    )


def forget_stdout() -> None:
    """Redirects stdout to nowhere after its reader has gone, so that the exit does not complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def thread_title(thread: Mapping[str, Any]) -> str:
    """Returns 'thread 2 "worker"', for a row of Recording.threads()."""
    name, first = thread["name"], thread["first_name"]
    text = f"thread {thread['thread']}"
    if name is not None:
        text += f' "{safe(name)}"'
    if first not in (None, name):
        text += f' (was "{safe(first)}")'
    return text


def bar(read: int, known: int, seconds: float) -> str:
    """Returns 'relive: [####------] 40 %  120 blocks/s  3 s left'."""
    share = read / known if known else 0
    full = int(_BAR * share)
    text = f"relive: [{'#' * full}{'-' * (_BAR - full)}] {int(100 * share)} %"
    rate = read / seconds if seconds > 0 else 0
    if rate:
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        text += f"  {shown} blocks/s  {max(0, known - read) / rate:.0f} s left"
    return text


class progress:
    """`with progress(recording):` shows on a terminal how far a question has read, once it takes
    half a second."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        if sys.stderr.isatty():
            self._start()

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def _start(self) -> None:
        import threading

        is_done = threading.Event()
        shower = threading.Thread(target=self._show, args=(is_done.wait,), daemon=True)

        def stop() -> None:
            is_done.set()
            shower.join()

        self._stop = stop
        shower.start()

    def _show(self, wait: Callable[[float], bool]) -> None:
        import time

        begin = time.monotonic()
        if wait(0.5):
            return
        while True:
            read, known = self._recording.progress()
            sys.stderr.write(f"\r{bar(min(read, known), known, time.monotonic() - begin)}\x1b[K")
            sys.stderr.flush()
            if wait(0.2):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                return

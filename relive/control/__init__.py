"""Recording of a process that runs, begun, changed and ended without a restart (docs/embed.md).

    from relive import control

    control.start("shop.relive", level="calls")   # as relive.start, with a name where none is given
    control.change(level="lines", include=["shop.cart"])
    control.stop()

From outside, `relive attach PID` and `relive detach PID` do the same. On 3.14 and later they reach
any process of the same user, on older versions one with RELIVE_CONTROL=1 or listen()."""

from relive.control.recording import change, start, status, stop
from relive.control.server import hang_up, listen
from relive.recorder import snapshot

__all__ = ["change", "hang_up", "listen", "snapshot", "start", "status", "stop"]

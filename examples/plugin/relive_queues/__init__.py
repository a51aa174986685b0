"""What is put into queues becomes marks: relive.instrument.install("queues")."""

import queue

from relive import sessions

_before = None


def install():
    """Exchanges queue.Queue.put."""
    global _before
    _before = queue.Queue.put

    def put(self, item, *args, **kwargs):
        sessions.mark("queued", item=item, waiting=self.qsize())
        return _before(self, item, *args, **kwargs)

    queue.Queue.put = put


def uninstall():
    """Puts it back."""
    queue.Queue.put = _before

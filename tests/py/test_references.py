"""Objects of ours release what they hold, and the collector sees what that is."""

import gc
import sys

import pytest
from conftest import TESTS, run

from relive import _core, sessions

FROM_39 = pytest.mark.skipif(sys.version_info < (3, 9), reason="types are not visited before 3.9")


def test_rounds_of_work_leave_nothing_behind():
    done = run(sys.executable, TESTS / "py" / "references.py", "30", timeout=300)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@FROM_39
def test_the_collector_sees_the_types_of_objects():
    with sessions.session("tag") as one:
        session, _ = one._entered[0]
    event = type("Event", (_core.Event,), {})()
    for instance in (session, event):
        assert type(instance) in gc.get_referents(instance)


@FROM_39
def test_classes_of_events_are_collected():
    class Event(_core.Event):
        pass

    Event.last = Event()
    before = len(gc.get_objects())
    reference = __import__("weakref").ref(Event)
    del Event
    gc.collect()
    assert reference() is None and len(gc.get_objects()) <= before

"""Runs when an interpreter starts with RELIVE_RUN or RELIVE_RECORD set: begins its recording.

Reached from relive.pth, or on 3.15 and later from relive.start. Must not import anything heavy and
must never disturb the program."""


def start():
    from relive import _boot

    _boot.begin()


start()

"""What Relive's calls leave behind.

Each piece of work runs many times. The count of references (a debug interpreter has it) or of
memory blocks (every other) must not grow with it.

As a program: references.py [rounds]; status 1 and a line for each piece of work that leaks."""

import contextlib
import gc
import os
import sys
import tempfile

import relive
from relive import _core, backends, sessions

HAS_REFERENCES = hasattr(sys, "gettotalrefcount")
# So much all rounds together may leave: caches of the interpreter that fill up once.
CHANCE = 150


def program():
    """Calls, values, an exception, a generator."""

    def item(n):
        yield {"n": n, "text": "x" * n}

    for n in range(3):
        list(item(n))
        with contextlib.suppress(KeyError):
            raise KeyError(n)


def record(folder):
    path = os.path.join(folder, "one.relive")
    with relive.record(path, level="values", force=True):
        program()


def record_lines(folder):
    path = os.path.join(folder, "two.relive")
    with relive.record(path, level="lines", force=True):
        program()


def read(folder):
    with relive.open(os.path.join(folder, "good.relive")) as recording:
        list(recording.events())
        list(recording.select(["call"], name="n"))
        recording.tree()
        recording.functions()
        recording.totals()
        recording.check()
        recording.codes()
        recording.skipped()
        recording.session_calls()
        recording.stacks_at([(1, 5)])


def read_what_is_no_recording(folder):
    with contextlib.suppress(relive.ReliveError):
        relive.open(os.path.join(folder, "no.relive"))


def use_sessions(folder):
    with sessions.session("tag", {"user": "7"}):
        sessions.mark("here", at=1)
        sessions.traceparent()


def call_back(folder):
    backend = backends.create_backend(callback=lambda event: event.function_name)
    backend.start()
    program()
    backend.stop()


def make_filter(folder):
    made = _core.Filter()
    made.add_gate(0, "nothing.*")


WORK = [record, record_lines, read, read_what_is_no_recording, use_sessions, call_back, make_filter]


def count():
    """References, or blocks of memory, once what is garbage is gone."""
    for _ in range(3):
        gc.collect()
    return sys.gettotalrefcount() if HAS_REFERENCES else sys.getallocatedblocks()


def growth(work, folder, rounds):
    """How much a round leaves: the least of three measurements, since caches only fill up."""
    least = None
    for _ in range(max(100, rounds)):  # 3.12+ instruments code bit by bit
        work(folder)
    for _ in range(3):
        before = count()
        for _ in range(rounds):
            work(folder)
        grown = (count() - before) / rounds
        least = grown if least is None else min(least, grown)
    return least


def main(rounds=50):
    what = "references" if HAS_REFERENCES else "blocks of memory (this is no debug interpreter)"
    print(f"{sys.version.split()[0]}: {what} that a round leaves")
    leaks = 0
    with tempfile.TemporaryDirectory() as folder:
        record(folder)
        os.rename(os.path.join(folder, "one.relive"), os.path.join(folder, "good.relive"))
        for work in WORK:
            left = growth(work, folder, rounds)
            is_leak = left * rounds > CHANCE
            leaks += is_leak
            print(f"  {work.__name__:<26} {left:8.2f}{'  LEAK' if is_leak else ''}")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

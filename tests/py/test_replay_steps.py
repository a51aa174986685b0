"""Steps in both directions, against a plain list of the same events."""

import random

import plain_steps
import pytest
from conftest import PROGRAMS, relive, two_versions
from test_instant import record_program

import relive as api
from relive import _core
from relive._facts import sees_handled

pytestmark = two_versions
AT_ONCE = 18  # programs of one test, so that few tests start
HOW = ("step", "next", "until", "return", "continue")


def condition(kind, codes=None, line=0, name="", frame=0):
    return (kind, codes, line, name, False, frame, 0, None, None)


class Both:
    """The recorded steps, and the plain ones."""

    def __init__(self, path, **saving):
        self.plain = plain_steps.Steps(path)
        self.recording = api.open(path)
        self.replay = _core.Replay(self.recording.raw_reader, **saving)
        self.sees_raises = sees_handled(self.recording.header["meta"])

    def step(self, how, place, thread, frame, line=0, backwards=False, conditions=()):
        found = self.replay.step(
            how, backwards, place, thread, frame, line, self.sees_raises, list(conditions)
        )
        return None if found[0] == "end" else (found[1], found[0])

    def choose_stops(self, chooser):
        """Returns (condition, events at which it holds), of a random kind."""
        plain = self.plain
        one = plain.events[chooser.randrange(len(plain.events))]
        name, file, _ = plain.name(one.code)
        codes = self.recording.codes()
        kind = chooser.choice(("line", "call", "exc", "name"))
        if kind == "line" and one.kind == plain_steps.LINE:
            numbers = [row[0] for row in codes if row[3] == file]
            return condition("line", numbers, one.line), plain.lines(file, one.line)
        if kind == "call":
            numbers = [row[0] for row in codes if f"{row[1]}:{row[2]}" == name]
            return condition("call", numbers), plain.calls(name)
        names = [row[7] for row in codes if row[0] == one.code]
        if kind == "name" and names and names[0] and one.frame:
            chosen = chooser.choice(names[0])
            return condition("name", None, 0, chosen, one.frame), plain.writes(one.frame, chosen)
        return (condition("exc"), plain.raises()) if self.sees_raises else (None, ())

    def compare(self, count, seed):
        chooser, plain = random.Random(seed), self.plain
        for _ in range(count):
            place = chooser.randint(1, len(plain.events))
            one = plain.events[place - 1]
            frame = one.stack[-1] if one.stack else 0
            if one.stack and chooser.random() < 0.3:
                frame = chooser.choice(one.stack)
            how, backwards = chooser.choice(HOW), chooser.random() < 0.5
            if how == "until" and (backwards or not frame):
                continue
            stop, events = None, ()
            if how == "continue" or chooser.random() < 0.2:
                stop, events = self.choose_stops(chooser)
            question = (how, place, one.thread, frame, one.line + 1, backwards)
            expected = plain.step(*question, stops=events)
            found = self.step(*question, conditions=[stop] if stop else [])
            assert found == expected, (self.recording.path, question, stop)

    def return_to_the_same_place(self, count, seed):
        """`s` then `rs` is where it began, at every place where a step can end."""
        chooser, plain = random.Random(seed), self.plain
        for _ in range(count):
            thread = chooser.choice(plain.events).thread
            first = self.step("step", chooser.randint(1, len(plain.events)), thread, 0)
            second = first and self.step("step", first[0], thread, 0)
            if second and "lost" not in (first[1], second[1]):
                assert self.step("step", second[0], thread, 0, 0, True) == first
                back = self.step("step", first[0], thread, 0, 0, True)
                if back and back[1] == "step":
                    assert self.step("step", back[0], thread, 0) == first


@pytest.mark.parametrize("first", range(0, len(PROGRAMS), AT_ONCE))
def test_steps_through_every_program(tmp_path, first):
    for number, program in enumerate(PROGRAMS[first : first + AT_ONCE]):
        level = "lines" if number % 4 else "values"
        out = tmp_path / f"{program.stem}.relive"
        relive("record", "-o", out, "--level", level, program, "a", "b", cwd=tmp_path)
        saving = {"interval": 5 + number, "bytes_max": 20000} if number % 3 else {}
        both = Both(out, **saving)
        both.compare(80, program.stem)
        both.return_to_the_same_place(10, program.stem)


def test_steps_in_a_killed_file_and_a_ring(tmp_path):
    Both(record_program(tmp_path, rounds=3, killed=True), interval=9).compare(80, 1)
    (tmp_path / "ring").mkdir()
    both = Both(record_program(tmp_path / "ring", "--ring", "1MB", rounds=300), interval=500)
    assert any(one.is_lost for one in both.plain.events)
    both.compare(12, 2)
